package io.holdfast.remote;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is to be told once the mutex is released. Mostly one thing or nothing, which costs no list. */
final class Notices {
  private @Nullable Runnable first;
  private @Nullable List<Runnable> others;

  void add(Runnable notice) {
    if (first == null) {
      first = notice;
      return;
    }
    if (others == null) {
      others = new ArrayList<>();
    }
    others.add(notice);
  }

  /** Tells all, even if telling one fails; what failed first is thrown then. */
  void run() {
    Throwable failure = first == null ? null : failureOf(first);
    if (others != null) {
      for (Runnable notice : others) {
        Throwable next = failureOf(notice);
        failure = failure == null ? next : failure;
      }
    }
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
    if (failure instanceof Error error) {
      throw error;
    }
  }

  private static @Nullable Throwable failureOf(Runnable notice) {
    try {
      notice.run();
      return null;
    } catch (RuntimeException | Error e) {
      return e;
    }
  }
}
