package io.holdfast.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.dynamodb.LocalServerProcess;
import io.holdfast.spi.LockProvider;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;

class DynamoDbDepositTest {
  private LocalServerProcess server;
  private DynamoDbClient dynamo;
  private LockClient locks;
  private DynamoDbDeposit example;

  @BeforeEach
  void open() {
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
    server = LocalServerProcess.start(Path.of(System.getProperty("holdfast.dynamodb-local")));
    String url = "dynamodb://locks?region=us-east-1&endpoint=" + server.endpoint();
    LockProvider.of(url).setup(url).orElseThrow().run();
    dynamo =
        DynamoDbClient.builder()
            .region(Region.US_EAST_1)
            .endpointOverride(server.endpoint())
            .build();
    dynamo.createTable(
        it ->
            it.tableName("accounts")
                .attributeDefinitions(
                    a -> a.attributeName("name").attributeType(ScalarAttributeType.S))
                .keySchema(k -> k.attributeName("name").keyType(KeyType.HASH))
                .billingMode(BillingMode.PAY_PER_REQUEST));
    locks = LockClient.connect(url);
    example = new DynamoDbDeposit(locks, dynamo, "accounts");
  }

  @AfterEach
  void close() {
    locks.close();
    dynamo.close();
    server.close();
    System.clearProperty("aws.accessKeyId");
    System.clearProperty("aws.secretAccessKey");
  }

  @Test
  void depositsSideBySideAreAllKeptAndNoneIsMadeUnderAnOldLock() throws Exception {
    Tellers.work(() -> assertThat(example.deposit("ann", 1, Tellers.PATIENCE)).isTrue());
    assertThat(example.balance("ann")).isEqualTo(Tellers.ALL);

    try (Hold hold = locks.lock("account/ann").acquire()) {
      assertThat(example.deposit("ann", 1, Duration.ofMillis(50))).isFalse();
      example.write("ann", 7, hold.token());
      assertThatThrownBy(() -> example.write("ann", 8, hold.token() - 1))
          .isInstanceOf(ConditionalCheckFailedException.class);
    }
    assertThat(example.balance("ann")).isEqualTo(7);
  }
}
