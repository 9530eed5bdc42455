package io.holdfast;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HandOversTest {
  private static final int THREADS = 4;
  private static final long PATIENCE_SECONDS = 30;

  private final List<Throwable> thrown = new CopyOnWriteArrayList<>();
  private final ExecutorService pool =
      Executors.newFixedThreadPool(
          THREADS,
          task -> {
            Thread thread = new Thread(task, "hand-overs-test");
            thread.setUncaughtExceptionHandler((failed, e) -> thrown.add(e));
            return thread;
          });
  private final HandOvers handOvers = new HandOvers(pool);

  @AfterEach
  void endThreads() {
    pool.shutdownNow();
  }

  @Test
  void tasksThatBlockDoNotKeepOthersWaitingAsLongAsThereAreThreads() throws Exception {
    CountDownLatch blocked = new CountDownLatch(THREADS - 1);
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch other = new CountDownLatch(1);
    for (int i = 0; i < THREADS - 1; i++) {
      handOvers.execute(() -> block(blocked, goOn));
    }
    handOvers.execute(other::countDown);

    assertThat(other.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(blocked.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    goOn.countDown();
  }

  @Test
  void whatWaitsForAThreadRunsWhenOneIsFreeAgain() throws Exception {
    CountDownLatch blocked = new CountDownLatch(THREADS);
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch others = new CountDownLatch(100);
    for (int i = 0; i < THREADS; i++) {
      handOvers.execute(() -> block(blocked, goOn));
    }
    assertThat(blocked.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    for (int i = 0; i < 100; i++) {
      handOvers.execute(others::countDown);
    }
    assertThat(others.getCount()).isEqualTo(100);

    goOn.countDown();
    assertThat(others.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void eachTaskOfManyAddersRunsOnce() throws Exception {
    int adders = 8;
    int each = 20_000;
    AtomicInteger runs = new AtomicInteger();
    CountDownLatch all = new CountDownLatch(adders * each);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < adders; i++) {
      Thread thread =
          new Thread(
              () -> {
                for (int k = 0; k < each; k++) {
                  handOvers.execute(
                      () -> {
                        runs.incrementAndGet();
                        all.countDown();
                      });
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(all.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(runs).hasValue(adders * each);
  }

  @Test
  void aTaskThatThrowsOrInterruptsDoesNoHarmToTheNext() throws Exception {
    CountDownLatch next = new CountDownLatch(1);
    AtomicInteger interrupted = new AtomicInteger();
    RuntimeException thrownBy = new RuntimeException("thrown by a task");
    handOvers.execute(
        () -> {
          Thread.currentThread().interrupt();
          throw thrownBy;
        });
    handOvers.execute(
        () -> {
          interrupted.set(Thread.currentThread().isInterrupted() ? 1 : 0);
          next.countDown();
        });
    assertThat(next.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(thrown).containsExactly(thrownBy);
    assertThat(interrupted).hasValue(0);
  }

  private static void block(CountDownLatch begun, CountDownLatch goOn) {
    begun.countDown();
    try {
      goOn.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
