package io.holdfast.dynamodb;

/** The same in the layout of the AWS client, as far as that can do it. */
class AwsDialectContractTest extends DynamoContractTest {
  @Override
  DynamoLayout layout() {
    return DynamoLayout.aws();
  }
}
