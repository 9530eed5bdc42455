package io.holdfast.server.core;

import io.holdfast.InvalidRequestException;
import io.holdfast.protocol.v1.Error;
import io.holdfast.server.security.AuthReason;
import java.util.Optional;

/**
 * Why something was not done, as clients are told.
 *
 * @param reason a stable word for programs
 * @param message one line for people: field, value and limit
 */
public record Problem(Code code, String reason, String message) {
  /** The codes of gRPC that a server answers with, under their numbers. */
  public enum Code {
    /** A field is not what it may be. */
    INVALID_ARGUMENT(3),
    /** Not in time. */
    DEADLINE_EXCEEDED(4),
    /** It was made before. */
    ALREADY_EXISTS(6),
    /** The credential does not allow it. */
    PERMISSION_DENIED(7),
    /** A limit is reached. */
    RESOURCE_EXHAUSTED(8),
    /** Things are not so that it could be done. */
    FAILED_PRECONDITION(9),
    /** Not now, or not here. */
    UNAVAILABLE(14),
    /** No credential, or one that does not hold. */
    UNAUTHENTICATED(16);

    private final int number;

    Code(int number) {
      this.number = number;
    }

    /** As on the wire. */
    public int number() {
      return number;
    }
  }

  static Problem invalid(String reason, String message) {
    return new Problem(Code.INVALID_ARGUMENT, reason, message);
  }

  /** What the rules of names and data have found. */
  static Problem invalid(InvalidRequestException e) {
    String line = String.valueOf(e.getMessage());
    return invalid(e.reason(), line.substring(Math.min(line.length(), e.reason().length() + 2)));
  }

  static Problem exhausted(String limit, String what, int is, int most) {
    return new Problem(
        Code.RESOURCE_EXHAUSTED, "TOO_MANY_" + limit, what + " are " + is + ", at most " + most);
  }

  static Problem unavailable(String reason, String message) {
    return new Problem(Code.UNAVAILABLE, reason, message);
  }

  static Problem denied(String message) {
    return new Problem(Code.PERMISSION_DENIED, "NOT_ALLOWED", message);
  }

  /** A credential that was good before. */
  static Problem lapsed(AuthReason reason) {
    return new Problem(
        Code.UNAUTHENTICATED,
        reason.name(),
        reason == AuthReason.EXPIRED
            ? "the credential has run out"
            : "the credential is not taken any more");
  }

  /** Why a hold cannot live for so long by itself; empty if it can. */
  public static Optional<Problem> ofTtl(long millis) {
    try {
      FromWire.lease("ttl_ms", "TTL", millis);
      return Optional.empty();
    } catch (Found e) {
      return Optional.of(e.problem());
    }
  }

  /** As it was told over a link; what has no code of ours counts as {@code UNAVAILABLE}. */
  public static Problem of(Error error) {
    Code code = Code.UNAVAILABLE;
    for (Code each : Code.values()) {
      if (each.number == error.getCode()) {
        code = each;
      }
    }
    return new Problem(code, error.getReason(), error.getMessage());
  }

  /** As on the wire. */
  public Error toWire() {
    return Error.newBuilder().setCode(code.number()).setReason(reason).setMessage(message).build();
  }

  /** Carries a problem to whoever answers. */
  static final class Found extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Problem problem;

    Found(Problem problem) {
      super(problem.reason(), null, false, false);
      this.problem = problem;
    }

    Problem problem() {
      return problem;
    }
  }
}
