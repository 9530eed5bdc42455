package io.holdfast.server.rpc;

import io.grpc.ServerServiceDefinition;
import io.grpc.stub.StreamObserver;
import io.holdfast.InvalidRequestException;
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
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The servers themselves, for operators. Who may call is asked before a call comes here. */
public final class ClusterService extends ClusterGrpc.ClusterImplBase {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,253}:[1-9]\\d{0,4}");

  /** Questions for the status, each of which costs as much as a snapshot. */
  private static final int MAX_WAITING = 16;

  private static final Problem NOT_STARTED =
      new Problem(Problem.Code.UNAVAILABLE, "NOT_STARTED", "the server's log is not open");

  private final ServerCore core;
  private final Replicator replicator;
  private final String version;

  /** One at a time, and not on a thread that carries clients' messages. */
  private final ThreadPoolExecutor hashing =
      new ThreadPoolExecutor(
          1,
          1,
          1,
          TimeUnit.SECONDS,
          new ArrayBlockingQueue<>(MAX_WAITING),
          task -> {
            Thread thread = new Thread(task, "holdfast-status");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * Over a server's core and its place in the log.
   *
   * @param version of the program, for people to read
   */
  public ClusterService(ServerCore core, Replicator replicator, String version) {
    this.core = core;
    this.replicator = replicator;
    this.version = version;
    hashing.allowCoreThreadTimeOut(true);
  }

  /**
   * All calls, with messages that are checked as they come.
   *
   * @param maxMessageBytes what is longer is refused
   */
  public ServerServiceDefinition checked(int maxMessageBytes) {
    return CheckedMessages.of(bindService(), maxMessageBytes, core::refused);
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusResponse> out) {
    try {
      hashing.execute(() -> tellStatus(out));
    } catch (RejectedExecutionException e) {
      refuse(
          out,
          new Problem(
              Problem.Code.RESOURCE_EXHAUSTED,
              "TOO_MANY_QUESTIONS",
              "questions for the status that wait are " + MAX_WAITING + ", no more are kept"));
    }
  }

  private void tellStatus(StreamObserver<StatusResponse> out) {
    StatusResponse answer;
    try {
      // In this order: what is applied by now is in the state, and what has changed it since has
      // the state's index.
      ReplicaStatus status = replicator.status();
      ServerCore.State state = core.state();
      long index = Math.max(status.appliedIndex(), state.index());
      boolean isKnown =
          state.index() > 0 || replicator.status().appliedIndex() == status.appliedIndex();
      answer =
          StatusResponse.newBuilder()
              .setSelf(member(status.self()))
              .addAllMembers(members(status))
              .setLeader(status.leader().orElse(""))
              .setTerm(status.term())
              .setCommittedIndex(Math.max(status.committedIndex(), index))
              .setAppliedIndex(index)
              .setSnapshotIndex(status.snapshotIndex())
              .setStateHash(isKnown ? state.hash() : 0)
              .setVersion(version)
              .build();
    } catch (IllegalStateException e) {
      refuse(out, NOT_STARTED);
      return;
    }
    out.onNext(answer);
    out.onCompleted();
  }

  @Override
  public void addMember(AddMemberRequest request, StreamObserver<AddMemberResponse> out) {
    if (isName("id", request.getId(), out)) {
      answer(
          () -> replicator.addMember(request.getId()),
          out,
          () -> AddMemberResponse.newBuilder().addAllMembers(members()).build());
    }
  }

  @Override
  public void removeMember(RemoveMemberRequest request, StreamObserver<RemoveMemberResponse> out) {
    if (isName("id", request.getId(), out)) {
      answer(
          () -> replicator.removeMember(request.getId()),
          out,
          () -> RemoveMemberResponse.newBuilder().addAllMembers(members()).build());
    }
  }

  @Override
  public void transferLeadership(
      TransferLeadershipRequest request, StreamObserver<TransferLeadershipResponse> out) {
    String id = request.getId();
    if (id.isEmpty() || isName("id", id, out)) {
      answer(
          () -> replicator.transferLeadership(Optional.of(id).filter(name -> !name.isEmpty())),
          out,
          () ->
              TransferLeadershipResponse.newBuilder()
                  .setLeader(replicator.status().leader().orElse(""))
                  .build());
    }
  }

  @Override
  public void takeSnapshot(TakeSnapshotRequest request, StreamObserver<TakeSnapshotResponse> out) {
    Optional<CompletableFuture<Long>> written = begun(replicator::snapshot, out);
    if (written.isPresent()) {
      written
          .get()
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
  }

  /** Of what only a leader can do. */
  private <A> void answer(
      Supplier<CompletableFuture<@Nullable Void>> act, StreamObserver<A> out, Supplier<A> answer) {
    Optional<CompletableFuture<@Nullable Void>> done = begun(act, out);
    if (done.isPresent()) {
      done.get()
          .whenComplete(
              (nothing, failure) -> {
                if (failure == null) {
                  out.onNext(answer.get());
                  out.onCompleted();
                } else if (!core.isServing()) {
                  out.onError(Statuses.notLeader(leaderAddress()));
                } else {
                  fail(failure, out);
                }
              });
    }
  }

  /** Begins with something; if it cannot even be begun with, the caller is told why. */
  private <T> Optional<T> begun(Supplier<T> act, StreamObserver<?> out) {
    try {
      return Optional.of(act.get());
    } catch (IllegalArgumentException e) {
      refuse(
          out,
          new Problem(Problem.Code.INVALID_ARGUMENT, "ID_INVALID", String.valueOf(e.getMessage())));
    } catch (IllegalStateException e) {
      refuse(out, NOT_STARTED);
    }
    return Optional.empty();
  }

  private void refuse(StreamObserver<?> out, Problem problem) {
    core.refused(problem.reason());
    out.onError(Statuses.of(problem));
  }

  private void fail(Throwable failure, StreamObserver<?> out) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    refuse(
        out,
        new Problem(
            Problem.Code.FAILED_PRECONDITION, "NOT_DONE", String.valueOf(cause.getMessage())));
  }

  private boolean isName(String field, String id, StreamObserver<?> out) {
    if (NAME.matcher(id).matches()) {
      return true;
    }
    refuse(
        out,
        new Problem(
            Problem.Code.INVALID_ARGUMENT,
            "ID_MALFORMED",
            field + " " + InvalidRequestException.show(id) + " is no server's name: host:port"));
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
