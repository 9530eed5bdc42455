package io.holdfast.gcs;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The one thread of a store that may block, for credentials to be fetched. It starts with the first need and ends when idle. */
final class CredentialsThread {
  /** So many requests may wait for credentials at a time; what is more fails. */
  static final int MOST_WAITING = 10_000;

  private static final int IDLE_SECONDS = 10;

  private CredentialsThread() {}

  static ExecutorService open() {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MOST_WAITING),
            task -> {
              Thread thread = new Thread(task, "holdfast-gcs-credentials");
              thread.setDaemon(true);
              return thread;
            });
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }
}
