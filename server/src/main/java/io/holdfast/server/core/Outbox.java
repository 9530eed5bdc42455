package io.holdfast.server.core;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * What is to be said once the mutex is free, in the order in which it was put here. Put in with the mutex held, taken out
 * without: whichever thread comes to drain it works for the others that come meanwhile, so the receiver sees one thread at a
 * time.
 */
public final class Outbox<T> {
  private final Queue<T> queue = new ConcurrentLinkedQueue<>();
  private final AtomicInteger size = new AtomicInteger();

  /** Calls of drain that are not worked off; who makes it 1 does the work. */
  private final AtomicInteger calls = new AtomicInteger();

  private final BooleanSupplier ready;
  private final Consumer<T> receiver;
  private final Runnable drained;

  /** Whether it is among those to be drained when the mutex is given up. Guarded by that mutex. */
  boolean isTouched;

  /**
   * An empty one.
   *
   * @param ready whether the receiver takes something now; when that changes, somebody has to drain
   * @param receiver must not throw
   */
  public Outbox(BooleanSupplier ready, Consumer<T> receiver) {
    this(ready, receiver, () -> {});
  }

  /**
   * An empty one.
   *
   * @param ready whether the receiver takes something now; when that changes, somebody has to drain
   * @param receiver must not throw
   * @param drained runs after the receiver was handed what there was, or as much of it as it took; must not throw
   */
  Outbox(BooleanSupplier ready, Consumer<T> receiver, Runnable drained) {
    this.ready = ready;
    this.receiver = receiver;
    this.drained = drained;
  }

  /** Puts something at the end. */
  public void add(T item) {
    size.incrementAndGet();
    queue.add(item);
  }

  int size() {
    return size.get();
  }

  /** Hands over what there is, unless somebody is at it; then that one does. */
  public void drain() {
    if (calls.getAndIncrement() != 0) {
      return;
    }
    int worked = 1;
    while (worked != 0) {
      T next;
      boolean handed = false;
      while (ready.getAsBoolean() && (next = queue.poll()) != null) {
        size.decrementAndGet();
        receiver.accept(next);
        handed = true;
      }
      if (handed) {
        drained.run();
      }
      worked = calls.addAndGet(-worked);
    }
  }
}
