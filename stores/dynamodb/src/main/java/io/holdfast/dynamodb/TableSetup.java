package io.holdfast.dynamodb;

import io.holdfast.StoreUnavailableException;
import io.holdfast.spi.StoreSetup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.CreateTableRequest;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;

/**
 * The table that a URL stands for; as a script, the commands of Amazon's own command line that make
 * it.
 */
final class TableSetup implements StoreSetup {
  /** All of it is done within so long. */
  static final Duration TAKES = DynamoTables.READY_WITHIN.plusSeconds(30);

  private final DynamoUrl url;

  TableSetup(DynamoUrl url) {
    DynamoLocks.checkTable(url.table());
    this.url = url;
  }

  @Override
  public String script() {
    CreateTableRequest request = DynamoTables.request(url.table(), url.layout(), url.capacity());
    List<String> commands = new ArrayList<>();
    commands.add(
        aws("create-table")
            + " --attribute-definitions "
            + quoted(attributes(request.attributeDefinitions()))
            + " --key-schema "
            + quoted(key(request.keySchema()))
            + " --billing-mode "
            + request.billingModeAsString()
            + throughput());
    url.layout()
        .expiryAttribute()
        .ifPresent(
            attribute -> {
              commands.add(aws("wait table-exists"));
              commands.add(
                  aws("update-time-to-live")
                      + " --time-to-live-specification "
                      + quoted("{\"Enabled\":true,\"AttributeName\":" + json(attribute) + "}"));
            });
    return String.join("\n", commands);
  }

  @Override
  public String run() {
    try (DynamoDbAsyncClient client = DynamoProvider.connect(url)) {
      String table = "table " + url.table();
      boolean isNew = await(DynamoTables.create(client, url.table(), url.layout(), url.capacity()));
      if (isNew) {
        return table + " was made";
      }
      DynamoProvider.locks(url, DynamoLocks.in(url.table(), client)).check();
      return table + " is there already, and was left as it is";
    }
  }

  private boolean await(CompletableFuture<Boolean> made) {
    try {
      return made.get(TAKES.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new Failures(url.table(), url.layout().schema())
          .of(e.getCause() == null ? e : e.getCause(), "CreateTable", true);
    } catch (TimeoutException e) {
      throw new StoreUnavailableException(
          "table " + url.table() + " was not ready within " + TAKES.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoreUnavailableException("making table " + url.table() + " was interrupted", e);
    }
  }

  private String aws(String command) {
    String line = "aws dynamodb " + command + " --table-name " + quoted(url.table());
    line += url.region().map(region -> " --region " + region).orElse("");
    line += url.profile().map(profile -> " --profile " + quoted(profile)).orElse("");
    return line + url.endpoint().map(uri -> " --endpoint-url " + quoted(uri.toString())).orElse("");
  }

  private String throughput() {
    return url.capacity() instanceof DynamoTables.Capacity.Provisioned provisioned
        ? " --provisioned-throughput ReadCapacityUnits="
            + provisioned.reads()
            + ",WriteCapacityUnits="
            + provisioned.writes()
        : "";
  }

  private static String attributes(List<AttributeDefinition> attributes) {
    return attributes.stream()
        .map(it -> pair("AttributeName", it.attributeName(), "AttributeType", "S"))
        .collect(Collectors.joining(",", "[", "]"));
  }

  private static String key(List<KeySchemaElement> key) {
    return key.stream()
        .map(it -> pair("AttributeName", it.attributeName(), "KeyType", it.keyTypeAsString()))
        .collect(Collectors.joining(",", "[", "]"));
  }

  private static String pair(String one, String value, String other, String otherValue) {
    return "{" + json(one) + ":" + json(value) + "," + json(other) + ":" + json(otherValue) + "}";
  }

  private static String json(String text) {
    StringBuilder json = new StringBuilder("\"");
    text.chars()
        .forEach(
            c -> {
              if (c < ' ' || c == '"' || c == '\\') {
                json.append(String.format("\\u%04x", c));
              } else {
                json.append((char) c);
              }
            });
    return json.append('"').toString();
  }

  /** For a shell. */
  private static String quoted(String text) {
    return text.matches("[A-Za-z0-9_./:-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
