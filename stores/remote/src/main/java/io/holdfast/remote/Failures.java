package io.holdfast.remote;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.protocol.v1.Error;
import io.holdfast.remote.internal.ErrorCode;
import org.jspecify.annotations.Nullable;

/** What a server's refusal is to a user. */
final class Failures {
  private Failures() {}

  /** Nothing has changed at the server. */
  static RuntimeException of(Error error) {
    if (error.getCode() == ErrorCode.INVALID_ARGUMENT) {
      return new InvalidRequestException(reason(error), detail(error));
    }
    if (ErrorCode.isVerdict(error)) {
      return new LockRefusedException(reason(error), detail(error));
    }
    return new StoreUnavailableException(line(error), cause(error));
  }

  /** What gRPC would have thrown; if nothing has failed yet, that no server has answered. */
  static StatusRuntimeException cause(@Nullable Error error) {
    return error == null
        ? Status.UNAVAILABLE.withDescription("no server has answered").asRuntimeException()
        : Status.fromCodeValue(error.getCode())
            .withDescription(error.getMessage())
            .asRuntimeException();
  }

  /** One line for people. */
  static String line(Error error) {
    return reason(error) + ": " + detail(error);
  }

  private static String reason(Error error) {
    return error.getReason().isEmpty()
        ? Status.fromCodeValue(error.getCode()).getCode().name()
        : error.getReason();
  }

  /** Without the reason in front, which the exceptions say by themselves. */
  private static String detail(Error error) {
    String prefix = error.getReason() + ": ";
    String message = error.getMessage();
    return !error.getReason().isEmpty() && message.startsWith(prefix)
        ? message.substring(prefix.length())
        : message;
  }
}
