package io.holdfast.cli.demo;

import io.holdfast.DistributedReadWriteLock;
import io.holdfast.LockClient;
import io.holdfast.testkit.history.History;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/** Three files that are always of one version: published by one writer, consulted by many readers at a time. */
final class SettingsFiles implements Corner {
  static final String LOCK_NAME = "settings";

  private static final List<String> FILES = List.of("routes", "limits", "rates");

  private final Path folder;
  private final Tally published;

  SettingsFiles(Path folder, Path books) {
    this.folder = folder;
    this.published = new Tally(books.resolve("published"));
  }

  @Override
  public void setUp() throws IOException {
    Files.createDirectory(folder);
    published.setUp();
    for (String name : FILES) {
      Corner.writeNumber(folder.resolve(name), 0);
    }
  }

  @Override
  public Job job(LockClient locks, SplittableRandom random) {
    DistributedReadWriteLock lock = locks.readWriteLock(LOCK_NAME);
    return random.nextInt(4) == 0
        ? new Job("publish", lock.write(), this::publish)
        : new Job("consult", lock.read(), this::consult);
  }

  private void publish(Job.Turn turn) throws IOException, InterruptedException, DamageException {
    long version = Corner.readNumber(folder.resolve(FILES.get(0))) + 1;
    for (String name : FILES) {
      Corner.writeNumber(folder.resolve(name), version);
      if (name.equals(FILES.get(1))) {
        turn.pause();
      }
    }
    published.add();
  }

  private void consult(Job.Turn turn) throws IOException, InterruptedException, DamageException {
    long version = Corner.readNumber(folder.resolve(FILES.get(0)));
    turn.pause();
    requireVersion(version);
  }

  @Override
  public String promise() {
    return "The three settings files are of one version, for every reader at every moment.";
  }

  @Override
  public List<String> damage(History history) throws IOException {
    try {
      requireVersion(published.count());
      return List.of();
    } catch (DamageException e) {
      return List.of(e.what());
    }
  }

  private void requireVersion(long version) throws IOException, DamageException {
    for (String name : FILES) {
      long found = Corner.readNumber(folder.resolve(name));
      if (found != version) {
        throw new DamageException(
            "the settings are of version " + version + ", but " + name + " is of " + found);
      }
    }
  }
}
