package io.holdfast.benchmarks.postgres;

/** One who acquires a lock and gives it back, by one thread; others of its kind are as if in other processes. */
interface Contender extends AutoCloseable {
  /** Waits for the lock on a name. */
  void acquire(String name) throws Exception;

  void release() throws Exception;

  /** A kind of contender, under the name that it has in the table. */
  record Kind(String called, Maker maker) {}

  /** Makes one more. */
  interface Maker {
    Contender make() throws Exception;
  }
}
