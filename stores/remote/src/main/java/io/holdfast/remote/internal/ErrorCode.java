package io.holdfast.remote.internal;

import io.holdfast.protocol.v1.Error;

/** What the {@code code} of an {@link Error} means to a client. The numbers are gRPC's. */
public final class ErrorCode {
  public static final int INVALID_ARGUMENT = 3;
  public static final int NOT_FOUND = 5;
  public static final int PERMISSION_DENIED = 7;
  public static final int RESOURCE_EXHAUSTED = 8;
  public static final int FAILED_PRECONDITION = 9;
  public static final int UNIMPLEMENTED = 12;
  public static final int UNAVAILABLE = 14;
  public static final int UNAUTHENTICATED = 16;

  private ErrorCode() {}

  /** Whether a server has understood, and will say the same when it is asked again. */
  public static boolean isVerdict(Error error) {
    return switch (error.getCode()) {
      case INVALID_ARGUMENT,
          NOT_FOUND,
          PERMISSION_DENIED,
          RESOURCE_EXHAUSTED,
          FAILED_PRECONDITION,
          UNIMPLEMENTED,
          UNAUTHENTICATED ->
          true;
      default -> false;
    };
  }

  /** Whether the server says that there is nothing to give back: neither held nor waited for. */
  static boolean isNothingThere(Error error) {
    return switch (error.getCode()) {
      case INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION -> true;
      default -> false;
    };
  }

  /** An error that this client found by itself. */
  public static Error unavailable(String message) {
    return Error.newBuilder().setCode(UNAVAILABLE).setMessage(message).build();
  }
}
