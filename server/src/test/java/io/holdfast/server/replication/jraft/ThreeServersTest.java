package io.holdfast.server.replication.jraft;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.replication.ReplicationException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ThreeServersTest {
  @TempDir Path folder;
  private Servers servers;

  @BeforeEach
  void make() {
    servers = new Servers(folder);
  }

  @AfterEach
  void end() {
    servers.close();
  }

  private static List<String> entries(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "entry " + i).toList();
  }

  private static <T> T done(CompletableFuture<T> future) {
    return future.orTimeout(20, TimeUnit.SECONDS).join();
  }

  private static boolean isBehind(Servers.One one) {
    ReplicaStatus status = one.replicator().status();
    return status.appliedIndex() < status.committedIndex();
  }

  @Test
  void allApplyTheSame() {
    Servers.One leader = servers.of(3).leader();
    List<String> entries = entries(0, 500);
    entries.forEach(leader::propose);
    servers.applied(entries);
    assertThat(leader.machine().answered).isEqualTo(entries);
    for (Servers.One follower : servers.followers()) {
      assertThat(follower.machine().answered).isEmpty();
      assertThat(follower.machine().indexes).isEqualTo(leader.machine().indexes);
      assertThat(follower.machine().leader).contains(leader.name());
    }
  }

  @Test
  void onlyTheLeaderIsConfirmed() {
    Servers.One leader = servers.of(3).leader();
    assertThat(leader.confirmed()).isTrue();
    for (Servers.One follower : servers.followers()) {
      assertThat(follower.confirmed()).isFalse();
    }
  }

  @Test
  void largeEntriesComeThrough() {
    Servers.One leader = servers.of(3).leader();
    List<String> entries =
        IntStream.of(1, 700_000, 3, 4_000_000, 5, JRaftReplicator.MOST_ENTRY_BYTES)
            .mapToObj("x"::repeat)
            .toList();
    entries.forEach(leader::propose);
    servers.applied(entries);
    assertThatThrownBy(
            () ->
                leader
                    .replicator()
                    .propose(1, new byte[JRaftReplicator.MOST_ENTRY_BYTES + 1], "large"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aLeaderThatClosesHandsOver() {
    Servers.One leader = servers.of(3).leader();
    entries(0, 10).forEach(leader::propose);
    servers.applied(entries(0, 10));
    servers.stop(leader);
    // It has been handed over when close returns: nobody had to notice the silence.
    assertThat(servers.all()).anyMatch(it -> it.replicator().status().term() > 1);
    Servers.One next = servers.leader();
    assertThat(next.machine().applied).isEqualTo(entries(0, 10));
    next.propose("entry 10");
    servers.applied(entries(0, 11));
  }

  @Test
  void anotherLeadsWhenTheLeaderFallsSilent() {
    Servers.One old = servers.of(3).leader();
    entries(0, 10).forEach(old::propose);
    servers.applied(entries(0, 10));
    List<Servers.One> others = servers.followers();
    old.isolate();
    CompletableFuture<Boolean> confirmed = new CompletableFuture<>();
    old.replicator().confirm(confirmed::complete);
    long term = old.machine().leads;
    for (int i = 0; i < 5; i++) {
      old.replicator().propose(term, Servers.bytes("lost " + i), "lost " + i);
    }
    eventually("another leads", () -> others.stream().anyMatch(Servers.One::leads));
    Servers.One next = others.stream().filter(Servers.One::leads).findAny().orElseThrow();
    assertThat(next.machine().leads).isGreaterThan(term);
    next.propose("entry 10");
    for (Servers.One one : others) {
      eventually("applied", () -> one.machine().applied.equals(entries(0, 11)));
    }
    assertThat(done(confirmed)).isFalse();
    eventually("the old one knows", () -> !old.leads());
    eventually("all dropped", () -> old.machine().dropped() == 5);
    assertThat(old.machine().droppedPerhaps).hasSize(5);
    assertThat(old.machine().applied).isEqualTo(entries(0, 10));
    assertThat(old.confirmed()).isFalse();

    // And when it comes back, it follows, without what was never agreed upon.
    Servers.One back = servers.restart(old);
    eventually("it catches up", () -> back.machine().applied.equals(entries(0, 11)));
    assertThat(back.leads()).isFalse();
  }

  @Test
  void aLeaderWithoutAMajorityIsNotConfirmed() {
    Servers.One leader = servers.of(3).leader();
    servers.followers().forEach(Servers.One::isolate);
    assertThat(leader.confirmed()).isFalse();
    eventually("it gives up", () -> !leader.leads());
  }

  @Test
  void theLeadershipGoesToTheOneThatIsNamed() {
    Servers.One leader = servers.of(3).leader();
    Servers.One heir = servers.followers().get(1);
    // Else it may have nobody to ask for a vote yet.
    Servers.One third = servers.followers().get(0);
    eventually("they have met", () -> heir.hasMet(leader) && heir.hasMet(third));
    done(leader.replicator().transferLeadership(Optional.of(heir.name())));
    eventually("the heir leads", heir::leads);
    assertThat(leader.leads()).isFalse();
    assertThat(heir.confirmed()).isTrue();
    assertThat(leader.confirmed()).isFalse();
    done(heir.replicator().transferLeadership(Optional.empty()));
    eventually("another leads", () -> servers.followers().contains(heir));
  }

  @Test
  void aFollowerCannotHandOverOrChangeMembers() {
    Servers.One follower = servers.of(3).followers().get(0);
    assertThatThrownBy(
            () ->
                done(
                    follower.replicator().transferLeadership(Optional.of(servers.leader().name()))))
        .hasCauseInstanceOf(ReplicationException.class);
    assertThatThrownBy(() -> done(follower.replicator().addMember(Servers.freeAddress())))
        .hasCauseInstanceOf(ReplicationException.class);
    // Neither stands in the way of the next.
    assertThatThrownBy(() -> done(follower.replicator().removeMember(servers.leader().name())))
        .hasCauseInstanceOf(ReplicationException.class)
        .hasMessageNotContaining("already");
  }

  @Test
  void aHandOverToOneThatIsSilentFailsAndTheLeaderLeadsOn() {
    Servers.One leader = servers.of(3).leader();
    Servers.One silent = servers.followers().get(0);
    silent.isolate();
    long term = leader.machine().leads;
    assertThatThrownBy(
            () -> done(leader.replicator().transferLeadership(Optional.of(silent.name()))))
        .hasCauseInstanceOf(ReplicationException.class);
    eventually("it leads on", () -> leader.machine().leads == term);
    leader.propose("entry");
    eventually("applied", () -> leader.machine().answered.contains("entry"));
  }

  @Test
  void aServerIsAddedAndAnotherRemoved() {
    Servers.One leader = servers.of(3).leader();
    entries(0, 50).forEach(leader::propose);
    servers.applied(entries(0, 50));
    Servers.One fourth = servers.startEmpty();
    assertThat(fourth.machine().applied).isEmpty();
    done(leader.replicator().addMember(fourth.name()));
    servers.applied(entries(0, 50));
    assertThat(leader.replicator().status().members()).hasSize(4).contains(fourth.name());
    // What says so is in the log, and nothing that the machine is told comes after it.
    for (Servers.One one : servers.all()) {
      eventually("it is not behind", () -> !isBehind(one));
    }
    eventually("it knows the members", () -> fourth.replicator().status().members().size() == 4);

    Servers.One removed = servers.followers().get(0);
    done(leader.replicator().removeMember(removed.name()));
    assertThat(leader.replicator().status().members()).hasSize(3).doesNotContain(removed.name());
    servers.stop(removed);
    leader.propose("entry 50");
    servers.applied(entries(0, 51));

    // The one that was added finds its way again by itself.
    servers.stop(fourth);
    Servers.One again = servers.start(fourth.name(), Set.of(), new WrittenDown());
    eventually("it is back", () -> again.machine().applied.equals(entries(0, 51)));
  }

  @Test
  void aLeaderThatIsRemovedLeadsNoMore() {
    Servers.One leader = servers.of(3).leader();
    done(leader.replicator().removeMember(leader.name()));
    eventually("it gives up", () -> !leader.leads());
    servers.stop(leader);
    Servers.One next = servers.leader();
    assertThat(next.replicator().status().members()).hasSize(2).doesNotContain(leader.name());
  }

  @Test
  void aServerThatCannotBeReachedIsNotAdded() {
    Servers.One leader = servers.of(1).leader();
    CompletableFuture<?> added = leader.replicator().addMember(Servers.freeAddress());
    assertThatThrownBy(() -> done(leader.replicator().addMember(Servers.freeAddress())))
        .hasMessageContaining("already");
    assertThatThrownBy(() -> done(added)).hasCauseInstanceOf(ReplicationException.class);
    leader.propose("entry");
    servers.applied(List.of("entry"));
  }

  @Test
  void aStrangerCannotBeRemoved() {
    Servers.One leader = servers.of(1).leader();
    String stranger = Servers.freeAddress();
    assertThatThrownBy(() -> done(leader.replicator().removeMember(stranger)))
        .cause()
        .isInstanceOf(ReplicationException.class)
        .hasMessage("the members were not changed: " + stranger + " is not among them");
  }

  @Test
  void whoCouldNotBeReachedIsAddedAsSoonAsItIsThere() {
    Servers.One leader = servers.of(1).leader();
    String name = Servers.freeAddress();
    assertThatThrownBy(() -> done(leader.replicator().addMember(name)))
        .hasCauseInstanceOf(ReplicationException.class);
    servers.start(name, Set.of(), new WrittenDown());
    done(leader.replicator().addMember(name));
    leader.propose("entry");
    servers.applied(List.of("entry"));
  }

  @Test
  void whoIsAMemberAlreadyAndDownIsNotAddedAndCanBeRemovedThen() {
    Servers.One leader = servers.of(3).leader();
    Servers.One down = servers.stop(servers.followers().get(0));
    assertThatThrownBy(() -> done(leader.replicator().addMember(down.name())))
        .hasCauseInstanceOf(ReplicationException.class)
        .hasMessageContaining("already exists");
    done(leader.replicator().removeMember(down.name()));
    assertThat(leader.replicator().status().members()).hasSize(2).doesNotContain(down.name());
  }

  @Test
  void oneThatFellFarBehindTakesASnapshotInThePlaceOfItsOwn() {
    Servers.One leader = servers.of(3).leader();
    Servers.One behind = servers.followers().get(0);
    List<String> all = new ArrayList<>(entries(0, 100));
    all.forEach(leader::propose);
    servers.applied(all);
    done(behind.replicator().snapshot());
    servers.stop(behind);
    for (int round = 1; round < 3; round++) {
      List<String> some = entries(round * 100, round * 100 + 100);
      some.forEach(leader::propose);
      all.addAll(some);
      servers.applied(all);
      done(leader.replicator().snapshot());
    }
    Servers.One back = servers.start(behind.name());
    eventually("it catches up", () -> back.machine().applied.equals(all));
    assertThat(back.machine().restored).as("its own, and the leader's").hasValue(2);
    leader.propose("after");
    all.add("after");
    servers.applied(all);
  }

  @Test
  void oneThatIsAddedTakesASnapshot() {
    Servers.One leader = servers.of(1).leader();
    entries(0, 100).forEach(leader::propose);
    servers.applied(entries(0, 100));
    done(leader.replicator().snapshot());
    leader.propose("entry 100");
    servers.applied(entries(0, 101));
    done(leader.replicator().snapshot());
    Servers.One added = servers.startEmpty();
    done(leader.replicator().addMember(added.name()));
    servers.applied(entries(0, 101));
    assertThat(added.machine().restored).hasValue(1);
  }

  @Test
  void whoComesBackWithoutItsDataIsKeptOutUntilItIsRemovedAndAdded() throws IOException {
    Servers.One leader = servers.of(3).leader();
    entries(0, 10).forEach(leader::propose);
    servers.applied(entries(0, 10));
    Servers.One lost = servers.followers().get(0);
    Servers.One other = servers.followers().get(1);
    eventually("they have met", () -> other.hasMet(lost) && leader.hasMet(lost));
    servers.stop(lost);
    servers.stop(other);
    servers.wipe(lost);
    Servers.One empty = servers.start(lost.name());
    leader.propose("entry 10");
    eventually("the leader is alone", () -> !leader.leads());
    assertThat(leader.hears(empty)).isFalse();
    assertThat(empty.hears(leader)).isFalse();

    Servers.One back = servers.start(other.name());
    assertThat(back.hears(empty)).as("also one that was restarted knows it").isFalse();
    eventually("two are enough", () -> leader.leads() || back.leads());
    Servers.One next = leader.leads() ? leader : back;
    next.propose("entry 11");
    eventually("applied", () -> next.machine().answered.contains("entry 11"));
    assertThat(empty.machine().applied).isEmpty();
    assertThat(empty.machine().leader).isEmpty();

    done(next.replicator().removeMember(lost.name()));
    servers.stop(empty);
    servers.wipe(lost);
    servers.start(lost.name(), Set.of(), new WrittenDown());
    done(next.replicator().addMember(lost.name()));
    servers.applied(next.machine().applied);
  }

  @Test
  void whoStaysWhileAnotherIsReplacedHearsTheNewOneAndCanLeadWithIt() throws IOException {
    Servers.One leader = servers.of(3).leader();
    entries(0, 10).forEach(leader::propose);
    servers.applied(entries(0, 10));
    Servers.One replaced = servers.followers().get(0);
    Servers.One stays = servers.followers().get(1);
    eventually("they have met", () -> stays.hasMet(replaced) && leader.hasMet(replaced));
    servers.stop(replaced);
    servers.wipe(replaced);
    done(leader.replicator().removeMember(replaced.name()));
    eventually("it is forgotten", () -> !stays.hasMet(replaced));
    Servers.One anew = servers.start(replaced.name(), Set.of(), new WrittenDown());
    done(leader.replicator().addMember(replaced.name()));
    servers.applied(entries(0, 10));
    // By itself: to be asked for it here would help.
    eventually("they have met", () -> stays.hasMet(anew) && anew.hasMet(stays));
    eventually("they hear each other", () -> stays.hears(anew) && anew.hears(stays));

    leader.isolate();
    eventually("one of the two leads", () -> stays.leads() || anew.leads());
    (stays.leads() ? stays : anew).propose("entry 10");
    for (Servers.One one : List.of(stays, anew)) {
      eventually("applied", () -> one.machine().applied.equals(entries(0, 11)));
    }
  }

  @Test
  void whoIsRemovedIsConnectedToNoMore() {
    Servers.One leader = servers.of(3).leader();
    Servers.One removed = servers.followers().get(0);
    Servers.One stays = servers.followers().get(1);
    eventually("they have met", () -> stays.hasMet(removed) && leader.hasMet(removed));
    assertThat(stays.isConnectedTo(removed)).isTrue();
    // It goes on running, and what it said on the connection says nothing of who is added next.
    done(leader.replicator().removeMember(removed.name()));
    eventually("it is forgotten", () -> !stays.hasMet(removed));
    eventually("nor heard", () -> !stays.isConnectedTo(removed));
  }

  @Test
  void whoWasAwayHearsOfOneThatWasReplacedFromALeaderThatItKnows() throws IOException {
    Servers.One leader = servers.of(3).leader();
    Servers.One replaced = servers.followers().get(0);
    Servers.One away = servers.followers().get(1);
    eventually("they have met", () -> away.hasMet(replaced) && away.hasMet(leader));
    Servers.One fourth = servers.startEmpty();
    done(leader.replicator().addMember(fourth.name()));
    servers.stop(away);
    done(leader.replicator().removeMember(replaced.name()));
    servers.stop(replaced);
    servers.wipe(replaced);
    Servers.One anew = servers.start(replaced.name(), Set.of(), new WrittenDown());
    done(leader.replicator().addMember(replaced.name()));
    leader.propose("entry 0");
    servers.applied(entries(0, 1));
    eventually("they have met", () -> anew.hasMet(leader) && anew.hasMet(fourth));
    done(leader.replicator().transferLeadership(Optional.of(anew.name())));
    eventually("the new one leads", anew::leads);

    Servers.One back = servers.start(away.name());
    assertThat(back.hears(anew)).isFalse();
    assertThat(anew.hears(back)).isFalse();
    anew.propose("entry 1");
    eventually("applied", () -> leader.machine().applied.equals(entries(0, 2)));
    assertThat(back.machine().applied).isEmpty();

    done(anew.replicator().transferLeadership(Optional.of(leader.name())));
    servers.applied(entries(0, 2));
    eventually("they have met again", () -> back.hears(anew) && anew.hears(back));
  }

  @Test
  void entriesOutliveARestartOfAll() {
    Servers.One leader = servers.of(3).leader();
    entries(0, 100).forEach(leader::propose);
    servers.applied(entries(0, 100));
    List<Servers.One> all = List.copyOf(servers.all());
    all.forEach(servers::stop);
    all.forEach(one -> servers.start(one.name()));
    servers.leader();
    servers.applied(entries(0, 100));
  }

  @Test
  void serversOfAnotherClusterAreNotHeard() {
    Servers.One leader = servers.of(1).leader();
    servers.change = settings -> settings.with(it -> it.cluster("other"));
    Servers.One other = servers.startEmpty();
    assertThatThrownBy(() -> done(leader.replicator().addMember(other.name())))
        .hasCauseInstanceOf(ReplicationException.class);
    assertThat(other.machine().leader).isEmpty();
    assertThat(other.replicator().status().members()).isEmpty();
  }

  @Test
  void initialMembersMustNameTheServerItself() {
    assertThatThrownBy(
            () -> JRaftSettings.of(folder, "127.0.0.1:1", Set.of("127.0.0.1:2", "127.0.0.1:3")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("127.0.0.1:1");
  }
}
