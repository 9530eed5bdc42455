package io.holdfast.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;

/** All servers lose their power at once: what was not made durable is gone. */
final class PowerLoss implements Nemesis {
  @Override
  public String name() {
    return "power-loss";
  }

  @Override
  public Scope scope() {
    return Scope.SERVICE;
  }

  @Override
  public Optional<String> impossible(Field field) {
    return field.cluster().servers().stream().allMatch(server -> server.disk().isOwn())
        ? Optional.empty()
        : Optional.of("needs disks that can lose their power: mkfs.xfs, xfs_io, loop devices");
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    Cluster cluster = field.cluster();
    long term = cluster.term();
    try {
      for (LockServer server : cluster.servers()) {
        evidence.saw("disk died", server.disk().losePower());
      }
      for (LockServer server : cluster.servers()) {
        server.process().kill();
      }
      field.goOn(Duration.ofMillis(50), Duration.ofMillis(500));
      for (LockServer server : cluster.servers()) {
        evidence.saw("unsaved data lost", server.disk().regainPower());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    cluster.startAll();
    cluster.awaitHealth();
    evidence.saw("leader elected", cluster.term() > term);
  }
}
