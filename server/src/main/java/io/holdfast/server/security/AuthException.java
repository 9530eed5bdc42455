package io.holdfast.server.security;

/** A credential does not hold. An everyday answer, so it carries no stack trace. */
final class AuthException extends Exception {
  private final AuthReason reason;
  private final String line;

  /**
   * @param line one line for people; never the token or a part of its signature
   */
  AuthException(AuthReason reason, String line) {
    super(line, null, false, false);
    this.reason = reason;
    this.line = line;
  }

  AuthReason reason() {
    return reason;
  }

  String line() {
    return line;
  }
}
