package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Capability;
import io.holdfast.HoldData;
import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.Waiter;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import io.holdfast.remote.LockWatch.Sight;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class SeenTest {
  private static final Instant NOON = Instant.parse("2026-05-01T12:00:00Z");

  private final Locks text = new Locks(EnumSet.allOf(Capability.class));
  private final Seen seen = new Seen(key -> !key.equals(new LockKey.Name("elsewhere")));

  @Test
  void whatHappensIsToldWithHowItCame() {
    assertThat(lines(new Sight.Queued(waiter("bob", "a"), NOON)))
        .containsExactly("waits  a by bob exclusive");
    assertThat(lines(new Sight.Ended(holder("ann", 1, "a"), Optional.empty(), NOON)))
        .containsExactly("ended  a by ann exclusive token=1 (released)");
    assertThat(lines(new Sight.Granted(holder("bob", 2, "a"), true, NOON)))
        .containsExactly(
            "left   a by bob exclusive (granted)", "held   a by bob exclusive token=2");
    assertThat(
            lines(
                new Sight.Ended(
                    holder("bob", 2, "a"), Optional.of(LossReason.SESSION_ENDED), NOON)))
        .containsExactly("ended  a by bob exclusive token=2 (session ended)");
  }

  @Test
  void aRequestForSeveralIsToldOfEachThatIsWatched() {
    assertThat(lines(new Sight.Granted(holder("ann", 1, "a", "elsewhere", "b"), false, NOON)))
        .containsExactly("held   a by ann exclusive token=1", "held   b by ann exclusive token=1");
  }

  @Test
  void whatWasMissedIsTheDifferenceToWhatWasSeen() {
    seen.see(new Sight.Granted(holder("ann", 1, "a"), false, NOON));
    seen.see(new Sight.Queued(waiter("bob", "a"), NOON));
    seen.see(new Sight.Queued(waiter("eve", "a"), NOON));
    seen.see(new Sight.Cancelled(waiter("eve", "a"), NOON));
    assertThat(
            lines(
                new Sight.Present(
                    new LockList(
                        List.of(
                            new LockDescription(
                                new LockKey.Name("a"),
                                List.of(holder("ann", 1, "a")),
                                List.of(waiter("bob", "a"), waiter("dan", "a")),
                                true)),
                        true))))
        .containsExactly("waits  a by dan exclusive");
    assertThat(lines(new Sight.Present(new LockList(List.of(), true))))
        .containsExactly(
            "ended  a by ann exclusive token=1",
            "left   a by bob exclusive",
            "left   a by dan exclusive");
  }

  @Test
  void programsAreToldHowToo() {
    Change change =
        seen.see(new Sight.Ended(holder("ann", 1, "a"), Optional.of(LossReason.REVOKED), NOON))
            .get(0);
    assertThat(JsonReader.readObject(change.write(new Json().object(), text).end().toString()))
        .containsEntry("event", "ended")
        .containsEntry("how", "revoked")
        .containsEntry("client", "ann");
  }

  private List<String> lines(Sight sight) {
    return seen.see(sight).stream().map(change -> change.line(text)).toList();
  }

  private static Holder holder(String client, long token, String... names) {
    return new Holder(
        client, targets(names), OptionalLong.of(token), NOON, Optional.empty(), HoldData.empty());
  }

  private static Waiter waiter(String client, String... names) {
    return new Waiter(client, targets(names), NOON, HoldData.empty());
  }

  private static List<LockTarget> targets(String... names) {
    List<LockTarget> targets = new ArrayList<>();
    for (String name : names) {
      targets.add(new LockTarget(new LockKey.Name(name), LockMode.EXCLUSIVE));
    }
    return targets;
  }
}
