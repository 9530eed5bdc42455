package io.holdfast.server.security;

import io.grpc.Context;
import io.holdfast.spi.Ticker;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tells who a call comes from, by the JWT that it carries. Thread-safe; blocks nowhere.
 *
 * <p>A token says in one claim what it allows, by namespace:
 *
 * <pre>{@code
 * {"iss": "https://issuer.example", "aud": "holdfast", "sub": "billing", "exp": 1790000000,
 *  "holdfast": {"billing": ["read", "acquire"], "reports": ["read"]}}
 * }</pre>
 *
 * The actions are {@code read}, {@code acquire} and {@code admin}; none implies another. The namespace {@code *} stands for
 * all and is for operators: it is taken only with {@code admin} among its actions. {@code iss}, {@code aud}, {@code sub} and
 * {@code exp} are required, {@code nbf}, {@code iat} and {@code jti} are heeded.
 *
 * <p>A {@link Caller} ends when its token does, leeway included.
 */
public final class Authenticator implements AutoCloseable {
  /*
   * Order: what costs nothing first. Size, form, algorithm; then the key, which a stranger can make us look for once in a
   * while; then the signature; and only then what the token says of itself.
   *
   * Tokens found good are remembered by their hash, to spare the signature. What can change meanwhile is looked at each
   * time: the clock, the deny list, and whether the key is still the one.
   */

  /** Who admitted a call's caller; absent from the context where nobody is asked for credentials. */
  public static final Context.Key<Authenticator> KEY = Context.key("holdfast-authenticator");

  /** Tokens remembered at a time; the one not seen for longest goes first. */
  static final int REMEMBERED = 10_000;

  /** A namespace: the same as in holdfast.proto. */
  static final Pattern NAMESPACE = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");

  private static final int MAX_SUBJECT_BYTES = 256;

  /** The end of the year 9999. */
  private static final long MAX_EPOCH_SECOND = 253_402_300_799L;

  private final AuthSettings settings;
  private final Ticker ticker;
  private final KeySource keys;
  private final Optional<DenyList> denied;

  private final ReentrantLock mutex = new ReentrantLock();
  // Guarded by the mutex. In order of use.
  private final Map<String, Verified> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Verified> eldest) {
          return size() > REMEMBERED;
        }
      };

  /** A token whose signature holds. Times are seconds of the epoch, leeway included. */
  private record Verified(Caller caller, String kid, PinnedKey key, long from, long until) {}

  /**
   * Loads the keys.
   *
   * @throws ConfigurationException if they or the deny list cannot be loaded
   */
  public Authenticator(AuthSettings settings, Ticker ticker) {
    this(settings, KeyLoader.of(settings.keys(), settings.trust()), ticker);
  }

  Authenticator(AuthSettings settings, KeyLoader loader, Ticker ticker) {
    this.settings = settings;
    this.ticker = ticker;
    this.keys = new KeySource(loader, ticker);
    try {
      this.denied = settings.denyList().map(file -> new DenyList(file, ticker));
    } catch (RuntimeException e) {
      keys.close();
      throw e;
    }
  }

  /**
   * Judges a call's authorization headers. Completes at once, or, where a key is not known yet, on the thread that loads
   * keys.
   */
  CompletionStage<Verdict> authenticate(List<String> authorization) {
    try {
      String token = SignedToken.bearer(authorization);
      String hash = hash(token);
      Verified known = recall(hash);
      if (known != null
          && keys.current(known.kid()) instanceof KeySource.Answer.Known now
          && now.key().isSame(known.key())) {
        return CompletableFuture.completedFuture(new Verdict.Admitted(admit(known)));
      }
      SignedToken parsed = SignedToken.parse(token);
      return keys.find(parsed.kid()).thenApply(answer -> judge(parsed, hash, answer));
    } catch (AuthException e) {
      return CompletableFuture.completedFuture(turnedAway(e));
    }
  }

  /**
   * Why a caller admitted earlier would not be now: its token has ended, or it or its subject is on the deny list. Empty if it
   * still is. For what lasts, such as a stream; cheap.
   */
  public Optional<AuthReason> lapse(Caller caller) {
    if (caller.isExpired(ticker.instant())) {
      return Optional.of(AuthReason.EXPIRED);
    }
    return denied.filter(list -> list.denies(caller)).map(list -> AuthReason.DENIED);
  }

  private Verdict judge(SignedToken token, String hash, KeySource.Answer answer) {
    try {
      if (answer instanceof KeySource.Answer.Outage) {
        throw new AuthException(
            AuthReason.KEYS_UNAVAILABLE, "the keys that tokens are signed with cannot be loaded");
      }
      if (!(answer instanceof KeySource.Answer.Known known)) {
        throw new AuthException(
            AuthReason.UNKNOWN_KEY, "no key is called " + Quoted.of(token.kid()));
      }
      known.key().verify(token);
      Verified verified = read(token, known.key());
      Caller caller = admit(verified);
      remember(hash, verified);
      return new Verdict.Admitted(caller);
    } catch (AuthException e) {
      return turnedAway(e);
    }
  }

  /** What a token says, once its signature holds. */
  private Verified read(SignedToken token, PinnedKey key) throws AuthException {
    Map<String, Object> claims = token.claims();
    if (!settings.issuer().equals(claims.get("iss"))) {
      throw new AuthException(
          AuthReason.WRONG_ISSUER,
          "issuer (iss) " + shown(claims.get("iss")) + " is not " + Quoted.of(settings.issuer()));
    }
    if (!isForUs(claims.get("aud"))) {
      throw new AuthException(
          AuthReason.WRONG_AUDIENCE,
          "audience (aud) "
              + shown(claims.get("aud"))
              + " is not "
              + Quoted.of(settings.audience()));
    }
    String subject = subject(claims.get("sub"));
    if (!claims.containsKey("exp")) {
      throw new AuthException(AuthReason.NO_EXPIRY, "the token never expires (exp is missing)");
    }
    long leeway = settings.leeway().toSeconds();
    long expires = time(claims, "exp");
    long from = Long.MIN_VALUE;
    if (claims.containsKey("nbf")) {
      from = time(claims, "nbf") - leeway;
    }
    long lifetime = settings.maxLifetime().toSeconds();
    if (claims.containsKey("iat")) {
      long issued = time(claims, "iat");
      from = Math.max(from, issued - leeway);
      if (expires - issued > lifetime) {
        throw tooLong(expires - issued);
      }
    }
    long left = expires - ticker.instant().getEpochSecond();
    if (left > lifetime + leeway) {
      throw tooLong(left);
    }
    Caller caller =
        new Caller(
            subject,
            claims.get("jti") instanceof String jti ? Optional.of(jti) : Optional.empty(),
            Optional.of(Instant.ofEpochSecond(expires + leeway)),
            permissions(claims.get(settings.permissionsClaim())));
    return new Verified(caller, token.kid(), key, from, expires + leeway);
  }

  private static String subject(@Nullable Object sub) throws AuthException {
    if (!(sub instanceof String subject) || subject.isBlank()) {
      throw new AuthException(AuthReason.NO_SUBJECT, "the token names nobody (sub is missing)");
    }
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(subject)) {
      throw new AuthException(
          AuthReason.NO_SUBJECT,
          "the token's subject (sub) " + Quoted.of(subject) + " has half a surrogate pair");
    }
    int bytes = subject.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > MAX_SUBJECT_BYTES || subject.codePoints().anyMatch(Character::isISOControl)) {
      throw new AuthException(
          AuthReason.NO_SUBJECT,
          "the token's subject (sub) "
              + Quoted.of(subject)
              + " is longer than "
              + MAX_SUBJECT_BYTES
              + " bytes or has control characters");
    }
    return subject;
  }

  private boolean isForUs(@Nullable Object audience) {
    return settings.audience().equals(audience)
        || (audience instanceof List<?> several && several.contains(settings.audience()));
  }

  /** What the clock and the deny list say of it now. */
  private Caller admit(Verified token) throws AuthException {
    long now = ticker.instant().getEpochSecond();
    if (now >= token.until()) {
      throw new AuthException(
          AuthReason.EXPIRED,
          "the token expired " + (now - token.until() + settings.leeway().toSeconds()) + " s ago");
    }
    if (now < token.from()) {
      throw new AuthException(
          AuthReason.NOT_YET_VALID,
          "the token begins in " + (token.from() + settings.leeway().toSeconds() - now) + " s");
    }
    if (denied.isPresent() && denied.get().denies(token.caller())) {
      throw new AuthException(AuthReason.DENIED, "the token or its subject is on the deny list");
    }
    return token.caller();
  }

  private static Map<String, Set<Action>> permissions(@Nullable Object claim) throws AuthException {
    if (!(claim instanceof Map<?, ?> namespaces)) {
      if (claim == null) {
        throw noNamespace();
      }
      throw malformed("its permissions are not an object of namespaces");
    }
    Map<String, Set<Action>> allowed = new HashMap<>();
    for (Map.Entry<?, ?> entry : namespaces.entrySet()) {
      String namespace = String.valueOf(entry.getKey());
      if (!(entry.getValue() instanceof List<?> words)) {
        throw malformed("its permissions in " + Quoted.of(namespace) + " are not a list");
      }
      Set<Action> actions = EnumSet.noneOf(Action.class);
      for (Object word : words) {
        actions.add(action(word));
      }
      if (namespace.equals(Caller.EVERY_NAMESPACE)) {
        if (!actions.contains(Action.ADMIN)) {
          throw new AuthException(
              AuthReason.EVERY_NAMESPACE,
              "the namespace \"*\" is for operators: it is taken only with \"admin\"");
        }
      } else if (!NAMESPACE.matcher(namespace).matches()) {
        throw malformed("its permissions name no namespace: " + Quoted.of(namespace));
      }
      if (!actions.isEmpty()) {
        allowed.put(namespace, Set.copyOf(actions));
      }
    }
    if (allowed.isEmpty()) {
      throw noNamespace();
    }
    return allowed;
  }

  private static Action action(@Nullable Object word) throws AuthException {
    for (Action action : Action.values()) {
      if (action.name().toLowerCase(Locale.ROOT).equals(word)) {
        return action;
      }
    }
    throw malformed("a permission is " + shown(word) + ", not read, acquire or admin");
  }

  private static long time(Map<String, Object> claims, String name) throws AuthException {
    if (claims.get(name) instanceof Number number) {
      double seconds = number.doubleValue();
      if (seconds >= 0 && seconds <= MAX_EPOCH_SECOND) {
        return (long) Math.floor(seconds);
      }
    }
    throw malformed(name + " is not a time in seconds");
  }

  private @Nullable Verified recall(String hash) {
    mutex.lock();
    try {
      return remembered.get(hash);
    } finally {
      mutex.unlock();
    }
  }

  private void remember(String hash, Verified token) {
    mutex.lock();
    try {
      remembered.put(hash, token);
    } finally {
      mutex.unlock();
    }
  }

  private static String hash(String token) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
      return new String(digest, StandardCharsets.ISO_8859_1);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private AuthException tooLong(long seconds) {
    return new AuthException(
        AuthReason.LIFETIME_TOO_LONG,
        "the token lives too long: " + seconds + " > " + settings.maxLifetime().toSeconds() + " s");
  }

  private static AuthException noNamespace() {
    return new AuthException(AuthReason.NO_NAMESPACE, "the token allows nothing in any namespace");
  }

  private static AuthException malformed(String why) {
    return new AuthException(AuthReason.MALFORMED, "the token is malformed: " + why);
  }

  private static String shown(@Nullable Object claim) {
    return claim == null ? "(missing)" : Quoted.of(String.valueOf(claim));
  }

  private static Verdict turnedAway(AuthException e) {
    return new Verdict.TurnedAway(e.reason(), e.line());
  }

  /** How long ago the keys were loaded that tokens are checked with. */
  public Duration keysAge() {
    return keys.age();
  }

  @Override
  public void close() {
    keys.close();
    denied.ifPresent(DenyList::close);
  }
}
