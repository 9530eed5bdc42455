package io.holdfast.examples;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Threads that all deposit at once. */
final class Tellers {
  /** Deposits of all tellers. */
  static final int ALL = 30;

  /** For one deposit. */
  static final Duration PATIENCE = Duration.ofSeconds(30);

  private static final int TELLERS = 3;

  private Tellers() {}

  interface Deposit {
    void make() throws Exception;
  }

  static void work(Deposit deposit) throws Exception {
    List<CompletableFuture<Void>> tellers = new ArrayList<>();
    for (int i = 0; i < TELLERS; i++) {
      CompletableFuture<Void> teller = new CompletableFuture<>();
      tellers.add(teller);
      new Thread(
              () -> {
                try {
                  for (int n = 0; n < ALL / TELLERS; n++) {
                    deposit.make();
                  }
                  teller.complete(null);
                } catch (Exception | AssertionError e) {
                  teller.completeExceptionally(e);
                }
              })
          .start();
    }
    for (CompletableFuture<Void> teller : tellers) {
      teller.get(1, TimeUnit.MINUTES);
    }
  }
}
