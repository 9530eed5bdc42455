package io.holdfast.postgres;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Threads that may block, and which ones may not. */
final class Threads {
  private static final long IDLE_SECONDS = 10;

  private static final @Nullable MethodHandle IS_VIRTUAL = isVirtual();

  private Threads() {}

  /**
   * Whether this thread may use a connection that others use too. An interrupt closes the socket that a virtual thread reads
   * from, and with it what everybody holds.
   */
  static boolean mayBlock() {
    if (IS_VIRTUAL == null) {
      return true;
    }
    try {
      return !(boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /**
   * At most so many daemon threads of this name, none when there is nothing to do. What is handed to them is bounded by
   * the caller.
   */
  static ThreadPoolExecutor pool(String name, int most) {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            most,
            most,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> daemon(name, task));
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }

  private static @Nullable MethodHandle isVirtual() {
    try {
      return MethodHandles.lookup()
          .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
    } catch (ReflectiveOperationException olderJdk) {
      return null;
    }
  }
}
