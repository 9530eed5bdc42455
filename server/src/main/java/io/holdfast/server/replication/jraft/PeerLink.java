package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.error.InvokeTimeoutException;
import com.alipay.sofa.jraft.error.RemotingException;
import com.alipay.sofa.jraft.rpc.InvokeCallback;
import com.alipay.sofa.jraft.rpc.RpcRequests;
import com.alipay.sofa.jraft.rpc.RpcUtils;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NegotiationType;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.internal.v1.PeerRequest;
import io.holdfast.protocol.internal.v1.PeerResponse;
import io.holdfast.protocol.internal.v1.PeersGrpc;
import io.holdfast.spi.Ticker;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to one other server: a channel that connects again by itself, and on it one stream. Thread-safe; waits for nobody,
 * and for the disk only when the other one answers for the first time and it is written down who it is.
 *
 * <p>What is sent arrives in the order of {@link #call}, or the stream breaks and all that is unanswered fails.
 */
final class PeerLink {
  /*
   * One stream, rather than a call each: calls of one connection overtake each other when one is large, and a follower
   * throws away entries that come out of order.
   *
   * The mutex makes the order: it is held from the choice of an id until gRPC has the message in its queue, which neither
   * waits nor, on a stream that has begun, calls back. Callbacks run outside of it, on the engine's threads.
   */
  private static final Logger LOG = LoggerFactory.getLogger(PeerLink.class);

  private static final Duration RECONNECT_EVERY = Duration.ofMillis(250);
  private static final int CONNECT_TIMEOUT_MILLIS = 1_000;
  private static final int PING_EVERY_SECONDS = 5;
  private static final int PING_TIMEOUT_SECONDS = 3;

  /** Twice what the engine's pipeline sends ahead. */
  private static final int MOST_UNANSWERED_CALLS = 512;

  private static final long MOST_UNANSWERED_BYTES = 64L << 20;

  private static final RpcRequests.PingRequest HELLO =
      RpcRequests.PingRequest.newBuilder().setSendTimestamp(0).build();

  private static final Question GREETING = Question.ofRequest(HELLO).orElseThrow();

  private final PeerAddress peer;
  private final PeerIdentity identity;
  private final LogPace pace = new LogPace();
  private final ManagedChannel channel;
  private final PeersGrpc.PeersStub stub;
  private final ScheduledThreadPoolExecutor timer;
  private final Runnable whenConnected;
  private final Ticker ticker = Ticker.system();

  private final ReentrantLock mutex = new ReentrantLock();

  @GuardedBy("mutex")
  private final Map<Long, Call> unanswered = new LinkedHashMap<>();

  @GuardedBy("mutex")
  private long unansweredBytes;

  @GuardedBy("mutex")
  private long lastId;

  @GuardedBy("mutex")
  private @Nullable StreamObserver<PeerRequest> stream;

  @GuardedBy("mutex")
  private long nextReconnectNanos;

  /** Who answers on the stream that there is; null if nobody has yet. */
  private volatile @Nullable String answering;

  PeerLink(
      PeerAddress peer,
      PeerIdentity identity,
      ScheduledThreadPoolExecutor timer,
      Runnable whenConnected) {
    this.peer = peer;
    this.identity = identity;
    this.timer = timer;
    this.whenConnected = whenConnected;
    this.nextReconnectNanos = ticker.nanos();
    NettyChannelBuilder builder =
        NettyChannelBuilder.forAddress(peer.host(), peer.port())
            .directExecutor()
            .flowControlWindow(PeerServer.FLOW_CONTROL_WINDOW)
            .proxyDetector(address -> null)
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MILLIS)
            .maxInboundMessageSize(PeerServer.MOST_MESSAGE_BYTES)
            .keepAliveTime(PING_EVERY_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(PING_TIMEOUT_SECONDS, TimeUnit.SECONDS)
            .disableRetry();
    if (identity.certificates().isPresent()) {
      builder.sslContext(identity.certificates().get().forClient());
    } else {
      builder.negotiationType(NegotiationType.PLAINTEXT);
    }
    channel = builder.build();
    Metadata headers = new Metadata();
    headers.put(PeerIdentity.SERVER, identity.self().toString());
    headers.put(PeerIdentity.IDENTITY, identity.folder().identity());
    identity.folder().cluster().ifPresent(it -> headers.put(PeerIdentity.CLUSTER, it));
    stub =
        PeersGrpc.newStub(channel)
            .withInterceptors(
                MetadataUtils.newAttachHeadersInterceptor(headers), new Recognition());
    channel.getState(true);
    follow(ConnectivityState.IDLE);
  }

  private void follow(ConnectivityState known) {
    channel.notifyWhenStateChanged(
        known,
        () -> {
          ConnectivityState state = channel.getState(false);
          if (state == ConnectivityState.READY) {
            LOG.info("Connected to {}", peer);
            whenConnected.run();
          }
          if (state != ConnectivityState.SHUTDOWN) {
            follow(state);
          }
        });
  }

  boolean isReady() {
    return channel.getState(false) == ConnectivityState.READY;
  }

  /** Sees to it that it is known who a member is before something depends on that. */
  void meet() {
    if (!isReady() || identity.folder().identityOf(peer.toString()).isPresent()) {
      return;
    }
    String its = answering;
    if (its != null) { // it has become a member since
      boolean unused = isRecognized(its);
      return;
    }
    try {
      call(GREETING, HELLO, (answer, failure) -> {}, CONNECT_TIMEOUT_MILLIS);
    } catch (RemotingException e) {
      LOG.debug("Not greeted", e);
    }
  }

  /** Whether a call has a chance: there is a connection, or one may come. Goes for one if there is none. */
  boolean mayCall() {
    ConnectivityState state = channel.getState(true);
    if (state == ConnectivityState.TRANSIENT_FAILURE && mayReconnect()) {
      // gRPC would wait up to two minutes, and looks the host's address up again first.
      channel.resetConnectBackoff();
    }
    return state != ConnectivityState.TRANSIENT_FAILURE && state != ConnectivityState.SHUTDOWN;
  }

  private boolean mayReconnect() {
    mutex.lock();
    try {
      if (ticker.nanos() - nextReconnectNanos < 0) {
        return false;
      }
      nextReconnectNanos = ticker.nanosIn(RECONNECT_EVERY);
      return true;
    } finally {
      mutex.unlock();
    }
  }

  /**
   * Sends a request.
   *
   * @throws RemotingException if too much is unanswered; the callback is not called then
   */
  void call(Question question, Message request, InvokeCallback callback, long timeoutMillis)
      throws RemotingException {
    Call call = new Call(question, callback, request.getSerializedSize());
    PeerRequest.Builder message =
        PeerRequest.newBuilder().setKind(question.kind()).setMessage(request.toByteString());
    long id;
    mutex.lock();
    try {
      if (unanswered.size() >= MOST_UNANSWERED_CALLS
          || unansweredBytes + call.bytes > MOST_UNANSWERED_BYTES) {
        throw new RemotingException("too much is unanswered by " + peer);
      }
      id = ++lastId;
      unanswered.put(id, call);
      unansweredBytes += call.bytes;
      StreamObserver<PeerRequest> known = stream;
      if (known == null) {
        known = open();
      }
      known.onNext(message.setId(id).build());
    } finally {
      mutex.unlock();
    }
    call.expireAfter(id, timeoutMillis);
  }

  @GuardedBy("mutex")
  private StreamObserver<PeerRequest> open() {
    Answers answers = new Answers();
    answering = null;
    StreamObserver<PeerRequest> opened = stub.talk(answers);
    stream = opened;
    answers.of = opened;
    if (answers.ended) {
      // It can end within the call that opens it, and has failed all calls then; gRPC throws away
      // what is sent on it now.
      stream = null;
    }
    return opened;
  }

  private @Nullable Call take(long id) {
    mutex.lock();
    try {
      Call call = unanswered.remove(id);
      if (call != null) {
        unansweredBytes -= call.bytes;
      }
      return call;
    } finally {
      mutex.unlock();
    }
  }

  private void ended(Answers answers, Throwable cause) {
    List<Call> failed;
    mutex.lock();
    try {
      answers.ended = true;
      if (stream != answers.of) {
        return;
      }
      stream = null;
      answering = null; // who comes next under this name may be somebody else
      failed = new ArrayList<>(unanswered.values());
      unanswered.clear();
      unansweredBytes = 0;
    } finally {
      mutex.unlock();
    }
    failed.forEach(call -> call.fail(cause));
  }

  void close() {
    channel.shutdownNow();
  }

  /** One that waits for its answer. */
  private final class Call {
    private final Question question;
    private final InvokeCallback callback;
    private final int bytes;
    private volatile @Nullable Future<?> expiry;

    Call(Question question, InvokeCallback callback, int bytes) {
      this.question = question;
      this.callback = callback;
      this.bytes = bytes;
    }

    void expireAfter(long id, long millis) {
      try {
        expiry =
            timer.schedule(
                () -> {
                  Call late = take(id);
                  if (late != null) {
                    late.fail(new InvokeTimeoutException("no answer from " + peer));
                  }
                },
                millis,
                TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        // The client is closed; the end of the channel fails the call.
        LOG.debug("No time limit for a call to {}: closed", peer);
      }
    }

    void answer(PeerResponse response) {
      try {
        switch (response.getOutcomeCase()) {
          case MESSAGE -> complete(question.response().parseFrom(response.getMessage()), null);
          case ERROR -> complete(RpcRequests.ErrorResponse.parseFrom(response.getError()), null);
          default -> fail(new RemotingException("an empty answer from " + peer));
        }
      } catch (InvalidProtocolBufferException e) {
        fail(e);
      }
    }

    void fail(Throwable cause) {
      complete(null, cause);
    }

    private void complete(@Nullable Object result, @Nullable Throwable failure) {
      Future<?> known = expiry;
      if (known != null) {
        known.cancel(false);
      }
      Runnable told = () -> callback.complete(result, failure);
      Executor executor = callback.executor();
      if (executor == null) {
        told.run();
        return;
      }
      try {
        executor.execute(told);
      } catch (RejectedExecutionException e) {
        // Never here: a callback may want a lock that this thread holds.
        RpcUtils.runInThread(told);
      }
    }
  }

  /** Believes no answer of a server that is not the one that answered before: it would count as a vote, or as a copy kept. */
  private final class Recognition implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<R> answers, Metadata headers) {
          ClientCall<Q, R> call = delegate();
          identity
              .folder()
              .identityOf(peer.toString())
              .ifPresent(it -> headers.put(PeerIdentity.EXPECTED, it));
          super.start(
              new SimpleForwardingClientCallListener<R>(answers) {
                private boolean recognized;

                @Override
                public void onHeaders(Metadata answer) {
                  answering = answer.get(PeerIdentity.IDENTITY);
                  recognized = isRecognized(answering);
                  if (recognized) {
                    super.onHeaders(answer);
                  } else {
                    call.cancel("not the server that it was", null);
                  }
                }

                @Override
                public void onMessage(R message) {
                  if (recognized) {
                    super.onMessage(message);
                  }
                }
              },
              headers);
        }
      };
    }
  }

  private boolean isRecognized(@Nullable String its) {
    boolean recognized;
    try {
      recognized = its != null && identity.recognizes().test(peer.toString(), its);
    } catch (UncheckedIOException e) {
      // Asked again with the next call.
      if (pace.mayTell()) {
        LOG.warn("Not heard: it cannot be written down who {} is", peer, e);
      }
      return false;
    }
    if (!recognized && pace.mayTell()) {
      LOG.warn("Not heard: {}", PeerIdentity.isAnother(peer.toString()));
    }
    return recognized;
  }

  /** What comes back on one stream. */
  private final class Answers implements StreamObserver<PeerResponse> {
    private volatile @Nullable StreamObserver<PeerRequest> of;
    private volatile boolean ended;

    @Override
    public void onNext(PeerResponse response) {
      Call call = take(response.getId());
      if (call != null) {
        call.answer(response);
      }
    }

    @Override
    public void onError(Throwable cause) {
      if (Status.fromThrowable(cause).getCode() == Status.Code.FAILED_PRECONDITION
          && pace.mayTell()) {
        LOG.warn("Refused by {}: {}", peer, Status.fromThrowable(cause).getDescription());
      }
      LOG.debug("The stream to {} ended", peer, cause);
      ended(this, cause);
    }

    @Override
    public void onCompleted() {
      ended(this, new RemotingException(peer + " ended the stream"));
    }
  }
}
