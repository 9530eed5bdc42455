package io.holdfast.server.security;

/** What a caller may be allowed to do in a namespace. */
public enum Action {
  /** See who holds and who waits. */
  READ,
  /** Acquire and release. */
  ACQUIRE,
  /** Take locks from others; and, in all namespaces, operate the servers. */
  ADMIN
}
