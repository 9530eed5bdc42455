package io.holdfast.server.core;

import io.holdfast.LockClient;

/**
 * How much of anything a server takes. What would be more is refused before it comes into the log, with {@code
 * RESOURCE_EXHAUSTED} and the name of the limit; an operation that waits for the log already is not counted yet, so up to {@link
 * #queuedOperations} more may get in.
 *
 * @param namespaces that were ever used: each is kept for good, for its tokens must not begin again
 * @param sessions open in one namespace
 * @param sessionsPerConnection opened or resumed on one stream
 * @param requestsPerSession that hold or wait
 * @param waiters in one namespace
 * @param keys held or waited for in one namespace, and those above them
 * @param createdLocks whose settings were made known, in one namespace
 * @param connections streams at a time
 * @param watches of the locks of one namespace at a time
 * @param queuedOperations that wait to go into the log; what comes then is {@code UNAVAILABLE}. Twice as many if they give
 *     something back
 * @param operationsPerConnection that were asked on one stream and not answered; the stream is not read further until there
 *     are fewer
 * @param queuedReads that wait for a majority to confirm that this server leads
 * @param unsentMessages to one client; one that reads nothing and is owed more is disconnected
 * @param listed locks in the answer to one question
 */
public record Limits(
    int namespaces,
    int sessions,
    int sessionsPerConnection,
    int requestsPerSession,
    int waiters,
    int keys,
    int createdLocks,
    int connections,
    int watches,
    int queuedOperations,
    int operationsPerConnection,
    int queuedReads,
    int unsentMessages,
    int listed) {
  /** Those of a server that is not told otherwise. */
  public static final Limits DEFAULTS =
      new Limits(
          1_000,
          100_000,
          100,
          10_000,
          100_000,
          1_000_000,
          100_000,
          10_000,
          100,
          16_384,
          4_096,
          16_384,
          20_000,
          LockClient.MAX_LISTED);

  /** Checks that there is at least one of each. */
  public Limits {
    int least = namespaces;
    for (int each :
        new int[] {
          sessions,
          sessionsPerConnection,
          requestsPerSession,
          waiters,
          keys,
          createdLocks,
          connections,
          watches,
          queuedOperations,
          operationsPerConnection,
          queuedReads,
          unsentMessages,
          listed
        }) {
      least = Math.min(least, each);
    }
    if (least < 1) {
      throw new IllegalArgumentException("a limit is " + least + ", at least 1");
    }
    if (listed > LockClient.MAX_LISTED) {
      throw new IllegalArgumentException("listed " + listed + ", at most " + LockClient.MAX_LISTED);
    }
  }
}
