package io.holdfast.inprocess;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is to be told once the mutex is released. Mostly one thing or nothing, which costs no list. */
final class Notices {
  private @Nullable Runnable first;
  private @Nullable List<Runnable> others;

  void add(Runnable notice) {
    if (notice == InProcessRequest.NOTHING) {
      return;
    }
    if (first == null) {
      first = notice;
      return;
    }
    if (others == null) {
      others = new ArrayList<>();
    }
    others.add(notice);
  }

  void run() {
    if (first != null) {
      first.run();
    }
    if (others != null) {
      others.forEach(Runnable::run);
    }
  }
}
