package io.holdfast.faults;

/** The rig itself cannot go on: a tool failed, a process did not start. Says nothing about the locks. */
class RigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  RigException(String message) {
    super(message);
  }

  RigException(String message, Throwable cause) {
    super(message, cause);
  }
}
