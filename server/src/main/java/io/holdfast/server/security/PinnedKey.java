package io.holdfast.server.security;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.MACVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.OctetSequenceKey;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.util.Base64URL;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A key that tokens are signed with, and the one algorithm that it is used with. A token chooses a key by name; which
 * algorithm then checks it is not for the token to say. Immutable, thread-safe.
 */
final class PinnedKey {
  static final Set<String> ALGORITHMS = Set.of("RS256", "ES256", "HS256");

  private static final int LEAST_RSA_BITS = 2048;
  private static final int LEAST_SECRET_BYTES = 32;

  private final JWK jwk;
  private final String algorithm;
  private final JWSVerifier verifier;

  private PinnedKey(JWK jwk, String algorithm, JWSVerifier verifier) {
    this.jwk = jwk;
    this.algorithm = algorithm;
    this.verifier = verifier;
  }

  /**
   * Reads a set of keys (JWKS). Keys of other kinds than ours are passed over, for a set may serve others too.
   *
   * @param secrets whether secrets (for HS256) are taken; what comes over the network is no secret
   * @throws InvalidKeysException if the set is none, leaves no key, or has two of one name or one too weak
   */
  static Map<String, PinnedKey> parse(byte[] jwks, boolean secrets) throws InvalidKeysException {
    JWKSet set;
    try {
      set = JWKSet.parse(new String(jwks, StandardCharsets.UTF_8));
    } catch (ParseException | RuntimeException e) {
      // Without the cause: its message may quote a secret.
      throw new InvalidKeysException("it is not a JSON Web Key Set");
    }
    Map<String, PinnedKey> keys = new LinkedHashMap<>();
    for (JWK jwk : set.getKeys()) {
      Optional<PinnedKey> key = pin(jwk, secrets);
      if (key.isPresent() && keys.put(jwk.getKeyID(), key.get()) != null) {
        throw new InvalidKeysException("two keys are called " + Quoted.of(jwk.getKeyID()));
      }
    }
    if (keys.isEmpty()) {
      throw new InvalidKeysException(
          "it has no key with a kid for RS256, ES256" + (secrets ? " or HS256" : ""));
    }
    return Map.copyOf(keys);
  }

  private static Optional<PinnedKey> pin(JWK jwk, boolean secrets) throws InvalidKeysException {
    if (jwk.getKeyID() == null || KeyUse.ENCRYPTION.equals(jwk.getKeyUse())) {
      return Optional.empty();
    }
    try {
      if (jwk instanceof RSAKey rsa && isFor(jwk, JWSAlgorithm.RS256)) {
        if (rsa.size() < LEAST_RSA_BITS) {
          throw tooWeak(jwk, rsa.size() + " < " + LEAST_RSA_BITS + " bits");
        }
        return Optional.of(
            new PinnedKey(rsa.toPublicJWK(), "RS256", new RSASSAVerifier(rsa.toPublicJWK())));
      }
      if (jwk instanceof ECKey ec
          && Curve.P_256.equals(ec.getCurve())
          && isFor(jwk, JWSAlgorithm.ES256)) {
        return Optional.of(
            new PinnedKey(ec.toPublicJWK(), "ES256", new ECDSAVerifier(ec.toPublicJWK())));
      }
      if (jwk instanceof OctetSequenceKey secret && secrets && isFor(jwk, JWSAlgorithm.HS256)) {
        int bytes = secret.toByteArray().length;
        if (bytes < LEAST_SECRET_BYTES) {
          throw tooWeak(jwk, bytes + " < " + LEAST_SECRET_BYTES + " bytes");
        }
        return Optional.of(new PinnedKey(jwk, "HS256", new MACVerifier(secret)));
      }
      return Optional.empty();
    } catch (JOSEException e) {
      throw new InvalidKeysException("key " + Quoted.of(jwk.getKeyID()) + " cannot be used");
    }
  }

  private static boolean isFor(JWK jwk, JWSAlgorithm algorithm) {
    return jwk.getAlgorithm() == null || jwk.getAlgorithm().equals(algorithm);
  }

  private static InvalidKeysException tooWeak(JWK jwk, String how) {
    return new InvalidKeysException("key " + Quoted.of(jwk.getKeyID()) + " is too short: " + how);
  }

  boolean isSecret() {
    return jwk instanceof OctetSequenceKey;
  }

  /** Whether both are the same key for the same algorithm. */
  boolean isSame(PinnedKey other) {
    return this == other || (algorithm.equals(other.algorithm) && jwk.equals(other.jwk));
  }

  /** Returns if the token was signed with this key. */
  void verify(SignedToken token) throws AuthException {
    if (!token.alg().equals(algorithm)) {
      throw new AuthException(
          AuthReason.ALG_NOT_ALLOWED,
          "algorithm " + token.alg() + " is not that of key " + Quoted.of(token.kid()));
    }
    boolean holds;
    try {
      // A header of our own making: the verifier sees nothing of the token's.
      holds =
          verifier.verify(
              new JWSHeader(JWSAlgorithm.parse(algorithm)),
              token.signed(),
              Base64URL.encode(token.signature()));
    } catch (JOSEException | RuntimeException e) {
      holds = false;
    }
    if (!holds) {
      throw new AuthException(
          AuthReason.BAD_SIGNATURE, "the token was not signed with key " + Quoted.of(token.kid()));
    }
  }

  /** A set of keys cannot be used; the message says why, to be put behind where it came from. */
  static final class InvalidKeysException extends Exception {
    InvalidKeysException(String message) {
      super(message);
    }
  }
}
