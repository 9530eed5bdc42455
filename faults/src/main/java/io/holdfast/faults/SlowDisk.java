package io.holdfast.faults;

import java.time.Duration;
import java.util.Optional;

/** The leader's disk takes its time: each flush lasts a good part of a second. */
final class SlowDisk implements Nemesis {
  @Override
  public String name() {
    return "slow-disk";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public Optional<String> impossible(Field field) {
    return FailingDisk.withoutInterposer(field);
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    Interposer disk = field.cluster().awaitLeader().interposer().orElseThrow();
    long before = disk.get(Interposer.Word.SYNCS_DELAYED);
    disk.set(Interposer.Word.SYNC_DELAY_MILLIS, 200 + field.below(400));
    try {
      field.goOn(Duration.ofSeconds(4), Duration.ofSeconds(8));
      evidence.saw("flushes delayed", disk.get(Interposer.Word.SYNCS_DELAYED) - before);
    } finally {
      disk.set(Interposer.Word.SYNC_DELAY_MILLIS, 0);
    }
    field.cluster().awaitHealth();
  }
}
