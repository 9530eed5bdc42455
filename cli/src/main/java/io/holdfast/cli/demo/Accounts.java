package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.LockClient;
import io.holdfast.testkit.history.History;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Accounts whose sum never changes. A transfer locks two of them as one request, so two transfers in opposite directions
 * do not wait for each other; an audit reads all of them together, beside other audits.
 */
final class Accounts implements Corner {
  static final int COUNT = 5;

  private static final long OPENING_BALANCE = 1000;

  private final Path folder;

  Accounts(Path folder) {
    this.folder = folder;
  }

  @Override
  public void setUp() throws IOException {
    Files.createDirectory(folder);
    for (int i = 0; i < COUNT; i++) {
      Corner.writeNumber(file(i), OPENING_BALANCE);
    }
  }

  static String lockName(int account) {
    return "account/" + (account + 1);
  }

  @Override
  public Job job(LockClient locks, SplittableRandom random) {
    if (random.nextInt(4) == 0) {
      DistributedLock all =
          locks.all(
              IntStream.range(0, COUNT)
                  .mapToObj(i -> locks.readWriteLock(lockName(i)).read())
                  .toArray(DistributedLock[]::new));
      return new Job("audit", all, this::audit);
    }
    int from = random.nextInt(COUNT);
    int to = (from + 1 + random.nextInt(COUNT - 1)) % COUNT;
    DistributedLock both = locks.all(locks.lock(lockName(from)), locks.lock(lockName(to)));
    return new Job("transfer", both, turn -> transfer(from, to, turn));
  }

  private void transfer(int from, int to, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    long amount = 1L + turn.random().nextInt(100);
    long source = Corner.readNumber(file(from));
    long target = Corner.readNumber(file(to));
    Corner.writeNumber(file(from), source - amount);
    turn.pause();
    Corner.writeNumber(file(to), target + amount);
  }

  private void audit(Job.Turn turn) throws IOException, InterruptedException, DamageException {
    long sum = 0;
    for (int i = 0; i < COUNT; i++) {
      sum += Corner.readNumber(file(i));
      if (i == COUNT / 2) {
        turn.pause();
      }
    }
    if (sum != COUNT * OPENING_BALANCE) {
      throw new DamageException(
          "an audit found " + sum + " in all accounts, not " + COUNT * OPENING_BALANCE);
    }
  }

  @Override
  public String promise() {
    return "What was transferred between accounts was neither made nor lost: their sum is what it was.";
  }

  @Override
  public List<String> damage(History history) throws IOException {
    try {
      long sum = 0;
      for (int i = 0; i < COUNT; i++) {
        sum += Corner.readNumber(file(i));
      }
      return sum == COUNT * OPENING_BALANCE
          ? List.of()
          : List.of("the accounts hold " + sum + " in all, not " + COUNT * OPENING_BALANCE);
    } catch (DamageException e) {
      return List.of(e.what());
    }
  }

  private Path file(int account) {
    return folder.resolve("account-" + (account + 1));
  }
}
