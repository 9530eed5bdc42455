package io.holdfast.server.security;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Whose tokens a server takes.
 *
 * @param keys where the signing keys are, as a JWKS: an {@code https://} URL, or a file; secrets for HS256 only in a file
 * @param trust PEM file of the authorities that the URL's server is trusted by, if not the JDK's
 * @param issuer what {@code iss} must be, to the letter
 * @param audience what {@code aud} must be or contain
 * @param permissionsClaim the claim that says what is allowed where, see {@link Authenticator}
 * @param leeway by how much the clocks of issuer and server may differ, at most 60 s
 * @param maxLifetime tokens that live longer are refused
 * @param denyList file of tokens and subjects that are refused all the same, see {@link DenyList}
 */
public record AuthSettings(
    String keys,
    Optional<Path> trust,
    String issuer,
    String audience,
    String permissionsClaim,
    Duration leeway,
    Duration maxLifetime,
    Optional<Path> denyList) {
  private static final Duration MAX_LEEWAY = Duration.ofSeconds(60);

  /**
   * Checks.
   *
   * @throws ConfigurationException if a value is not what it may be
   */
  public AuthSettings {
    notBlank("keys", keys);
    notBlank("issuer", issuer);
    notBlank("audience", audience);
    notBlank("permissions claim", permissionsClaim);
    if (leeway.isNegative() || leeway.compareTo(MAX_LEEWAY) > 0) {
      throw new ConfigurationException(
          "auth leeway is " + leeway.toMillis() + " ms, not 0 to " + MAX_LEEWAY.toMillis() + " ms");
    }
    if (maxLifetime.isNegative() || maxLifetime.isZero()) {
      throw new ConfigurationException(
          "auth max lifetime is " + maxLifetime.toMillis() + " ms, it must be above 0");
    }
  }

  /** With 30 s of leeway, tokens of at most 24 h, and permissions in the claim {@code holdfast}. */
  public AuthSettings(String keys, String issuer, String audience) {
    this(
        keys,
        Optional.empty(),
        issuer,
        audience,
        "holdfast",
        Duration.ofSeconds(30),
        Duration.ofHours(24),
        Optional.empty());
  }

  private static void notBlank(String what, String value) {
    if (value.isBlank()) {
      throw new ConfigurationException("auth " + what + " is empty");
    }
  }
}
