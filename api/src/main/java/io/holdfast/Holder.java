package io.holdfast;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Who has a lock.
 *
 * @param client the name of its client, as {@link ClientOptions#name} set it
 * @param targets all that was granted to it as one, in the order asked for
 * @param token the fencing token of the grant; empty where the store keeps none, or cannot tell that of others
 * @param since when it was granted; by the store's clock or this machine's, for people to read
 * @param until when it ends unless renewed; empty if nothing but its holder or an operator ends it
 * @param data what the holder wants others to see
 */
public record Holder(
    String client,
    List<LockTarget> targets,
    OptionalLong token,
    Instant since,
    Optional<Instant> until,
    HoldData data) {
  /** Copies the list. */
  public Holder {
    targets = List.copyOf(targets);
  }
}
