package io.holdfast.faults;

/** The service is not what it should be again. It says something about the servers: the run has found what it was for. */
final class NotRecoveredException extends RigException {
  private static final long serialVersionUID = 1L;

  NotRecoveredException(String message) {
    super(message);
  }
}
