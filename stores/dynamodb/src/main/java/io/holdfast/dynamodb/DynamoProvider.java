package io.holdfast.dynamodb;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.StoreSetup;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.core.client.config.SdkAdvancedAsyncClientOption;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.AwsProfileRegionProvider;
import software.amazon.awssdk.regions.providers.AwsRegionProviderChain;
import software.amazon.awssdk.regions.providers.SystemSettingsRegionProvider;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * {@code dynamodb://table?region=eu-central-1}, locks in a table of DynamoDB. For {@link java.util.ServiceLoader}.
 *
 * <p>Credentials come from where the AWS SDK looks for them: environment, system properties, profile, container, instance.
 * A thread that waits for its lock asks by Apache's HTTP client, all else goes by the JDK's. Parameters, after a {@code ?} and
 * separated by {@code &}:
 *
 * <table>
 * <caption>Parameters</caption>
 * <tr><td>{@code region=NAME}<td>the environment's ({@code AWS_REGION}) or the profile's by default
 * <tr><td>{@code endpoint=URL}<td>of another server that speaks DynamoDB's protocol
 * <tr><td>{@code profile=NAME}<td>of the AWS configuration
 * <tr><td>{@code dialect=native|aws|python}<td>how locks lie in the table, see {@link DynamoLayout}
 * <tr><td>{@code key=NAME}<td>the table's partition key
 * <tr><td>{@code sort-key=NAME}, {@code sort-value=TEXT}<td>the table's sort key, and its value for these locks
 * <tr><td>{@code tokens=on}<td>with a dialect: counts fencing tokens in items of their own
 * <tr><td>{@code keep-released=on}, {@code consistent=on}<td>with dialect aws
 * <tr><td>{@code expiry=1h}, {@code expiry-attribute=NAME}<td>with dialect python
 * <tr><td>{@code check=off}<td>does not look at the table first
 * <tr><td>{@code replicas=one-region}<td>all clients use this region of a global table
 * <tr><td>{@code capacity=on-demand|READS/WRITES}<td>of the table that {@link #setup} makes
 * </table>
 */
public final class DynamoProvider implements LockProvider {
  /** Credentials are found within so long. */
  static final Duration CREDENTIALS_WITHIN = Duration.ofSeconds(10);

  /** For {@link java.util.ServiceLoader}. */
  public DynamoProvider() {}

  @Override
  public String scheme() {
    return DynamoUrl.SCHEME;
  }

  @Override
  public LockStore open(String url, ClientOptions options) {
    return LeaseLocks.over(records(url, options), options);
  }

  /** The records that a URL stands for; its clients of the SDK are closed with them. */
  static LeaseStore records(String url, ClientOptions options) {
    DynamoUrl parsed = DynamoUrl.parse(url);
    Region region = region(parsed);
    DefaultCredentialsProvider credentials = credentials(parsed);
    DynamoDbAsyncClient client = client(parsed, region, credentials);
    DynamoDbClient quick = quick(parsed, region, credentials);
    Runnable closing =
        () -> {
          client.close();
          quick.close();
          credentials.close();
        };
    try {
      Dynamo both = new Dynamo.Both(Dynamo.of(client, Ticker.system()), quick);
      DynamoLocks locks = locks(parsed, DynamoLocks.in(parsed.table(), both));
      return (parsed.isChecked() ? locks : locks.unchecked()).store(options, closing);
    } catch (RuntimeException e) {
      closing.run();
      throw e;
    }
  }

  @Override
  public Optional<StoreSetup> setup(String url) {
    return Optional.of(new TableSetup(DynamoUrl.parse(url)));
  }

  static DynamoLocks locks(DynamoUrl url, DynamoLocks table) {
    DynamoLocks locks = table.layout(url.layout());
    return url.oneRegion() ? locks.oneRegion() : locks;
  }

  /**
   * The SDK's client that a URL stands for. To be closed by the caller.
   *
   * @throws InvalidRequestException if no region is known
   * @throws LockRefusedException if there are no credentials
   */
  static DynamoDbAsyncClient connect(DynamoUrl url) {
    return client(url, region(url), credentials(url));
  }

  private static DynamoDbAsyncClient client(
      DynamoUrl url, Region region, AwsCredentialsProvider credentials) {
    return common(DynamoDbAsyncClient.builder(), url, region, credentials)
        // Built here, it is closed with the SDK's client; handed in, it would never be.
        .httpClientBuilder(attributes -> new JdkHttp(Ticker.system()))
        // Nothing is done with an answer that would keep the next one waiting.
        .asyncConfiguration(
            it ->
                it.advancedOption(
                    SdkAdvancedAsyncClientOption.FUTURE_COMPLETION_EXECUTOR, Runnable::run))
        .build();
  }

  /** One that blocks, and is soon over. */
  private static DynamoDbClient quick(
      DynamoUrl url, Region region, AwsCredentialsProvider credentials) {
    Duration each = LeaseStore.BLOCKS_WITHIN.dividedBy(2); // to connect, and to be answered
    return common(DynamoDbClient.builder(), url, region, credentials)
        .httpClientBuilder(
            Apache5HttpClient.builder()
                .maxConnections(Dynamo.Both.MOST_BLOCKED)
                .connectionTimeout(each)
                .socketTimeout(each))
        .build();
  }

  private static <B extends AwsClientBuilder<B, C>, C> B common(
      B builder, DynamoUrl url, Region region, AwsCredentialsProvider credentials) {
    url.endpoint().ifPresent(builder::endpointOverride);
    return builder
        .region(region)
        .credentialsProvider(credentials)
        // The engine asks again, and knows for how long that makes sense.
        .overrideConfiguration(
            ClientOverrideConfiguration.builder()
                .retryStrategy(AwsRetryStrategy.doNotRetry())
                .build());
  }

  /** The instance's own service is not asked: off AWS it does not answer, for long. */
  private static Region region(DynamoUrl url) {
    if (url.region().isPresent()) {
      return Region.of(url.region().get());
    }
    try {
      Region found =
          new AwsRegionProviderChain(
                  new SystemSettingsRegionProvider(),
                  url.profile().isPresent()
                      ? new AwsProfileRegionProvider(null, url.profile().get())
                      : new AwsProfileRegionProvider())
              .getRegion();
      if (found != null) {
        return found;
      }
    } catch (SdkClientException e) {
      // told below
    }
    if (url.endpoint().isPresent()) {
      return Region.US_EAST_1; // only signed with
    }
    throw new InvalidRequestException(
        "REGION_MISSING", "region is neither in the url, nor in AWS_REGION, nor in the profile");
  }

  private static DefaultCredentialsProvider credentials(DynamoUrl url) {
    DefaultCredentialsProvider.Builder builder =
        DefaultCredentialsProvider.builder()
            .asyncCredentialUpdateEnabled(true); // so that hardly anybody waits for new ones
    url.profile().ifPresent(builder::profileName);
    DefaultCredentialsProvider credentials = builder.build();
    CompletableFuture<Void> found = new CompletableFuture<>();
    Thread looking =
        new Thread(
            () -> {
              try {
                credentials.resolveCredentials();
                found.complete(null);
              } catch (RuntimeException e) {
                found.completeExceptionally(e);
              }
            },
            "holdfast-dynamodb-credentials");
    looking.setDaemon(true);
    looking.start();
    try {
      found.get(CREDENTIALS_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
      return credentials;
    } catch (ExecutionException e) {
      credentials.close();
      throw missing(String.valueOf(e.getCause()));
    } catch (TimeoutException e) {
      throw missing("none found within " + CREDENTIALS_WITHIN.toSeconds() + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw missing("interrupted");
    }
  }

  private static LockRefusedException missing(String why) {
    String line = why.replace('\n', ' ');
    return new LockRefusedException(
        "CREDENTIALS_MISSING",
        "no AWS credentials: " + (line.length() > 300 ? line.substring(0, 300) + "…" : line));
  }
}
