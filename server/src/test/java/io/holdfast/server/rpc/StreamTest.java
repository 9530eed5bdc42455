package io.holdfast.server.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.ClientBatch;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Describe;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.Heartbeat;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.OpenSession;
import io.holdfast.protocol.v1.Release;
import io.holdfast.protocol.v1.ResumeSession;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.Target;
import io.holdfast.server.LockServer;
import io.holdfast.server.RawBytes;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.server.security.Caller;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The stream as a client in any language has it, over a real connection. */
class StreamTest {
  private static final int PATIENCE_SECONDS = 20;

  private final SoloReplicator log = new SoloReplicator("one:1").leadingFromStart();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private volatile @Nullable Caller caller = Caller.ANYBODY;
  private LockServer server;

  @BeforeEach
  void start() throws IOException {
    server = log.server().interceptor(new Doorman()).start();
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    server.close();
  }

  @Test
  void aLockIsAcquiredReleasedAndHandedOn() throws Exception {
    Stream ann = started();
    Stream bob = started();
    long first = ann.opened(10_000);
    long second = bob.opened(10_000);
    ann.acquire(first, 1, "a");
    Granted granted = ann.next().getGranted();
    bob.acquire(second, 1, "a");
    assertThat(bob.next().getQueued().getPosition()).isEqualTo(1);
    ann.release(first, 1, granted.getToken());
    assertThat(ann.next().hasReleased()).isTrue();
    assertThat(bob.next().getGranted().getToken()).isGreaterThan(granted.getToken());
    bob.say(m -> m.setHeartbeat(Heartbeat.newBuilder().setSession(second).setNumber(3)));
    assertThat(bob.next().getAlive().getNumber()).isEqualTo(3);
    ann.say(m -> m.setDescribe(Describe.newBuilder().setNumber(8).setKey(key("a"))));
    ServerMessage described = ann.next();
    assertThat(described.getDescribed().getNumber()).isEqualTo(8);
    assertThat(described.getDescribed().getLock().getHolders(0).getClient()).isEqualTo("tester");
  }

  @Test
  void answersOfOneMomentComeInBatchesToWhoTakesThem() throws Exception {
    int many = 200;
    for (boolean takes : new boolean[] {true, false}) {
      Stream ann = stream();
      ann.say(
          m ->
              m.setHello(
                  Hello.newBuilder().setNamespace("team").setClient("ann").setBatches(takes)));
      assertThat(ann.next().getWelcome().getBatch()).isGreaterThanOrEqualTo(many);
      long session = ann.opened(10_000);
      ClientBatch.Builder batch = ClientBatch.newBuilder();
      for (int i = 1; i <= many; i++) {
        batch.addMessages(
            ClientMessage.newBuilder()
                .setAcquire(
                    Acquire.newBuilder()
                        .setSession(session)
                        .setRequest(i)
                        .addTargets(
                            Target.newBuilder()
                                .setKey(key("lock " + takes + i))
                                .setMode(Mode.MODE_EXCLUSIVE))));
      }
      ann.say(m -> m.setBatch(batch));
      List<Long> granted = new ArrayList<>();
      int came = 0;
      while (granted.size() < many) {
        ServerMessage message = ann.next();
        came++;
        if (message.hasBatch()) {
          message.getBatch().getMessagesList().forEach(each -> granted.add(request(each)));
        } else {
          granted.add(request(message));
        }
      }
      assertThat(granted).isEqualTo(LongStream.rangeClosed(1, many).boxed().toList());
      if (takes) {
        assertThat(came).isLessThan(many / 10);
      } else {
        assertThat(came).isEqualTo(many);
      }
      ann.say(m -> m.setDescribe(Describe.newBuilder().setNumber(8).setKey(key("a"))));
      assertThat(ann.next().hasDescribed()).isTrue();
    }
  }

  private static long request(ServerMessage granted) {
    assertThat(granted.hasGranted()).isTrue();
    return granted.getGranted().getRequest();
  }

  @Test
  void aBrokenStreamLosesNothingAndAnotherGoesOn() throws Exception {
    Stream ann = started();
    long session = ann.opened(10_000);
    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    ann.channel.shutdownNow();
    assertThat(ann.end()).isNotNull();

    Stream again = started();
    again.say(
        m ->
            m.setResumeSession(
                ResumeSession.newBuilder()
                    .setSession(session)
                    .setNonce(ann.nonce())
                    .addRequests(1)
                    .setHeartbeat(5)));
    assertThat(again.next().getAlive().getGranted(0).getToken()).isEqualTo(token);
  }

  @Test
  void thousandsOfRequestsAreAnsweredInOrder() throws Exception {
    Stream ann = started();
    long session = ann.opened(10_000);
    int many = 20_000; // more than the server takes at a time from one stream
    for (int i = 1; i <= many; i++) {
      ann.acquire(session, i, "lock " + i % 5_000, i - 1);
      if (i % 5_000 == 0) {
        for (int j = i - 4_999; j <= i; j++) {
          Granted granted = ann.next().getGranted();
          assertThat(granted.getRequest()).isEqualTo(j);
          ann.release(session, j, granted.getToken());
        }
        for (int j = i - 4_999; j <= i; j++) {
          assertThat(ann.next().getReleased().getRequest()).isEqualTo(j);
        }
      }
    }
  }

  @Test
  void aFollowerSendsAwayAndADeposedLeaderToo() throws Exception {
    Stream ann = started();
    long session = ann.opened(10_000);
    log.follow(Optional.empty(), 0);
    assertThat(ann.next().hasNotLeader()).isTrue();
    assertThat(ann.end()).isEqualTo(Status.OK.getCode());
    Stream bob = stream();
    bob.hello("team");
    assertThat(bob.next().hasNotLeader()).isTrue();
    assertThat(bob.end()).isEqualTo(Status.OK.getCode());
    assertThat(session).isPositive();
  }

  @Test
  void whoIsNotKnownIsRefused() throws Exception {
    caller = null;
    Stream nobody = stream();
    assertThat(nobody.end()).isEqualTo(Status.PERMISSION_DENIED.getCode());
    assertThat(nobody.reason()).isEqualTo("NO_CALLER");
  }

  @Test
  void whatTheCredentialDoesNotAllowIsRefused() throws Exception {
    caller = new Caller("ann", Optional.empty(), Map.of("team", Set.of(Action.READ)));
    Stream ann = started();
    ann.say(
        m -> m.setOpenSession(OpenSession.newBuilder().setNonce(ann.nonce()).setLeaseMs(10_000)));
    assertThat(ann.next().getFailed().getError().getReason()).isEqualTo("NOT_ALLOWED");
    ann.say(m -> m.setDescribe(Describe.newBuilder().setNumber(1).setKey(key("a"))));
    assertThat(ann.next().hasDescribed()).isTrue();
    Stream elsewhere = stream();
    elsewhere.hello("team2");
    assertThat(elsewhere.end()).isEqualTo(Status.PERMISSION_DENIED.getCode());
  }

  @Test
  void aCredentialThatHasRunOutEndsTheStream() throws Exception {
    caller =
        new Caller(
            "ann",
            Optional.of(Instant.now().minusSeconds(1)),
            Map.of("team", Set.of(Action.ACQUIRE)));
    Stream ann = started();
    ann.say(m -> m.setHeartbeat(Heartbeat.newBuilder().setSession(1).setNumber(1)));
    assertThat(ann.end()).isEqualTo(Status.UNAUTHENTICATED.getCode());
    assertThat(ann.reason()).isEqualTo("EXPIRED");
  }

  @Test
  void theLongestRequestThatCanBeMeantIsTaken() throws Exception {
    Stream ann = started();
    long session = ann.opened(10_000);
    Acquire.Builder acquire = Acquire.newBuilder().setSession(session).setRequest(1);
    for (int i = 0; i < 100; i++) {
      String tree = "t".repeat(509) + (100 + i);
      String path = ("/" + "p".repeat(255)).repeat(16);
      acquire.addTargets(
          Target.newBuilder()
              .setMode(Mode.MODE_EXCLUSIVE)
              .setKey(Key.newBuilder().setName(tree).setPath(path)));
    }
    acquire.setData(ByteString.copyFrom(new byte[4096]));
    ann.say(m -> m.setAcquire(acquire));
    assertThat(ann.next().hasGranted()).isTrue();
    ann.say(m -> m.setHello(Hello.newBuilder().setClient("x".repeat(600_000))));
    assertThat(ann.end()).isEqualTo(Status.RESOURCE_EXHAUSTED.getCode());
    assertThat(ann.reason()).isEqualTo("MESSAGE_TOO_LARGE");
  }

  @Test
  void whatIsNoMessageIsAMistakeLikeAnyOther() throws Exception {
    for (byte[] garbage :
        List.of(
            new byte[] {(byte) 0xFF, (byte) 0xFF, 1, 2, 3},
            new byte[] {10, 3, 18, 1, (byte) 0xC3})) { // half of a character in hello.client
      Stream ann = stream();
      ClientCall<byte[], ServerMessage> call =
          ann.channel.newCall(
              LocksGrpc.getSessionMethod().toBuilder(
                      new RawBytes(), LocksGrpc.getSessionMethod().getResponseMarshaller())
                  .build(),
              CallOptions.DEFAULT);
      CompletableFuture<Status> end = new CompletableFuture<>();
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onClose(Status status, Metadata trailers) {
              end.complete(status);
            }
          },
          new Metadata());
      call.request(1);
      call.sendMessage(garbage);
      assertThat(end.get(PATIENCE_SECONDS, TimeUnit.SECONDS).getCode())
          .isEqualTo(Status.Code.INVALID_ARGUMENT);
    }
  }

  @Test
  void closingTheServerSendsClientsAway() throws Exception {
    Stream ann = started();
    server.close();
    assertThat(ann.next().hasNotLeader()).isTrue();
    assertThat(ann.end()).isEqualTo(Status.OK.getCode());
    assertThat(server.awaitTermination()).isEmpty();
  }

  private Stream stream() {
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(server.clientAddress()).usePlaintext().build();
    channels.add(channel);
    return new Stream(channel);
  }

  private Stream started() throws InterruptedException {
    Stream stream = stream();
    stream.hello("team");
    assertThat(stream.next().getWelcome().getServer()).isEqualTo("one:1");
    return stream;
  }

  private static Key key(String name) {
    return Key.newBuilder().setName(name).build();
  }

  /** Says who calls. */
  private final class Doorman implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      return Contexts.interceptCall(
          Context.current().withValue(Caller.KEY, caller), call, headers, next);
    }
  }

  private interface Words {
    void in(ClientMessage.Builder message);
  }

  /** A client's end of a stream. */
  private static final class Stream implements StreamObserver<ServerMessage> {
    private static int streams;

    final ManagedChannel channel;
    private final StreamObserver<ClientMessage> out;
    private final BlockingQueue<ServerMessage> heard = new LinkedBlockingQueue<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final byte[] nonce = new byte[16];
    private volatile Status status = Status.OK;
    private volatile Metadata trailers = new Metadata();

    Stream(ManagedChannel channel) {
      this.channel = channel;
      nonce[0] = (byte) ++streams;
      this.out = LocksGrpc.newStub(channel).session(this);
    }

    void say(Words words) {
      ClientMessage.Builder message = ClientMessage.newBuilder();
      words.in(message);
      out.onNext(message.build());
    }

    void hello(String namespace) {
      say(m -> m.setHello(Hello.newBuilder().setNamespace(namespace).setClient("tester")));
    }

    ByteString nonce() {
      return ByteString.copyFrom(nonce);
    }

    long opened(long leaseMillis) throws InterruptedException {
      say(
          m ->
              m.setOpenSession(OpenSession.newBuilder().setNonce(nonce()).setLeaseMs(leaseMillis)));
      return next().getSessionOpened().getSession();
    }

    void acquire(long session, long request, String name) {
      acquire(session, request, name, 0);
    }

    void acquire(long session, long request, String name, long acknowledged) {
      Target.Builder target = Target.newBuilder().setKey(key(name)).setMode(Mode.MODE_EXCLUSIVE);
      say(
          m ->
              m.setAcquire(
                  Acquire.newBuilder()
                      .setSession(session)
                      .setRequest(request)
                      .setAcknowledged(acknowledged)
                      .setMayWait(true)
                      .addTargets(target)));
    }

    void release(long session, long request, long token) {
      say(
          m ->
              m.setRelease(
                  Release.newBuilder().setSession(session).setRequest(request).setToken(token)));
    }

    ServerMessage next() throws InterruptedException {
      ServerMessage message = heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (message == null) {
        throw new AssertionError("nothing was heard; " + status);
      }
      return message;
    }

    /** Waits for the end of the stream, and says how it ended. */
    Status.Code end() throws InterruptedException {
      assertThat(ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
      return status.getCode();
    }

    @Nullable String reason() {
      return trailers.get(AuthInterceptor.REASON);
    }

    @Override
    public void onNext(ServerMessage message) {
      heard.add(message);
    }

    @Override
    public void onError(Throwable cause) {
      status = Status.fromThrowable(cause);
      if (cause instanceof StatusRuntimeException failure && failure.getTrailers() != null) {
        trailers = failure.getTrailers();
      }
      ended.countDown();
    }

    @Override
    public void onCompleted() {
      ended.countDown();
    }
  }
}
