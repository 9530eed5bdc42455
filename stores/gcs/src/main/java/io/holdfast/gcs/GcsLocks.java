package io.holdfast.gcs;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockRefusedException;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.StoreSetup;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Locks as objects of a Google Cloud Storage bucket, which gcslock's processes respect too.
 *
 * <pre>{@code
 * GcsLocks bucket = GcsLocks.bucket("our-locks").prefix("billing").build();
 * try (LockClient locks = bucket.client(ClientOptions.defaults())) { … }
 * }</pre>
 *
 * <p>Where nothing else is said, credentials are Google's application default ones, for which {@code
 * google-auth-library-oauth2-http} must be on the class path; and where {@code STORAGE_EMULATOR_HOST} is set, an emulator is
 * asked, without credentials. Immutable; its clients share one HTTP client.
 */
public final class GcsLocks {
  /** A shorter {@code leaseDuration} is refused: renewals are a second apart at least, and some may fail. */
  public static final Duration MIN_LEASE = Duration.ofSeconds(5);

  private static final String EMULATOR = "STORAGE_EMULATOR_HOST";
  private static final URI GOOGLE = URI.create("https://storage.googleapis.com");

  private final String bucket;
  private final String prefix;
  private final URI endpoint;
  private final HttpClient http;
  private final Duration requestTimeout;
  private final Supplier<RequestHeaders> headers;

  private GcsLocks(
      String bucket,
      String prefix,
      URI endpoint,
      HttpClient http,
      Duration requestTimeout,
      Supplier<RequestHeaders> headers) {
    this.bucket = bucket;
    this.prefix = prefix;
    this.endpoint = endpoint;
    this.http = http;
    this.requestTimeout = requestTimeout;
    this.headers = headers;
  }

  /**
   * Locks in a bucket, which must exist. It should have no retention policy and hold nothing else.
   *
   * @throws InvalidRequestException if it cannot be the name of a bucket
   */
  public static Builder bucket(String name) {
    return new Builder(name);
  }

  /**
   * A new client. Asks nothing of the bucket yet.
   *
   * @throws LockRefusedException if there are no credentials
   */
  public LockClient client(ClientOptions options) {
    return LockClient.over(open(options), options);
  }

  /** The bucket, which is looked for and never made. */
  StoreSetup setup() {
    return new BucketSetup(this, bucket);
  }

  LockStore open(ClientOptions options) {
    return LeaseLocks.over(records(), options);
  }

  LeaseStore records() {
    RequestHeaders shown = headers.get();
    StorageApi api = new StorageApi(http, shown, endpoint, bucket, requestTimeout);
    String place =
        (endpoint.equals(GOOGLE) ? "" : endpoint + " ") + "gs://" + bucket + "/" + prefix;
    return new GcsLeaseStore(api, shown, place, prefix);
  }

  @Override
  public String toString() {
    return "gs://" + bucket + "/" + prefix;
  }

  /** Says what differs from the defaults. Not thread-safe. */
  public static final class Builder {
    private static final Pattern BUCKET = Pattern.compile("[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]");

    /** Whatever name follows fits. */
    private static final int MAX_PREFIX_BYTES =
        GcsLeaseStore.MAX_OBJECT_NAME_BYTES - LockKey.MAX_NAME_BYTES;

    private static final Duration DEFAULT_REQUEST_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration SHORTEST_REQUEST_TIMEOUT = Duration.ofMillis(100);
    private static final Duration LONGEST_REQUEST_TIMEOUT = Duration.ofMinutes(1);

    private final String bucket;
    private String prefix = "";
    private @Nullable URI endpoint;
    private @Nullable HttpClient http;
    private @Nullable Supplier<String> tokens;
    private boolean isAnonymous;
    private Duration requestTimeout = DEFAULT_REQUEST_TIMEOUT;

    private Builder(String bucket) {
      if (!BUCKET.matcher(bucket).matches()) {
        throw new InvalidRequestException(
            "BUCKET_BAD",
            "bucket "
                + InvalidRequestException.show(bucket)
                + " is not 3 to 222 of a-z, 0-9, '-', '_' and '.', a letter or digit at both ends");
      }
      this.bucket = bucket;
    }

    /**
     * Locks are objects below this folder: lock {@code b} with prefix {@code a} is the object {@code a/b}. Empty, as by
     * default, for objects named as the locks are.
     *
     * @throws InvalidRequestException if it is longer than 512 bytes in UTF-8, a slash included, or has control characters
     */
    public Builder prefix(String prefix) {
      String folder = prefix.isEmpty() || prefix.endsWith("/") ? prefix : prefix + "/";
      int bytes = folder.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > MAX_PREFIX_BYTES) {
        throw new InvalidRequestException(
            "PREFIX_TOO_LONG",
            "prefix "
                + InvalidRequestException.show(folder)
                + " has "
                + bytes
                + " bytes, at most "
                + MAX_PREFIX_BYTES);
      }
      if (folder.chars().anyMatch(Character::isISOControl)) {
        throw new InvalidRequestException(
            "PREFIX_BAD_CHAR",
            "prefix " + InvalidRequestException.show(folder) + " has a control character");
      }
      this.prefix = folder;
      return this;
    }

    /**
     * Another server than Google's: a private endpoint, or an emulator.
     *
     * @throws InvalidRequestException if it is not {@code http://} or {@code https://} with a host and nothing after
     */
    public Builder endpoint(URI endpoint) {
      String scheme = String.valueOf(endpoint.getScheme());
      String path = String.valueOf(endpoint.getRawPath());
      if (!(scheme.equals("http") || scheme.equals("https"))
          || endpoint.getHost() == null
          || endpoint.getRawUserInfo() != null
          || endpoint.getRawQuery() != null
          || endpoint.getRawFragment() != null
          || !(path.isEmpty() || path.equals("/"))) {
        throw new InvalidRequestException(
            "ENDPOINT_BAD",
            "endpoint "
                + InvalidRequestException.show(endpoint.toString())
                + " is not http:// or https:// with a host and nothing after it");
      }
      this.endpoint = URI.create(scheme + "://" + endpoint.getRawAuthority());
      return this;
    }

    /** Sends all requests. It must not follow redirects, and is not closed by us. */
    public Builder http(HttpClient http) {
      this.http = Objects.requireNonNull(http, "http");
      return this;
    }

    /**
     * Gives the OAuth access token for each request. It may block to renew the token, so it is asked in a thread of its own;
     * what it throws makes the request fail as if the store could not be reached.
     */
    public Builder bearerToken(Supplier<String> tokens) {
      this.tokens = Objects.requireNonNull(tokens, "tokens");
      return this;
    }

    /** Sends no credentials. */
    public Builder anonymous() {
      this.isAnonymous = true;
      return this;
    }

    /**
     * How long one request may take, and how long it may wait for credentials before that; 5 seconds by default.
     *
     * @throws InvalidRequestException if it is not 100 ms to 1 minute
     */
    public Builder requestTimeout(Duration timeout) {
      if (timeout.compareTo(SHORTEST_REQUEST_TIMEOUT) < 0
          || timeout.compareTo(LONGEST_REQUEST_TIMEOUT) > 0) {
        throw new InvalidRequestException(
            "REQUEST_TIMEOUT_BAD", "request-timeout " + timeout + " is not 100 ms to 60000 ms");
      }
      this.requestTimeout = timeout;
      return this;
    }

    /**
     * What was said.
     *
     * @throws InvalidRequestException if credentials would be sent in the clear
     */
    public GcsLocks build() {
      return build(System.getenv(EMULATOR));
    }

    GcsLocks build(@Nullable String emulator) {
      if (endpoint == null && emulator != null && !emulator.isBlank()) {
        String url = emulator.strip();
        endpoint(URI.create(url.contains("://") ? url : "http://" + url));
        isAnonymous = isAnonymous || tokens == null;
      }
      URI asked = endpoint == null ? GOOGLE : endpoint;
      boolean isPlain = asked.getScheme().equals("http");
      if (isPlain && !isAnonymous && !isLoopback(asked.getHost())) {
        throw new InvalidRequestException(
            "CREDENTIALS_IN_THE_CLEAR",
            "endpoint "
                + InvalidRequestException.show(asked.toString())
                + " is plain http and no loopback address: use https or no credentials");
      }
      HttpClient sending = http == null ? newClient(isPlain) : http;
      return new GcsLocks(bucket, prefix, asked, sending, requestTimeout, headers(asked));
    }

    private HttpClient newClient(boolean isPlain) {
      return HttpClient.newBuilder()
          .connectTimeout(requestTimeout)
          .followRedirects(HttpClient.Redirect.NEVER)
          // What speaks plain http is an emulator, which an attempt to upgrade would only puzzle.
          .version(isPlain ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2)
          .build();
    }

    private Supplier<RequestHeaders> headers(URI asked) {
      Supplier<String> supplied = tokens;
      if (supplied != null) {
        return () -> new SuppliedToken(supplied);
      }
      return isAnonymous ? () -> RequestHeaders.ANONYMOUS : () -> identity(asked);
    }

    private static RequestHeaders identity(URI asked) {
      try {
        return GoogleIdentity.find(asked);
      } catch (NoClassDefFoundError e) {
        throw new LockRefusedException(
            "CREDENTIALS_MISSING",
            "com.google.auth:google-auth-library-oauth2-http is not on the class path: "
                + "add it, or hand in bearer tokens");
      }
    }

    private static boolean isLoopback(String host) {
      return host.equalsIgnoreCase("localhost")
          || host.equals("[::1]")
          || host.matches("127(\\.\\d{1,3}){3}");
    }
  }
}
