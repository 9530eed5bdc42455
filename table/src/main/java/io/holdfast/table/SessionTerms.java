package io.holdfast.table;

import java.nio.charset.StandardCharsets;

/**
 * On what terms a session was opened. A table decides nothing by them: it keeps them for its keeper, who ends sessions and may
 * be another one, on another machine, by then.
 *
 * @param leaseNanos how long the session lives without being heard of; {@link Command#FOREVER} without a limit
 * @param nonceHigh with the other half it proves that a client is the one that opened the session
 * @param nonceLow the other half
 * @param subject who its credential said that the client is; at most {@value #MAX_SUBJECT_BYTES} UTF-8 bytes, empty if none was
 *     asked for
 */
public record SessionTerms(long leaseNanos, long nonceHigh, long nonceLow, String subject) {
  /** A subject has at most so many UTF-8 bytes. */
  public static final int MAX_SUBJECT_BYTES = 512;

  /** Of a session that ends when its client says so, and belongs to nobody else. */
  public static final SessionTerms NONE = new SessionTerms(Command.FOREVER, 0, 0, "");

  /** Checks lease and subject. */
  public SessionTerms {
    if (leaseNanos <= 0) {
      throw new IllegalArgumentException("leaseNanos " + leaseNanos + " < 1");
    }
    int bytes = subject.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > MAX_SUBJECT_BYTES) {
      throw new IllegalArgumentException(
          "subject has " + bytes + " bytes, at most " + MAX_SUBJECT_BYTES);
    }
  }
}
