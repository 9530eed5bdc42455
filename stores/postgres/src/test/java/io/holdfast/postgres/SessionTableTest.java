package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.HoldOptions;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.postgres.AdvisorySession.Attempt;
import io.holdfast.postgres.SessionTable.Place;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.testkit.ManualTicker;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

/** What is decided about lines and sessions, without a server, in a time that is turned by hand. */
class SessionTableTest {
  private static final Duration FOR_EVER = Duration.ofDays(365);
  private static final Duration NOT = Duration.ZERO;

  private final ManualTicker ticker = new ManualTicker(0);
  private final Noted work = new Noted();
  private SessionTable table = new SessionTable(work, ticker, 2, "ann");

  @Test
  void onlyTheFirstOfALineIsAskedForAndTheNextWhenItIsGivenBack() {
    AdvisorySession session = begin();
    PostgresRequest one = arrives("x", FOR_EVER);
    PostgresRequest two = arrives("x", FOR_EVER);
    assertThat(work.asked).containsExactly(one);
    answer(one, Attempt.granted(7));
    assertThat(one.join()).isInstanceOf(AcquireOutcome.Granted.class);
    assertThat(work.asked).containsExactly(one);

    assertThat(table.release(one)).contains(session);
    assertThat(table.release(one)).isEmpty();
    work.decide(decision -> table.gaveBack(session, one.claims, decision));
    work.decide(decision -> table.end(one, decision));
    assertThat(work.asked).containsExactly(one, two);
    answer(two, Attempt.granted(8));
    assertThat(two).isDone();
  }

  /** Each is asked for one after the other, which takes long if they are many. */
  @Test
  void whoWaitsItsTurnInARoundOfAskingIsToldThatItsTimeIsOver() {
    table = new SessionTable(work, ticker, 1, "ann");
    begin();
    PostgresRequest one = arrives("x", FOR_EVER);
    PostgresRequest two = arrives("y", Duration.ofMillis(200));
    answer(one, Attempt.busy(0));
    answer(two, Attempt.busy(0));
    ticker.advance(Duration.ofMillis(100));
    assertThat(work.polls).isEqualTo(1);
    assertThat(table.beginPoll()).containsExactly(one, two);
    assertThat(table.isPolled(one)).isTrue();
    ticker.advance(Duration.ofMillis(100));
    assertThat(two.join()).isInstanceOf(AcquireOutcome.Busy.class);
    assertThat(table.isPolled(two)).isFalse();
    assertThat(one).isNotDone();
  }

  /** What it takes would be given back with what is cleaned up. */
  @Test
  void nobodyTakesAnythingInASessionWhileItIsCleanedUp() {
    table = new SessionTable(work, ticker, 1, "ann");
    AdvisorySession session = begin();
    PostgresRequest reader = arrives("x", LockMode.SHARED, FOR_EVER);
    answer(reader, Attempt.granted(1));
    table.release(reader);
    assertThat(table.beginCleanUp(session, reader.claims)).isTrue();

    PostgresRequest other = arrives("x", LockMode.SHARED, FOR_EVER);
    assertThat(place(other)).isEqualTo(new Place(null, false));
    assertThat(other).isNotDone();
    work.decide(
        decision -> {
          table.cleanedUp(session);
          table.gaveBack(session, reader.claims, decision);
          table.end(reader, decision);
        });
    answer(other, Attempt.granted(2));
    assertThat(other).isDone();
  }

  /** It cannot be told which of them has it once too often. */
  @Test
  void whatReadersShareInASessionIsNotCleanedUp() {
    table = new SessionTable(work, ticker, 1, "ann");
    AdvisorySession session = begin();
    PostgresRequest one = arrives("x", LockMode.SHARED, FOR_EVER);
    answer(one, Attempt.granted(1));
    PostgresRequest two = arrives("x", LockMode.SHARED, FOR_EVER);
    answer(two, Attempt.granted(2));
    table.release(one);
    assertThat(table.beginCleanUp(session, one.claims)).isFalse();
  }

  @Test
  void aTryIsAnsweredByAServerOnly() {
    table = new SessionTable(work, ticker, 1, "ann");
    PostgresRequest one = arrives("x", NOT);
    PostgresRequest two = arrives("y", NOT);
    assertThat(place(one)).isEqualTo(new Place(null, true));
    assertThat(place(two)).isEqualTo(new Place(null, false));
    assertThat(two).isNotDone();

    StoreUnavailableException failure =
        new StoreUnavailableException("none", new SQLException("none"));
    assertThat(whether(decision -> table.hasNotOpened(failure, decision))).isTrue();
    assertThat(two).isCompletedExceptionally();
  }

  @Test
  void whoMayNotOpenAnotherSessionIsAskedForWhenOneIsThere() {
    table = new SessionTable(work, ticker, 1, "ann");
    PostgresRequest one = arrives("x", NOT);
    PostgresRequest two = arrives("y", NOT);
    place(one);
    place(two);
    work.asked.clear();
    AdvisorySession session = session();
    assertThat(whether(decision -> table.hasOpened(session, one.claims, decision))).isTrue();
    assertThat(work.asked).containsExactly(two);
  }

  @Test
  void afterARefusalNoOtherSessionIsAskedForForAWhile() {
    begin();
    PostgresRequest waits = arrives("x", FOR_EVER);
    answer(waits, Attempt.busy(0));
    assertThat(work.openings).isEqualTo(1);
    StoreUnavailableException full =
        new StoreUnavailableException("53300", new SQLException("53300"));
    assertThat(whether(decision -> table.hasNotOpened(full, decision))).isFalse();
    work.decide(table::serveSomebody);
    ticker.advance(Duration.ofSeconds(9));
    work.decide(table::serveSomebody);
    assertThat(work.openings).isEqualTo(1);
    ticker.advance(Duration.ofSeconds(1));
    work.decide(table::serveSomebody);
    assertThat(work.openings).isEqualTo(2);
  }

  @Test
  void aSessionIsIdleFromItsOpeningOnAndTheFirstIsKept() {
    ticker.advance(Duration.ofMinutes(1));
    begin();
    PostgresRequest waits = arrives("x", Duration.ofSeconds(1));
    answer(waits, Attempt.busy(0));
    ticker.advance(Duration.ofSeconds(1));
    AdvisorySession second = session();
    decided(decision -> table.hasOpened(second, List.of(), decision));
    ticker.advance(SessionTable.IDLE_SESSION.minusMillis(1));
    assertThat(table.watch().idle()).isEmpty();
    ticker.advance(Duration.ofMillis(1));
    assertThat(table.watch().idle()).containsExactly(second);
    assertThat(table.watch().idle()).isEmpty();
  }

  @Test
  void withASessionEndsAllThatItHeldAndNothingElse() {
    AdvisorySession first = begin();
    PostgresRequest lost = arrives("x", FOR_EVER);
    answer(lost, Attempt.granted(1));
    AdvisorySession second = session();
    PostgresRequest kept = arrives("y", FOR_EVER);
    decided(decision -> table.hasOpened(second, kept.claims, decision));
    work.decide(decision -> table.settle(kept, second, Attempt.granted(2), decision));
    ticker.advance(AdvisorySession.PROOF_LASTS.minusMillis(1));
    assertThat(lost.isHeld()).isTrue();
    work.decide(decision -> table.endSession(first, LossReason.CONNECTION_LOST, decision));
    assertThat(lost.lost).isEqualTo(LossReason.CONNECTION_LOST);
    assertThat(kept.lost).isNull();
    assertThat(work.aborted).containsExactly(first);
    ticker.advance(Duration.ofMillis(1));
    assertThat(kept.lost).isEqualTo(LossReason.EXPIRED);
  }

  // -------------------------------------------------------------------------------------------------

  private AdvisorySession begin() {
    AdvisorySession session = session();
    table.begin(session);
    return session;
  }

  private PostgresRequest arrives(String name, Duration maxWait) {
    return arrives(name, LockMode.EXCLUSIVE, maxWait);
  }

  private PostgresRequest arrives(String name, LockMode mode, Duration maxWait) {
    List<LockTarget> targets = List.of(new LockTarget(new LockKey.Name(name), mode));
    long maxWaitNanos = Math.min(maxWait.toNanos(), AcquireRequest.LONGEST_WAIT_NANOS);
    PostgresRequest request =
        new PostgresRequest(
            null,
            new AcquireRequest(targets, maxWaitNanos, HoldOptions.defaults(), 0),
            Claim.of(targets, PostgresKeys.python()),
            ticker.nanos() + maxWaitNanos);
    assertThat(whether(decision -> table.arrive(request, false, decision))).isFalse();
    return request;
  }

  /** What the server says to who is asked for. */
  private void answer(PostgresRequest request, Attempt attempt) {
    Place place = place(request);
    work.decide(decision -> table.settle(request, place.session(), attempt, decision));
  }

  private Place place(PostgresRequest request) {
    return decided(decision -> table.reserve(request, decision));
  }

  private boolean whether(Predicate<Decision> thought) {
    return decided(thought::test);
  }

  private <T> T decided(Function<Decision, T> thought) {
    AtomicReference<T> answer = new AtomicReference<>();
    work.decide(decision -> answer.set(thought.apply(decision)));
    return answer.get();
  }

  /** On a connection that nobody uses. */
  private AdvisorySession session() {
    ServerFacts facts = new ServerFacts(1, 1, false, 180000, 1, 1000);
    return new AdvisorySession(
        unused(Connection.class),
        unused(PGConnection.class),
        facts,
        Optional.empty(),
        Optional.empty(),
        ticker);
  }

  private static <T> T unused(Class<T> type) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              throw new AssertionError("a decision asked for I/O: " + method);
            }));
  }

  /** Notes down what is to be done, and does nothing. */
  private static final class Noted implements SessionTable.Work {
    final List<PostgresRequest> asked = new ArrayList<>();
    final List<AdvisorySession> aborted = new ArrayList<>();
    int openings;
    int polls;

    @Override
    public void decide(Consumer<Decision> thought) {
      Decision decision = new Decision();
      thought.accept(decision);
      decision.carryOut();
    }

    @Override
    public void ask(PostgresRequest request) {
      asked.add(request);
    }

    @Override
    public void openToWait() {
      openings++;
    }

    @Override
    public void poll() {
      polls++;
    }

    @Override
    public void abort(AdvisorySession session) {
      aborted.add(session);
    }

    @Override
    public void serve(AdvisorySession session, PostgresRequest request) {}

    @Override
    public void cancelWait(AdvisorySession session, PostgresRequest request) {}

    @Override
    public void giveBack(PostgresRequest request, AdvisorySession session) {}

    @Override
    public void giveBack(AdvisorySession session, List<Claim> claims) {}

    @Override
    public void wakeWatch() {}
  }
}
