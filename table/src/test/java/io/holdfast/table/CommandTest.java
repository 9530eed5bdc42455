package io.holdfast.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A command that cannot mean anything is not made, and so never comes into a log. */
class CommandTest {
  private static final LockKey KEY = new LockKey.Name("a");
  private static final List<LockTarget> TARGETS = List.of(Requests.name("a"));
  private static final HoldData DATA = HoldData.empty();

  static Stream<Arguments> times() {
    return Stream.of(
        dated("open", now -> new Command.OpenSession(now, 1, "ann")),
        dated(
            "open on terms",
            now -> new Command.OpenSession(now, 1, "ann", new SessionTerms(5, 1, 2, "ann"))),
        dated("close", now -> new Command.CloseSession(now, 1)),
        dated("expire session", now -> new Command.ExpireSession(now, 1, 1)),
        dated("acquire", now -> new Command.Acquire(now, 1, 1, 0, true, TARGETS, DATA, 1)),
        dated("cancel", now -> new Command.Cancel(now, 1, 1)),
        dated("release", now -> new Command.Release(now, 1, 1, 1)),
        dated("expire hold", now -> new Command.ExpireHold(now, 1, 1)),
        dated("revoke", now -> new Command.Revoke(now, KEY, 1)));
  }

  static Stream<Arguments> numbers() {
    return Stream.of(
        number("session", n -> new Command.OpenSession(0, n, "ann")),
        number("session", n -> new Command.CloseSession(0, n)),
        number("session", n -> new Command.ExpireSession(0, n, 1)),
        number("session", n -> new Command.Acquire(0, n, 1, 0, true, TARGETS, DATA, 1)),
        number("request", n -> new Command.Acquire(0, 1, n, 0, true, TARGETS, DATA, 1)),
        number("maxHoldNanos", n -> new Command.Acquire(0, 1, 1, 0, true, TARGETS, DATA, n)),
        number("session", n -> new Command.Cancel(0, n, 1)),
        number("request", n -> new Command.Cancel(0, 1, n)),
        number("session", n -> new Command.Release(0, n, 1, 1)),
        number("request", n -> new Command.Release(0, 1, n, 1)),
        number("token", n -> new Command.Release(0, 1, 1, n)),
        number("session", n -> new Command.ExpireHold(0, n, 1)),
        number("request", n -> new Command.ExpireHold(0, 1, n)),
        number("token", n -> new Command.Revoke(0, KEY, n)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("times")
  void tableTimeIsNotNegative(String what, LongFunction<Command> command) {
    isRefused(() -> command.apply(-1), "now -1 < 0");
    isRefused(() -> command.apply(Long.MIN_VALUE), "now -9223372036854775808 < 0");
    assertThat(command.apply(0).now()).isZero();
    assertThat(command.apply(Long.MAX_VALUE).now()).isEqualTo(Long.MAX_VALUE);
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("numbers")
  void numbersAreAboveZero(String field, LongFunction<Command> command) {
    isRefused(() -> command.apply(0), field + " 0 < 1");
    isRefused(() -> command.apply(-1), field + " -1 < 1");
    assertThat(command.apply(1)).isEqualTo(command.apply(1));
    assertThat(command.apply(Long.MAX_VALUE)).isNotEqualTo(command.apply(1));
  }

  @Test
  void aClientsNameIsBounded() {
    String longest = "ä".repeat(64);
    LockTable table = new LockTable(0);
    table.apply(new Command.OpenSession(0, 1, longest));
    assertThat(LockTable.restore(table.snapshot()).sessions()).containsExactly(1L);
    isRefused(
        () -> new Command.OpenSession(0, 1, longest + "x"), "client has 129 bytes, at most 128");
    isRefused(
        () -> new Command.OpenSession(0, 1, "x".repeat(70_000)),
        "client has 70000 bytes, at most 128");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("times")
  void aCommandCanBeDatedOtherwise(String what, LongFunction<Command> command) {
    assertThat(command.apply(7).at(9)).isEqualTo(command.apply(9));
  }

  @Test
  void termsAreBounded() {
    String longest = "ä".repeat(256);
    SessionTerms terms = new SessionTerms(1, 1, 2, longest);
    LockTable table = new LockTable(0);
    table.apply(new Command.OpenSession(0, 1, "ann", terms));
    table.apply(new Command.OpenSession(0, 1, "eve", new SessionTerms(2, 1, 2, "eve")));
    assertThat(LockTable.restore(table.snapshot()).terms(1)).hasValue(terms);
    isRefused(() -> new SessionTerms(0, 1, 2, ""), "leaseNanos 0 < 1");
    isRefused(() -> new SessionTerms(1, 1, 2, longest + "x"), "subject has 513 bytes, at most 512");
  }

  @Test
  void anAcquireHasATarget() {
    isRefused(
        () -> new Command.Acquire(0, 1, 1, 0, true, List.of(), DATA, 1), "targets are 0, 1 to 100");
  }

  @Test
  void nobodyAcknowledgesLessThanNothing() {
    isRefused(
        () -> new Command.Acquire(0, 1, 1, -1, true, TARGETS, DATA, 1), "acknowledged -1 < 0");
  }

  @Test
  void anAcquireKeepsItsTargetsWhateverBecomesOfTheList() {
    List<LockTarget> targets = new ArrayList<>(TARGETS);
    Command.Acquire acquire = new Command.Acquire(0, 1, 1, 0, true, targets, DATA, 1);
    targets.clear();
    assertThat(acquire.targets()).isEqualTo(TARGETS);
  }

  private static void isRefused(ThrowingCallable constructor, String message) {
    assertThatThrownBy(constructor)
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  private static Arguments dated(String what, LongFunction<Command> command) {
    return arguments(what, command);
  }

  private static Arguments number(String field, LongFunction<Command> command) {
    return arguments(field, command);
  }
}
