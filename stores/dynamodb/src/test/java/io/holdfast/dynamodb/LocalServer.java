package io.holdfast.dynamodb;

import io.holdfast.spi.Ticker;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
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
import software.amazon.awssdk.services.dynamodb.model.CreateTableRequest;

/** One DynamoDB Local for all tests of this JVM, in a JVM of its own. */
final class LocalServer {
  private static final AtomicInteger TABLES = new AtomicInteger();

  private LocalServer() {}

  private static final class Running {
    static final URI ENDPOINT = start();

    static URI start() {
      try {
        File[] jars = new File(System.getProperty("holdfast.dynamodb-local")).listFiles();
        List<String> path = new ArrayList<>();
        path.add(
            Path.of(
                    LocalServerMain.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI())
                .toString());
        Stream.of(jars).map(File::getPath).filter(it -> it.endsWith(".jar")).forEach(path::add);
        String folder = jars[0].getParent();
        Process process =
            new ProcessBuilder(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx384m",
                    "-XX:+UseSerialGC",
                    "-Dsqlite4java.library.path=" + folder,
                    "-cp",
                    String.join(File.pathSeparator, path),
                    LocalServerMain.class.getName(),
                    "8000")
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        BufferedReader said =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        StringBuilder all = new StringBuilder();
        for (String line = said.readLine(); line != null; line = said.readLine()) {
          if (line.startsWith("port ")) {
            drain(said);
            URI endpoint = URI.create("http://127.0.0.1:" + line.substring("port ".length()));
            warmUp(endpoint);
            return endpoint;
          }
          all.append(line).append('\n');
        }
        throw new IllegalStateException("DynamoDB Local did not start: " + all);
      } catch (IOException | java.net.URISyntaxException e) {
        throw new IllegalStateException("DynamoDB Local did not start", e);
      }
    }

    /** Its first table takes many seconds on a busy machine, longer than the locks' own client waits for an answer. */
    private static void warmUp(URI endpoint) {
      try (DynamoDbClient patient = blockingClient(endpoint)) {
        CreateTableRequest request =
            DynamoTables.request(
                "warm-up", DynamoLayout.holdfast(), new DynamoTables.Capacity.OnDemand());
        patient.createTable(request);
        patient.putItem(
            it ->
                it.tableName("warm-up").item(DynamoLayout.holdfast().keys().of("the first item")));
      }
    }

    private static void drain(BufferedReader said) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  while (said.readLine() != null) {
                    // nobody wants to know
                  }
                } catch (IOException e) {
                  // it has ended
                }
              });
      thread.setDaemon(true);
      thread.start();
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
    return blockingClient(endpoint());
  }

  private static DynamoDbClient blockingClient(URI endpoint) {
    return DynamoDbClient.builder()
        .endpointOverride(endpoint)
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
