package io.holdfast.testkit;

import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** A thread that does one thing, and what came of it. */
final class Actor<T> {
  final Thread thread;
  final CompletableFuture<T> answer = new CompletableFuture<>();

  Actor(Action<T> action, Function<Runnable, Thread> threads) {
    thread =
        threads.apply(
            () -> {
              try {
                answer.complete(action.run());
              } catch (Throwable e) {
                answer.completeExceptionally(e);
              }
            });
    thread.start();
  }

  interface Action<T> {
    T run() throws Exception;
  }
}
