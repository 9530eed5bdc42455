package io.holdfast.dynamodb;

/** The same in the layout of the Python client, with tokens. */
class PythonCountedRecordsTest extends NativeRecordsTest {
  @Override
  DynamoLayout layout() {
    return DynamoLayout.python().tokens();
  }
}
