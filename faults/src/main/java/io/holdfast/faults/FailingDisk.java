package io.holdfast.faults;

import java.time.Duration;
import java.util.Optional;

/**
 * A server's disk no longer makes anything durable. The server cannot know what it has, so it must stop; it must not linger as
 * one that takes part and does not.
 */
final class FailingDisk implements Nemesis {
  /** Within this a server whose disk fails has ended. */
  static final Duration TO_STOP = Duration.ofSeconds(20);

  @Override
  public String name() {
    return "failing-disk";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public Optional<String> impossible(Field field) {
    return withoutInterposer(field);
  }

  static Optional<String> withoutInterposer(Field field) {
    return field.cluster().servers().stream().allMatch(s -> s.interposer().isPresent())
        ? Optional.empty()
        : Optional.of("needs a C compiler (cc), for the library between server and disk");
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    LockServer leader = field.cluster().awaitLeader();
    LockServer victim =
        field.below(2) == 0 ? leader : field.cluster().follower(leader, field.below(2));
    Interposer disk = victim.interposer().orElseThrow();
    long before = disk.get(Interposer.Word.SYNCS_FAILED);
    disk.set(Interposer.Word.SYNC_ERRNO, Interposer.EIO);
    try {
      evidence.saw(
          "flushes failed",
          Wait.until(TO_STOP, () -> disk.get(Interposer.Word.SYNCS_FAILED) > before)
              ? disk.get(Interposer.Word.SYNCS_FAILED) - before
              : 0);
      if (!victim.process().awaitEnd(TO_STOP)) {
        field.promiseBroken(
            victim + " goes on though its disk has failed for " + TO_STOP.toSeconds() + " s");
        victim.process().kill();
      }
      field.goOn(Duration.ofSeconds(1), Duration.ofSeconds(3));
    } finally {
      disk.set(Interposer.Word.SYNC_ERRNO, 0);
    }
    field.cluster().startAll();
    field.cluster().awaitHealth();
  }
}
