package io.holdfast.server.rpc;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.MetadataUtils;
import io.holdfast.protocol.v1.AcquireLockRequest;
import io.holdfast.protocol.v1.AcquireLockResponse;
import io.holdfast.protocol.v1.AcquireRWLockRequest;
import io.holdfast.protocol.v1.CreateLockRequest;
import io.holdfast.protocol.v1.DescribeLockRequest;
import io.holdfast.protocol.v1.DescribeLockResponse;
import io.holdfast.protocol.v1.DescribeRWLockRequest;
import io.holdfast.protocol.v1.ForceReleaseLockRequest;
import io.holdfast.protocol.v1.ListLocksRequest;
import io.holdfast.protocol.v1.LockEvent;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.ReleaseLockRequest;
import io.holdfast.protocol.v1.WatchLocksRequest;
import io.holdfast.protocol.v1.WatchLocksResponse;
import io.holdfast.server.LockServer;
import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.server.security.Caller;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Calls without a stream, over a real connection. */
class UnaryTest {
  private static final int PATIENCE_SECONDS = 20;

  private final SoloReplicator log = new SoloReplicator("one:1").leadingFromStart();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final Queue<String> refused = new ConcurrentLinkedQueue<>();
  private LockServer server;
  private LocksGrpc.LocksBlockingStub ann;
  private LocksGrpc.LocksBlockingStub bob;

  @BeforeEach
  void start() throws IOException {
    server =
        log.server()
            .interceptor(new Anybody())
            .events(
                new CoreEvents() {
                  @Override
                  public void refused(String reason) {
                    refused.add(reason);
                  }
                })
            .start();
    ann = client();
    bob = client();
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    server.close();
  }

  @Test
  void aLockIsAcquiredDescribedAndReleased() {
    AcquireLockResponse held = ann.acquireLock(acquire("a").setOwner("ann").build());
    assertThat(held.getAcquired()).isTrue();
    assertThat(held.hasExpiresAt()).isFalse();
    DescribeLockResponse described = describe("a");
    assertThat(described.getExists()).isTrue();
    assertThat(described.getAcquired()).isTrue();
    assertThat(described.getOwner()).isEqualTo("ann");
    fails(
        () -> bob.acquireLock(acquire("a").setTimeoutMs(0).build()),
        Status.Code.DEADLINE_EXCEEDED,
        "NOT_ACQUIRED");
    fails(
        () -> bob.acquireLock(acquire("a").setTimeoutMs(50).build()),
        Status.Code.DEADLINE_EXCEEDED,
        "NOT_ACQUIRED");
    fails(
        () -> bob.releaseLock(release("a", held.getToken() + 1)),
        Status.Code.FAILED_PRECONDITION,
        "STALE_TOKEN");
    assertThat(bob.releaseLock(release("a", held.getToken())).getReleased()).isTrue();
    fails(
        () -> ann.releaseLock(release("a", held.getToken())),
        Status.Code.FAILED_PRECONDITION,
        "NOT_HOLDER");
    assertThat(describe("a").getExists()).isFalse();
    assertThat(bob.acquireLock(acquire("a").build()).getToken()).isGreaterThan(held.getToken());
  }

  /** As whoever looks which ports are open does. A server that still counts it among its connections does not end. */
  @Test
  void aConnectionMayEndBeforeItIsReady() throws Exception {
    Server filtered =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addTransportFilter(CallTransport.filter())
            .build()
            .start();
    try (Socket looking = new Socket(InetAddress.getLoopbackAddress(), filtered.getPort())) {
      assertThat(looking.getInputStream().read()).as("the server's first word").isNotNegative();
    }
    filtered.shutdown();
    assertThat(filtered.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  /** More than callers together may leave unread. */
  @Test
  void largeAnswersThatAreReadMakeRoomForOthers() {
    ByteString data = ByteString.copyFrom(new byte[4_000]);
    for (int i = 0; i < 250; i++) {
      ann.acquireLock(acquire("large/" + i).setData(data).build());
    }
    ListLocksRequest list =
        ListLocksRequest.newBuilder().setNamespace("team").setLimit(1_000).build();
    for (int i = 0; i < 80; i++) {
      assertThat(bob.listLocks(list).getSerializedSize()).isGreaterThan(1_000_000);
    }
  }

  @Test
  void aHoldEndsWithItsConnectionAndGoesToWhoWaits() throws Exception {
    ann.acquireLock(acquire("a").build());
    CompletableFuture<AcquireLockResponse> waiting =
        CompletableFuture.supplyAsync(() -> bob.acquireLock(acquire("a").build()));
    awaitWaiters(1);
    assertThat(waiting).isNotDone();
    channels.get(0).shutdownNow();
    assertThat(waiting.get(PATIENCE_SECONDS, TimeUnit.SECONDS).getAcquired()).isTrue();
  }

  @Test
  void aHoldWithATimeOfItsOwnOutlivesItsConnection() throws Exception {
    AcquireLockResponse held = ann.acquireLock(acquire("a").setTtlMs(2_000).build());
    assertThat(held.hasExpiresAt()).isTrue();
    channels.get(0).shutdownNow();
    assertThat(channels.get(0).awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    long began = System.nanoTime();
    bob.acquireLock(acquire("a").setTimeoutMs(PATIENCE_SECONDS * 1000L).build());
    assertThat(System.nanoTime() - began).isGreaterThan(500_000_000L);
  }

  @Test
  void aCallThatIsCalledOffLeavesTheLine() {
    ann.acquireLock(acquire("a").build());
    assertThatThrownBy(
            () ->
                bob.withDeadlineAfter(100, TimeUnit.MILLISECONDS).acquireLock(acquire("a").build()))
        .isInstanceOf(StatusRuntimeException.class);
    awaitWaiters(0);
  }

  @Test
  void aCallWhoseDeadlineIsOverWhenItComesNeitherHoldsNorWaits() {
    Metadata late = new Metadata();
    late.put(Metadata.Key.of("grpc-timeout", Metadata.ASCII_STRING_MARSHALLER), "1n");
    LocksGrpc.LocksBlockingStub hurried =
        bob.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(late));
    assertThatThrownBy(() -> hurried.acquireLock(acquire("a").build()))
        .isInstanceOf(StatusRuntimeException.class);
    eventually("nothing is left", () -> !describe("a").getExists());
    assertThat(ann.acquireLock(acquire("a").setTimeoutMs(0).build()).getAcquired()).isTrue();
  }

  @Test
  void anOnlookerIsToldUntilItLeavesOrTheLeaderDoes() throws Exception {
    WatchLocksRequest request = WatchLocksRequest.newBuilder().setNamespace("team").build();
    AcquireLockResponse held = ann.acquireLock(acquire("a").build());
    Iterator<WatchLocksResponse> told = bob.watchLocks(request);
    assertThat(told.next().getPresent().getLocks(0).getKey().getName()).isEqualTo("a");
    ann.releaseLock(release("a", held.getToken()));
    assertThat(told.next().getEvent().getKind()).isEqualTo(LockEvent.Kind.KIND_RELEASED);

    int streams = server.core().figures().connections();
    Context.CancellableContext leaving = Context.current().withCancellation();
    Iterator<WatchLocksResponse> another = leaving.call(() -> bob.watchLocks(request));
    assertThat(another.next().hasPresent()).isTrue();
    assertThat(server.core().figures().connections()).isEqualTo(streams + 1);
    leaving.cancel(null);
    eventually("streams are open", () -> server.core().figures().connections() == streams);

    log.follow(Optional.empty(), 0);
    fails(told::next, Status.Code.UNAVAILABLE, "NOT_LEADER");
    fails(
        () -> bob.watchLocks(request.toBuilder().setTree("").build()).next(),
        Status.Code.UNAVAILABLE,
        "NOT_LEADER");
    log.lead();
    fails(
        () -> bob.watchLocks(request.toBuilder().setTree("").build()).next(),
        Status.Code.INVALID_ARGUMENT,
        "NAME_EMPTY");
  }

  @Test
  void aLockIsCreatedOnceAndItsSettingsCount() {
    CreateLockRequest create =
        CreateLockRequest.newBuilder().setNamespace("team").setKey("a").setTtlMs(60_000).build();
    ann.createLock(create);
    fails(() -> bob.createLock(create), Status.Code.ALREADY_EXISTS, "LOCK_EXISTS");
    assertThat(describe("a").getExists()).isTrue();
    assertThat(describe("a").getAcquired()).isFalse();
    assertThat(ann.acquireLock(acquire("a").build()).hasExpiresAt()).isTrue();
  }

  @Test
  void readersShareAndAnOperatorTakesAway() {
    AcquireRWLockRequest read =
        AcquireRWLockRequest.newBuilder()
            .setNamespace("team")
            .setKey("a")
            .setOwner("reader")
            .build();
    ann.acquireRWLock(read);
    bob.acquireRWLock(read);
    var described =
        ann.describeRWLock(
            DescribeRWLockRequest.newBuilder().setNamespace("team").setKey("a").build());
    assertThat(described.getOwnersList()).containsExactly("reader", "reader");
    assertThat(described.getWrite()).isFalse();
    fails(
        () ->
            ann.forceReleaseLock(
                ForceReleaseLockRequest.newBuilder().setNamespace("team").setKey("a").build()),
        Status.Code.INVALID_ARGUMENT,
        "REASON_EMPTY");
    ForceReleaseLockRequest force =
        ForceReleaseLockRequest.newBuilder()
            .setNamespace("team")
            .setKey("a")
            .setReason("stuck")
            .build();
    assertThat(ann.forceReleaseLock(force).getReleased()).isTrue();
    assertThat(ann.forceReleaseLock(force).getReleased()).isFalse();
    assertThat(describe("a").getExists()).isFalse();
  }

  @Test
  void locksAreListed() {
    for (int i = 0; i < 5; i++) {
      ann.acquireLock(acquire("list/" + i).build());
    }
    ListLocksRequest.Builder list =
        ListLocksRequest.newBuilder().setNamespace("team").setPrefix("list/");
    assertThat(ann.listLocks(list.build()).getLocksList())
        .extracting(lock -> lock.getKey().getName())
        .containsExactly("list/0", "list/1", "list/2", "list/3", "list/4");
    assertThat(ann.listLocks(list.setLimit(2).build()).getLocksCount()).isEqualTo(2);
    assertThat(ann.listLocks(list.build()).getTruncated()).isTrue();
  }

  @Test
  void whatCannotBeMeantIsRefusedWithItsReason() {
    fails(() -> ann.acquireLock(acquire("").build()), Status.Code.INVALID_ARGUMENT, "NAME_EMPTY");
    fails(
        () -> ann.acquireLock(acquire("x".repeat(65_536)).build()),
        Status.Code.INVALID_ARGUMENT,
        "NAME_TOO_LONG");
    fails(
        () -> ann.acquireLock(acquire("x".repeat(1 << 20)).build()),
        Status.Code.RESOURCE_EXHAUSTED,
        "MESSAGE_TOO_LARGE");
    fails(
        () -> ann.acquireLock(acquire("a").setTtlMs(1).build()),
        Status.Code.INVALID_ARGUMENT,
        "TTL_TOO_SHORT");
    fails(
        () -> ann.acquireLock(acquire("a").setTtlMs(3_600_001).build()),
        Status.Code.INVALID_ARGUMENT,
        "TTL_TOO_LONG");
    fails(
        () -> ann.acquireLock(acquire("a").setTimeoutMs(-1).build()),
        Status.Code.INVALID_ARGUMENT,
        "TIMEOUT_INVALID");
    fails(
        () -> ann.acquireLock(acquire("a").setNamespace("A").build()),
        Status.Code.INVALID_ARGUMENT,
        "NAMESPACE_INVALID");
    fails(() -> ann.releaseLock(release("a", 0)), Status.Code.INVALID_ARGUMENT, "TOKEN_INVALID");
  }

  @Test
  void whatIsRefusedIsCountedOnce() {
    fails(
        () -> ann.acquireLock(acquire("a").setTtlMs(1).build()),
        Status.Code.INVALID_ARGUMENT,
        "TTL_TOO_SHORT");
    fails(
        () -> ann.acquireLock(acquire("a").setTimeoutMs(-1).build()),
        Status.Code.INVALID_ARGUMENT,
        "TIMEOUT_INVALID");
    fails(
        () -> ann.acquireLock(acquire("x".repeat(1 << 20)).build()),
        Status.Code.RESOURCE_EXHAUSTED,
        "MESSAGE_TOO_LARGE");
    // Over another connection: it has an owner for a moment.
    fails(() -> bob.acquireLock(acquire("").build()), Status.Code.INVALID_ARGUMENT, "NAME_EMPTY");
    for (int i = 0; i < CallTransport.MAX_SESSIONS; i++) {
      ann.acquireLock(acquire("owned/" + i).setOwner("owner " + i).build());
    }
    assertThatThrownBy(() -> ann.acquireLock(acquire("a").setOwner("one more").build()))
        .hasMessage(
            "RESOURCE_EXHAUSTED: owners of the connection are 100, at most 100; of the same"
                + " subject 100, at most 100");
    assertThat(refused)
        .containsExactly(
            "TTL_TOO_SHORT",
            "TIMEOUT_INVALID",
            "MESSAGE_TOO_LARGE",
            "NAME_EMPTY",
            "TOO_MANY_OWNERS");
  }

  @Test
  void aFollowerIsUnavailable() {
    log.follow(Optional.empty(), 0);
    fails(() -> ann.acquireLock(acquire("a").build()), Status.Code.UNAVAILABLE, "NOT_LEADER");
    fails(() -> ann.releaseLock(release("a", 1)), Status.Code.UNAVAILABLE, "NOT_LEADER");
  }

  @Test
  void whoWasToldOfAnotherLeaderIsServedWhenThisServerLeadsAgain() throws Exception {
    try (Elsewhere two = new Elsewhere()) {
      two.feed(server);
      log.follow(Optional.of("two:1"), 0);
      for (int i = 0; i < 2; i++) {
        fails(() -> ann.acquireLock(acquire("a").build()), Status.Code.UNAVAILABLE, "NOT_LEADER");
      }
      log.lead();
      assertThat(ann.acquireLock(acquire("a").build()).getAcquired()).isTrue();
    }
  }

  @Test
  void whatWasCreatedUnderAnotherLeaderCountsForWhoComesBeforeItIsKnown() throws Exception {
    try (Elsewhere two = new Elsewhere()) {
      two.client()
          .createLock(
              CreateLockRequest.newBuilder()
                  .setNamespace("team")
                  .setKey("a")
                  .setTtlMs(60_000)
                  .build());
      log.follow(Optional.empty(), 0);
      log.hold();
      log.lead(); // elected, and not yet serving
      int before = server.core().figures().connections();
      CompletableFuture<AcquireLockResponse> asked =
          CompletableFuture.supplyAsync(() -> ann.acquireLock(acquire("a").build()));
      eventually("one more is open", () -> server.core().figures().connections() > before);
      two.feed(server);
      log.let();
      AcquireLockResponse held = asked.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      assertThat(held.hasExpiresAt()).isTrue();
    }
  }

  @Test
  void whoLeavesBeforeThereIsALeaderHoldsNothingAfterwards() {
    log.follow(Optional.empty(), 0);
    log.hold();
    log.lead();
    assertThatThrownBy(
            () ->
                bob.withDeadlineAfter(100, TimeUnit.MILLISECONDS).acquireLock(acquire("a").build()))
        .isInstanceOf(StatusRuntimeException.class);
    eventually("none is open", () -> server.core().figures().connections() == 0);
    log.let();
    assertThat(ann.acquireLock(acquire("a").setTimeoutMs(0).build()).getAcquired()).isTrue();
  }

  @Test
  void holdsWithATimeOfTheirOwnTakeOneConnectionForEachOwner() {
    int before = server.core().figures().connections();
    for (int i = 0; i < 20; i++) {
      ann.acquireLock(acquire("ttl/" + i).setOwner("ann").setTtlMs(60_000).build());
    }
    assertThat(server.core().figures().connections()).isEqualTo(before + 1);
  }

  private void awaitWaiters(int waiters) {
    eventually(waiters + " wait", () -> server.core().figures().waiters() == waiters);
  }

  private DescribeLockResponse describe(String key) {
    return bob.describeLock(
        DescribeLockRequest.newBuilder().setNamespace("team").setKey(key).build());
  }

  private static AcquireLockRequest.Builder acquire(String key) {
    return AcquireLockRequest.newBuilder().setNamespace("team").setKey(key);
  }

  private static ReleaseLockRequest release(String key, long token) {
    return ReleaseLockRequest.newBuilder().setNamespace("team").setKey(key).setToken(token).build();
  }

  private static void fails(ThrowingCallable call, Status.Code code, String reason) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            failure -> {
              assertThat(failure.getStatus().getCode()).isEqualTo(code);
              assertThat(failure.getTrailers()).isNotNull();
              assertThat(failure.getTrailers().get(AuthInterceptor.REASON)).isEqualTo(reason);
            });
  }

  private LocksGrpc.LocksBlockingStub client() {
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(server.clientAddress()).usePlaintext().build();
    channels.add(channel);
    return LocksGrpc.newBlockingStub(channel);
  }

  /** Another server of the same cluster, which has led: what it wrote into the log this one may not have yet. */
  private static final class Elsewhere implements AutoCloseable {
    private final SoloReplicator log = new SoloReplicator("two:1").leadingFromStart();
    private final LockServer server = log.server().interceptor(new Anybody()).start();
    private final ManagedChannel channel =
        NettyChannelBuilder.forTarget(server.clientAddress()).usePlaintext().build();

    Elsewhere() throws IOException {}

    LocksGrpc.LocksBlockingStub client() {
      return LocksGrpc.newBlockingStub(channel);
    }

    /** Has another server apply all that this one has applied. */
    void feed(LockServer other) {
      for (int index = 1; index <= log.log().size(); index++) {
        other.core().apply(index, log.log().get(index - 1).duplicate(), null);
      }
    }

    @Override
    public void close() {
      channel.shutdownNow();
      server.close();
    }
  }

  /** Lets everybody do everything. */
  private static final class Anybody implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      return Contexts.interceptCall(
          Context.current().withValue(Caller.KEY, Caller.ANYBODY), call, headers, next);
    }
  }
}
