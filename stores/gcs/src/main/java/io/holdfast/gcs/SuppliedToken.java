package io.holdfast.gcs;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

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
        () -> Map.of("Authorization", "Bearer " + checked(tokens.get())), thread);
  }

  /** Never shown, not even if it is none. */
  private static String checked(@Nullable String token) {
    if (token == null || !token.matches("[\\x21-\\x7e]+")) {
      throw new IllegalStateException(
          "the bearer token handed in is empty or has characters that no header can carry");
    }
    return token;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
