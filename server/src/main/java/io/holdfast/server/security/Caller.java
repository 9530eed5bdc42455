package io.holdfast.server.security;

import io.grpc.Context;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Who a call comes from, as its credential says, and what that allows. Found in the gRPC context of each call.
 *
 * @param subject the name in the credential; empty where the server asks for none
 * @param tokenId the credential's own name; absent if it has none
 * @param expiresAt when the credential ends
 * @param allowed actions by namespace; those under {@link #EVERY_NAMESPACE} in all
 */
public record Caller(
    String subject,
    Optional<String> tokenId,
    Optional<Instant> expiresAt,
    Map<String, Set<Action>> allowed) {
  /** Stands for all namespaces in {@link #allowed}. No namespace can be called so. */
  public static final String EVERY_NAMESPACE = "*";

  /** May do everything: what a server without credentials takes everybody for. */
  public static final Caller ANYBODY =
      new Caller("", Optional.empty(), Map.of(EVERY_NAMESPACE, Set.of(Action.values())));

  /** Where a call's caller stands. */
  public static final Context.Key<Caller> KEY = Context.key("holdfast-caller");

  /** Copies. */
  public Caller {
    allowed = Map.copyOf(allowed);
  }

  /** By a credential without a name of its own. */
  public Caller(String subject, Optional<Instant> expiresAt, Map<String, Set<Action>> allowed) {
    this(subject, Optional.empty(), expiresAt, allowed);
  }

  /** Whether its time is over. */
  public boolean isExpired(Instant now) {
    return expiresAt.isPresent() && !now.isBefore(expiresAt.get());
  }

  public boolean may(Action action, String namespace) {
    return allowed.getOrDefault(namespace, Set.of()).contains(action)
        || allowed.getOrDefault(EVERY_NAMESPACE, Set.of()).contains(action);
  }
}
