package io.holdfast.dynamodb;

/** The same in the layout of the AWS client, with tokens and with items that stay. */
class AwsCountedRecordsTest extends NativeRecordsTest {
  @Override
  DynamoLayout layout() {
    return DynamoLayout.aws().sortKey("range", "locks").tokens().keepReleased().consistent();
  }
}
