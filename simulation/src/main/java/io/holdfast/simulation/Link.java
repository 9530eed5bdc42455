package io.holdfast.simulation;

/**
 * What connects somebody with the servers. When it stalls one way, what is sent that way arrives after all, but late.
 */
final class Link {
  /** True time until which nothing gets through to the servers. */
  long stalledUntil;

  /** True time until which nothing comes back from them. */
  long stalledBackUntil;
}
