package io.holdfast.cli.demo;

import io.holdfast.LockClient;
import io.holdfast.testkit.history.History;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Numbers in files. To count is to read, to pause and to write, under the counter's exclusive lock. Two at once, and one of
 * them is not counted.
 */
final class Counters implements Corner {
  static final int COUNT = 3;

  /** Counted up seldom, so that few come to stand behind a holder that is dead. */
  static final int SELDOM = 2;

  private final Path folder;
  private final List<Tally> counted;

  Counters(Path folder, Path books) {
    this.folder = folder;
    this.counted =
        IntStream.range(0, COUNT)
            .mapToObj(i -> new Tally(books.resolve("counter-" + (i + 1))))
            .toList();
  }

  @Override
  public void setUp() throws IOException {
    Files.createDirectory(folder);
    for (int i = 0; i < COUNT; i++) {
      Corner.writeNumber(file(i), 0);
      counted.get(i).setUp();
    }
  }

  static String lockName(int counter) {
    return "counter/" + (counter + 1);
  }

  @Override
  public Job job(LockClient locks, SplittableRandom random) {
    int dice = random.nextInt(20);
    int counter = dice < 11 ? 0 : dice < 19 ? 1 : SELDOM;
    return new Job("count", locks.lock(lockName(counter)), turn -> count(counter, turn));
  }

  private void count(int counter, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    long number = Corner.readNumber(file(counter));
    turn.pause();
    Corner.writeNumber(file(counter), number + 1);
    counted.get(counter).add();
  }

  @Override
  public String promise() {
    return "Each counter stands at the number of times that it was counted up.";
  }

  @Override
  public List<String> damage(History history) throws IOException {
    List<String> damage = new ArrayList<>();
    for (int i = 0; i < COUNT; i++) {
      try {
        long number = Corner.readNumber(file(i));
        long times = counted.get(i).count();
        if (number != times) {
          damage.add(lockName(i) + " was counted up " + times + " times and stands at " + number);
        }
      } catch (DamageException e) {
        damage.add(e.what());
      }
    }
    return damage;
  }

  private Path file(int counter) {
    return folder.resolve("counter-" + (counter + 1));
  }
}
