package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.LockClient;
import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
  private final Path guard;
  private final Diary diary;

  /** One write at a time in this process; {@code guard} sees to it among processes. A database's row would do both. */
  private final ReentrantLock mutex = new ReentrantLock();

  /** What the file says: the highest token that was accepted, and what its holder wrote last. */
  private record Notice(long token, String text) {}

  NoticeBoard(Path file, Diary diary) {
    this.file = file;
    this.guard = file.resolveSibling(file.getFileName() + ".guard");
    this.diary = diary;
  }

  @Override
  public void setUp() throws IOException {
    Files.createFile(guard);
    write(new Notice(0, "nothing yet"));
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
    try (FileChannel channel = FileChannel.open(guard, StandardOpenOption.WRITE);
        FileLock alone = channel.lock()) {
      boolean accepted = alone.isValid() && token >= read().token;
      diary.wrote(request, LOCK_NAME, token, accepted);
      if (accepted) {
        write(new Notice(token, text));
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
  public List<String> damage(History history) throws IOException {
    long latest =
        history.events().stream()
            .filter(event -> event instanceof HistoryEvent.Wrote wrote && wrote.accepted())
            .mapToLong(event -> ((HistoryEvent.Wrote) event).token())
            .reduce(0, (before, token) -> token);
    Notice found = read();
    return found.token == latest
        ? List.of()
        : List.of("the notice is of token " + found.token + ", but " + latest + " wrote last");
  }

  private Notice read() throws IOException {
    String[] parts = Files.readString(file).split("\n", 2);
    try {
      return new Notice(Long.parseLong(parts[0]), parts[1]);
    } catch (RuntimeException e) {
      throw new IOException("the notice is not whole", e);
    }
  }

  private void write(Notice notice) throws IOException {
    Files.writeString(file, notice.token + "\n" + notice.text);
  }

  private static void requireAccepted(boolean accepted) throws DamageException {
    if (!accepted) {
      throw new DamageException(
          "the notice refused the write of a holder: somebody with a later token was there");
    }
  }
}
