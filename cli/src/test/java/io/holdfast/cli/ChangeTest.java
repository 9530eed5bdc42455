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
import io.holdfast.Waiter;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class ChangeTest {
  private static final Instant NOON = Instant.parse("2026-05-01T12:00:00Z");
  private static final LockList NOTHING = new LockList(List.of(), true);

  private final Locks text = new Locks(EnumSet.allOf(Capability.class));

  @Test
  void aHandoverIsAnEndANewHolderAndAWaiterLess() {
    assertThat(
            lines(
                list(lock("a", List.of(holder("a", "ann", 1, 10)), List.of(waiter("a", "bob")))),
                list(lock("a", List.of(holder("a", "bob", 2, 10)), List.of()))))
        .containsExactly(
            "ended  a by ann exclusive token=1",
            "left   a by bob exclusive",
            "held   a by bob exclusive token=2");
  }

  @Test
  void locksComeAndGo() {
    LockList held =
        list(lock("a", List.of(holder("a", "ann", 1, 10)), List.of(waiter("a", "bob"))));
    assertThat(lines(NOTHING, held))
        .containsExactly("held   a by ann exclusive token=1", "waits  a by bob exclusive");
    assertThat(lines(held, NOTHING))
        .containsExactly("ended  a by ann exclusive token=1", "left   a by bob exclusive");
  }

  @Test
  void aRenewalIsNoChange() {
    assertThat(
            lines(
                list(lock("a", List.of(holder("a", "ann", 1, 10)), List.of())),
                list(lock("a", List.of(holder("a", "ann", 1, 20)), List.of()))))
        .isEmpty();
  }

  @Test
  void anotherServersClockIsNoChange() {
    Holder holder = holder("a", "ann", 1, 10);
    Waiter waiter = waiter("a", "bob");
    Instant later = NOON.plusMillis(1);
    assertThat(
            lines(
                list(lock("a", List.of(holder), List.of(waiter))),
                list(
                    lock(
                        "a",
                        List.of(
                            new Holder(
                                holder.client(),
                                holder.targets(),
                                holder.token(),
                                later,
                                holder.until(),
                                holder.data())),
                        List.of(
                            new Waiter(waiter.client(), waiter.targets(), later, waiter.data()))))))
        .isEmpty();
  }

  @Test
  void twoWaitersOfOneClientAreTwo() {
    assertThat(
            lines(
                list(lock("a", List.of(), List.of(waiter("a", "bob")))),
                list(lock("a", List.of(), List.of(waiter("a", "bob"), waiter("a", "bob"))))))
        .containsExactly("waits  a by bob exclusive");
  }

  @Test
  void programsGetTheEventWithItsLock() {
    Change change =
        Change.between(NOTHING, list(lock("a", List.of(holder("a", "ann", 1, 10)), List.of())))
            .get(0);
    assertThat(JsonReader.readObject(change.write(new Json().object(), text).end().toString()))
        .containsEntry("event", "held")
        .containsEntry("name", "a")
        .containsEntry("client", "ann")
        .containsEntry("token", 1.0);
  }

  private List<String> lines(LockList before, LockList after) {
    return Change.between(before, after).stream().map(change -> change.line(text)).toList();
  }

  private static LockList list(LockDescription... locks) {
    return new LockList(List.of(locks), true);
  }

  private static LockDescription lock(String name, List<Holder> holders, List<Waiter> waiters) {
    return new LockDescription(new LockKey.Name(name), holders, waiters, true);
  }

  private static Holder holder(String name, String client, long token, int seconds) {
    return new Holder(
        client,
        List.of(new LockTarget(new LockKey.Name(name), LockMode.EXCLUSIVE)),
        OptionalLong.of(token),
        NOON,
        Optional.of(NOON.plusSeconds(seconds)),
        HoldData.empty());
  }

  private static Waiter waiter(String name, String client) {
    return new Waiter(
        client,
        List.of(new LockTarget(new LockKey.Name(name), LockMode.EXCLUSIVE)),
        NOON,
        HoldData.empty());
  }
}
