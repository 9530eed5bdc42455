package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.LockClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A notice that defends itself: every write brings its holder's fencing token, and one that is older than the latest seen is
 * refused. So a holder that lost the lock and has not noticed can no longer do harm.
 */
final class NoticeBoard implements Corner {
  static final String LOCK_NAME = "notice";

  private final Path file;
  private final Log log;

  /** One write at a time, as a database's row or an object store's conditional put would have it. */
  private final ReentrantLock mutex = new ReentrantLock();

  private long highestToken;
  private String latest = "nothing yet";

  NoticeBoard(Path file, Log log) throws IOException {
    this.file = file;
    this.log = log;
    Files.writeString(file, latest);
  }

  static DistributedLock lock(LockClient locks) {
    return locks.lock(LOCK_NAME);
  }

  @Override
  public Job job(LockClient locks, SplittableRandom random) {
    return new Job(
        "post",
        lock(locks),
        turn -> {
          String text = "notice of request " + turn.request();
          requireAccepted(write(turn.request(), turn.hold().token(), text));
          turn.pause();
          requireAccepted(write(turn.request(), turn.hold().token(), text + ", signed"));
        });
  }

  /** Writes, unless somebody with a higher token has. Returns whether it did. */
  boolean write(long request, long token, String text) throws IOException {
    mutex.lock();
    try {
      boolean accepted = token >= highestToken;
      log.wrote(request, LOCK_NAME, token, accepted);
      if (accepted) {
        highestToken = token;
        latest = text;
        Files.writeString(file, text);
      }
      return accepted;
    } finally {
      mutex.unlock();
    }
  }

  @Override
  public String promise() {
    return "The notice is what was accepted last; no write with an older token got through.";
  }

  @Override
  public List<String> damage() throws IOException {
    String found = Files.readString(file);
    return found.equals(latest)
        ? List.of()
        : List.of("the notice reads '" + found + "', but '" + latest + "' was written last");
  }

  private static void requireAccepted(boolean accepted) throws DamageException {
    if (!accepted) {
      throw new DamageException(
          "the notice refused the write of a holder: somebody with a later token was there");
    }
  }
}
