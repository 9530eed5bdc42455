package io.holdfast.cli.demo;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Through here everybody in a process goes to ask for a lock and to work on the files. Once it is shut nobody is inside, and
 * the process can be killed without a file half written.
 */
final class Gate {
  /** Fair: who shuts the gate does not wait for those who come later. */
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);

  /** Goes in; waits for ever once the gate is shut. */
  void enter() throws InterruptedException {
    lock.readLock().lockInterruptibly();
  }

  void leave() {
    lock.readLock().unlock();
  }

  /** Shuts it for good, when those inside have left. */
  void shut() throws InterruptedException {
    lock.writeLock().lockInterruptibly();
  }
}
