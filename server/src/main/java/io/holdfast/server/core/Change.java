package io.holdfast.server.core;

import io.holdfast.LockKey;
import io.holdfast.table.Command;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** What one operation of the log does. Carries its time, if any, apart: all of an entry have one. */
sealed interface Change {
  /** A command to a namespace's table. */
  record OfTable(String namespace, Command command) implements Change {}

  /**
   * Settings of a lock are made known.
   *
   * @param ttlNanos how long a hold lives that does not say; {@link Command#FOREVER} if that is not said here either
   */
  record CreateLock(String namespace, LockKey.Name key, long ttlNanos) implements Change {}

  /**
   * A server begins to lead.
   *
   * @param clientAddress where it listens for clients, host:port
   */
  record Lead(String server, String clientAddress) implements Change {}

  /** Sessions have not been heard of for a while. Decides nothing; the next leader counts on from there. */
  record Silent(String namespace, List<Silence> sessions) implements Change {}

  /**
   * A session that is not heard of.
   *
   * @param seenRenewals how often it had been heard of in the log: says nothing of one that was heard of again
   * @param nanos for how long so far, under all leaders together
   */
  record Silence(long session, long seenRenewals, long nanos) {}

  /**
   * The state was made of a copy that is older than what clients have seen: nothing that was given since is given again. Said
   * more than once, it counts once.
   *
   * @param tokensAbove what tokens and session ids are above from now on, in namespaces that are and in those that come
   */
  record Restored(long tokensAbove) implements Change {
    /** From when on restores are counted. */
    static final Instant FIRST = Instant.parse("2026-01-01T00:00:00Z");

    /** No namespace gives so many tokens in a second: so what is given after a restore stays below those of a later one. */
    private static final long TOKENS_A_SECOND = 1 << 20;

    /** Checks the number. */
    public Restored {
      if (tokensAbove <= 0) {
        throw new IllegalArgumentException("tokensAbove " + tokensAbove + " < 1");
      }
    }

    static Restored when(Instant time) {
      return new Restored(
          Math.multiplyExact(FIRST.until(time, ChronoUnit.SECONDS), TOKENS_A_SECOND));
    }
  }

  /** The same, dated otherwise where it is dated at all. */
  default Change at(long now) {
    return this instanceof OfTable ofTable
        ? new OfTable(ofTable.namespace, ofTable.command.at(now))
        : this;
  }
}
