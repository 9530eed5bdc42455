package io.holdfast.gcs;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;

/** Bearer tokens that the user hands in. The supplier may block, so it is asked in a thread of its own. */
final class SuppliedToken implements RequestHeaders {
  private final Supplier<String> tokens;
  private final ExecutorService thread = CredentialsThread.open();

  SuppliedToken(Supplier<String> tokens) {
    this.tokens = tokens;
  }

  @Override
  public CompletableFuture<Map<String, String>> next() {
    return CompletableFuture.supplyAsync(
        () -> Map.of("Authorization", "Bearer " + tokens.get()), thread);
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
