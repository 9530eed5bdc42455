package io.holdfast.testkit.lease;

/** The same over a store that renews whatever has the grant, as DynamoDB's do. */
class LeaseSafetyByGrantTest extends LeaseSafetyTest {
  @Override
  LeaseWorld world() {
    return new LeaseWorld(true);
  }
}
