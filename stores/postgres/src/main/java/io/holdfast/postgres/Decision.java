package io.holdfast.postgres;

import java.util.ArrayList;
import java.util.List;

/** What follows from what was decided under the mutex: done when it is released, telling before asking. */
final class Decision {
  private final List<Runnable> notices = new ArrayList<>(2);
  private final List<Runnable> errands = new ArrayList<>(2);

  /** To be done at once, in the thread that decided: completing a future, telling a listener. Never blocks. */
  void tell(Runnable notice) {
    notices.add(notice);
  }

  /** To be handed to a thread that may block. */
  void send(Runnable errand) {
    errands.add(errand);
  }

  /** Does it all, even if some of it fails; what failed first is thrown then. */
  void carryOut() {
    Throwable failure = null;
    for (List<Runnable> steps : List.of(notices, errands)) {
      for (Runnable step : steps) {
        try {
          step.run();
        } catch (RuntimeException | Error e) {
          failure = failure == null ? e : failure;
        }
      }
    }
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
    if (failure instanceof Error error) {
      throw error;
    }
  }
}
