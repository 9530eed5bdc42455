package io.holdfast.spi;

/** What a store needs before its first use: a table, say. Made by an operator, not by the clients that use it. */
public interface StoreSetup {
  /** What would be made, in the store's own language: for a migration tool, or for somebody who wants to know. */
  String script();

  /**
   * Makes it, unless it is there already. Blocks.
   *
   * @return what was done, in a line
   * @throws io.holdfast.LockRefusedException if this may not be done, or something else of that name is in the way
   * @throws io.holdfast.StoreUnavailableException if the store cannot be reached
   */
  String run();
}
