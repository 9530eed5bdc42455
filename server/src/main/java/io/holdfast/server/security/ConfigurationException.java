package io.holdfast.server.security;

/** A server cannot start as it was told to; the message is one line that names the setting or file. */
public final class ConfigurationException extends RuntimeException {
  public ConfigurationException(String message) {
    super(message);
  }

  public ConfigurationException(String message, Throwable cause) {
    super(message, cause);
  }
}
