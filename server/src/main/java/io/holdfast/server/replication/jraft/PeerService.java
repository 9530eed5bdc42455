package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.core.NodeImpl;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.rpc.Connection;
import com.alipay.sofa.jraft.rpc.RaftServerService;
import com.alipay.sofa.jraft.rpc.RpcContext;
import com.alipay.sofa.jraft.rpc.RpcRequestClosure;
import com.alipay.sofa.jraft.rpc.RpcRequests;
import com.alipay.sofa.jraft.storage.FileService;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.internal.v1.PeerRequest;
import io.holdfast.protocol.internal.v1.PeerResponse;
import io.holdfast.protocol.internal.v1.PeersGrpc;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands the requests of other servers to the engine, and its answers back. The engine may block, so it is never called on the
 * threads of connections.
 */
final class PeerService extends PeersGrpc.PeersImplBase {
  private static final Logger LOG = LoggerFactory.getLogger(PeerService.class);

  /** What one caller may have under way; more is left on the wire. As much as a {@link PeerLink} leaves unanswered. */
  private static final int MOST_UNDER_WAY = 512;

  private final PeerAddress self;
  private final Executor threads;
  private volatile @Nullable NodeImpl node;

  PeerService(PeerAddress self, Executor threads) {
    this.self = self;
    this.threads = threads;
  }

  void serve(NodeImpl served) {
    node = served;
  }

  @Override
  public StreamObserver<PeerRequest> talk(StreamObserver<PeerResponse> responses) {
    ServerCallStreamObserver<PeerResponse> call =
        (ServerCallStreamObserver<PeerResponse>) responses;
    NodeImpl served = node;
    if (served == null) {
      call.onError(Status.UNAVAILABLE.withDescription(self + " is starting").asException());
      return new Ignored();
    }
    call.disableAutoRequest();
    call.request(MOST_UNDER_WAY);
    return new Talk(call, served);
  }

  /** One stream of one caller. */
  private final class Talk implements StreamObserver<PeerRequest> {
    private final ReentrantLock mutex = new ReentrantLock();

    @GuardedBy("mutex")
    private final ServerCallStreamObserver<PeerResponse> call;

    @GuardedBy("mutex")
    private boolean ended;

    private final NodeImpl served;
    private final SerialExecutor inOrder = new SerialExecutor(threads);

    Talk(ServerCallStreamObserver<PeerResponse> call, NodeImpl served) {
      this.call = call;
      this.served = served;
      // Without it, an answer to a caller that is gone would throw.
      call.setOnCancelHandler(this::markEnded);
    }

    @Override
    public void onNext(PeerRequest request) {
      Optional<Question> question = Question.of(request.getKind());
      if (question.isEmpty()) {
        end(Status.INVALID_ARGUMENT.withDescription("a kind that servers do not ask for"));
        return;
      }
      Message message;
      try {
        message = question.get().request().parseFrom(request.getMessage());
      } catch (InvalidProtocolBufferException e) {
        end(Status.INVALID_ARGUMENT.withDescription("not what its kind says"));
        return;
      }
      Answer answer = new Answer(this, request.getId());
      // Entries in order. The rest beside them: while a snapshot is taken over, heartbeats must
      // come through.
      boolean entries =
          message instanceof RpcRequests.AppendEntriesRequest append
              && (append.getEntriesCount() > 0 || append.hasData());
      try {
        (entries ? inOrder : threads).execute(() -> take(message, answer));
      } catch (RejectedExecutionException e) {
        end(Status.RESOURCE_EXHAUSTED.withDescription("too much is waiting"));
      }
    }

    private void take(Message request, Answer answer) {
      try {
        Message response = ask(request, new RpcRequestClosure(answer));
        if (response != null) {
          answer.sendResponse(response);
        }
      } catch (RuntimeException | Error e) { // what waits behind it goes on
        LOG.error("A request of another server failed: {}", request.getClass().getSimpleName(), e);
        answer.sendResponse(error(-1, "failed: " + e));
      }
    }

    private @Nullable Message ask(Message request, RpcRequestClosure done) {
      RaftServerService engine = served;
      if (request instanceof RpcRequests.PingRequest) {
        return error(0, "");
      }
      if (request instanceof RpcRequests.GetFileRequest getFile) {
        return FileService.getInstance().handleGetFile(getFile, done);
      }
      if (request instanceof RpcRequests.AppendEntriesRequest append) {
        return forAnother(append.getGroupId(), append.getPeerId())
            .orElseGet(() -> engine.handleAppendEntriesRequest(append, done));
      }
      if (request instanceof RpcRequests.RequestVoteRequest vote) {
        return forAnother(vote.getGroupId(), vote.getPeerId())
            .orElseGet(
                () ->
                    vote.getPreVote()
                        ? engine.handlePreVoteRequest(vote)
                        : engine.handleRequestVoteRequest(vote));
      }
      if (request instanceof RpcRequests.TimeoutNowRequest timeout) {
        return forAnother(timeout.getGroupId(), timeout.getPeerId())
            .orElseGet(() -> engine.handleTimeoutNowRequest(timeout, done));
      }
      if (request instanceof RpcRequests.InstallSnapshotRequest install) {
        return forAnother(install.getGroupId(), install.getPeerId())
            .orElseGet(() -> engine.handleInstallSnapshot(install, done));
      }
      throw new IllegalStateException("not taken up: " + request.getClass());
    }

    private Optional<Message> forAnother(String group, String peer) {
      if (group.equals(JRaftReplicator.GROUP) && peer.equals(self.toString())) {
        return Optional.empty();
      }
      return Optional.of(error(RaftError.EINVAL.getNumber(), "this is " + self + ", not " + peer));
    }

    void respond(long id, Message answer) {
      PeerResponse.Builder response = PeerResponse.newBuilder().setId(id);
      if (answer instanceof RpcRequests.ErrorResponse failure && failure.getErrorCode() != 0) {
        response.setError(answer.toByteString());
      } else {
        response.setMessage(answer.toByteString());
      }
      mutex.lock();
      try {
        // gRPC only puts these into its queues: nothing waits, and nothing calls back.
        if (!ended) {
          call.onNext(response.build());
          call.request(1);
        }
      } catch (StatusRuntimeException | IllegalStateException e) {
        LOG.debug("An answer came too late", e);
        ended = true;
      } finally {
        mutex.unlock();
      }
    }

    private void end(Status status) {
      LOG.warn("Ended the stream of another server: {}", status.getDescription());
      mutex.lock();
      try {
        if (!ended) {
          ended = true;
          call.onError(status.asException());
        }
      } finally {
        mutex.unlock();
      }
    }

    private void markEnded() {
      mutex.lock();
      try {
        ended = true;
      } finally {
        mutex.unlock();
      }
    }

    @Override
    public void onError(Throwable cause) {
      markEnded();
    }

    @Override
    public void onCompleted() {
      mutex.lock();
      try {
        if (!ended) {
          ended = true;
          call.onCompleted();
        }
      } finally {
        mutex.unlock();
      }
    }
  }

  private static Message error(int code, String text) {
    return RpcRequests.ErrorResponse.newBuilder().setErrorCode(code).setErrorMsg(text).build();
  }

  /** The way of one answer back, as the engine wants it. */
  private record Answer(Talk talk, long id) implements RpcContext {
    @Override
    public void sendResponse(Object response) {
      talk.respond(id, (Message) response);
    }

    @Override
    public Connection getConnection() {
      throw new UnsupportedOperationException("the engine's own handlers are not used");
    }

    @Override
    public String getRemoteAddress() {
      return "another server";
    }
  }

  /** For a stream that has been refused. */
  private static final class Ignored implements StreamObserver<PeerRequest> {
    @Override
    public void onNext(PeerRequest request) {}

    @Override
    public void onError(Throwable cause) {}

    @Override
    public void onCompleted() {}
  }
}
