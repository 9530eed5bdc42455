package io.holdfast.inprocess;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;

/** {@code in-process:}, the locks of this JVM ({@link InProcessLocks#shared}). For {@link java.util.ServiceLoader}. */
public final class InProcessProvider implements LockProvider {
  private static final String SCHEME = "in-process";

  /** For {@link java.util.ServiceLoader}. */
  public InProcessProvider() {}

  @Override
  public String scheme() {
    return SCHEME;
  }

  @Override
  public LockStore open(String url, ClientOptions options) {
    if (!url.equals(SCHEME + ":")) {
      throw new InvalidRequestException(
          "URL_MALFORMED",
          "url is " + InvalidRequestException.show(url) + ", but nothing follows " + SCHEME + ":");
    }
    if (options.ticker() != InProcessLocks.shared().ticker()) {
      throw new InvalidRequestException(
          "TICKER_FOREIGN",
          "ticker of the client is not the system's, which the locks of the JVM share");
    }
    return InProcessLocks.shared().open(options.name());
  }
}
