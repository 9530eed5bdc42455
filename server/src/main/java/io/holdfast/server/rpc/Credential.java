package io.holdfast.server.rpc;

import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import io.holdfast.server.security.Authenticator;
import io.holdfast.server.security.Caller;
import io.holdfast.spi.Ticker;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Who speaks over a link, and whether they still may: links outlast the moment at which a caller was let in. */
record Credential(Caller caller, @Nullable Authenticator authenticator, Ticker ticker) {
  /** That of the call being handled; null if it is not known who calls. */
  static @Nullable Credential current(Ticker ticker) {
    Caller caller = Caller.KEY.get();
    return caller == null ? null : new Credential(caller, Authenticator.KEY.get(), ticker);
  }

  /** The one of two of a subject that ends later; the second if neither does. */
  static Credential lasting(Credential one, Credential other) {
    Instant end = one.caller.expiresAt().orElse(Instant.MAX);
    return other.caller.expiresAt().orElse(Instant.MAX).isBefore(end) ? one : other;
  }

  String subject() {
    return caller.subject();
  }

  boolean may(Action action, String namespace) {
    return caller.may(action, namespace);
  }

  /** Why it does not hold any more; empty while it does. */
  Optional<AuthReason> lapse() {
    if (authenticator != null) {
      return authenticator.lapse(caller);
    }
    return caller.isExpired(ticker.instant()) ? Optional.of(AuthReason.EXPIRED) : Optional.empty();
  }
}
