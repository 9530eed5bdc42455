package io.holdfast.dynamodb;

/** The same in the layout of the Python client. */
class PythonRecordsTest extends NativeRecordsTest {
  @Override
  DynamoLayout layout() {
    return DynamoLayout.python();
  }
}
