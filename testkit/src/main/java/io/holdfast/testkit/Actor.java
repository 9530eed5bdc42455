package io.holdfast.testkit;

import java.util.concurrent.CompletableFuture;

/** A thread that does one thing, and what came of it. */
final class Actor<T> {
  final Thread thread;
  final CompletableFuture<T> answer = new CompletableFuture<>();

  Actor(Action<T> action) {
    thread =
        new Thread(
            () -> {
              try {
                answer.complete(action.run());
              } catch (Throwable e) {
                answer.completeExceptionally(e);
              }
            },
            "contract-actor");
    thread.setDaemon(true);
    thread.start();
  }

  interface Action<T> {
    T run() throws Exception;
  }
}
