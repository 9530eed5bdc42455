package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.LockClient;
import io.holdfast.LockTimeoutException;
import io.holdfast.LossReason;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Running a body under a lock. */
abstract class CallFacts extends Facts {
  private static final int LOSSES = 50;

  CallFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void theBodyRunsInTheCallersThreadUnderTheLock() throws Exception {
    Thread caller = Thread.currentThread();
    String result =
        ann.lock(name)
            .call(
                hold -> {
                  assertThat(Thread.currentThread()).isSameAs(caller);
                  assertThat(hold.isHeld()).isTrue();
                  assertThat(bob.lock(name).tryAcquire()).isEmpty();
                  return "done";
                });
    assertThat(result).isEqualTo("done");
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  @SuppressWarnings("NullAway") // does not see through the type argument
  void theBodyMayReturnNothing() throws Exception {
    @Nullable Object nothing = ann.lock(name).call(hold -> null);
    assertThat(nothing).isNull();
  }

  @Test
  void whatTheBodyThrowsIsThrownAndTheLockReleased() {
    IOException thrown = new IOException("of the body's");
    assertThatThrownBy(
            () ->
                ann.lock(name)
                    .call(
                        hold -> {
                          throw thrown;
                        }))
        .isSameAs(thrown)
        .hasNoSuppressedExceptions();
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void anErrorOfTheBodyIsThrownAndTheLockReleased() {
    assertThatThrownBy(
            () ->
                ann.lock(name)
                    .call(
                        hold -> {
                          throw new StackOverflowError("of the body's");
                        }))
        .isInstanceOf(StackOverflowError.class);
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void aBusyLockInTimeEndsTheWaitAndTheBodyDoesNotRun() throws Exception {
    Hold hold = ann.lock(name).acquire();
    AtomicBoolean ran = new AtomicBoolean();
    assertThatThrownBy(() -> bob.lock(name).call(Duration.ZERO, held -> ran.getAndSet(true)))
        .isInstanceOf(LockTimeoutException.class);
    assertThat(ran).isFalse();
    hold.close();
    String result = bob.lock(name).call(Duration.ZERO, held -> "ran");
    assertThat(result).isEqualTo("ran");
  }

  @Test
  void aLossInterruptsTheBodyAndIsWhatIsThrown() {
    CompletableFuture<Hold> running = new CompletableFuture<>();
    Actor<String> caller =
        store.inThread(
            () ->
                ann.lock(name)
                    .call(
                        hold -> {
                          running.complete(hold);
                          new CountDownLatch(1).await();
                          return "never";
                        }));
    store.promptly(running);
    ann.close();
    assertThat(store.failure(caller.answer))
        .isInstanceOfSatisfying(
            HoldLostException.class,
            lost -> {
              assertThat(lost.reason()).isEqualTo(LossReason.SESSION_ENDED);
              assertThat(lost.getSuppressed())
                  .singleElement()
                  .isInstanceOf(InterruptedException.class);
            });
  }

  @Test
  void aLossIsThrownThoughTheBodyWentOnToItsEnd() {
    assertThatThrownBy(
            () ->
                ann.lock(name)
                    .call(
                        hold -> {
                          annCloses();
                          store.until("lost", () -> !hold.isHeld());
                          return "as if nothing had happened";
                        }))
        .isInstanceOf(HoldLostException.class)
        .hasNoSuppressedExceptions();
  }

  @Test
  void aLossIsThrownThoughTheBodyHadBeenTold() {
    assertThatThrownBy(
            () ->
                ann.lock(name)
                    .call(
                        hold -> {
                          annCloses();
                          return catchThrowableOfType(HoldLostException.class, hold::checkHeld);
                        }))
        .isInstanceOf(HoldLostException.class);
  }

  /** It may be a mere consequence of the loss. */
  @Test
  void whatTheBodyThrowsAfterALossIsSuppressedInIt() {
    IOException thrown = new IOException("of the body's");
    HoldLostException lost =
        catchThrowableOfType(
            HoldLostException.class,
            () ->
                ann.lock(name)
                    .call(
                        hold -> {
                          annCloses();
                          throw thrown;
                        }));
    assertThat(lost.getSuppressed()).containsExactly(thrown);
  }

  @Test
  void theInterruptOfALossDoesNotOutliveTheCall() {
    assertThatThrownBy(
            () ->
                ann.lock(name)
                    .call(
                        hold -> {
                          annCloses();
                          store.until("interrupted", () -> Thread.currentThread().isInterrupted());
                          return "done";
                        }))
        .isInstanceOf(HoldLostException.class);
    assertThat(Thread.interrupted()).isFalse();
  }

  @Test
  void anInterruptFromElsewhereIsTheBodysAndStays() throws Exception {
    ann.lock(name)
        .call(
            hold -> {
              Thread.currentThread().interrupt();
              return "done";
            });
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void aLossThatMeetsTheEndOfTheCallInterruptsNobodyAfterIt() throws Exception {
    for (int i = 0; i < Math.min(LOSSES, store.rounds()); i++) {
      LockClient dan = store.client("dan");
      CountDownLatch running = new CountDownLatch(1);
      CountDownLatch end = new CountDownLatch(1);
      CompletableFuture<Boolean> closed = new CompletableFuture<>();
      Actor<Boolean> caller =
          store.inThread(
              () -> {
                try {
                  dan.lock(name)
                      .call(
                          hold -> {
                            running.countDown();
                            end.await();
                            return "done";
                          });
                } catch (HoldLostException lost) {
                  // had it not been in time
                }
                closed.join(); // which no interrupt ends
                return Thread.interrupted();
              });
      store.until("the body runs", () -> running.getCount() == 0);
      store.atOnce(dan::close, end::countDown);
      closed.complete(true);
      assertThat(store.promptly(caller.answer)).isFalse();
    }
  }

  @Test
  void aBodyMayCloseItsHold() throws Exception {
    String result =
        ann.lock(name)
            .call(
                hold -> {
                  hold.close();
                  bob.lock(name).tryAcquire().orElseThrow().close();
                  return "done";
                });
    assertThat(result).isEqualTo("done");
  }

  @Test
  void aCallerThatIsInterruptedWhileItWaitsRunsNothing() throws Exception {
    Hold hold = ann.lock(name).acquire();
    AtomicBoolean ran = new AtomicBoolean();
    Actor<Boolean> caller = store.inThread(() -> bob.lock(name).call(held -> ran.getAndSet(true)));
    store.untilWaiting(cid, name, 1);
    caller.thread.interrupt();
    assertThat(store.failure(caller.answer)).isInstanceOf(InterruptedException.class);
    hold.close();
    store.freed(cid.lock(name)).close();
    assertThat(ran).isFalse();
  }

  /** In a thread of its own: the loss interrupts this one. Returns when it is done, whatever interrupts come. */
  private void annCloses() {
    store
        .inThread(
            () -> {
              ann.close();
              return true;
            })
        .answer
        .join();
  }
}
