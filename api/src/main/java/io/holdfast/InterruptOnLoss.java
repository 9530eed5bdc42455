package io.holdfast;

import java.util.concurrent.locks.ReentrantLock;

/** Interrupts the thread that runs a body when its hold is lost, and at no time after {@link #disarm}. */
final class InterruptOnLoss {
  private final ReentrantLock mutex = new ReentrantLock();
  private final Thread thread;
  private boolean armed = true;
  private boolean interrupted;

  InterruptOnLoss(Hold hold, Thread thread) {
    this.thread = thread;
    hold.ended().thenRun(() -> interruptIfLost(hold));
  }

  /** Ends the watch, and takes back an interrupt of ours that the body has not noticed. For the body's thread alone. */
  void disarm() {
    mutex.lock();
    try {
      armed = false;
    } finally {
      mutex.unlock();
    }
    if (interrupted) {
      Thread.interrupted();
    }
  }

  private void interruptIfLost(Hold hold) {
    mutex.lock();
    try {
      if (armed && hold.wasLost()) {
        interrupted = true;
        thread.interrupt();
      }
    } finally {
      mutex.unlock();
    }
  }
}
