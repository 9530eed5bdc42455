package io.holdfast.server.security;

import io.grpc.Status;

/** Why a call is turned away at the door. The names are stable: clients find them in {@code holdfast-reason}. */
public enum AuthReason {
  /** No authorization header. */
  TOKEN_MISSING(Status.Code.UNAUTHENTICATED),
  /** Another scheme than Bearer. */
  SCHEME(Status.Code.UNAUTHENTICATED),
  /** Several authorization headers. */
  AMBIGUOUS(Status.Code.UNAUTHENTICATED),
  /** A token over an unencrypted connection from another machine. */
  PLAINTEXT(Status.Code.UNAUTHENTICATED),
  TOKEN_TOO_LARGE(Status.Code.UNAUTHENTICATED),
  /** Not a signed JWT, or a claim of another type than it should have. */
  MALFORMED(Status.Code.UNAUTHENTICATED),
  /** Not the algorithm that belongs to the key. */
  ALG_NOT_ALLOWED(Status.Code.UNAUTHENTICATED),
  UNKNOWN_KEY(Status.Code.UNAUTHENTICATED),
  BAD_SIGNATURE(Status.Code.UNAUTHENTICATED),
  WRONG_ISSUER(Status.Code.UNAUTHENTICATED),
  WRONG_AUDIENCE(Status.Code.UNAUTHENTICATED),
  NO_SUBJECT(Status.Code.UNAUTHENTICATED),
  NO_EXPIRY(Status.Code.UNAUTHENTICATED),
  EXPIRED(Status.Code.UNAUTHENTICATED),
  NOT_YET_VALID(Status.Code.UNAUTHENTICATED),
  LIFETIME_TOO_LONG(Status.Code.UNAUTHENTICATED),
  /** On the deny list. */
  DENIED(Status.Code.UNAUTHENTICATED),
  /** The keys have not been loadable for too long. Not the caller's fault: later, or elsewhere, it may be admitted. */
  KEYS_UNAVAILABLE(Status.Code.UNAVAILABLE),
  /** The token allows nothing in any namespace. */
  NO_NAMESPACE(Status.Code.PERMISSION_DENIED),
  /** The token names all namespaces without being an operator's. */
  EVERY_NAMESPACE(Status.Code.PERMISSION_DENIED),
  /** The token is good, but not for this. */
  NOT_ALLOWED(Status.Code.PERMISSION_DENIED),
  /** No name of a namespace. */
  NAMESPACE_INVALID(Status.Code.INVALID_ARGUMENT);

  private final Status.Code code;

  AuthReason(Status.Code code) {
    this.code = code;
  }

  /** What a call ends with. */
  public Status.Code code() {
    return code;
  }
}
