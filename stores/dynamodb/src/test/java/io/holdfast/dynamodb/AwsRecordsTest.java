package io.holdfast.dynamodb;

/** The same in the layout of the AWS client. */
class AwsRecordsTest extends NativeRecordsTest {
  @Override
  DynamoLayout layout() {
    return DynamoLayout.aws();
  }
}
