package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ManualTickerTest {
  private final ManualTicker ticker = new ManualTicker();
  private final List<String> log = new ArrayList<>();

  @Test
  void timeStandsStillUntilItIsTurned() {
    long nanos = ticker.nanos();
    Instant instant = ticker.instant();
    assertThat(ticker.nanos()).isEqualTo(nanos);
    ticker.advance(Duration.ofSeconds(3));
    assertThat(ticker.nanos() - nanos).isEqualTo(3_000_000_000L);
    assertThat(ticker.instant()).isEqualTo(instant.plusSeconds(3));
  }

  @Test
  void tasksRunInTheOrderOfDeadlinesAtTheirDeadlinesInTheTurningThread() {
    at(30, "c");
    at(10, "a");
    at(20, "b");
    at(20, "b2");
    ticker.advance(Duration.ofNanos(25));
    assertThat(log).containsExactly("a@10", "b@20", "b2@20");
    assertThat(ticker.nanos()).isEqualTo(25);
    ticker.advance(Duration.ofNanos(5));
    assertThat(log).endsWith("c@30");
  }

  @Test
  void aTaskNotYetDueDoesNotRun() {
    at(10, "a");
    ticker.advance(Duration.ofNanos(9));
    assertThat(log).isEmpty();
    assertThat(ticker.pendingAlarms()).isOne();
  }

  @Test
  void whatATaskSchedulesRunsInTheSameTurnIfDue() {
    ticker.schedule(
        10,
        () -> {
          log.add("first@" + ticker.nanos());
          at(10, "at once");
          at(5, "late");
          at(15, "second");
          at(40, "too late");
        });
    at(12, "between");
    ticker.advance(Duration.ofNanos(20));
    assertThat(log).containsExactly("first@10", "at once@10", "late@10", "between@12", "second@15");
    assertThat(ticker.pendingAlarms()).isOne();
  }

  @Test
  void aTaskMayTurnTimeItself() {
    ticker.schedule(10, () -> ticker.advance(Duration.ofNanos(50)));
    at(30, "a");
    ticker.advance(Duration.ofNanos(20));
    assertThat(log).containsExactly("a@30");
    assertThat(ticker.nanos()).isEqualTo(60);
  }

  @Test
  void aCancelledTaskNeverRuns() {
    Ticker.Alarm alarm = ticker.schedule(10, () -> log.add("never"));
    alarm.cancel();
    alarm.cancel();
    ticker.advance(Duration.ofNanos(20));
    assertThat(log).isEmpty();
    assertThat(ticker.pendingAlarms()).isZero();
  }

  @Test
  void cancellingWhatHasRunIsHarmless() {
    Ticker.Alarm alarm = at(10, "a");
    ticker.advance(Duration.ofNanos(10));
    alarm.cancel();
    assertThat(log).containsExactly("a@10");
  }

  @Test
  void aTaskThatIsLateRunsAtOnceInAnotherThread() throws Exception {
    ticker.advance(Duration.ofNanos(10));
    CompletableFuture<Thread> ranIn = new CompletableFuture<>();
    ticker.schedule(10, () -> ranIn.complete(Thread.currentThread()));
    assertThat(ranIn.get(5, TimeUnit.SECONDS)).isNotSameAs(Thread.currentThread());
    assertThat(ticker.pendingAlarms()).isZero();
  }

  @Test
  void readingsMayOverflow() {
    ManualTicker late = new ManualTicker(Long.MAX_VALUE - 5);
    late.schedule(late.nanosIn(Duration.ofNanos(10)), () -> log.add("a"));
    late.advance(Duration.ofNanos(9));
    assertThat(log).isEmpty();
    late.advance(Duration.ofNanos(1));
    assertThat(log).containsExactly("a");
    assertThat(late.nanos()).isNegative();
  }

  @Test
  void timeDoesNotGoBack() {
    assertThatThrownBy(() -> ticker.advance(Duration.ofNanos(-1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("PT-0.000000001S");
  }

  @Test
  void aTaskThatThrowsLeavesTheRestForTheNextTurn() {
    ticker.schedule(
        10,
        () -> {
          throw new IllegalStateException("broken task");
        });
    at(15, "a");
    assertThatThrownBy(() -> ticker.advance(Duration.ofNanos(20))).hasMessage("broken task");
    assertThat(ticker.nanos()).isEqualTo(10);
    ticker.advance(Duration.ofNanos(10));
    assertThat(log).containsExactly("a@15");
  }

  @Test
  void threadsThatTurnTogetherRunEachTaskOnce() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    ConcurrentLinkedQueue<Long> early = new ConcurrentLinkedQueue<>();
    for (int i = 1; i <= 1000; i++) {
      long deadline = i;
      ticker.schedule(
          deadline,
          () -> {
            runs.incrementAndGet();
            if (ticker.nanos() < deadline) {
              early.add(deadline);
            }
          });
    }
    CompletableFuture<Void> other = CompletableFuture.runAsync(this::turnAThousandTimes);
    turnAThousandTimes();
    other.get(10, TimeUnit.SECONDS);
    assertThat(runs).hasValue(1000);
    assertThat(early).isEmpty();
    assertThat(ticker.nanos()).isEqualTo(2000);
  }

  @Test
  void whoTurnsWhileAnotherTurnsAddsToIt() throws Exception {
    CompletableFuture<Void> other = new CompletableFuture<>();
    ticker.schedule(
        5,
        () -> {
          ticker.advance(Duration.ZERO); // a task looks at no more than what is due
          CompletableFuture.runAsync(() -> ticker.advance(Duration.ofNanos(10)))
              .whenComplete((done, failed) -> other.complete(null))
              .join();
        });
    ticker.advance(Duration.ofNanos(10));
    other.get(10, TimeUnit.SECONDS);
    assertThat(ticker.nanos()).isEqualTo(20);
  }

  private void turnAThousandTimes() {
    for (int i = 0; i < 1000; i++) {
      ticker.advance(Duration.ofNanos(1));
    }
  }

  private Ticker.Alarm at(long nanos, String name) {
    return ticker.schedule(nanos, () -> log.add(name + "@" + ticker.nanos()));
  }
}
