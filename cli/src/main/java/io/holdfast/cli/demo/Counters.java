package io.holdfast.cli.demo;

import io.holdfast.LockClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Numbers in files. To count is to read, to pause and to write, under the counter's exclusive lock. Two at once, and one of
 * them is not counted.
 */
final class Counters implements Corner {
  static final int COUNT = 3;

  private final Path folder;
  private final AtomicLongArray counted = new AtomicLongArray(COUNT);

  Counters(Path folder) throws IOException {
    this.folder = Files.createDirectory(folder);
    for (int i = 0; i < COUNT; i++) {
      Corner.writeNumber(file(i), 0);
    }
  }

  static String lockName(int counter) {
    return "counter/" + (counter + 1);
  }

  @Override
  public Job job(LockClient locks, SplittableRandom random) {
    int counter = random.nextInt(COUNT);
    return new Job("count", locks.lock(lockName(counter)), turn -> count(counter, turn));
  }

  private void count(int counter, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    long number = Corner.readNumber(file(counter));
    turn.pause();
    Corner.writeNumber(file(counter), number + 1);
    counted.incrementAndGet(counter);
  }

  @Override
  public String promise() {
    return "Each counter stands at the number of times that it was counted up.";
  }

  @Override
  public List<String> damage() throws IOException {
    List<String> damage = new ArrayList<>();
    for (int i = 0; i < COUNT; i++) {
      try {
        long number = Corner.readNumber(file(i));
        if (number != counted.get(i)) {
          damage.add(
              lockName(i) + " was counted up " + counted.get(i) + " times and stands at " + number);
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
