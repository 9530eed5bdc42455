package io.holdfast.dynamodb;

import io.holdfast.ClientOptions;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.LeaseStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;

/** The rules of records in Holdfast's own layout, against DynamoDB Local. */
class NativeRecordsTest extends LeaseStoreContract {
  private static DynamoDbAsyncClient dynamo;
  private static String mark = "";
  private static String table = "";

  @BeforeAll
  static void start() {
    dynamo = LocalServer.client();
    mark = "";
  }

  @AfterAll
  static void stop() {
    dynamo.close();
  }

  DynamoLayout layout() {
    return DynamoLayout.holdfast();
  }

  @Override
  protected LeaseStore open() {
    if (!mark.equals(layout().mark())) {
      table = LocalServer.table(dynamo, layout());
      mark = layout().mark();
    }
    return DynamoLocks.in(table, dynamo).layout(layout()).store(ClientOptions.defaults(), () -> {});
  }
}
