package io.holdfast.server.security;

import com.nimbusds.jose.util.JSONObjectUtils;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JWT taken apart, nothing of it believed yet. Of its header only {@code alg} and {@code kid} are read: where a header says
 * its own key is to be found ({@code jku}, {@code x5u}, {@code jwk}, {@code x5c}) is nobody's business.
 *
 * @param signed what the signature is of
 * @param payload the claims, not parsed before the signature is known to hold
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record SignedToken(String alg, String kid, byte[] signed, byte[] payload, byte[] signature) {
  /** The largest token that is looked at, in characters. */
  static final int LIMIT = 8 * 1024;

  private static final String SCHEME = "bearer ";

  /** The token of the authorization headers of a call. */
  static String bearer(List<String> headers) throws AuthException {
    if (headers.isEmpty()) {
      throw new AuthException(
          AuthReason.TOKEN_MISSING, "no credential: send `authorization: Bearer <JWT>`");
    }
    if (headers.size() > 1) {
      throw new AuthException(
          AuthReason.AMBIGUOUS, headers.size() + " authorization headers, which one is meant?");
    }
    String header = headers.get(0);
    if (!header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      throw new AuthException(
          AuthReason.SCHEME, "the authorization header is not `Bearer` followed by a token");
    }
    int length = header.length() - SCHEME.length();
    if (length > LIMIT) {
      throw new AuthException(
          AuthReason.TOKEN_TOO_LARGE,
          "the token is too large: " + length + " > " + LIMIT + " bytes");
    }
    return header.substring(SCHEME.length());
  }

  static SignedToken parse(String token) throws AuthException {
    List<String> parts = parts(token);
    Map<String, Object> header = object(decode(parts.get(0), "header"), "header");
    if (!(header.get("alg") instanceof String alg)) {
      throw malformed("its header names no algorithm (alg)");
    }
    if (!PinnedKey.ALGORITHMS.contains(alg)) {
      throw new AuthException(
          AuthReason.ALG_NOT_ALLOWED, "algorithm " + Quoted.of(alg) + " is not allowed");
    }
    if (header.containsKey("crit")) {
      throw malformed("its header has extensions that must be understood (crit)");
    }
    if (!(header.get("kid") instanceof String kid)) {
      throw new AuthException(AuthReason.UNKNOWN_KEY, "the token names no key (kid)");
    }
    int signed = parts.get(0).length() + 1 + parts.get(1).length();
    return new SignedToken(
        alg,
        kid,
        token.substring(0, signed).getBytes(StandardCharsets.US_ASCII),
        decode(parts.get(1), "payload"),
        decode(parts.get(2), "signature"));
  }

  /** The claims. Before the signature has been checked they are anybody's. */
  Map<String, Object> claims() throws AuthException {
    return object(payload, "payload");
  }

  private static List<String> parts(String token) throws AuthException {
    List<String> parts = new ArrayList<>();
    int begin = 0;
    for (int i = 0; i < token.length(); i++) {
      char c = token.charAt(i);
      if (c == '.') {
        parts.add(token.substring(begin, i));
        begin = i + 1;
      } else if (!isBase64Url(c)) {
        throw malformed("a character in it is not of base64url");
      }
    }
    parts.add(token.substring(begin));
    if (parts.size() != 3) {
      throw malformed("it has " + parts.size() + " parts, not 3");
    }
    return parts;
  }

  private static boolean isBase64Url(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '-'
        || c == '_';
  }

  private static byte[] decode(String part, String what) throws AuthException {
    try {
      return Base64.getUrlDecoder().decode(part);
    } catch (IllegalArgumentException e) {
      throw malformed("its " + what + " is not base64url");
    }
  }

  private static Map<String, Object> object(byte[] json, String what) throws AuthException {
    try {
      // A decoder that reports, so that two readers cannot see two texts in one token.
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
      @Nullable Map<String, Object> object = JSONObjectUtils.parse(text, LIMIT);
      if (object != null) {
        return object;
      }
      throw malformed("its " + what + " is null");
    } catch (CharacterCodingException e) {
      throw malformed("its " + what + " is not UTF-8");
    } catch (ParseException | RuntimeException e) {
      throw malformed("its " + what + " is not a JSON object");
    }
  }

  private static AuthException malformed(String why) {
    return new AuthException(AuthReason.MALFORMED, "the token is malformed: " + why);
  }
}
