package io.holdfast.faults;

import io.grpc.StatusRuntimeException;
import io.holdfast.protocol.v1.TransferLeadershipRequest;

/** An operator makes another server the leader. */
final class TransferLeadership implements Nemesis {
  @Override
  public String name() {
    return "leader-transfer";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    LockServer leader = field.cluster().awaitLeader();
    LockServer next = field.cluster().follower(leader, field.below(2));
    try {
      leader
          .administration()
          .transferLeadership(TransferLeadershipRequest.newBuilder().setId(next.id()).build());
    } catch (StatusRuntimeException e) {
      field.promiseBroken(
          "the leadership was not handed from " + leader + " to " + next + ": " + e);
    }
    evidence.saw("leader changed", Wait.until(Cluster.ELECTION, next::leads));
    field.cluster().awaitHealth();
  }
}
