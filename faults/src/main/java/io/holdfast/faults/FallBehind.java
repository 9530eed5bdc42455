package io.holdfast.faults;

import io.grpc.StatusRuntimeException;
import io.holdfast.protocol.v1.StatusResponse;
import io.holdfast.protocol.v1.TakeSnapshotRequest;
import java.time.Duration;
import java.util.List;

/**
 * A server is away while the others write snapshots and forget the entries that it lacks: when it comes back it has to take a
 * snapshot from one of them.
 */
final class FallBehind implements Nemesis {
  @Override
  public String name() {
    return "snapshot-install";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    evidence.requires("server killed");
    evidence.requires("snapshot installed");
    Cluster cluster = field.cluster();
    LockServer away = cluster.follower(cluster.awaitLeader(), field.below(2));
    List<LockServer> others = cluster.servers().stream().filter(server -> server != away).toList();
    away.process().kill();
    evidence.saw("server killed", away.process().exit() == 128 + 9);
    long forgotten = Long.MAX_VALUE;
    // An entry is forgotten when the second snapshot after it is written.
    for (int snapshots = 0; snapshots < 2; snapshots++) {
      field.goOn(Duration.ofMillis(500), Duration.ofSeconds(2));
      for (LockServer server : others) {
        long index = snapshot(field, server);
        if (snapshots == 0) {
          forgotten = Math.min(forgotten, index);
        }
      }
    }
    cluster.start(away);
    cluster.awaitHealth();
    // It has written none itself: that takes an hour, or much more than was said here.
    evidence.saw(
        "snapshot installed",
        away.status().map(StatusResponse::getSnapshotIndex).orElse(0L) >= forgotten);
  }

  private static long snapshot(Field field, LockServer server) {
    try {
      return server
          .administration()
          .takeSnapshot(TakeSnapshotRequest.getDefaultInstance())
          .getIndex();
    } catch (StatusRuntimeException e) {
      field.promiseBroken(server + " wrote no snapshot: " + e);
      return Long.MAX_VALUE;
    }
  }
}
