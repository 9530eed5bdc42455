package io.holdfast.testkit.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class HistoryLineTest {
  private static final LockKey NAME = new LockKey.Name("ä name, 100% =odd@ /one");
  private static final LockKey NODE = new LockKey.Node("a tree@=", TreePath.parse("/x y/%41/+"));

  @ParameterizedTest
  @MethodSource("events")
  void anEventIsReadAsItWasWritten(HistoryEvent event) {
    String line = HistoryLine.write(event);
    assertThat(line).doesNotContain("\n", "\r");
    assertThat(HistoryLine.read(line)).isEqualTo(event);
  }

  static Stream<HistoryEvent> events() {
    return Stream.of(
        new HistoryEvent.Asked(
            -5,
            1L << 40,
            "c 1\n",
            List.of(
                new LockTarget(NAME, LockMode.EXCLUSIVE), new LockTarget(NODE, LockMode.SHARED)),
            Duration.ofDays(365),
            Optional.of(Duration.ofMillis(3))),
        new HistoryEvent.Asked(
            1,
            2,
            "c",
            List.of(new LockTarget(NODE, LockMode.EXCLUSIVE)),
            Duration.ZERO,
            Optional.empty()),
        new HistoryEvent.Queued(2, 3),
        new HistoryEvent.Acquired(3, 4, Long.MAX_VALUE),
        new HistoryEvent.Cancelling(4, 5),
        new HistoryEvent.GaveUp(5, 6, HistoryEvent.Why.CLIENT_CLOSED),
        new HistoryEvent.Unknown(6, 7),
        new HistoryEvent.Used(7, 8),
        new HistoryEvent.Wrote(8, 9, "t:/x", 10, true),
        new HistoryEvent.Wrote(8, 9, "a b", 10, false),
        new HistoryEvent.Releasing(9, 10),
        new HistoryEvent.Released(10, 11),
        new HistoryEvent.Lost(11, 12, LossReason.SESSION_ENDED),
        new HistoryEvent.Revoking(12, NODE, 13),
        new HistoryEvent.Revoked(13, NAME, 14),
        new HistoryEvent.SessionRenewed(14, "c"),
        new HistoryEvent.SessionExpired(15, "c"),
        new HistoryEvent.ClientClosing(16, "c"),
        new HistoryEvent.ClientClosed(17, "c"),
        new HistoryEvent.ClientDied(18, "c"),
        new HistoryEvent.FaultBegan(19, "leader kill"),
        new HistoryEvent.FaultEnded(20, "leader kill"),
        new HistoryEvent.Happened(21, "leader changed"));
  }

  @Test
  void everyKindOfEventIsTried() {
    List<Class<?>> kinds =
        Arrays.stream(HistoryEvent.class.getDeclaredClasses())
            .filter(Class::isRecord)
            .<Class<?>>map(kind -> kind)
            .toList();
    assertThat(kinds).hasSizeGreaterThan(15);
    assertThat(events().map(Object::getClass).distinct().toList())
        .containsExactlyInAnyOrderElementsOf(kinds);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "queued",
        "queued 1",
        "queued x 1",
        "acquired 1 2",
        "sang 1 2",
        "wrote 1 2 k 3 perhaps"
      })
  void whatIsNoEventIsRefusedWithTheLine(String line) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HistoryLine.read(line))
        .withMessageContaining(line);
  }
}
