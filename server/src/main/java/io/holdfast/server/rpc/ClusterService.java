package io.holdfast.server.rpc;

import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.v1.AddMemberRequest;
import io.holdfast.protocol.v1.AddMemberResponse;
import io.holdfast.protocol.v1.ClusterGrpc;
import io.holdfast.protocol.v1.Member;
import io.holdfast.protocol.v1.RemoveMemberRequest;
import io.holdfast.protocol.v1.RemoveMemberResponse;
import io.holdfast.protocol.v1.StatusRequest;
import io.holdfast.protocol.v1.StatusResponse;
import io.holdfast.protocol.v1.TakeSnapshotRequest;
import io.holdfast.protocol.v1.TakeSnapshotResponse;
import io.holdfast.protocol.v1.TransferLeadershipRequest;
import io.holdfast.protocol.v1.TransferLeadershipResponse;
import io.holdfast.server.core.Problem;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.replication.Replicator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The servers themselves, for operators. Who may call is asked before a call comes here. */
public final class ClusterService extends ClusterGrpc.ClusterImplBase {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,253}:[1-9]\\d{0,4}");

  /** How often a hash is made anew because entries were applied meanwhile. */
  private static final int HASH_TRIES = 5;

  private final ServerCore core;
  private final Replicator replicator;
  private final String version;

  /**
   * Over a server's core and its place in the log.
   *
   * @param version of the program, for people to read
   */
  public ClusterService(ServerCore core, Replicator replicator, String version) {
    this.core = core;
    this.replicator = replicator;
    this.version = version;
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusResponse> out) {
    ReplicaStatus status;
    long hash = 0;
    try {
      status = replicator.status();
      for (int tries = 0; hash == 0 && tries < HASH_TRIES; tries++) {
        long now = core.stateHash();
        ReplicaStatus after = replicator.status();
        if (after.appliedIndex() == status.appliedIndex()) {
          hash = now;
        }
        status = after;
      }
    } catch (IllegalStateException e) {
      out.onError(
          Statuses.of(
              new Problem(
                  Problem.Code.UNAVAILABLE, "NOT_STARTED", "the server's log is not open")));
      return;
    }
    out.onNext(
        StatusResponse.newBuilder()
            .setSelf(member(status.self()))
            .addAllMembers(members(status))
            .setLeader(status.leader().orElse(""))
            .setTerm(status.term())
            .setCommittedIndex(status.committedIndex())
            .setAppliedIndex(status.appliedIndex())
            .setSnapshotIndex(status.snapshotIndex())
            .setStateHash(hash)
            .setVersion(version)
            .build());
    out.onCompleted();
  }

  @Override
  public void addMember(AddMemberRequest request, StreamObserver<AddMemberResponse> out) {
    if (isName("id", request.getId(), out)) {
      answer(
          replicator.addMember(request.getId()),
          out,
          done -> AddMemberResponse.newBuilder().addAllMembers(members()).build());
    }
  }

  @Override
  public void removeMember(RemoveMemberRequest request, StreamObserver<RemoveMemberResponse> out) {
    if (isName("id", request.getId(), out)) {
      answer(
          replicator.removeMember(request.getId()),
          out,
          done -> RemoveMemberResponse.newBuilder().addAllMembers(members()).build());
    }
  }

  @Override
  public void transferLeadership(
      TransferLeadershipRequest request, StreamObserver<TransferLeadershipResponse> out) {
    String id = request.getId();
    if (id.isEmpty() || isName("id", id, out)) {
      answer(
          replicator.transferLeadership(Optional.of(id).filter(name -> !name.isEmpty())),
          out,
          done ->
              TransferLeadershipResponse.newBuilder()
                  .setLeader(replicator.status().leader().orElse(""))
                  .build());
    }
  }

  @Override
  public void takeSnapshot(TakeSnapshotRequest request, StreamObserver<TakeSnapshotResponse> out) {
    replicator
        .snapshot()
        .whenComplete(
            (index, failure) -> {
              if (failure == null) {
                out.onNext(TakeSnapshotResponse.newBuilder().setIndex(index).build());
                out.onCompleted();
              } else {
                fail(failure, out);
              }
            });
  }

  /** Of what only a leader can do. */
  private <A> void answer(
      CompletableFuture<@Nullable Void> done, StreamObserver<A> out, Function<Boolean, A> answer) {
    done.whenComplete(
        (nothing, failure) -> {
          if (failure == null) {
            out.onNext(answer.apply(true));
            out.onCompleted();
          } else if (!core.isServing()) {
            out.onError(Statuses.notLeader(leaderAddress()));
          } else {
            fail(failure, out);
          }
        });
  }

  private static void fail(Throwable failure, StreamObserver<?> out) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    out.onError(
        Statuses.of(
            new Problem(
                Problem.Code.FAILED_PRECONDITION, "NOT_DONE", String.valueOf(cause.getMessage()))));
  }

  private static boolean isName(String field, String id, StreamObserver<?> out) {
    if (NAME.matcher(id).matches()) {
      return true;
    }
    out.onError(
        Statuses.of(
            new Problem(
                Problem.Code.INVALID_ARGUMENT,
                "ID_MALFORMED",
                field
                    + " "
                    + io.holdfast.InvalidRequestException.show(id)
                    + " is no server's name: host:port")));
    return false;
  }

  private String leaderAddress() {
    return replicator.status().leader().map(core::addressOf).orElse("");
  }

  private List<Member> members() {
    return members(replicator.status());
  }

  private List<Member> members(ReplicaStatus status) {
    return status.members().stream().map(this::member).toList();
  }

  private Member member(String server) {
    return Member.newBuilder().setId(server).setClientAddress(core.addressOf(server)).build();
  }
}
