package io.holdfast.server.rpc;

import com.google.protobuf.MessageLite;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServerTransportFilter;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.AcquireLockRequest;
import io.holdfast.protocol.v1.AcquireLockResponse;
import io.holdfast.protocol.v1.AcquireRWLockRequest;
import io.holdfast.protocol.v1.AcquireRWLockResponse;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.CreateLockRequest;
import io.holdfast.protocol.v1.CreateLockResponse;
import io.holdfast.protocol.v1.CreateRWLockRequest;
import io.holdfast.protocol.v1.CreateRWLockResponse;
import io.holdfast.protocol.v1.Describe;
import io.holdfast.protocol.v1.DescribeLockRequest;
import io.holdfast.protocol.v1.DescribeLockResponse;
import io.holdfast.protocol.v1.DescribeRWLockRequest;
import io.holdfast.protocol.v1.DescribeRWLockResponse;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.ForceReleaseLockRequest;
import io.holdfast.protocol.v1.ForceReleaseLockResponse;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.ListLocksRequest;
import io.holdfast.protocol.v1.ListLocksResponse;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.ReleaseLockRequest;
import io.holdfast.protocol.v1.ReleaseLockResponse;
import io.holdfast.protocol.v1.ReleaseRWLockRequest;
import io.holdfast.protocol.v1.ReleaseRWLockResponse;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.Target;
import io.holdfast.protocol.v1.WatchLocksRequest;
import io.holdfast.protocol.v1.WatchLocksResponse;
import io.holdfast.server.core.Connection;
import io.holdfast.server.core.Problem;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.security.Caller;
import io.holdfast.spi.Ticker;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/**
 * Locks for clients. Who calls is found in the context, where an interceptor has put it ({@link Caller#KEY}); a call without is
 * refused.
 */
public final class LocksService extends LocksGrpc.LocksImplBase {
  private static final Problem NO_CALLER =
      new Problem(Problem.Code.PERMISSION_DENIED, "NO_CALLER", "it is not known who calls");

  private static final int DEFAULT_LISTED = 100;
  private static final int MAX_LISTED = 1_000;

  /** A list is truncated when it has so many bytes: any client takes a message of that size. */
  private static final int MAX_LISTED_BYTES = 2 << 20;

  /** The client's name of a caller who does not say one. */
  private static final String CALLER = "unnamed";

  /** So much of the core's connections holds with a ttl may take, so that there are always some for other clients. */
  private static final int LASTING_SHARE = 2;

  private static final int LASTING_SHARE_OF_SUBJECT = 4;

  /** What callers were answered and have not read has at most so many bytes: what one answer may have, a few times. */
  private static final long MOST_UNREAD_BYTES = 64L << 20;

  private final ServerCore core;
  private final Ticker ticker;
  private final int maxMessageBytes;
  private final UnreadAnswers unread = new UnreadAnswers(MOST_UNREAD_BYTES);

  /** Those of holds that have a ttl: they outlive the connections of their callers. */
  private final CallSessions lasting;

  /**
   * Over a core.
   *
   * @param maxMessageBytes what is longer is refused
   * @param maxConnections of the core
   */
  public LocksService(ServerCore core, Ticker ticker, int maxMessageBytes, int maxConnections) {
    this.core = core;
    this.lasting =
        new CallSessions(
            "owners of holds with a ttl",
            Math.max(1, maxConnections / LASTING_SHARE),
            Math.max(1, maxConnections / LASTING_SHARE_OF_SUBJECT));
    this.ticker = ticker;
    this.maxMessageBytes = maxMessageBytes;
  }

  /** All calls, with messages that are checked as they come. */
  public ServerServiceDefinition checked() {
    return ServerInterceptors.interceptForward(
        CheckedMessages.of(bindService(), maxMessageBytes, core::refused),
        CallTransport.interceptor());
  }

  /** Has to be set on the server, for holds that live as long as a connection. */
  public ServerTransportFilter transports() {
    return CallTransport.filter();
  }

  @Override
  public StreamObserver<ClientMessage> session(StreamObserver<ServerMessage> out) {
    Credential credential = Credential.current(ticker);
    if (credential == null) {
      refuse(out, NO_CALLER);
      return new Unheard();
    }
    return new StreamLink(core, (ServerCallStreamObserver<ServerMessage>) out, credential);
  }

  @Override
  public void createLock(CreateLockRequest request, StreamObserver<CreateLockResponse> out) {
    create(
        request.getNamespace(),
        request.getKey(),
        request.hasTtlMs() ? OptionalLong.of(request.getTtlMs()) : OptionalLong.empty(),
        out,
        CreateLockResponse.getDefaultInstance());
  }

  @Override
  public void createRWLock(CreateRWLockRequest request, StreamObserver<CreateRWLockResponse> out) {
    create(
        request.getNamespace(),
        request.getKey(),
        request.hasTtlMs() ? OptionalLong.of(request.getTtlMs()) : OptionalLong.empty(),
        out,
        CreateRWLockResponse.getDefaultInstance());
  }

  @Override
  public void acquireLock(AcquireLockRequest request, StreamObserver<AcquireLockResponse> out) {
    acquire(
        request,
        Mode.MODE_EXCLUSIVE,
        out,
        (token, expiresAt) -> {
          AcquireLockResponse.Builder response =
              AcquireLockResponse.newBuilder().setAcquired(true).setToken(token);
          expiresAt.ifPresent(response::setExpiresAt);
          return response.build();
        });
  }

  @Override
  public void acquireRWLock(
      AcquireRWLockRequest request, StreamObserver<AcquireRWLockResponse> out) {
    AcquireLockRequest.Builder plain =
        AcquireLockRequest.newBuilder()
            .setNamespace(request.getNamespace())
            .setKey(request.getKey())
            .setOwner(request.getOwner())
            .setData(request.getData());
    if (request.hasTimeoutMs()) {
      plain.setTimeoutMs(request.getTimeoutMs());
    }
    if (request.hasTtlMs()) {
      plain.setTtlMs(request.getTtlMs());
    }
    acquire(
        plain.build(),
        request.getWrite() ? Mode.MODE_EXCLUSIVE : Mode.MODE_SHARED,
        out,
        (token, expiresAt) -> {
          AcquireRWLockResponse.Builder response =
              AcquireRWLockResponse.newBuilder().setAcquired(true).setToken(token);
          expiresAt.ifPresent(response::setExpiresAt);
          return response.build();
        });
  }

  @Override
  public void releaseLock(ReleaseLockRequest request, StreamObserver<ReleaseLockResponse> out) {
    release(
        request.getNamespace(),
        request.getKey(),
        request.getToken(),
        out,
        ReleaseLockResponse.newBuilder().setReleased(true).build());
  }

  @Override
  public void releaseRWLock(
      ReleaseRWLockRequest request, StreamObserver<ReleaseRWLockResponse> out) {
    release(
        request.getNamespace(),
        request.getKey(),
        request.getToken(),
        out,
        ReleaseRWLockResponse.newBuilder().setReleased(true).build());
  }

  @Override
  public void forceReleaseLock(
      ForceReleaseLockRequest request, StreamObserver<ForceReleaseLockResponse> out) {
    int reason = request.getReason().getBytes(StandardCharsets.UTF_8).length;
    if (reason == 0 || reason > LockClient.MAX_REASON_BYTES) {
      refuse(
          out,
          invalid(
              reason == 0 ? "REASON_EMPTY" : "REASON_TOO_LONG",
              "reason has " + reason + " bytes, 1 to " + LockClient.MAX_REASON_BYTES));
      return;
    }
    Key key = key(request.getKey());
    if (request.hasToken()) {
      one(
          request.getNamespace(),
          out,
          connection -> connection.receive(force(key, request.getToken())),
          (call, message) -> call.end(forced(message.getForceReleased().getReleased())));
      return;
    }
    one(
        request.getNamespace(),
        out,
        connection -> connection.forceRelease(key),
        (call, message) -> call.end(forced(message.getForceReleased().getReleased())));
  }

  @Override
  public void describeLock(DescribeLockRequest request, StreamObserver<DescribeLockResponse> out) {
    describe(
        request.getNamespace(),
        request.getKey(),
        out,
        (lock, created) -> {
          DescribeLockResponse.Builder response =
              DescribeLockResponse.newBuilder()
                  .setExists(exists(lock, created))
                  .setAcquired(lock.getHoldersCount() > 0)
                  .setWaiters(lock.getWaitersCount())
                  .setLock(lock);
          if (lock.getHoldersCount() > 0) {
            Holder first = lock.getHolders(0);
            response.setOwner(first.getClient());
            if (first.hasExpiresUnixMs()) {
              response.setExpiresAt(first.getExpiresUnixMs());
            }
          }
          return response.build();
        });
  }

  @Override
  public void describeRWLock(
      DescribeRWLockRequest request, StreamObserver<DescribeRWLockResponse> out) {
    describe(
        request.getNamespace(),
        request.getKey(),
        out,
        (lock, created) -> {
          DescribeRWLockResponse.Builder response =
              DescribeRWLockResponse.newBuilder()
                  .setExists(exists(lock, created))
                  .setAcquired(lock.getHoldersCount() > 0)
                  .setWaiters(lock.getWaitersCount())
                  .setLock(lock);
          for (Holder holder : lock.getHoldersList()) {
            response.addOwners(holder.getClient());
            if (holder.getTargetsList().stream()
                .anyMatch(target -> target.getMode() == Mode.MODE_EXCLUSIVE)) {
              response.setWrite(true);
            }
          }
          lock.getHoldersList().stream()
              .filter(Holder::hasExpiresUnixMs)
              .mapToLong(Holder::getExpiresUnixMs)
              .max()
              .ifPresent(response::setExpiresAt);
          return response.build();
        });
  }

  @Override
  public void watchLocks(WatchLocksRequest request, StreamObserver<WatchLocksResponse> out) {
    Credential credential = Credential.current(ticker);
    if (credential == null) {
      refuse(out, NO_CALLER);
      return;
    }
    new OneCall<>(
            core,
            (ServerCallStreamObserver<WatchLocksResponse>) out,
            credential,
            unread,
            true,
            (call, connection) ->
                connection.watch(
                    request.hasTree(), request.getTree(), request.getPrefix(), call::tell),
            (call, message) -> {})
        .ask(request.getNamespace(), CALLER);
  }

  @Override
  public void listLocks(ListLocksRequest request, StreamObserver<ListLocksResponse> out) {
    int limit = request.hasLimit() ? request.getLimit() : DEFAULT_LISTED;
    if (limit < 1 || limit > MAX_LISTED) {
      refuse(out, invalid("LIMIT_INVALID", "limit is " + limit + ", 1 to " + MAX_LISTED));
      return;
    }
    io.holdfast.protocol.v1.List.Builder list = io.holdfast.protocol.v1.List.newBuilder();
    if (request.hasTree()) {
      list.setTree(request.getTree());
    } else {
      list.setPrefix(request.getPrefix());
    }
    ListLocksResponse.Builder response = ListLocksResponse.newBuilder();
    one(
        request.getNamespace(),
        out,
        connection -> connection.receive(ClientMessage.newBuilder().setList(list).build()),
        (call, message) -> {
          for (LockState lock : message.getListed().getLocksList()) {
            boolean fits =
                response.getLocksCount() < limit
                    && response.buildPartial().getSerializedSize() < MAX_LISTED_BYTES;
            if (fits) {
              response.addLocks(lock);
            } else {
              response.setTruncated(true);
            }
          }
          if (!message.getListed().getMore()) {
            call.end(
                response
                    .setTruncated(response.getTruncated() || message.getListed().getTruncated())
                    .build());
          }
        });
  }

  private <A extends MessageLite> void create(
      String namespace, String name, OptionalLong ttlMillis, StreamObserver<A> out, A answer) {
    if (ttlMillis.isPresent() && ttlMillis.getAsLong() == 0) {
      refuse(out, invalid("TTL_TOO_SHORT", "ttl_ms is 0, at least 2000"));
      return;
    }
    oneOwn(
        namespace,
        out,
        (call, connection) ->
            connection.create(
                key(name),
                ttlMillis.orElse(0),
                created -> {
                  if (created) {
                    call.end(answer);
                  } else {
                    call.fail(
                        Statuses.of(
                            new Problem(
                                Problem.Code.ALREADY_EXISTS,
                                "LOCK_EXISTS",
                                "lock "
                                    + InvalidRequestException.show(name)
                                    + " was created before")));
                  }
                }),
        (call, message) -> {});
  }

  private <A extends MessageLite> void release(
      String namespace, String name, long token, StreamObserver<A> out, A answer) {
    one(
        namespace,
        out,
        connection -> connection.release(key(name), token),
        (call, message) -> call.end(answer));
  }

  private <A extends MessageLite> void describe(
      String namespace,
      String name,
      StreamObserver<A> out,
      BiFunction<LockState, Boolean, A> answer) {
    Key key = key(name);
    one(
        namespace,
        out,
        connection ->
            connection.receive(
                ClientMessage.newBuilder().setDescribe(Describe.newBuilder().setKey(key)).build()),
        (call, message) ->
            call.end(
                answer.apply(message.getDescribed().getLock(), core.isCreated(namespace, name))));
  }

  private <A extends MessageLite> void acquire(
      AcquireLockRequest request,
      Mode mode,
      StreamObserver<A> out,
      BiFunction<Long, OptionalLong, A> answer) {
    Credential credential = Credential.current(ticker);
    if (credential == null) {
      refuse(out, NO_CALLER);
      return;
    }
    if (request.hasTimeoutMs() && request.getTimeoutMs() < 0) {
      refuse(
          out,
          invalid("TIMEOUT_INVALID", "timeout_ms is " + request.getTimeoutMs() + ", at least 0"));
      return;
    }
    Optional<Problem> ttlProblem =
        request.hasTtlMs() ? Problem.ofTtl(request.getTtlMs()) : Optional.empty();
    if (ttlProblem.isPresent()) {
      refuse(out, ttlProblem.get());
      return;
    }
    CallTransport transport = CallTransport.current();
    ServerCallStreamObserver<A> calling = (ServerCallStreamObserver<A>) out;
    if (request.hasTtlMs() || core.isServing()) {
      OptionalLong ttlMillis =
          request.hasTtlMs()
              ? OptionalLong.of(request.getTtlMs())
              : core.createdTtlMillis(request.getNamespace(), request.getKey());
      Runnable leaving = acquire(credential, transport, request, mode, ttlMillis, calling, answer);
      calling.setOnCancelHandler(leaving);
      return;
    }
    // Nobody but a leader that serves knows for certain whether the lock was created with a ttl.
    new OneCall<>(
            core,
            calling,
            credential,
            unread,
            false,
            (call, connection) ->
                call.handOver(
                    () ->
                        acquire(
                            credential,
                            transport,
                            request,
                            mode,
                            core.createdTtlMillis(request.getNamespace(), request.getKey()),
                            calling,
                            answer)),
            (call, message) -> {})
        .ask(request.getNamespace(), CALLER);
  }

  /** Returns what is to be done when the caller leaves. */
  private <A extends MessageLite> Runnable acquire(
      Credential credential,
      CallTransport transport,
      AcquireLockRequest request,
      Mode mode,
      OptionalLong ttlMillis,
      ServerCallStreamObserver<A> out,
      BiFunction<Long, OptionalLong, A> answer) {
    Acquire.Builder acquire =
        Acquire.newBuilder()
            .setData(request.getData())
            .addTargets(Target.newBuilder().setKey(key(request.getKey())).setMode(mode));
    ttlMillis.ifPresent(acquire::setMaxHoldMs);
    CallSession.Call call =
        new CallSession.Call(
            acquire,
            request.hasTimeoutMs() ? OptionalLong.of(request.getTimeoutMs()) : OptionalLong.empty(),
            (token, ends) -> {
              out.onNext(answer.apply(token, ends));
              out.onCompleted();
            },
            out::onError);
    CallSessions home = ttlMillis.isPresent() ? lasting : transport.sessions();
    CallSessions.Key key =
        new CallSessions.Key(
            request.getNamespace(),
            request.getOwner().isEmpty() ? CALLER : request.getOwner(),
            credential.subject(),
            ttlMillis.orElse(CallSession.LEASE.toMillis()));
    Optional<CallSession> claimed =
        home.claim(key, () -> new CallSession(credential, ticker, home, key));
    if (claimed.isEmpty()) {
      refuse(out, home.full(key));
      return () -> {};
    }
    CallSession session = claimed.orElseThrow();
    session.open(core);
    session.acquire(call, credential);
    return () -> session.callOff(call);
  }

  private <A extends MessageLite> void one(
      String namespace,
      StreamObserver<A> out,
      Consumer<Connection> question,
      BiConsumer<OneCall<A>, ServerMessage> answered) {
    oneOwn(namespace, out, (call, connection) -> question.accept(connection), answered);
  }

  private <A extends MessageLite> void oneOwn(
      String namespace,
      StreamObserver<A> out,
      BiConsumer<OneCall<A>, Connection> question,
      BiConsumer<OneCall<A>, ServerMessage> answered) {
    Credential credential = Credential.current(ticker);
    if (credential == null) {
      refuse(out, NO_CALLER);
      return;
    }
    new OneCall<>(
            core, (ServerCallStreamObserver<A>) out, credential, unread, false, question, answered)
        .ask(namespace, CALLER);
  }

  /** Ends a call that does not come to the core, which counts the others. */
  private void refuse(StreamObserver<?> out, Problem problem) {
    core.refused(problem.reason());
    out.onError(Statuses.of(problem));
  }

  private static boolean exists(LockState lock, boolean created) {
    return created || lock.getHoldersCount() > 0 || lock.getWaitersCount() > 0;
  }

  private static ForceReleaseLockResponse forced(boolean released) {
    return ForceReleaseLockResponse.newBuilder().setReleased(released).build();
  }

  private static ClientMessage force(Key key, long token) {
    return ClientMessage.newBuilder()
        .setForceRelease(ForceRelease.newBuilder().setKey(key).setToken(token))
        .build();
  }

  private static Key key(String name) {
    return Key.newBuilder().setName(name).build();
  }

  private static Problem invalid(String reason, String message) {
    return new Problem(Problem.Code.INVALID_ARGUMENT, reason, message);
  }

  /** What comes on a stream that was refused. */
  private static final class Unheard implements StreamObserver<ClientMessage> {
    @Override
    public void onNext(ClientMessage message) {}

    @Override
    public void onError(Throwable cause) {}

    @Override
    public void onCompleted() {}
  }
}
