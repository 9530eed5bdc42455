package io.holdfast.dynamodb;

import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.api.RetryStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** One DynamoDB Local for all tests of this JVM, in a JVM of its own. */
final class LocalServer {
  private static final AtomicInteger TABLES = new AtomicInteger();

  private LocalServer() {}

  private static final class Running {
    static final URI ENDPOINT = start();

    /** It ends with this JVM. */
    static URI start() {
      Path jars = Path.of(System.getProperty("holdfast.dynamodb-local"));
      return LocalServerProcess.start(jars).endpoint();
    }
  }

  static URI endpoint() {
    return Running.ENDPOINT;
  }

  static String url(String table) {
    return "dynamodb://" + table + "?region=us-east-1&endpoint=" + endpoint();
  }

  static DynamoDbAsyncClient client() {
    return client(new JdkHttp(Ticker.system()));
  }

  static DynamoDbAsyncClient client(SdkAsyncHttpClient http) {
    return client(http, AwsRetryStrategy.doNotRetry(), credentials());
  }

  /** One whose questions and answers are changed on the way. */
  static DynamoDbAsyncClient client(SdkAsyncHttpClient http, ExecutionInterceptor changing) {
    return DynamoDbAsyncClient.builder()
        .endpointOverride(endpoint())
        .region(Region.US_EAST_1)
        .credentialsProvider(credentials())
        .httpClient(http)
        .overrideConfiguration(
            it -> it.retryStrategy(AwsRetryStrategy.doNotRetry()).addExecutionInterceptor(changing))
        .build();
  }

  static DynamoDbAsyncClient client(
      SdkAsyncHttpClient http, RetryStrategy retries, AwsCredentialsProvider credentials) {
    return DynamoDbAsyncClient.builder()
        .endpointOverride(endpoint())
        .region(Region.US_EAST_1)
        .credentialsProvider(credentials)
        .httpClient(http)
        .overrideConfiguration(it -> it.retryStrategy(retries))
        .build();
  }

  /** As the AWS lock client needs it. */
  static DynamoDbClient blockingClient() {
    return DynamoDbClient.builder()
        .endpointOverride(endpoint())
        .region(Region.US_EAST_1)
        .credentialsProvider(credentials())
        .httpClient(UrlConnectionHttpClient.create())
        .build();
  }

  static StaticCredentialsProvider credentials() {
    return StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local"));
  }

  /** Makes a table of its own for a test. */
  static String table(DynamoDbAsyncClient client, DynamoLayout layout) {
    String table = "t" + ProcessHandle.current().pid() + "-" + TABLES.incrementAndGet();
    DynamoTables.create(client, table, layout, new DynamoTables.Capacity.OnDemand()).join();
    return table;
  }

  static Process child(Class<?> main, String... arguments) throws IOException {
    return command(main, arguments).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Runs a class of the tests in a JVM of its own. */
  static ProcessBuilder command(Class<?> main, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
    command.addAll(Arrays.asList(arguments));
    return new ProcessBuilder(command);
  }
}
