package io.holdfast.server.rpc;

import io.holdfast.server.core.Problem;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** The sessions of unary calls: those who ask alike share one. Thread-safe. */
final class CallSessions {
  private final String whose;
  private final int most;
  private final int mostOfSubject;

  private final ReentrantLock mutex = new ReentrantLock();
  // Guarded by the mutex. A session is called without it.
  private final Map<Key, CallSession> sessions = new HashMap<>();
  private final Map<String, Integer> bySubject = new HashMap<>();
  private boolean closed;

  /** Whose calls share a session. */
  record Key(String namespace, String owner, String subject, long leaseMillis) {}

  /**
   * None yet.
   *
   * @param whose for people to read, when there are too many
   * @param most at a time
   * @param mostOfSubject of them whose callers have the same credential
   */
  CallSessions(String whose, int most, int mostOfSubject) {
    this.whose = whose;
    this.most = most;
    this.mostOfSubject = mostOfSubject;
  }

  /**
   * The session of these callers, for one who is to acquire there next; until then it does not leave.
   *
   * @param maker makes one if there is none; calls nobody
   * @return empty if there are too many, or no more are wanted
   */
  Optional<CallSession> claim(Key key, Supplier<CallSession> maker) {
    mutex.lock();
    try {
      CallSession session = sessions.get(key);
      if (session == null) {
        int ofSubject = bySubject.getOrDefault(key.subject(), 0);
        if (closed || sessions.size() >= most || ofSubject >= mostOfSubject) {
          return Optional.empty();
        }
        session = maker.get();
        sessions.put(key, session);
        bySubject.put(key.subject(), ofSubject + 1);
      }
      session.expect();
      return Optional.of(session);
    } finally {
      mutex.unlock();
    }
  }

  /** What is told to whom no session is given. */
  Problem full(Key key) {
    int all;
    int ofSubject;
    mutex.lock();
    try {
      all = sessions.size();
      ofSubject = bySubject.getOrDefault(key.subject(), 0);
    } finally {
      mutex.unlock();
    }
    return new Problem(
        Problem.Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_OWNERS",
        whose
            + " are "
            + all
            + ", at most "
            + most
            + "; of the same subject "
            + ofSubject
            + ", at most "
            + mostOfSubject);
  }

  /** A session has nothing to do. True if nobody is on the way to it; then nobody comes any more. */
  boolean retire(Key key, CallSession session) {
    mutex.lock();
    try {
      if (session.isExpecting()) {
        return false;
      }
      remove(key, session);
      return true;
    } finally {
      mutex.unlock();
    }
  }

  /** A session is over; another one may have its place already. */
  void forget(Key key, CallSession session) {
    mutex.lock();
    try {
      remove(key, session);
    } finally {
      mutex.unlock();
    }
  }

  /** Whoever these sessions were for is gone. */
  void close() {
    List<CallSession> left;
    mutex.lock();
    try {
      closed = true;
      left = List.copyOf(sessions.values());
    } finally {
      mutex.unlock();
    }
    left.forEach(CallSession::leave);
  }

  private void remove(Key key, CallSession session) {
    if (sessions.remove(key, session)) {
      bySubject.merge(key.subject(), -1, (a, b) -> a + b == 0 ? null : a + b);
    }
  }
}
