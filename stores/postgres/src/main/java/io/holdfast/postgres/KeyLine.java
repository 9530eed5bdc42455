package io.holdfast.postgres;

import io.holdfast.LockKey;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Who of this client holds one key, and who of it stands in line for it. Guarded by the store's mutex. */
final class KeyLine {
  final AdvisoryKey key;
  final LockKey name;

  /** What holds the key, or is giving it back. */
  final List<PostgresRequest> holders = new ArrayList<>();

  /** In the order of arrival; only the first is asked for at the server. */
  final Deque<PostgresRequest> waiters = new ArrayDeque<>();

  /** Requests that need the key; without one the line is not kept. */
  int interested;

  KeyLine(AdvisoryKey key, LockKey name) {
    this.key = key;
    this.name = name;
  }

  /** Whether somebody of this client holds the key in a mode that excludes the claim. */
  boolean excludes(Claim claim) {
    for (PostgresRequest holder : holders) {
      for (Claim held : holder.claims) {
        if (held.conflictsWith(claim)) {
          return true;
        }
      }
    }
    return false;
  }

  boolean isHeldByThread(long thread) {
    return holders.stream().anyMatch(holder -> holder.isHeld() && holder.callerThread() == thread);
  }
}
