package io.holdfast.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;

/** A server's disk fills up. It stops, or it is whole again once there is room; what it must not be is a shadow of a server. */
final class FullDisk implements Nemesis {
  /** It may have set room aside, and live on that for a while. */
  private static final Duration TO_NOTICE = Duration.ofSeconds(15);

  /** No space left on device, as Linux numbers it. */
  private static final int ENOSPC = 28;

  /** Less than this is no room. */
  private static final long CRUMBS = 256 << 10;

  @Override
  public String name() {
    return "full-disk";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public Optional<String> impossible(Field field) {
    boolean ownDisks = field.cluster().servers().stream().allMatch(server -> server.disk().isOwn());
    return ownDisks
        ? FailingDisk.withoutInterposer(field)
        : Optional.of("needs disks of their own: mkfs.xfs, loop devices");
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    LockServer leader = field.cluster().awaitLeader();
    LockServer victim =
        field.below(2) == 0 ? leader : field.cluster().follower(leader, field.below(2));
    Interposer disk = victim.interposer().orElseThrow();
    long before = failures(disk);
    try {
      victim.disk().fill();
      evidence.saw("disk full", victim.disk().room() < CRUMBS);
      Wait.until(TO_NOTICE, () -> failures(disk) > before || !victim.isRunning());
      // What it had set aside is used up in a longer run; here it is declared so.
      disk.set(Interposer.Word.WRITE_ERRNO, ENOSPC);
      Wait.until(TO_NOTICE, () -> failures(disk) > before || !victim.isRunning());
      boolean stopped = victim.process().awaitEnd(FailingDisk.TO_STOP);
      // It may also have failed to make a file or a folder, which nobody counts.
      evidence.saw("writes failed or server stopped", failures(disk) - before + (stopped ? 1 : 0));
      victim.disk().clear();
      disk.set(Interposer.Word.WRITE_ERRNO, 0);
      if (!stopped && !Wait.until(FailingDisk.TO_STOP, () -> isLevel(field.cluster(), victim))) {
        field.promiseBroken(
            victim + " neither stopped when its disk was full nor came back when it was not");
        victim.process().kill();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      disk.set(Interposer.Word.WRITE_ERRNO, 0);
    }
    field.cluster().startAll();
    field.cluster().awaitHealth();
  }

  private static long failures(Interposer disk) {
    return disk.get(Interposer.Word.WRITES_FAILED) + disk.get(Interposer.Word.WRITES_WITHOUT_SPACE);
  }

  private static boolean isLevel(Cluster cluster, LockServer victim) {
    long goal =
        cluster
            .leader()
            .flatMap(LockServer::status)
            .map(status -> status.getCommittedIndex())
            .orElse(Long.MAX_VALUE);
    return victim.status().map(status -> status.getAppliedIndex() >= goal).orElse(false);
  }
}
