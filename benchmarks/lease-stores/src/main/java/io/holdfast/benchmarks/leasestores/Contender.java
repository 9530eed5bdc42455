package io.holdfast.benchmarks.leasestores;

/** Somebody who takes locks in a store. Thread-safe, as far as each thread has names of its own. */
interface Contender extends AutoCloseable {
  /** What is held; closing it gives it back. */
  interface Held extends AutoCloseable {
    @Override
    void close();
  }

  /** Waits until the lock is had. */
  Held acquire(String name) throws InterruptedException;

  @Override
  void close();
}
