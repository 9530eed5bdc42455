package io.holdfast.faults;

import io.grpc.StatusRuntimeException;
import io.holdfast.protocol.v1.AddMemberRequest;
import io.holdfast.protocol.v1.RemoveMemberRequest;
import java.time.Duration;

/** A server is taken out of the cluster, loses all it has, and is taken in again. */
final class ChangeMembers implements Nemesis {
  @Override
  public String name() {
    return "member-change";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    Cluster cluster = field.cluster();
    LockServer leader = cluster.awaitLeader();
    LockServer leaver = cluster.follower(leader, field.below(2));
    try {
      int left =
          leader
              .administration()
              .removeMember(RemoveMemberRequest.newBuilder().setId(leaver.id()).build())
              .getMembersCount();
      evidence.saw("member removed", left == cluster.servers().size() - 1);
      leaver.process().kill();
      leaver.disk().erase();
      field.goOn(Duration.ofSeconds(1), Duration.ofSeconds(3));
      cluster.join(leaver);
      Wait.until(Cluster.RECOVERY, () -> leaver.status().isPresent());
      int all =
          cluster
              .awaitLeader()
              .administration()
              .addMember(AddMemberRequest.newBuilder().setId(leaver.id()).build())
              .getMembersCount();
      evidence.saw("member added", all == cluster.servers().size());
    } catch (StatusRuntimeException e) {
      field.promiseBroken("the members could not be changed: " + e);
    }
    cluster.awaitHealth();
  }
}
