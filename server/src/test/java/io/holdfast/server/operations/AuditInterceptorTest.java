package io.holdfast.server.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.util.JSONObjectUtils;
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
import io.holdfast.protocol.v1.AcquireLockRequest;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Describe;
import io.holdfast.protocol.v1.DescribeLockRequest;
import io.holdfast.protocol.v1.Failed;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.ForceReleaseLockRequest;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.LockServer;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.server.security.AuthReason;
import io.holdfast.server.security.Caller;
import io.holdfast.server.security.DeniedCall;
import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Acts of operators on a whole server, over a real connection, and what is recorded of them. */
class AuditInterceptorTest {
  @TempDir private Path folder;
  private Path file;
  private final Queue<DeniedCall> turnedAway = new ConcurrentLinkedQueue<>();
  private volatile Caller caller = Caller.ANYBODY;
  private AuditLog log;
  private LockServer server;
  private ManagedChannel channel;
  private LocksGrpc.LocksBlockingStub locks;

  @BeforeEach
  void start() throws IOException {
    file = folder.resolve("audit.jsonl");
    log = new AuditLog(file, new ManualTicker());
    SoloReplicator replicator = new SoloReplicator("one:1").leadingFromStart();
    server =
        replicator
            .server()
            .interceptor(AuthInterceptor.trusting(reason -> {}))
            .interceptor(new As())
            .interceptor(new AuditInterceptor(log, turnedAway::add, replicator::status))
            .start();
    channel = NettyChannelBuilder.forTarget(server.clientAddress()).usePlaintext().build();
    locks = LocksGrpc.newBlockingStub(channel).withDeadlineAfter(40, TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    server.close();
    log.close();
  }

  private long acquire(String lock) {
    return locks
        .acquireLock(AcquireLockRequest.newBuilder().setNamespace("team").setKey(lock).build())
        .getToken();
  }

  private boolean isHeld(String lock) {
    return locks
        .describeLock(DescribeLockRequest.newBuilder().setNamespace("team").setKey(lock).build())
        .getAcquired();
  }

  private static ForceReleaseLockRequest force(String lock, String reason) {
    return ForceReleaseLockRequest.newBuilder()
        .setNamespace("team")
        .setKey(lock)
        .setReason(reason)
        .build();
  }

  private static void fails(Status.Code code, String reason, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(code);
              Metadata.Key<String> key =
                  Metadata.Key.of("holdfast-reason", Metadata.ASCII_STRING_MARSHALLER);
              assertThat(Status.trailersFromThrowable(e).get(key)).isEqualTo(reason);
            });
  }

  /** All that was recorded, once the log has been written to its end. */
  private List<Map<String, Object>> recorded() throws IOException, ParseException {
    log.close();
    List<Map<String, Object>> lines = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      lines.add(JSONObjectUtils.parse(line));
    }
    return lines;
  }

  private void breakLog() throws IOException {
    Files.deleteIfExists(file);
    Files.createDirectory(file);
  }

  @Test
  void aForcedReleaseIsRecordedBeforeAndAfter() throws Exception {
    acquire("a");
    assertThat(locks.forceReleaseLock(force("a", "stuck")).getReleased()).isTrue();
    assertThat(locks.forceReleaseLock(force("a", "again")).getReleased()).isFalse();
    fails(
        Status.Code.INVALID_ARGUMENT, "REASON_EMPTY", () -> locks.forceReleaseLock(force("a", "")));
    List<Map<String, Object>> lines = recorded();
    assertThat(lines)
        .extracting(line -> line.get("result"))
        .containsExactly("ASKED", "DONE", "ASKED", "NOTHING", "ASKED", "REFUSED");
    assertThat(lines.get(1))
        .containsEntry("act", "FORCE_RELEASE")
        .containsEntry("namespace", "team")
        .containsEntry("target", "a")
        .containsEntry("reason", "stuck");
    assertThat((String) lines.get(1).get("from")).startsWith("127.0.0.1:");
  }

  @Test
  void whatIsNoActIsNotRecorded() throws Exception {
    acquire("a");
    assertThat(isHeld("a")).isTrue();
    assertThat(recorded()).isEmpty();
  }

  @Test
  void anActThatCannotBeRecordedIsNotDone() throws Exception {
    acquire("a");
    breakLog();
    fails(
        Status.Code.FAILED_PRECONDITION,
        "AUDIT_FAILED",
        () -> locks.forceReleaseLock(force("a", "stuck")));
    assertThat(isHeld("a")).isTrue();
    Files.delete(file);
    assertThat(locks.forceReleaseLock(force("a", "stuck")).getReleased()).isTrue();
  }

  /** A client that speaks the stream by hand. */
  private final class Stream implements StreamObserver<ServerMessage> {
    final BlockingQueue<ServerMessage> heard = new LinkedBlockingQueue<>();
    final CompletableFuture<Void> ended = new CompletableFuture<>();
    final StreamObserver<ClientMessage> said = LocksGrpc.newStub(channel).session(this);

    Stream() {
      said.onNext(
          ClientMessage.newBuilder()
              .setHello(Hello.newBuilder().setNamespace("team").setClient("ann"))
              .build());
    }

    void describe(long number) {
      said.onNext(
          ClientMessage.newBuilder()
              .setDescribe(
                  Describe.newBuilder().setNumber(number).setKey(Key.newBuilder().setName("a")))
              .build());
    }

    void force(long number, String lock, long token) {
      said.onNext(
          ClientMessage.newBuilder()
              .setForceRelease(
                  ForceRelease.newBuilder()
                      .setNumber(number)
                      .setKey(Key.newBuilder().setName(lock))
                      .setToken(token)
                      .setReason("it hangs"))
              .build());
    }

    ServerMessage next() throws InterruptedException {
      ServerMessage next = heard.poll(20, TimeUnit.SECONDS);
      assertThat(next).isNotNull();
      return next;
    }

    @Override
    public void onNext(ServerMessage message) {
      heard.add(message);
    }

    @Override
    public void onError(Throwable failure) {
      ended.complete(null);
    }

    @Override
    public void onCompleted() {
      ended.complete(null);
    }
  }

  /** Takes everybody for whom the test says. */
  private final class As implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      return Contexts.interceptCall(
          Context.current().withValue(Caller.KEY, caller), call, headers, next);
    }
  }

  @Test
  void actsOnAStreamAreRecordedAndTheRestGoesOn() throws Exception {
    long token = acquire("a");
    Stream stream = new Stream();
    assertThat(stream.next().hasWelcome()).isTrue();
    stream.force(1, "a", token + 1);
    stream.force(2, "a", token);
    stream.describe(3);
    List<ServerMessage> answers = List.of(stream.next(), stream.next(), stream.next());
    assertThat(answers)
        .filteredOn(ServerMessage::hasForceReleased)
        .extracting(answer -> answer.getForceReleased().getNumber())
        .containsExactly(1L, 2L);
    // Asked after the release, so it sees it.
    assertThat(answers)
        .filteredOn(ServerMessage::hasDescribed)
        .singleElement()
        .satisfies(
            answer -> assertThat(answer.getDescribed().getLock().getHoldersList()).isEmpty());
    List<Map<String, Object>> lines = recorded();
    assertThat(lines)
        .filteredOn(line -> line.get("token").equals(token))
        .extracting(line -> line.get("result"))
        .containsExactly("ASKED", "DONE");
    assertThat(lines)
        .filteredOn(line -> line.get("token").equals(token + 1))
        .extracting(line -> line.get("result"))
        .containsExactly("ASKED", "NOTHING");
    assertThat(lines)
        .allSatisfy(
            line ->
                assertThat(line)
                    .containsEntry("namespace", "team")
                    .containsEntry("reason", "it hangs")
                    .containsEntry("leads", true)
                    .containsKeys("term", "applied"));
  }

  @Test
  void whatIsTooLongToBeMeantIsRecordedUpToALimit() throws Exception {
    Stream stream = new Stream();
    assertThat(stream.next().hasWelcome()).isTrue();
    String tooLong = "x".repeat(200_000);
    stream.said.onNext(
        ClientMessage.newBuilder()
            .setForceRelease(
                ForceRelease.newBuilder()
                    .setNumber(1)
                    .setKey(Key.newBuilder().setName(tooLong))
                    .setToken(1)
                    .setReason(tooLong))
            .build());
    assertThat(stream.next().getFailed().getError().getReason()).isEqualTo("REASON_TOO_LONG");
    String begin = tooLong.substring(0, AuditEntry.MOST_CHARACTERS) + "…";
    assertThat(recorded())
        .hasSize(2)
        .allSatisfy(
            line -> assertThat(line).containsEntry("target", begin).containsEntry("reason", begin));
  }

  @Test
  void anActOnAStreamThatCannotBeRecordedIsNotDoneAndTheStreamGoesOn() throws Exception {
    long token = acquire("a");
    Stream stream = new Stream();
    assertThat(stream.next().hasWelcome()).isTrue();
    breakLog();
    for (int i = 0; i < 50; i++) {
      stream.force(100 + i, "a", token);
      stream.describe(i);
    }
    int refused = 0;
    int described = 0;
    for (int i = 0; i < 100; i++) {
      ServerMessage answer = stream.next();
      if (answer.hasFailed()) {
        assertThat(answer.getFailed().getError().getReason()).isEqualTo("AUDIT_FAILED");
        assertThat(answer.getFailed().getNumber()).isEqualTo(100 + refused++);
      } else {
        assertThat(answer.getDescribed().getLock().getHoldersList()).hasSize(1);
        described++;
      }
    }
    assertThat(refused).isEqualTo(50);
    assertThat(described).isEqualTo(50);
    assertThat(isHeld("a")).isTrue();
  }

  @Test
  void attemptsOfThoseWhoMayNotDoNotFillTheLog() throws Exception {
    long token = acquire("a");
    caller = new Caller("eve", Optional.empty(), Map.of("team", Set.of(Action.READ)));
    Stream eve = new Stream();
    assertThat(eve.next().hasWelcome()).isTrue();
    for (int i = 1; i <= 100; i++) {
      eve.force(i, "a", token);
    }
    for (int i = 1; i <= 100; i++) {
      Failed answer = eve.next().getFailed();
      assertThat(answer.getNumber()).isEqualTo(i);
      assertThat(answer.getError().getReason()).isEqualTo("NOT_ALLOWED");
    }
    caller = Caller.ANYBODY;
    assertThat(isHeld("a")).isTrue();
    assertThat(recorded()).isEmpty();
    assertThat(turnedAway)
        .hasSize(100)
        .allSatisfy(
            each -> {
              assertThat(each.reason()).isEqualTo(AuthReason.NOT_ALLOWED);
              assertThat(each.who()).isEqualTo("eve");
              assertThat(each.method()).isEqualTo("holdfast.v1.Locks/Session");
            });
  }

  @Test
  void whoMayInOneNamespaceIsNotTakenToMayInAnother() throws Exception {
    caller =
        new Caller(
            "eve",
            Optional.empty(),
            Map.of("other", Set.of(Action.ADMIN), "team", Set.of(Action.READ)));
    Stream eve = new Stream();
    assertThat(eve.next().hasWelcome()).isTrue();
    eve.said.onNext(
        ClientMessage.newBuilder()
            .setHello(Hello.newBuilder().setNamespace("other").setClient("eve"))
            .build());
    eve.force(1, "a", 1);
    eve.ended.get(20, TimeUnit.SECONDS);
    assertThat(recorded()).isEmpty();
  }

  @Test
  void whetherAnActWasDoneIsNotKnownIfItsStreamBreaks() throws Exception {
    long token = acquire("a");
    Stream stream = new Stream();
    assertThat(stream.next().hasWelcome()).isTrue();
    for (int i = 0; i < 200; i++) {
      stream.force(i + 1, "nothing" + i, token);
    }
    stream.next();
    stream.said.onError(Status.CANCELLED.asRuntimeException());
    channel.shutdownNow();
    server.close();
    // Each that was asked has an end, whatever it is.
    long begun = System.nanoTime();
    int settled = 0;
    int before = 0;
    while (settled < 50) {
      List<String> lines = Files.readAllLines(file);
      settled = isSettled(lines) && lines.size() == before ? settled + 1 : 0;
      before = lines.size();
      assertThat(System.nanoTime() - begun).isLessThan(TimeUnit.SECONDS.toNanos(20));
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
    }
    assertThat(recorded()).extracting(line -> line.get("result")).contains("ASKED");
  }

  private static boolean isSettled(List<String> lines) {
    long asked = lines.stream().filter(line -> line.contains("\"ASKED\"")).count();
    return asked > 0 && lines.size() == 2 * asked;
  }
}
