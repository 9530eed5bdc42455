package io.holdfast.server.replication.jraft;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.server.replication.ReplicationException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SingleServerTest {
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

  @Test
  void entriesAreAppliedInTheOrderOfTheirProposals() {
    Servers.One one = servers.of(1).leader();
    List<String> entries = entries(0, 2_000);
    entries.forEach(one::propose);
    servers.applied(entries);
    assertThat(one.machine().answered).isEqualTo(entries);
    assertThat(one.machine().indexes).isSorted().doesNotHaveDuplicates();
    assertThat(one.machine().dropped()).isZero();
    assertThat(one.confirmed()).isTrue();
  }

  @Test
  void entriesOutliveARestart() {
    Servers.One one = servers.of(1).leader();
    List<String> entries = entries(0, 100);
    entries.forEach(one::propose);
    servers.applied(entries);
    long term = one.machine().leads;
    one = servers.restart(one);
    servers.leader();
    assertThat(one.machine().applied).isEqualTo(entries);
    assertThat(one.machine().answered).isEmpty();
    assertThat(one.machine().led.get(0)[0]).isGreaterThan(term);
    assertThat(one.machine().led.get(0)[1]).isEqualTo(100);
  }

  @Test
  void aSnapshotStandsInForTheLog() {
    Servers.One one = servers.of(1).leader();
    entries(0, 100).forEach(one::propose);
    servers.applied(entries(0, 100));
    long first = done(one.replicator().snapshot());
    entries(100, 150).forEach(one::propose);
    servers.applied(entries(0, 150));
    long second = done(one.replicator().snapshot());
    assertThat(second).isGreaterThan(first);
    assertThat(one.replicator().status().snapshotIndex()).isEqualTo(second);
    entries(150, 160).forEach(one::propose);
    servers.applied(entries(0, 160));

    one = servers.restart(one);
    servers.leader();
    assertThat(one.machine().restored).hasValue(1);
    assertThat(one.machine().applied).isEqualTo(entries(0, 160));
    assertThat(one.machine().indexes).as("applied from the log").hasSize(10);
    assertThat(one.replicator().status().snapshotIndex()).isEqualTo(second);
  }

  @Test
  void aSnapshotIsWrittenWhenTheLogHasGrown() {
    servers.change = settings -> settings.with(it -> it.snapshots(10_000, Duration.ofHours(1)));
    Servers.One one = servers.of(1).leader();
    List<String> entries = new ArrayList<>(entries(0, 1));
    one.propose("entry 0");
    servers.applied(entries);
    assertThat(one.replicator().status().snapshotIndex()).isZero();
    entries(1, 400).forEach(one::propose);
    eventually("a snapshot", () -> one.replicator().status().snapshotIndex() > 0);
  }

  @Test
  void aSnapshotIsWrittenWhenTheLastIsOld() {
    servers.change = settings -> settings.with(it -> it.snapshots(1 << 20, Duration.ofMillis(100)));
    Servers.One one = servers.of(1).leader();
    one.propose("entry");
    eventually("a snapshot", () -> one.replicator().status().snapshotIndex() > 0);
  }

  @Test
  void aBrokenSnapshotIsNotRestored() throws IOException {
    Servers.One one = servers.of(1).leader();
    entries(0, 10).forEach(one::propose);
    servers.applied(entries(0, 10));
    done(one.replicator().snapshot());
    servers.stop(one);
    Path state;
    try (Stream<Path> files = Files.walk(folder)) {
      state = files.filter(it -> it.endsWith(SnapshotFile.NAME)).findAny().orElseThrow();
    }
    try (RandomAccessFile file = new RandomAccessFile(state.toFile(), "rw")) {
      file.seek(30);
      int old = file.read();
      file.seek(30);
      file.write(old ^ 1);
    }
    WrittenDown machine = new WrittenDown();
    assertThatThrownBy(() -> servers.start(one.name(), Set.of(one.name()), machine))
        .isInstanceOf(ReplicationException.class);
    assertThat(machine.failures).hasSize(1);
    assertThat(machine.failures.get(0)).hasMessageContaining("checksum");
    assertThat(machine.applied).isEmpty();
  }

  @Test
  void aMachineThatThrowsStopsItsServer() {
    class Throws extends WrittenDown {
      @Override
      public void apply(long index, ByteBuffer entry, Object local) {
        super.apply(index, entry, local);
        if (applied.size() == 3) {
          throw new IllegalStateException("cannot");
        }
      }
    }
    String name = Servers.freeAddress();
    Servers.One one = servers.start(name, Set.of(name), new Throws());
    servers.leader();
    entries(0, 10).forEach(one::propose);
    eventually("the failure", () -> !one.machine().failures.isEmpty());
    eventually("all settled", () -> one.machine().dropped() + one.machine().answered.size() == 10);
    assertThat(one.machine().failures).hasSize(1);
    assertThat(one.machine().failures.get(0)).hasMessage("cannot");
    assertThat(one.machine().applied).hasSize(3);
    assertThat(one.confirmed()).isFalse();
    assertThat(one.replicator().status().leader()).isEmpty();
  }

  @Test
  void anEntryOfAnotherTermIsDropped() {
    Servers.One one = servers.of(1).leader();
    one.replicator().propose(one.machine().leads + 1, Servers.bytes("late"), "late");
    assertThat(one.machine().droppedCertainly).containsExactly("late");
    one.propose("next");
    servers.applied(List.of("next"));
  }

  @Test
  void tooManyProposalsAreDroppedForCertain() {
    class Slow extends WrittenDown {
      final CountDownLatch go = new CountDownLatch(1);

      @Override
      public void apply(long index, ByteBuffer entry, Object local) {
        try {
          go.await();
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
        super.apply(index, entry, local);
      }
    }
    String name = Servers.freeAddress();
    Slow slow = new Slow();
    Servers.One one = servers.start(name, Set.of(name), slow);
    servers.leader();
    int proposed = Proposals.MOST + 100;
    entries(0, proposed).forEach(one::propose);
    assertThat(slow.droppedCertainly).hasSizeBetween(99, 100);
    slow.go.countDown();
    eventually("all settled", () -> slow.dropped() + slow.answered.size() == proposed);
    assertThat(slow.applied).hasSize(slow.answered.size());
  }

  @Test
  void whatIsProposedAfterTheEndIsDropped() {
    Servers.One one = servers.of(1).leader();
    long term = one.machine().leads;
    servers.stop(one);
    one.replicator().propose(term, Servers.bytes("late"), "late");
    eventually("dropped", () -> one.machine().dropped() == 1);
    assertThat(one.confirmed()).isFalse();
    assertThat(one.replicator().status().self()).isEqualTo(one.name());
    one.replicator().close();
  }

  @Test
  void statusTellsHowFarItCame() {
    Servers.One one = servers.of(1).leader();
    entries(0, 5).forEach(one::propose);
    servers.applied(entries(0, 5));
    var status = one.replicator().status();
    assertThat(status.self()).isEqualTo(one.name());
    assertThat(status.members()).containsExactly(one.name());
    assertThat(status.leader()).isEqualTo(Optional.of(one.name()));
    assertThat(status.term()).isEqualTo(one.machine().leads);
    assertThat(status.appliedIndex()).isEqualTo(one.machine().indexes.get(4));
    assertThat(status.committedIndex()).isEqualTo(status.appliedIndex());
    assertThat(status.snapshotIndex()).isZero();
  }

  @Test
  void aFolderIsForOneProcess() {
    Servers.One one = servers.of(1).leader();
    JRaftSettings again = servers.settings(one.name(), Set.of(one.name()));
    assertThatThrownBy(() -> new JRaftReplicator(again).start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("in use by another process");
  }

  @Test
  void aFolderIsOfOneServerAndOneCluster() {
    Servers.One one = servers.of(1).leader();
    servers.stop(one);
    String other = Servers.freeAddress();
    Path own = servers.settings(one.name(), Set.of(one.name())).dataFolder();
    assertThatThrownBy(
            () ->
                new JRaftReplicator(JRaftSettings.of(own, other, Set.of(other)))
                    .start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("that of server " + one.name());
    assertThatThrownBy(
            () ->
                new JRaftReplicator(
                        JRaftSettings.of(own, one.name(), Set.of(one.name()))
                            .with(it -> it.cluster("other")))
                    .start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("of cluster test, not of other");
  }

  @Test
  void aFolderWithOtherThingsIsLeftAlone() throws IOException {
    String name = Servers.freeAddress();
    Files.writeString(folder.resolve("letter.txt"), "Dear");
    assertThatThrownBy(
            () ->
                new JRaftReplicator(JRaftSettings.of(folder, name, Set.of(name)))
                    .start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("holds something");
  }

  @Test
  void aFolderOfANewerFormatIsRefused() throws IOException {
    Servers.One one = servers.of(1).leader();
    servers.stop(one);
    Path meta = servers.settings(one.name(), Set.of()).dataFolder().resolve("meta");
    Files.writeString(meta, Files.readString(meta).replace("format=2", "format=3"));
    assertThatThrownBy(() -> servers.start(one.name()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("format 3; this version reads format 2");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aFolderThatWasThereBeforeIsClosedToOthers(boolean isKnown) throws IOException {
    String name = Servers.freeAddress();
    JRaftSettings settings = servers.settings(name, Set.of(name));
    Path data = settings.dataFolder();
    if (isKnown) {
      DataFolder.open(settings).close();
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data)))
          .isEqualTo("rwx------");
    } else {
      Files.createDirectories(data);
    }
    Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwxr-xr-x"));
    DataFolder.open(settings).close();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data)))
        .isEqualTo("rwx------");
  }

  @Test
  void aFolderThatIsNotOursToCloseMayBeOpenToItsGroupAndToNobodyElse() throws IOException {
    DataFolder.Closing notOurs =
        () -> {
          throw new FileSystemException(folder.toString(), null, "Operation not permitted");
        };
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwx---"));
    DataFolder.closeToOthers(folder, notOurs);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxr-x"));
    assertThatThrownBy(() -> DataFolder.closeToOthers(folder, notOurs))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("name a folder in it");
  }

  @Test
  void aFolderOfSomebodyElsesIsLeftAsItIs() throws IOException {
    String name = Servers.freeAddress();
    JRaftSettings settings = servers.settings(name, Set.of(name));
    Path data = Files.createDirectories(settings.dataFolder());
    Files.writeString(data.resolve("letter"), "Dear Ann");
    Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwxr-xr-x"));
    assertThatThrownBy(() -> DataFolder.open(settings))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("holds something, but not the data of a Holdfast server");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data)))
        .isEqualTo("rwxr-xr-x");
  }

  @ParameterizedTest
  @ValueSource(strings = {"log", "raft"})
  void aFolderThatHasLostAPartIsRefusedOnceOthersKnowIt(String part) throws IOException {
    Servers.One one = servers.stop(servers.of(1).leader());
    JRaftSettings settings = servers.settings(one.name(), Set.of(one.name()));
    try (DataFolder data = DataFolder.open(settings)) {
      data.recognizes("127.0.0.1:1", UUID.randomUUID().toString(), 0);
    }
    Files.move(settings.dataFolder().resolve(part), folder.resolve("lost"));
    assertThatThrownBy(() -> servers.start(one.name()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("has lost its " + part);
  }

  @Test
  void whoIsStruckFromMetaIsNotKnown() throws IOException {
    String name = Servers.freeAddress();
    JRaftSettings settings = servers.settings(name, Set.of(name));
    try (DataFolder data = DataFolder.open(settings)) {
      data.recognizes("127.0.0.1:1", UUID.randomUUID().toString(), 0);
      data.recognizes("127.0.0.1:2", UUID.randomUUID().toString(), 0);
    }
    for (String part : List.of("log", "raft")) {
      Files.createDirectory(settings.dataFolder().resolve(part));
    }
    Path meta = settings.dataFolder().resolve("meta");
    Files.write(
        meta,
        Files.readAllLines(meta).stream()
            .filter(line -> !line.startsWith("other.127.0.0.1\\:1="))
            .toList());
    try (DataFolder data = DataFolder.open(settings)) {
      assertThat(data.identityOf("127.0.0.1:1")).isEmpty();
      assertThat(data.identityOf("127.0.0.1:2")).isPresent();
    }
  }

  @Test
  void whoCouldNotBeWrittenDownIsMetWhenThereIsRoomAgain() throws IOException {
    Servers.One one = servers.of(1).leader();
    Servers.One other = servers.startEmpty();
    Path inTheWay = servers.fillDisk(one);
    done(one.replicator().addMember(other.name()));
    eventually("they are members", () -> one.replicator().status().members().size() == 2);
    boolean unused = one.hears(other);
    assertThat(one.hasMet(other)).isFalse();
    Files.delete(inTheWay);
    eventually("they have met", () -> one.hasMet(other));
  }

  @Test
  void whoCannotWriteDownThatAnotherWasRemovedStops() throws IOException {
    Servers.One one = servers.of(1).leader();
    Servers.One other = servers.startEmpty();
    done(one.replicator().addMember(other.name()));
    eventually("they have met", () -> one.hasMet(other));
    Path inTheWay = servers.fillDisk(one);
    done(one.replicator().removeMember(other.name()));
    eventually("the failure", () -> !one.machine().failures.isEmpty());
    assertThat(one.confirmed()).isFalse();
    servers.stop(one);
    Files.delete(inTheWay);

    // The removal is read again.
    Servers.One back = servers.start(one.name());
    eventually("it is forgotten", () -> !back.hasMet(other));
    assertThat(back.machine().failures).isEmpty();
  }

  @Test
  void aFolderIsPrivate() throws IOException {
    Servers.One one = servers.of(1).leader();
    Path own = servers.settings(one.name(), Set.of()).dataFolder();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(own)))
        .isEqualTo("rwx------");
  }

  @Test
  void aFolderThatIsAFileIsRefused() throws IOException {
    String name = Servers.freeAddress();
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThatThrownBy(
            () ->
                new JRaftReplicator(JRaftSettings.of(file, name, Set.of(name)))
                    .start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("cannot be used");
  }

  @Test
  void anAddressThatIsTakenIsNamed() {
    Servers.One one = servers.of(1).leader();
    assertThatThrownBy(
            () ->
                new JRaftReplicator(
                        JRaftSettings.of(folder.resolve("x"), one.name(), Set.of(one.name())))
                    .start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("cannot listen for other servers on " + one.name());
  }

  @Test
  void nothingIsLeftWhenItIsClosed() {
    Servers.One warm = servers.of(1).leader();
    String name = warm.name();
    servers.stop(warm);
    Servers.One one = servers.start(name);
    servers.leader();
    one.propose("entry");
    servers.applied(List.of("entry"));
    servers.stop(one);
    eventually("no thread of it", () -> threadsOf(name).isEmpty());
  }

  /** The engine's pools for the whole process remain; they are few, and keep nothing alive. */
  private static List<String> threadsOf(String name) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(
            it ->
                it.getName().contains(name)
                    || it.getName().contains("Disruptor")
                    || it.getName().contains("JRaft-Node-ScheduleThreadPool")
                    || (!it.isDaemon() && it.getName().startsWith("JRaft")))
        .map(Thread::getName)
        .toList();
  }
}
