package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import java.io.IOException;
import java.util.SplittableRandom;

/**
 * Something a worker does: the lock that it needs, and what it does to the files while it has it.
 *
 * @param name a verb, for the report
 */
record Job(String name, DistributedLock lock, Body body) {
  /** What is done under the lock. */
  interface Body {
    void run(Turn turn) throws IOException, InterruptedException, DamageException;
  }

  /**
   * One time that the job is done.
   *
   * @param request the number of the request in the history
   */
  record Turn(long request, Hold hold, SplittableRandom random) {
    /** Between reading and writing, so that whoever is let in meanwhile does harm for sure. */
    void pause() throws InterruptedException {
      Thread.sleep(1 + random.nextInt(4));
    }
  }
}
