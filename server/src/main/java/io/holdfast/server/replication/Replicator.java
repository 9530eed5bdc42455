package io.holdfast.server.replication;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One server's part in keeping a log that is the same on all servers. What the engine behind it is called, and its types, stay
 * behind it.
 *
 * <p>Thread-safe. Nothing here blocks but {@link #start} and {@link #close}.
 */
public interface Replicator extends AutoCloseable {
  /**
   * Takes up the log where this server left it. Calls to the machine begin before this returns.
   *
   * @throws ReplicationException if it cannot: the folder is another cluster's, in use or not writable, the address is taken
   */
  void start(ReplicatedMachine machine);

  /**
   * Proposes an entry, as leader of a term. What comes of it is told to the machine, once: {@link ReplicatedMachine#apply}
   * with {@code local}, or {@link ReplicatedMachine#dropped}, the latter perhaps before this returns. Entries of one term are
   * applied in the order in which they were proposed.
   *
   * @param term that in which this server leads; an entry never comes into the log in a later one
   * @param local what apply shall be handed here, on this server alone
   */
  void propose(long term, byte[] entry, Object local);

  /**
   * Asks a majority whether this server leads.
   *
   * @param answer is told true if it certainly did at some moment after this call, and every entry committed before this call
   *     has been applied; false if not, or if nobody knows. On a thread of the engine's, which it must not keep.
   */
  void confirm(Consumer<Boolean> answer);

  /** How far this server has come. */
  ReplicaStatus status();

  /** Adds a server by its name; completes when it has caught up and votes. Only on the leader. */
  CompletableFuture<@Nullable Void> addMember(String server);

  /** Removes a server. Only on the leader. */
  CompletableFuture<@Nullable Void> removeMember(String server);

  /** Hands the leadership to another server, or whichever has come farthest. Only on the leader. */
  CompletableFuture<@Nullable Void> transferLeadership(Optional<String> server);

  /** Writes a snapshot now. Completes with the index of the last entry in it. */
  CompletableFuture<Long> snapshot();

  /** Hands the leadership over, if this server has it and another can take it, and stops. Twice is harmless. */
  @Override
  void close();
}
