package io.holdfast.server.replication;

/** A server cannot take part in the log; the message says why, in one line. */
public final class ReplicationException extends RuntimeException {
  public ReplicationException(String message) {
    super(message);
  }

  public ReplicationException(String message, Throwable cause) {
    super(message, cause);
  }
}
