package io.holdfast.dynamodb;

/** The same in the layout of the Python client, as far as that can do it. */
class PythonDialectContractTest extends DynamoContractTest {
  @Override
  DynamoLayout layout() {
    return DynamoLayout.python();
  }
}
