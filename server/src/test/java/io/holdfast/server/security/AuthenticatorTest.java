package io.holdfast.server.security;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.OctetSequenceKey;
import com.nimbusds.jose.jwk.RSAKey;
import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Which tokens are taken, and what those that are not are told. */
class AuthenticatorTest {
  @TempDir private Path folder;
  private final ManualTicker ticker = new ManualTicker();
  private Path jwks;
  private Authenticator authenticator;

  @BeforeEach
  void open() throws IOException {
    jwks = Tokens.publish(folder.resolve("jwks.json"), Tokens.RSA, Tokens.EC, Tokens.SECRET);
    authenticator = new Authenticator(settings(), ticker);
  }

  @AfterEach
  void close() {
    authenticator.close();
  }

  private AuthSettings settings() {
    return new AuthSettings(jwks.toString(), Tokens.ISSUER, Tokens.AUDIENCE);
  }

  private Verdict judge(String... authorization) {
    return authenticator.authenticate(List.of(authorization)).toCompletableFuture().join();
  }

  private Verdict judgeToken(String token) {
    return judge("Bearer " + token);
  }

  private Caller admitted(String token) {
    Verdict verdict = judgeToken(token);
    assertThat(verdict).isInstanceOf(Verdict.Admitted.class);
    return ((Verdict.Admitted) verdict).caller();
  }

  private void refuses(String token, AuthReason reason) {
    assertThat(judgeToken(token))
        .isInstanceOfSatisfying(
            Verdict.TurnedAway.class,
            away -> {
              assertThat(away.reason()).as(away.line()).isEqualTo(reason);
              isOneSafeLine(away.line(), token);
            });
  }

  /** One line for people, in which nothing of the token's signature is found. */
  private static void isOneSafeLine(String line, String token) {
    assertThat(line).isNotBlank().hasSizeLessThan(512);
    assertThat(line.chars()).noneMatch(Character::isISOControl);
    String signature = token.substring(token.lastIndexOf('.') + 1);
    if (signature.length() > 8) {
      assertThat(line).doesNotContain(signature);
    }
    assertThat(line).doesNotContain("eyJ");
  }

  @ParameterizedTest
  @MethodSource("keys")
  void aTokenOfEachAlgorithmSaysWhoCallsAndWhatThatAllows(JWK key) {
    Caller caller = admitted(Tokens.signed(key, Tokens.claims()));
    assertThat(caller.subject()).isEqualTo("billing");
    assertThat(caller.allowed()).isEqualTo(Map.of("team", Set.of(Action.READ, Action.ACQUIRE)));
    assertThat(caller.may(Action.ADMIN, "team")).isFalse();
    assertThat(caller.may(Action.READ, "team2")).isFalse();
    // Leeway included: 30 s.
    assertThat(caller.expiresAt()).contains(Instant.ofEpochSecond(Tokens.NOW + 3630));
  }

  static Stream<JWK> keys() {
    return Stream.of(Tokens.RSA, Tokens.EC, Tokens.SECRET);
  }

  @Test
  void noTokenIsMissing() {
    assertThat(judge())
        .isInstanceOfSatisfying(
            Verdict.TurnedAway.class,
            away -> assertThat(away.reason()).isEqualTo(AuthReason.TOKEN_MISSING));
  }

  @Test
  void anotherSchemeThanBearerIsRefused() {
    for (String header :
        List.of("Basic dXNlcjpwYXNz", "", "Bearer", "bearer", "Bearer\tx", "eyJ.e.e")) {
      assertThat(judge(header))
          .isInstanceOfSatisfying(
              Verdict.TurnedAway.class,
              away -> {
                assertThat(away.reason()).as(header).isEqualTo(AuthReason.SCHEME);
                assertThat(away.line()).doesNotContain("dXNlcjpwYXNz");
              });
    }
  }

  @Test
  void theSchemeIsReadInAnyCase() {
    assertThat(judge("bEARER " + Tokens.signed(Tokens.claims())))
        .isInstanceOf(Verdict.Admitted.class);
  }

  @Test
  void twoHeadersAreAmbiguousEvenIfBothHold() {
    String header = "Bearer " + Tokens.signed(Tokens.claims());
    assertThat(judge(header, header))
        .isInstanceOfSatisfying(
            Verdict.TurnedAway.class,
            away -> assertThat(away.reason()).isEqualTo(AuthReason.AMBIGUOUS));
  }

  @Test
  void whatIsNotThreePartsIsMalformed() {
    String good = Tokens.signed(Tokens.claims());
    for (String token :
        List.of(
            "",
            " ",
            "a",
            "a.b",
            "..",
            "a.b.c.d",
            good + ".x",
            " " + good,
            good + " ",
            good + ",",
            good + "=",
            good.replace('.', ':'),
            "ä" + good)) {
      refuses(token, AuthReason.MALFORMED);
    }
  }

  @Test
  void aHeaderThatIsNoJsonObjectIsMalformed() {
    for (String header :
        List.of(
            "",
            "[]",
            "null",
            "1",
            "{",
            "{}",
            "{\"alg\":1}",
            "{\"alg\":null}",
            "{\"alg\":\"RS256\"} x")) {
      refuses(
          Tokens.signed(Tokens.RSA, header, Tokens.json(Tokens.claims())), AuthReason.MALFORMED);
    }
  }

  @Test
  void algNoneIsRefusedHoweverItIsWritten() {
    for (String alg : List.of("none", "None", "nOnE", "NONE", "", "rs256")) {
      String header = "{\"alg\":\"" + alg + "\",\"kid\":\"rsa\"}";
      String said = Tokens.unsigned(header, Tokens.json(Tokens.claims()));
      refuses(said + ".", AuthReason.ALG_NOT_ALLOWED);
      refuses(said + ".AAAA", AuthReason.ALG_NOT_ALLOWED);
    }
  }

  @Test
  void aPublicKeyIsNoSecret() throws JOSEException {
    String pem =
        "-----BEGIN PUBLIC KEY-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'})
                .encodeToString(Tokens.RSA.toRSAPublicKey().getEncoded())
            + "\n-----END PUBLIC KEY-----\n";
    for (byte[] secret :
        List.of(
            pem.getBytes(StandardCharsets.US_ASCII),
            Tokens.RSA.toRSAPublicKey().getEncoded(),
            Tokens.RSA.getModulus().decode())) {
      JWK forger = new OctetSequenceKey.Builder(secret).keyID("rsa").build();
      refuses(Tokens.signed(forger, Tokens.claims()), AuthReason.ALG_NOT_ALLOWED);
    }
  }

  @Test
  void otherAlgorithmsOfTheSameKeyAreRefused() {
    for (String alg :
        List.of("RS384", "RS512", "PS256", "ES384", "ES256K", "EdDSA", "HS512", "dir")) {
      String header = "{\"alg\":\"" + alg + "\",\"kid\":\"rsa\"}";
      refuses(
          Tokens.signed(Tokens.RSA, header, Tokens.json(Tokens.claims())),
          AuthReason.ALG_NOT_ALLOWED);
    }
    refuses(
        Tokens.signed(
            Tokens.EC, "{\"alg\":\"ES256\",\"kid\":\"rsa\"}", Tokens.json(Tokens.claims())),
        AuthReason.ALG_NOT_ALLOWED);
  }

  @Test
  void anUnknownOrUnnamedKeyIsTold() {
    refuses(Tokens.signed(Tokens.made("stranger"), Tokens.claims()), AuthReason.UNKNOWN_KEY);
    refuses(
        Tokens.signed(Tokens.RSA, "{\"alg\":\"RS256\"}", Tokens.json(Tokens.claims())),
        AuthReason.UNKNOWN_KEY);
  }

  @Test
  void aKeyNamedByTheTokenItselfIsNotLookedAt() throws Exception {
    RSAKey attacker = Tokens.made("rsa");
    String payload = Tokens.json(Tokens.claims());
    for (String place :
        List.of(
            "\"jwk\":" + attacker.toPublicJWK().toJSONString(),
            "\"jku\":\"https://attacker.example/jwks\"",
            "\"x5u\":\"https://attacker.example/cert\"",
            "\"x5c\":[\"AAAA\"]")) {
      refuses(
          Tokens.signed(attacker, "{\"alg\":\"RS256\",\"kid\":\"rsa\"," + place + "}", payload),
          AuthReason.BAD_SIGNATURE);
    }
  }

  @Test
  void aChangedPayloadOrSignatureIsRefused() {
    String good = Tokens.signed(Tokens.claims());
    String[] parts = good.split("\\.");
    String other = Tokens.signed(Tokens.claims("sub", "mallory")).split("\\.")[1];
    refuses(parts[0] + "." + other + "." + parts[2], AuthReason.BAD_SIGNATURE);
    refuses(parts[0] + "." + parts[1] + ".", AuthReason.BAD_SIGNATURE);
    refuses(parts[0] + "." + parts[1] + ".AAAA", AuthReason.BAD_SIGNATURE);
    // An ECDSA signature of zeros: CVE-2022-21449.
    String[] ec = Tokens.signed(Tokens.EC, Tokens.claims()).split("\\.");
    refuses(ec[0] + "." + ec[1] + "." + "A".repeat(86), AuthReason.BAD_SIGNATURE);
  }

  @Test
  void extensionsThatMustBeUnderstoodAreNot() {
    refuses(
        Tokens.signed(
            Tokens.RSA,
            "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"b64\"],\"b64\":false}",
            Tokens.json(Tokens.claims())),
        AuthReason.MALFORMED);
  }

  @Test
  void aTokenEndsWhenItsTimeAndTheLeewayAreOver() {
    admitted(Tokens.signed(Tokens.claims("exp", Tokens.NOW - 29)));
    refuses(Tokens.signed(Tokens.claims("exp", Tokens.NOW - 30)), AuthReason.EXPIRED);
    refuses(Tokens.signed(Tokens.claims("exp", Tokens.NOW - 31)), AuthReason.EXPIRED);
    refuses(Tokens.signed(Tokens.claims("exp", 0)), AuthReason.EXPIRED);
    assertThat(
            ((Verdict.TurnedAway) judgeToken(Tokens.signed(Tokens.claims("exp", Tokens.NOW - 31))))
                .line())
        .isEqualTo("the token expired 31 s ago");
  }

  @Test
  void aTokenThatWasTakenOnceEndsAllTheSame() {
    String token = Tokens.signed(Tokens.claims());
    Caller caller = admitted(token);
    ticker.advance(Duration.ofSeconds(3629));
    assertThat(admitted(token)).isSameAs(caller);
    assertThat(authenticator.lapse(caller)).isEmpty();
    ticker.advance(Duration.ofSeconds(1));
    refuses(token, AuthReason.EXPIRED);
    assertThat(authenticator.lapse(caller)).contains(AuthReason.EXPIRED);
  }

  @Test
  void aTokenThatNeverEndsIsRefused() {
    refuses(Tokens.signed(Tokens.claimsWithout("exp")), AuthReason.NO_EXPIRY);
  }

  @Test
  void aTokenOfTheFarFutureIsRefused() {
    long day = Duration.ofDays(1).toSeconds();
    admitted(Tokens.signed(Tokens.claims("exp", Tokens.NOW + day)));
    refuses(
        Tokens.signed(Tokens.claims("exp", Tokens.NOW + day + 1)), AuthReason.LIFETIME_TOO_LONG);
    Map<String, Object> unsaid = Tokens.claimsWithout("iat");
    unsaid.put("exp", 253_402_300_799L);
    refuses(Tokens.signed(unsaid), AuthReason.LIFETIME_TOO_LONG);
    // One that pretends to have been issued late.
    Map<String, Object> late = Tokens.claims("iat", 253_402_300_000L);
    late.put("exp", 253_402_300_799L);
    refuses(Tokens.signed(late), AuthReason.LIFETIME_TOO_LONG);
  }

  @Test
  void timesThatAreNoneAreMalformed() {
    for (String time :
        List.of(
            "\"soon\"",
            "-1",
            "1e300",
            "253402300800",
            "null",
            "true",
            "[]",
            "{}",
            "1e999",
            "9223372036854775808")) {
      for (String name : List.of("exp", "nbf", "iat")) {
        Map<String, Object> claims = Tokens.claims(name, 4711);
        String payload =
            Tokens.json(claims).replace("\"" + name + "\":4711", "\"" + name + "\":" + time);
        refuses(
            Tokens.signed(Tokens.RSA, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", payload),
            AuthReason.MALFORMED);
      }
    }
  }

  @Test
  void timesMayHaveFractions() {
    admitted(Tokens.signed(Tokens.claims("exp", Tokens.NOW + 60.5)));
  }

  @Test
  void aTokenOfTheFutureIsRefusedUntilThen() {
    for (String name : List.of("nbf", "iat")) {
      admitted(Tokens.signed(Tokens.claims(name, Tokens.NOW + 30)));
      refuses(Tokens.signed(Tokens.claims(name, Tokens.NOW + 31)), AuthReason.NOT_YET_VALID);
    }
    String token = Tokens.signed(Tokens.claims("nbf", Tokens.NOW + 31));
    refuses(token, AuthReason.NOT_YET_VALID);
    ticker.advance(Duration.ofSeconds(1));
    admitted(token);
  }

  @Test
  void anotherIssuerOrAudienceIsRefused() {
    refuses(Tokens.signed(Tokens.claimsWithout("iss")), AuthReason.WRONG_ISSUER);
    for (Object issuer :
        List.of(Tokens.ISSUER + "/", "HTTPS://issuer.example", "", List.of(Tokens.ISSUER))) {
      refuses(Tokens.signed(Tokens.claims("iss", issuer)), AuthReason.WRONG_ISSUER);
    }
    refuses(Tokens.signed(Tokens.claimsWithout("aud")), AuthReason.WRONG_AUDIENCE);
    for (Object audience :
        List.of(
            "holdfast2",
            "",
            List.of(),
            List.of("other", "another"),
            List.of(1),
            Map.of("holdfast", 1))) {
      refuses(Tokens.signed(Tokens.claims("aud", audience)), AuthReason.WRONG_AUDIENCE);
    }
    admitted(Tokens.signed(Tokens.claims("aud", List.of("other", "holdfast"))));
  }

  @Test
  void aTokenOfNobodyIsRefused() {
    refuses(Tokens.signed(Tokens.claimsWithout("sub")), AuthReason.NO_SUBJECT);
    for (Object subject : List.of("", " ", 5, "a\nb", "\u001b[31m", "x".repeat(257))) {
      refuses(Tokens.signed(Tokens.claims("sub", subject)), AuthReason.NO_SUBJECT);
    }
  }

  @Test
  void aSubjectThatUtf8CannotSayIsRefused() {
    String header = "{\"alg\":\"RS256\",\"kid\":\"rsa\"}";
    String claims = Tokens.json(Tokens.claims("sub", "HALF"));
    for (String half : List.of("\\ud800", "a\\ud800", "\\udc00a", "\\udc00\\ud800")) {
      refuses(
          Tokens.signed(Tokens.RSA, header, claims.replace("HALF", half)), AuthReason.NO_SUBJECT);
    }
    admitted(Tokens.signed(Tokens.RSA, header, claims.replace("HALF", "\\ud83d\\ude00")));
  }

  @Test
  void aTokenThatIsTooLargeIsNotLookedAt() {
    refuses("a".repeat(16 * 1024), AuthReason.TOKEN_TOO_LARGE);
    refuses("a".repeat(SignedToken.LIMIT + 1), AuthReason.TOKEN_TOO_LARGE);
    refuses("a".repeat(SignedToken.LIMIT), AuthReason.MALFORMED);
  }

  @Test
  void bombsOfJsonAreMalformed() {
    String header = "{\"alg\":\"RS256\",\"kid\":\"rsa\"}";
    for (String payload :
        List.of(
            "[".repeat(5_000),
            "{\"a\":".repeat(1_000),
            "{\"a\":" + "[".repeat(2_000) + "]".repeat(2_000) + "}",
            "{\"exp\":" + "9".repeat(5_000) + "}",
            "{\"iss\":\"a\",\"iss\":\"b\"}",
            "not json",
            "null",
            "",
            "\"text\"")) {
      String token = Tokens.signed(Tokens.RSA, header, payload);
      assertThat(judgeToken(token)).as(payload).isInstanceOf(Verdict.TurnedAway.class);
      String inTheHeader = Tokens.signed(Tokens.RSA, payload, "{}");
      refuses(inTheHeader, AuthReason.MALFORMED);
    }
    refuses(Tokens.signed(Tokens.RSA, header, "[".repeat(5_000)), AuthReason.MALFORMED);
    refuses(
        Tokens.signed(Tokens.RSA, header, "{\"a\":" + "[".repeat(2_000) + "]".repeat(2_000) + "}"),
        AuthReason.MALFORMED);
  }

  @Test
  void aMemberSaidTwiceIsMalformed() {
    String twice = Tokens.json(Tokens.claims()).replace("{\"iss\"", "{\"sub\":\"root\",\"iss\"");
    refuses(
        Tokens.signed(Tokens.RSA, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", twice),
        AuthReason.MALFORMED);
  }

  @Test
  void aTokenThatAllowsNothingIsNotPermitted() {
    refuses(Tokens.signed(Tokens.claimsWithout("holdfast")), AuthReason.NO_NAMESPACE);
    refuses(Tokens.signed(Tokens.claimsAllowing(Map.of())), AuthReason.NO_NAMESPACE);
    refuses(
        Tokens.signed(Tokens.claimsAllowing(Map.of("team", List.of()))), AuthReason.NO_NAMESPACE);
    assertThat(AuthReason.NO_NAMESPACE.code()).isEqualTo(io.grpc.Status.Code.PERMISSION_DENIED);
  }

  @Test
  void allNamespacesAreForOperators() {
    refuses(
        Tokens.signed(Tokens.claimsAllowing(Map.of("*", List.of("read", "acquire")))),
        AuthReason.EVERY_NAMESPACE);
    refuses(
        Tokens.signed(Tokens.claimsAllowing(Map.of("*", List.of()))), AuthReason.EVERY_NAMESPACE);
    assertThat(AuthReason.EVERY_NAMESPACE.code()).isEqualTo(io.grpc.Status.Code.PERMISSION_DENIED);
    Caller operator =
        admitted(Tokens.signed(Tokens.claimsAllowing(Map.of("*", List.of("admin", "read")))));
    assertThat(operator.may(Action.ADMIN, "any")).isTrue();
    assertThat(operator.may(Action.READ, "any")).isTrue();
    assertThat(operator.may(Action.ACQUIRE, "any")).isFalse();
  }

  @Test
  void permissionsOfAnotherFormAreMalformed() {
    for (Object permissions :
        List.of(
            "team",
            List.of("team"),
            7,
            Map.of("team", "read"),
            Map.of("team", Map.of()),
            Map.of("team", List.of("wriet")),
            Map.of("team", List.of("READ")),
            Map.of("team", List.of(1)),
            Map.of("team", Arrays.asList((Object) null)),
            Map.of("", List.of("read")),
            Map.of("a/b", List.of("read")),
            Map.of("..", List.of("read")),
            Map.of("Team", List.of("read")),
            Map.of("t%2fm", List.of("read")),
            Map.of("te\u0430m", List.of("read")),
            Map.of("x".repeat(65), List.of("read")),
            Map.of("**", List.of("admin")))) {
      refuses(Tokens.signed(Tokens.claimsAllowing(permissions)), AuthReason.MALFORMED);
    }
  }

  @Test
  void aDeniedTokenOrSubjectIsRefusedFromTheNextReadingOn() throws IOException {
    Path list = Files.writeString(folder.resolve("deny"), "# nobody yet\n\n");
    AuthSettings plain = settings();
    AuthSettings settings =
        new AuthSettings(
            plain.keys(),
            plain.trust(),
            plain.issuer(),
            plain.audience(),
            plain.permissionsClaim(),
            plain.leeway(),
            plain.maxLifetime(),
            Optional.of(list));
    authenticator.close();
    authenticator = new Authenticator(settings, ticker);
    String first = Tokens.signed(Tokens.claims());
    String second = Tokens.signed(Tokens.claims("jti", "token-2"));
    Caller caller = admitted(first);
    Caller other = admitted(second);

    Files.writeString(list, "jti token-1\n");
    ticker.advance(DenyList.PERIOD);
    eventually("denied", () -> judgeToken(first) instanceof Verdict.TurnedAway);
    refuses(first, AuthReason.DENIED);
    admitted(second);
    assertThat(authenticator.lapse(caller)).contains(AuthReason.DENIED);
    assertThat(authenticator.lapse(other)).isEmpty();

    Files.writeString(list, "what is this\n");
    eventually("scheduled", () -> ticker.pendingAlarms() > 1);
    ticker.advance(DenyList.PERIOD);
    eventually("scheduled", () -> ticker.pendingAlarms() > 1);
    refuses(first, AuthReason.DENIED);

    Files.writeString(list, "sub billing\r\n");
    ticker.advance(DenyList.PERIOD);
    eventually("denied", () -> judgeToken(second) instanceof Verdict.TurnedAway);
    refuses(second, AuthReason.DENIED);
    assertThat(authenticator.lapse(other)).contains(AuthReason.DENIED);
  }

  @Test
  void moreTokensThanAreRememberedAreStillTaken() throws Exception {
    // Cheap to sign.
    for (int i = 0; i < Authenticator.REMEMBERED + 100; i++) {
      admitted(Tokens.signed(Tokens.SECRET, Tokens.claims("jti", "t" + i)));
    }
    admitted(Tokens.signed(Tokens.SECRET, Tokens.claims("jti", "t0")));
  }

  @ParameterizedTest
  @MethodSource("badSettings")
  void settingsThatCannotBeMeantAreRefused(Map<String, Object> values, String line) {
    assertThatThrownBy(
            () ->
                new AuthSettings(
                    (String) values.getOrDefault("keys", "jwks.json"),
                    Optional.empty(),
                    (String) values.getOrDefault("issuer", "i"),
                    (String) values.getOrDefault("audience", "a"),
                    "holdfast",
                    (Duration) values.getOrDefault("leeway", Duration.ZERO),
                    (Duration) values.getOrDefault("lifetime", Duration.ofHours(1)),
                    Optional.empty()))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(line);
  }

  static Stream<Arguments> badSettings() {
    return Stream.of(
        Arguments.of(Map.of("issuer", ""), "auth issuer is empty"),
        Arguments.of(Map.of("audience", " "), "auth audience is empty"),
        Arguments.of(Map.of("keys", ""), "auth keys is empty"),
        Arguments.of(
            Map.of("leeway", Duration.ofSeconds(61)), "auth leeway is 61000 ms, not 0 to 60000 ms"),
        Arguments.of(
            Map.of("lifetime", Duration.ZERO), "auth max lifetime is 0 ms, it must be above 0"));
  }

  /** 100 000 inputs, most of them good tokens with some harm done to them. */
  @Test
  void nothingThatComesInMakesItFailOrLetsItIn() {
    Random random = new Random(20260101);
    String good = "Bearer " + Tokens.signed(Tokens.claims());
    String[] parts = good.substring(7).split("\\.");
    long begun = System.nanoTime();
    for (int i = 0; i < 100_000; i++) {
      String header = harmed(random, good, parts);
      Verdict verdict = authenticator.authenticate(List.of(header)).toCompletableFuture().join();
      if (verdict instanceof Verdict.TurnedAway away) {
        assertThat(away.line().chars()).as(away.line()).noneMatch(Character::isISOControl);
      } else {
        // Base64 has bits to spare at the end of a part: changing them changes nothing that was
        // signed.
        assertThat(decoded(header)).isEqualTo(decoded(good));
      }
    }
    assertThat(System.nanoTime() - begun).isLessThan(TimeUnit.SECONDS.toNanos(50));
  }

  private static Map<Integer, String> decoded(String header) {
    Map<Integer, String> parts = new LinkedHashMap<>();
    for (String part : header.substring(7).split("\\.")) {
      parts.put(
          parts.size(),
          new String(Base64.getUrlDecoder().decode(part), StandardCharsets.ISO_8859_1));
    }
    return parts;
  }

  private static String harmed(Random random, String good, String[] parts) {
    StringBuilder harmed = new StringBuilder(good);
    switch (random.nextInt(6)) {
      case 0 -> {
        harmed.setLength(0);
        random.ints(random.nextInt(200), 0, 0x10000).forEach(c -> harmed.append((char) c));
      }
      case 1 -> harmed.setLength(random.nextInt(good.length()));
      case 2 -> harmed.insert(random.nextInt(good.length()), (char) random.nextInt(128));
      case 3 -> {
        // JSON that is nearly the header.
        byte[] json = Base64.getUrlDecoder().decode(parts[0]);
        json[random.nextInt(json.length)] = (byte) random.nextInt(256);
        harmed.setLength(0);
        harmed
            .append("Bearer ")
            .append(Base64.getUrlEncoder().withoutPadding().encodeToString(json));
        harmed.append('.').append(parts[1]).append('.').append(parts[2]);
      }
      case 4 -> {
        byte[] json = Base64.getUrlDecoder().decode(parts[1]);
        for (int n = random.nextInt(4); n >= 0; n--) {
          json[random.nextInt(json.length)] = (byte) random.nextInt(256);
        }
        harmed.setLength(0);
        harmed.append("Bearer ").append(parts[0]).append('.');
        harmed.append(Base64.getUrlEncoder().withoutPadding().encodeToString(json));
        harmed.append('.').append(parts[2]);
      }
      default -> {
        for (int n = random.nextInt(3); n >= 0; n--) {
          harmed.setCharAt(random.nextInt(harmed.length()), (char) (33 + random.nextInt(94)));
        }
      }
    }
    return harmed.toString();
  }

  /** Claims are read only behind a good signature, so these are signed. */
  @Test
  void claimsThatWereHarmedBeforeTheyWereSignedDoNotMakeItFail() {
    Random random = new Random(20260102);
    byte[] good = Tokens.json(Tokens.claims()).getBytes(StandardCharsets.UTF_8);
    int taken = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] claims = good.clone();
      for (int n = random.nextInt(3); n >= 0; n--) {
        claims[random.nextInt(claims.length)] =
            (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : 32 + random.nextInt(95));
      }
      String token =
          Tokens.signed(
              Tokens.SECRET,
              "{\"alg\":\"HS256\",\"kid\":\"secret\"}",
              new String(claims, StandardCharsets.ISO_8859_1));
      if (judgeToken(token) instanceof Verdict.Admitted admitted) {
        taken++;
        assertThat(admitted.caller().expiresAt()).isPresent();
        assertThat(admitted.caller().allowed().keySet())
            .allMatch(namespace -> Authenticator.NAMESPACE.matcher(namespace).matches());
      }
    }
    assertThat(taken).isBetween(1, 15_000);
  }
}
