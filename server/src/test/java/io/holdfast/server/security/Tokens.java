package io.holdfast.server.security;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.OctetSequenceKey;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.OctetSequenceKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An issuer: its keys, the tokens that it signs, and such as it would never sign. */
final class Tokens {
  static final String ISSUER = "https://issuer.example";
  static final String AUDIENCE = "holdfast";

  /** Where a ManualTicker begins. */
  static final long NOW = 1_767_225_600;

  static final RSAKey RSA = made("rsa");
  static final ECKey EC = ec("ec");
  static final OctetSequenceKey SECRET = secret("secret", 256);

  private Tokens() {}

  static RSAKey made(String kid) {
    try {
      return new RSAKeyGenerator(2048).keyID(kid).generate();
    } catch (JOSEException e) {
      throw new AssertionError(e);
    }
  }

  static ECKey ec(String kid) {
    try {
      return new ECKeyGenerator(Curve.P_256).keyID(kid).generate();
    } catch (JOSEException e) {
      throw new AssertionError(e);
    }
  }

  static OctetSequenceKey secret(String kid, int bits) {
    try {
      return new OctetSequenceKeyGenerator(bits).keyID(kid).generate();
    } catch (JOSEException e) {
      throw new AssertionError(e);
    }
  }

  /** Puts the keys where a server finds them, in one step. */
  static Path publish(Path file, JWK... keys) throws IOException {
    return publish(file, new JWKSet(Arrays.asList(keys)).toString(false));
  }

  static Path publish(Path file, String jwks) throws IOException {
    Path whole = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(whole, jwks);
    Files.setPosixFilePermissions(whole, PosixFilePermissions.fromString("rw-------"));
    return Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Claims that a server of ours takes: one hour, may read and acquire in "team". */
  static Map<String, Object> claims() {
    Map<String, Object> claims = new LinkedHashMap<>();
    claims.put("iss", ISSUER);
    claims.put("aud", AUDIENCE);
    claims.put("sub", "billing");
    claims.put("iat", NOW);
    claims.put("exp", NOW + 3600);
    claims.put("jti", "token-1");
    claims.put("holdfast", Map.of("team", List.of("read", "acquire")));
    return claims;
  }

  static Map<String, Object> claims(String name, Object value) {
    Map<String, Object> claims = claims();
    claims.put(name, value);
    return claims;
  }

  static Map<String, Object> claimsWithout(String name) {
    Map<String, Object> claims = claims();
    claims.remove(name);
    return claims;
  }

  static Map<String, Object> claimsAllowing(Object permissions) {
    return claims("holdfast", permissions);
  }

  static String signed(Map<String, Object> claims) {
    return signed(RSA, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", json(claims));
  }

  static String signed(JWK key, Map<String, Object> claims) {
    String alg = key instanceof RSAKey ? "RS256" : key instanceof ECKey ? "ES256" : "HS256";
    return signed(
        key, "{\"alg\":\"" + alg + "\",\"kid\":\"" + key.getKeyID() + "\"}", json(claims));
  }

  /** Signs whatever header and payload, true or not. */
  static String signed(JWK key, String header, String payload) {
    try {
      JWSAlgorithm alg;
      JWSSigner signer;
      if (key instanceof RSAKey rsa) {
        alg = JWSAlgorithm.RS256;
        signer = new RSASSASigner(rsa);
      } else if (key instanceof ECKey ec) {
        alg = JWSAlgorithm.ES256;
        signer = new ECDSASigner(ec);
      } else {
        alg = JWSAlgorithm.HS256;
        signer = new MACSigner((OctetSequenceKey) key);
      }
      String said = unsigned(header, payload);
      Base64URL signature =
          signer.sign(new JWSHeader(alg), said.getBytes(StandardCharsets.US_ASCII));
      return said + "." + signature;
    } catch (JOSEException e) {
      throw new AssertionError(e);
    }
  }

  static String unsigned(String header, String payload) {
    return Base64URL.encode(header) + "." + Base64URL.encode(payload);
  }

  static String json(Map<String, Object> claims) {
    return JSONObjectUtils.toJSONString(claims);
  }
}
