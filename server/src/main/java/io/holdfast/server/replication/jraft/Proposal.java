package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.error.RaftError;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** An entry on its way, with what apply shall be handed. Is settled once: applied, or dropped. Thread-safe. */
final class Proposal implements Closure {
  private final Proposals all;
  private final long term;
  private final Object local;
  private final AtomicBoolean settled = new AtomicBoolean();

  Proposal(Proposals all, long term, Object local) {
    this.all = all;
    this.term = term;
    this.local = local;
  }

  long term() {
    return term;
  }

  /** What apply shall be handed; null if the machine has been told that the entry was dropped. */
  @Nullable Object applied() {
    return settle() ? local : null;
  }

  void drop(boolean certainly) {
    if (settle()) {
      all.tellDropped(local, certainly);
    }
  }

  private boolean settle() {
    if (settled.compareAndSet(false, true)) {
      all.remove(this);
      return true;
    }
    return false;
  }

  /** Called by the engine when it gives the entry up. That the entry was applied, the state machine finds out first. */
  @Override
  public void run(Status status) {
    if (!status.isOk()) {
      // Busy is said before the entry is in any queue that leads to the log. All else may come too
      // late to be sure.
      drop(status.getRaftError() == RaftError.EBUSY);
    }
  }
}
