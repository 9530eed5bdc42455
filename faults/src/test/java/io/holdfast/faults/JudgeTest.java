package io.holdfast.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The judge must convict, or a green run is worth nothing. */
class JudgeTest {
  private static final Duration LEASE = Duration.ofSeconds(10);

  private final List<HistoryEvent> events = new ArrayList<>();
  private final List<Strike> strikes = new ArrayList<>();

  @Test
  void aLegalHistoryIsGood() {
    section(1, "c1.1", 1_000, 7);
    section(2, "c2.1", 2_000, 8);
    assertThat(judge().exitCode()).isEqualTo(Verdict.GOOD);
  }

  @Test
  void twoHoldersAtOnceAreAViolation() {
    section(1, "c1.1", 1_000, 7);
    section(2, "c2.1", 1_002, 8);
    Verdict verdict = judge();
    assertThat(verdict.exitCode()).isEqualTo(Verdict.VIOLATION);
    assertThat(verdict.violations()).anyMatch(what -> what.startsWith("P2"));
  }

  @Test
  void twoHoldersAtOnceAreAViolationInTheMiddleOfAStrikeToo() {
    strike("leader-kill", Nemesis.Scope.ONE_SERVER, 900, 3_000, true);
    section(1, "c1.1", 1_000, 7);
    section(2, "c2.1", 1_002, 8);
    assertThat(judge().violations()).anyMatch(what -> what.startsWith("P2"));
  }

  @Test
  void aTokenThatComesTwiceIsAViolationAsAfterALostLog() {
    strike("power-loss", Nemesis.Scope.SERVICE, 1_100, 1_900, true);
    section(1, "c1.1", 1_000, 7);
    section(2, "c2.1", 2_000, 7);
    assertThat(judge().violations()).anyMatch(what -> what.startsWith("P1"));
  }

  @Test
  void aHoldThatIsLostWhileOneServerIsHarmedIsAViolation() {
    strike("leader-kill", Nemesis.Scope.ONE_SERVER, 900, 3_000, true);
    lost(1, "c1.1", 1_000, LossReason.SESSION_ENDED);
    assertThat(judge().violations()).anyMatch(what -> what.startsWith("H1"));
  }

  @Test
  void aHoldMayBeLostWithTheWholeService() {
    strike("all-kill", Nemesis.Scope.SERVICE, 900, 3_000, true);
    lost(1, "c1.1", 1_000, LossReason.SESSION_ENDED);
    assertThat(judge().exitCode()).isEqualTo(Verdict.GOOD);
  }

  @Test
  void aHarmedClientMayLoseWhatItHoldsButNoOther() {
    lost(1, "harmed", 1_000, LossReason.SESSION_ENDED);
    strike("client-partition", Nemesis.Scope.CLIENTS, 900, 3_000, true);
    assertThat(judge().exitCode()).isEqualTo(Verdict.GOOD);
    lost(2, "c2.1", 5_000, LossReason.SESSION_ENDED);
    assertThat(judge().violations()).anyMatch(what -> what.contains("request 2 of c2.1"));
  }

  @Test
  void aStrikeThatWasNotSeenMakesTheRunWorthNothing() {
    section(1, "c1.1", 1_000, 7);
    section(2, "c2.1", 2_000, 8);
    strike("leader-kill", Nemesis.Scope.ONE_SERVER, 900, 3_000, false);
    Verdict verdict = judge();
    assertThat(verdict.exitCode()).isEqualTo(Verdict.INVALID);
    assertThat(verdict.gaps())
        .containsExactly("leader-kill was struck, but not seen: leader changed");
  }

  @Test
  void soDoTooFewGrants() {
    section(1, "c1.1", 1_000, 7);
    Verdict verdict = new Verdict();
    newJudge().judge(verdict, 2);
    assertThat(verdict.gaps()).containsExactly("only 1 grants, at least 2 needed");
  }

  @Test
  void silenceLastsFromTheStrikeToTheEndOfTheLongestGap() {
    List<Long> grants = List.of(10L, 90L, 103L, 110L, 1_500L, 1_510L, 1_520L, 9_000L);
    // Two answers were on their way when it struck.
    assertThat(Judge.silence(grants, 100, 1_515)).isEqualTo(new Judge.Silence(1_390, 1_400));
    // What begins after the harm was made good does not count.
    assertThat(Judge.silence(grants, 100, 120)).isEqualTo(new Judge.Silence(1_390, 1_400));
    assertThat(Judge.silence(grants, 1_505, 1_512)).isEqualTo(new Judge.Silence(10, 15));
  }

  private Verdict judge() {
    Verdict verdict = new Verdict();
    newJudge().judge(verdict, 1);
    return verdict;
  }

  private Judge newJudge() {
    return new Judge(History.of(events), strikes, LEASE, Set.of("harmed"));
  }

  /** A request that waits 1 ms and holds 10 ms. */
  private void section(long request, String client, long atMillis, long token) {
    ask(request, client, atMillis);
    events.add(new HistoryEvent.Acquired(nanos(atMillis + 1), request, token));
    events.add(new HistoryEvent.Used(nanos(atMillis + 5), request));
    events.add(new HistoryEvent.Wrote(nanos(atMillis + 6), request, "r" + request, token, true));
    events.add(new HistoryEvent.Releasing(nanos(atMillis + 11), request));
    events.add(new HistoryEvent.Released(nanos(atMillis + 12), request));
  }

  private void lost(long request, String client, long atMillis, LossReason reason) {
    ask(request, client, atMillis);
    events.add(new HistoryEvent.Acquired(nanos(atMillis + 1), request, request));
    events.add(new HistoryEvent.Used(nanos(atMillis + 5), request));
    events.add(new HistoryEvent.Wrote(nanos(atMillis + 6), request, "r" + request, request, true));
    events.add(new HistoryEvent.Lost(nanos(atMillis + 2_000), request, reason));
  }

  private void ask(long request, String client, long atMillis) {
    LockKey key = new LockKey.Name("a");
    events.add(
        new HistoryEvent.Asked(
            nanos(atMillis),
            request,
            client,
            List.of(new LockTarget(key, LockMode.EXCLUSIVE)),
            Duration.ofSeconds(5),
            Optional.empty()));
    events.add(new HistoryEvent.Queued(nanos(atMillis), request));
  }

  private void strike(
      String name, Nemesis.Scope scope, long fromMillis, long toMillis, boolean seen) {
    Evidence evidence = new Evidence();
    evidence.saw("leader changed", seen);
    events.add(new HistoryEvent.FaultBegan(nanos(fromMillis), name));
    events.add(new HistoryEvent.FaultEnded(nanos(toMillis), name));
    strikes.add(new Strike(name, scope, nanos(fromMillis), nanos(toMillis), evidence));
  }

  private static long nanos(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }
}
