package io.holdfast.faults;

import java.time.Duration;
import java.util.Optional;

/** The wall clocks of the servers jump, each elsewhere. Nothing may depend on them. */
final class ClockJump implements Nemesis {
  private static final Duration FARTHEST = Duration.ofMinutes(10);

  @Override
  public String name() {
    return "clock-jump";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER; // it must cost nobody anything
  }

  @Override
  public Optional<String> impossible(Field field) {
    return FailingDisk.withoutInterposer(field);
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    evidence.requires("readings shifted");
    long before = readings(field);
    try {
      for (int jump = 0; jump < 3; jump++) {
        for (LockServer server : field.cluster().servers()) {
          int seconds = field.below(2 * (int) FARTHEST.toSeconds()) - (int) FARTHEST.toSeconds();
          server
              .interposer()
              .orElseThrow()
              .set(
                  Interposer.Word.WALL_OFFSET_NANOS,
                  Duration.ofSeconds(seconds == 0 ? 1 : seconds).toNanos());
        }
        field.goOn(Duration.ofSeconds(1), Duration.ofSeconds(3));
      }
      evidence.saw("readings shifted", readings(field) - before);
    } finally {
      field
          .cluster()
          .servers()
          .forEach(s -> s.interposer().orElseThrow().set(Interposer.Word.WALL_OFFSET_NANOS, 0));
    }
    field.cluster().awaitHealth();
  }

  private static long readings(Field field) {
    return field.cluster().servers().stream()
        .mapToLong(s -> s.interposer().orElseThrow().get(Interposer.Word.READINGS_SHIFTED))
        .sum();
  }
}
