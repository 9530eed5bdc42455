package io.holdfast.server.rpc;

import java.util.concurrent.atomic.AtomicLong;

/** What callers were answered and have not taken, in bytes: all callers of a server together. Thread-safe. */
final class UnreadAnswers {
  /** Answers of so many bytes at most are not counted: there are as many as calls, and these have a bound of their own. */
  private static final int SMALL_BYTES = 1 << 10;

  final long most;
  private final AtomicLong bytes = new AtomicLong();

  UnreadAnswers(long most) {
    this.most = most;
  }

  /** An answer of one call. */
  final class Place {
    private static final int FREE = 0;
    private static final int LEFT = -1;

    /** Bytes that count; or one of the above. */
    private final AtomicLong taken = new AtomicLong(FREE);

    /** Whether there is room for the answer; asked once. */
    boolean take(int size) {
      if (size <= SMALL_BYTES) {
        return true;
      }
      if (bytes.addAndGet(size) > most) {
        bytes.addAndGet(-size);
        return false;
      }
      if (!taken.compareAndSet(FREE, size)) {
        bytes.addAndGet(-size); // the caller had left before
      }
      return true;
    }

    /** The caller has taken it, or left. */
    void leave() {
      bytes.addAndGet(-Math.max(FREE, taken.getAndSet(LEFT)));
    }
  }

  long bytes() {
    return bytes.get();
  }
}
