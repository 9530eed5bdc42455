package io.holdfast.dynamodb;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** A DynamoDB Local of one's own, empty, in a JVM that ends with this one at the latest. For tests of this module and others. */
public final class LocalServerProcess implements AutoCloseable {
  private final Process process;
  private final URI endpoint;

  private LocalServerProcess(Process process, URI endpoint) {
    this.process = process;
    this.endpoint = endpoint;
  }

  /** @param jars the folder that the build has fetched it into */
  public static LocalServerProcess start(Path jars) {
    try {
      List<String> path = new ArrayList<>();
      path.add(
          Path.of(LocalServerMain.class.getProtectionDomain().getCodeSource().getLocation().toURI())
              .toString());
      Stream.of(jars.toFile().listFiles())
          .map(File::getPath)
          .filter(it -> it.endsWith(".jar"))
          .forEach(path::add);
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx384m",
                  "-XX:+UseSerialGC",
                  "-Dsqlite4java.library.path=" + jars,
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
          String port = line.substring("port ".length());
          URI endpoint = URI.create("http://127.0.0.1:" + port);
          warmUp(endpoint);
          return new LocalServerProcess(process, endpoint);
        }
        all.append(line).append('\n');
      }
      throw new IllegalStateException("DynamoDB Local did not start: " + all);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Where it listens. */
  public URI endpoint() {
    return endpoint;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  /** Its first table takes many seconds on a busy machine, longer than the locks' own client waits for an answer. */
  private static void warmUp(URI endpoint) {
    AwsCredentials any = AwsBasicCredentials.create("local", "local");
    try (DynamoDbClient patient =
        DynamoDbClient.builder()
            .endpointOverride(endpoint)
            .region(Region.US_EAST_1)
            .credentialsProvider(() -> any)
            .httpClientBuilder(Apache5HttpClient.builder())
            .build()) {
      patient.createTable(
          DynamoTables.request(
              "warm-up", DynamoLayout.holdfast(), new DynamoTables.Capacity.OnDemand()));
      patient.putItem(
          it -> it.tableName("warm-up").item(DynamoLayout.holdfast().keys().of("the first item")));
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
