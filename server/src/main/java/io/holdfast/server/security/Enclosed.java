package io.holdfast.server.security;

import org.jspecify.annotations.Nullable;

/** A request that comes inside something of the server's own; what asks for permission looks through. */
public interface Enclosed {
  /** The request as the protocol has it; null if it could not be read, and will not reach the service. */
  @Nullable Object request();
}
