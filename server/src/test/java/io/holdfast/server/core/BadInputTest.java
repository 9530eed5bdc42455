package io.holdfast.server.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.protobuf.ByteString;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Describe;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Failed;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.OpenSession;
import io.holdfast.protocol.v1.ServerMessage.MessageCase;
import io.holdfast.protocol.v1.Target;
import io.holdfast.server.core.Problem.Code;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import io.holdfast.server.security.Caller;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What cannot be meant gets a code, a reason and one line, and changes nothing: it does not even come into the log. */
class BadInputTest {
  private static final long LEASE = 10_000;

  private final ManualTicker ticker = new ManualTicker();
  private final SoloReplicator log = new SoloReplicator("one:1");
  private final List<String> refused = new ArrayList<>();
  private ServerCore core = newCore(Limits.DEFAULTS);

  @BeforeEach
  void lead() {
    log.start(core);
    log.lead();
  }

  static Stream<Arguments> acquisitions() {
    return Stream.of(
        acquisition("NAME_EMPTY", "name is empty, at least 1 byte", a -> name(a, "")),
        acquisition(
            "NAME_TOO_LONG",
            "name \"" + "x".repeat(64) + "…\" has 513 bytes, at most 512",
            a -> name(a, "x".repeat(513))),
        acquisition(
            "NAME_BAD_CHAR",
            "name \"abc\\u0000\" has the control character U+0000 at byte 3",
            a -> name(a, "abc\0")),
        acquisition(
            "NAME_BAD_CHAR",
            "name \"a\\r\\nb\" has the control character U+000D at byte 1",
            a -> name(a, "a\r\nb")),
        acquisition(
            "NAME_BAD_CHAR",
            "name \"\\u001B[31m\" has the control character U+001B at byte 0",
            a -> name(a, "\u001B[31m")),
        acquisition(
            "NAME_EDGE_SPACE", "name \" a\" starts or ends with a space", a -> name(a, " a")),
        acquisition(
            "NAME_RESERVED",
            "name \"$sys/a\" starts with $sys/, which is reserved",
            a -> name(a, "$sys/a")),
        acquisition(
            "SEGMENT_EMPTY", "segment \"/a//b\" is empty in segment 2", a -> path(a, "/a//b")),
        acquisition(
            "SEGMENT_RESERVED",
            "segment \"/a/../b\" has . or .. in segment 2",
            a -> path(a, "/a/../b")),
        acquisition("PATH_TRAILING_SLASH", "path \"/a/\" ends with /", a -> path(a, "/a/")),
        acquisition("PATH_NOT_ABSOLUTE", "path \"a\" does not start with /", a -> path(a, "a")),
        acquisition(
            "PATH_TOO_DEEP",
            "path \"" + "/a".repeat(32) + "…\" has 65 segments, at most 64",
            a -> path(a, "/a".repeat(65))),
        acquisition("NO_TARGETS", "targets are 0, at least 1", Acquire.Builder::clearTargets),
        acquisition(
            "TOO_MANY_TARGETS",
            "targets are 101, at most 100",
            a -> {
              for (int i = 0; i < 100; i++) {
                a.addTargets(a.getTargets(0));
              }
            }),
        acquisition(
            "KEY_MISSING",
            "a target has no key",
            a -> a.setTargets(0, Target.newBuilder().setMode(Mode.MODE_SHARED))),
        acquisition(
            "MODE_INVALID",
            "mode is 0, must be 1 (shared) or 2 (exclusive)",
            a -> a.getTargetsBuilder(0).clearMode()),
        acquisition(
            "MODE_INVALID",
            "mode is 9, must be 1 (shared) or 2 (exclusive)",
            a -> a.getTargetsBuilder(0).setModeValue(9)),
        acquisition(
            "DATA_TOO_LONG",
            "data has 4097 bytes, at most 4096",
            a -> a.setData(ByteString.copyFrom(new byte[4097]))),
        acquisition("REQUEST_INVALID", "request is 0, at least 1", a -> a.setRequest(0)),
        acquisition("SESSION_INVALID", "session is -1, at least 1", a -> a.setSession(-1)),
        acquisition(
            "ACKNOWLEDGED_INVALID", "acknowledged is -1, at least 0", a -> a.setAcknowledged(-1)),
        acquisition("MAX_HOLD_TOO_SHORT", "max_hold_ms is 0, at least 1", a -> a.setMaxHoldMs(0)),
        acquisition(
            "MAX_HOLD_TOO_SHORT",
            "max_hold_ms is -9223372036854775808, at least 1",
            a -> a.setMaxHoldMs(Long.MIN_VALUE)),
        acquisition(
            "MAX_HOLD_TOO_LONG",
            "max_hold_ms is 9223372036854775807, at most 9223372036854",
            a -> a.setMaxHoldMs(Long.MAX_VALUE)));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("acquisitions")
  void anAcquisitionThatCannotBeMeantIsRefused(
      String reason, String message, Consumer<Acquire.Builder> mistake) {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int proposals = log.proposals();
    ClientMessage.Builder acquire = TestClient.acquiring(session, 1, true, "a");
    mistake.accept(acquire.getAcquireBuilder());
    ann.say(acquire);
    Error error = ann.next().getRefused().getError();
    assertThat(error.getReason()).isEqualTo(reason);
    assertThat(error.getMessage()).isEqualTo(message);
    assertThat(error.getCode()).isEqualTo(Code.INVALID_ARGUMENT.number());
    assertThat(log.proposals()).isEqualTo(proposals);
    assertThat(ann.closed).isFalse();
  }

  static Stream<Arguments> sessions() {
    return Stream.of(
        arguments(16, 0L, "LEASE_TOO_SHORT", "lease_ms is 0, at least 2000"),
        arguments(16, -1L, "LEASE_TOO_SHORT", "lease_ms is -1, at least 2000"),
        arguments(16, 1_999L, "LEASE_TOO_SHORT", "lease_ms is 1999, at least 2000"),
        arguments(
            16,
            9_000_000_000_000_000_000L,
            "LEASE_TOO_LONG",
            "lease_ms is 9000000000000000000, at most 3600000"),
        arguments(15, LEASE, "NONCE_INVALID", "nonce has 15 bytes, must have 16"),
        arguments(0, LEASE, "NONCE_INVALID", "nonce has 0 bytes, must have 16"));
  }

  @ParameterizedTest(name = "{2}: {3}")
  @MethodSource("sessions")
  void aSessionThatCannotBeMeantIsNotOpened(
      int nonceBytes, long leaseMillis, String reason, String message) {
    TestClient ann = started();
    ByteString nonce = ByteString.copyFrom(new byte[nonceBytes]);
    ann.say(
        ClientMessage.newBuilder()
            .setOpenSession(OpenSession.newBuilder().setNonce(nonce).setLeaseMs(leaseMillis)));
    var failed = ann.next().getFailed();
    assertThat(failed.getNonce()).isEqualTo(nonce);
    assertThat(failed.getError())
        .isEqualTo(new Problem(Code.INVALID_ARGUMENT, reason, message).toWire());
    assertThat(core.figures().sessions()).isZero();
  }

  static Stream<Arguments> hellos() {
    return Stream.of(
        arguments("", "ann", "NAMESPACE_INVALID"),
        arguments("a/b", "ann", "NAMESPACE_INVALID"),
        arguments("..", "ann", "NAMESPACE_INVALID"),
        arguments("Team", "ann", "NAMESPACE_INVALID"),
        arguments("*", "ann", "NAMESPACE_INVALID"),
        arguments("team\n", "ann", "NAMESPACE_INVALID"),
        arguments("x".repeat(65), "ann", "NAMESPACE_INVALID"),
        arguments("team", "", "CLIENT_NAME_EMPTY"),
        arguments("team", "a\tb", "CLIENT_NAME_BAD_CHAR"),
        arguments("team", "x".repeat(129), "CLIENT_NAME_TOO_LONG"));
  }

  @ParameterizedTest(name = "{2}")
  @MethodSource("hellos")
  void aHelloThatCannotBeMeantEndsTheStream(String namespace, String client, String reason) {
    TestClient ann = new TestClient().connect(core);
    ann.say(
        ClientMessage.newBuilder()
            .setHello(Hello.newBuilder().setNamespace(namespace).setClient(client)));
    assertThat(ann.problem).isNotNull();
    assertThat(ann.problem.reason()).isEqualTo(reason);
    assertThat(ann.problem.code()).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(ann.problem.message()).doesNotContain("\n");
  }

  @Test
  void aStreamBeginsWithHelloAndSaysItOnce() {
    TestClient hasty = new TestClient().connect(core);
    hasty.open(LEASE);
    assertThat(hasty.problem).extracting(Problem::reason).isEqualTo("HELLO_MISSING");
    TestClient twice = started();
    twice.say(
        ClientMessage.newBuilder()
            .setHello(Hello.newBuilder().setNamespace("team").setClient("ann")));
    assertThat(twice.problem).extracting(Problem::reason).isEqualTo("HELLO_TWICE");
    TestClient empty = started();
    empty.say(ClientMessage.newBuilder());
    assertThat(empty.problem).extracting(Problem::reason).isEqualTo("MESSAGE_EMPTY");
  }

  @Test
  void tokensAndSessionsThatAreNotItsOwnGetAClientNothing() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.heartbeat(77, 1);
    assertThat(ann.next().getSessionGone().getSession()).isEqualTo(77);
    ann.acquire(77, 1, "a");
    assertThat(ann.next().getSessionGone().getSession()).isEqualTo(77);
    ann.release(session, 1, 1);
    assertThat(ann.next().getRefused().getError().getReason()).isEqualTo("NOT_HOLDER");

    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    ann.release(session, 1, token + 7);
    Error stale = ann.next().getRefused().getError();
    assertThat(stale.getCode()).isEqualTo(Code.FAILED_PRECONDITION.number());
    assertThat(stale.getReason()).isEqualTo("STALE_TOKEN");
    assertThat(stale.getMessage())
        .isEqualTo("token 8 is not that of request 1, which is held under 1");
    ann.release(session, 1, 0);
    assertThat(ann.next().getRefused().getError().getReason()).isEqualTo("TOKEN_INVALID");
    assertThat(core.figures().holds()).isEqualTo(1);

    ann.release(session, 1, token);
    assertThat(ann.next().hasReleased()).isTrue();
    ann.release(session, 1, token); // again: the same answer
    assertThat(ann.next().hasReleased()).isTrue();
  }

  @Test
  void aSessionIsOfNoUseToAnotherSubject() {
    TestClient ann = new TestClient(caller("ann", Action.ACQUIRE)).hello(core);
    ann.next();
    long session = ann.opened(LEASE);
    TestClient eve = new TestClient(caller("eve", Action.ACQUIRE)).hello(core);
    System.arraycopy(ann.nonce, 0, eve.nonce, 0, 16); // she has even read the nonce
    eve.next();
    eve.resume(session, 1);
    eve.resume(session + 100, 1);
    assertThat(eve.next()).isEqualTo(ToWire.sessionGone(session));
    assertThat(eve.next()).isEqualTo(ToWire.sessionGone(session + 100));
  }

  @Test
  void actionsNeedTheirPermission() {
    TestClient reader = new TestClient(caller("r", Action.READ)).hello(core);
    reader.next();
    reader.open(LEASE);
    assertThat(reader.next().getFailed().getError().getCode())
        .isEqualTo(Code.PERMISSION_DENIED.number());
    reader.acquire(1, 1, "a");
    assertThat(reader.next().getRefused().getError().getReason()).isEqualTo("NOT_ALLOWED");
    reader.resume(1, 4);
    assertThat(reader.next().getFailed().getError().getMessage())
        .isEqualTo("acquire is not allowed in namespace team");
    reader.say(describe(5, "a"));
    assertThat(reader.next().getDescribed().getNumber()).isEqualTo(5);

    TestClient worker = new TestClient(caller("w", Action.ACQUIRE)).hello(core);
    worker.next();
    worker.say(describe(6, "a"));
    assertThat(worker.next().getFailed().getNumber()).isEqualTo(6);
    worker.say(list(9));
    assertThat(worker.next().getFailed().getError().getMessage())
        .isEqualTo("read is not allowed in namespace team");
    worker.say(forceRelease(7, "a", 1));
    assertThat(worker.next().getFailed().getError().getMessage())
        .isEqualTo("admin is not allowed in namespace team");

    TestClient admin = new TestClient(caller("a", Action.ADMIN)).hello(core);
    admin.next();
    admin.say(forceRelease(8, "a", 1));
    assertThat(admin.next().getForceReleased().getReleased()).isFalse();

    TestClient other =
        new TestClient(new Caller("o", Optional.empty(), Map.of("team2", Set.of(Action.values()))));
    other.hello(core);
    assertThat(other.problem).extracting(Problem::code).isEqualTo(Code.PERMISSION_DENIED);
  }

  @Test
  void aReasonThatIsTooLongForTheRecordsIsRefused() {
    TestClient admin = started();
    ClientMessage.Builder message = forceRelease(1, "a", 1);
    message.getForceReleaseBuilder().setReason("\u00e4".repeat(256));
    admin.say(message);
    assertThat(admin.next().getForceReleased().getReleased()).isFalse();
    message.getForceReleaseBuilder().setReason("\u00e4".repeat(256) + "x");
    admin.say(message);
    assertThat(admin.next().getFailed().getError().getMessage())
        .isEqualTo("reason has 513 bytes, at most 512");
  }

  @Test
  void anOperatorTakesALockAwayUnderItsTokenOnly() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    TestClient admin = started();
    admin.say(forceRelease(1, "a", token + 1));
    assertThat(admin.next().getForceReleased().getReleased()).isFalse();
    assertThat(ann.rest()).isEmpty();
    admin.say(forceRelease(2, "a", token));
    assertThat(admin.next().getForceReleased().getReleased()).isTrue();
    assertThat(ann.next().getLost().getToken()).isEqualTo(token);
  }

  @Test
  void whoseCredentialHasRunOutMayOnlyGiveBack() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    ann.lapse = AuthReason.EXPIRED;
    ann.release(session, 1, token);
    assertThat(ann.rest()).containsExactly(MessageCase.RELEASED);
    ann.heartbeat(session, 1);
    assertThat(ann.problem).extracting(Problem::code).isEqualTo(Code.UNAUTHENTICATED);
    ticker.advance(Duration.ofMillis(LEASE));
    assertThat(core.figures().sessions()).isZero();
  }

  @Test
  void eachLimitIsNamedWhenItIsReached() {
    restart(
        Map.of(
            "namespaces", 1,
            "sessions", 2,
            "sessions-per-connection", 2,
            "requests-per-session", 2,
            "waiters", 1,
            "keys", 4,
            "connections", 3));
    TestClient ann = started();
    long first = ann.opened(LEASE);
    long second = ann.opened(LEASE);
    isExhausted(ann, "TOO_MANY_SESSIONS", "sessions of the stream are 2, at most 2");
    TestClient bob = started();
    isExhausted(bob, "TOO_MANY_SESSIONS", "sessions of namespace team are 2, at most 2");
    TestClient elsewhere = new TestClient().connect(core);
    elsewhere.say(
        ClientMessage.newBuilder()
            .setHello(Hello.newBuilder().setNamespace("other").setClient("ann")));
    elsewhere.next();
    isExhausted(elsewhere, "TOO_MANY_NAMESPACES", "namespaces are 1, at most 1");
    TestClient fourth = new TestClient().hello(core);
    assertThat(fourth.problem).extracting(Problem::reason).isEqualTo("TOO_MANY_CONNECTIONS");

    ann.acquire(first, 1, "a");
    ann.acquire(first, 2, "b");
    ann.rest();
    ann.acquire(first, 3, "c");
    assertThat(ann.next().getRefused().getError())
        .isEqualTo(exhausted("TOO_MANY_REQUESTS", "requests of the session are 2, at most 2"));
    ann.acquire(first, 2, "b"); // it is in already
    assertThat(ann.next().hasGranted()).isTrue();
    ann.acquire(second, 1, "a");
    assertThat(ann.next().hasQueued()).isTrue();
    ann.acquire(second, 2, "b");
    assertThat(ann.next().getRefused().getError())
        .isEqualTo(exhausted("TOO_MANY_WAITERS", "waiters of namespace team are 1, at most 1"));
    ann.say(TestClient.acquiring(second, 3, false, "c", "d"));
    ann.next();
    ann.say(TestClient.acquiring(second, 4, false, "e"));
    assertThat(ann.next().getRefused().getError().getReason()).isEqualTo("TOO_MANY_REQUESTS");
    ann.cancel(second, 1);
    ann.next();
    ann.say(TestClient.acquiring(second, 5, false, "e"));
    assertThat(ann.next().getRefused().getError())
        .isEqualTo(exhausted("TOO_MANY_KEYS", "keys of namespace team are 4, at most 4"));
  }

  @Test
  void aNamespaceAsksForSoManyLocksASecondAndAsManyAtOneGo() {
    restart(Map.of("acquisitions-per-second", 4));
    TestClient ann = started();
    long session = ann.opened(LEASE);
    for (int i = 1; i <= 4; i++) {
      ann.acquire(session, i, "lock " + i);
      assertThat(ann.next().hasGranted()).isTrue();
    }
    ann.acquire(session, 5, "lock 5");
    assertThat(ann.next().getRefused().getError())
        .isEqualTo(
            Problem.unavailable(
                    "TOO_MANY_ACQUISITIONS",
                    "acquisitions in a second in namespace team are 4, at most 4")
                .toWire());
    assertThat(core.figures().used()).containsEntry("keys", 4).containsEntry("sessions", 1);
    ticker.advance(Duration.ofMillis(249));
    ann.acquire(session, 6, "lock 5");
    assertThat(ann.next().hasRefused()).isTrue();
    ticker.advance(Duration.ofMillis(1));
    ann.acquire(session, 7, "lock 5");
    assertThat(ann.next().hasGranted()).isTrue();
    ann.acquire(session, 8, "lock 6");
    assertThat(ann.next().hasRefused()).isTrue();
  }

  @Test
  void aStreamIsNotReadFurtherThanItIsAnswered() {
    restart(Map.of("operations-per-connection", 4));
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    for (int i = 1; i <= 3; i++) {
      ann.acquire(session, i, "a" + i);
      assertThat(ann.mayGoOn).isTrue();
    }
    ann.acquire(session, 4, "a4");
    assertThat(ann.mayGoOn).isFalse();
    assertThat(ann.resumed).isZero();
    log.letOne();
    assertThat(ann.resumed).isEqualTo(1);
    log.let();
    assertThat(ann.resumed).isEqualTo(1);
  }

  @Test
  void whatComesWhenTheQueueIsFullIsRefusedForNow() {
    restart(Map.of("queued-operations", 3, "queued-reads", 2));
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    for (int i = 1; i <= Leadership.SMALL_ENTRIES_OUTSTANDING + 3; i++) {
      ann.acquire(session, i, "a" + i);
    }
    assertThat(ann.rest()).isEmpty();
    ann.acquire(session, 99, "a99");
    Error error = ann.next().getRefused().getError();
    assertThat(error.getCode()).isEqualTo(Code.UNAVAILABLE.number());
    assertThat(error.getReason()).isEqualTo("OVERLOADED");
    ann.cancel(session, 1); // giving back makes room, so it has more
    assertThat(ann.rest()).isEmpty();
    for (int i = 1; i <= 3; i++) {
      ann.say(describe(i, "a"));
    }
    ann.say(describe(4, "a"));
    assertThat(ann.next().getFailed().getError().getReason()).isEqualTo("OVERLOADED");
  }

  @Test
  void whatWasCreatedBeforeIsToldAlsoWhenNoMoreMayBe() {
    restart(Map.of("created-locks", 2));
    TestClient ann = started();
    List<Boolean> created = new ArrayList<>();
    for (String name : List.of("a", "b", "c", "a")) {
      ann.connection.create(Key.newBuilder().setName(name).build(), 0, created::add);
    }
    assertThat(created).containsExactly(true, true, false);
    assertThat(ann.next().getFailed().getError())
        .isEqualTo(
            exhausted(
                "TOO_MANY_CREATED_LOCKS", "created locks of namespace team are 2, at most 2"));
  }

  @Test
  void heartbeatsTakeNoRoomFromQuestionsNorQuestionsFromHeartbeats() {
    restart(Map.of("sessions-per-connection", 2, "queued-reads", 1));
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    ann.heartbeat(session, 1); // the majority is asked at once, and what comes now waits
    ann.heartbeat(session, 2);
    ann.say(describe(1, "a"));
    ann.heartbeat(session, 3);
    ann.heartbeat(session, 4);
    ann.heartbeat(session, 5); // twice as many are on their way as there may be sessions
    assertThat(ann.rest()).isEmpty();
    ann.say(describe(2, "a"));
    assertThat(ann.next().getFailed().getError().getReason()).isEqualTo("OVERLOADED");
    log.let();
    assertThat(ann.rest())
        .containsExactly(
            MessageCase.ALIVE,
            MessageCase.ALIVE,
            MessageCase.DESCRIBED,
            MessageCase.ALIVE,
            MessageCase.ALIVE);
    ann.heartbeat(session, 6);
    ticker.advance(Leadership.HEARTBEATS_TOGETHER);
    assertThat(ann.rest()).containsExactly(MessageCase.ALIVE);
  }

  @Test
  void whoDoesNotReadIsDisconnected() {
    restart(Map.of("unsent-messages", 50));
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.ready = false;
    for (int i = 1; i <= 50; i++) {
      ann.acquire(session, i, "a" + i);
    }
    assertThat(ann.closed).isFalse();
    ann.acquire(session, 51, "a51");
    assertThat(ann.problem).extracting(Problem::reason).isEqualTo("SLOW_READER");
    assertThat(refused).containsExactly("SLOW_READER");
    assertThat(core.figures().connections()).isZero();
  }

  @Test
  void aSubjectThatTheLogCannotSayComesNotIntoIt() {
    TestClient half = new TestClient(caller("a\ud800", Action.ACQUIRE)).hello(core);
    half.next();
    int before = log.log().size();
    half.open(LEASE);
    assertThat(half.next().getFailed().getError().getReason()).isEqualTo("SUBJECT_INVALID");
    assertThat(log.log()).hasSize(before);
  }

  @Test
  void allHoldersOfThatMomentLoseALockAndNoneAfter() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int holders = 2_500; // more than a view shows
    for (int i = 1; i <= holders; i++) {
      ann.say(shared(session, i));
    }
    ann.rest();
    // No permission but the one that it takes.
    TestClient admin = new TestClient(caller("root", Action.ADMIN)).hello(core);
    admin.next();
    log.hold();
    admin.connection.forceRelease(Key.newBuilder().setName("a").build());
    log.letOne(); // so it has seen who holds
    ann.say(shared(session, holders + 1));
    log.let();
    assertThat(admin.next().getForceReleased().getReleased()).isTrue();
    assertThat(admin.rest()).isEmpty();
    assertThat(core.figures().holds()).isEqualTo(1);
    admin.connection.forceRelease(Key.newBuilder().setName("nobody's").build());
    assertThat(admin.next().getForceReleased().getReleased()).isFalse();
    TestClient reader = new TestClient(caller("eve", Action.READ)).hello(core);
    reader.next();
    reader.connection.forceRelease(Key.newBuilder().setName("a").build());
    assertThat(reader.next().getFailed().getError().getReason()).isEqualTo("NOT_ALLOWED");
  }

  private static ClientMessage.Builder shared(long session, long request) {
    ClientMessage.Builder message = TestClient.acquiring(session, request, true, "a");
    message.getAcquireBuilder().getTargetsBuilder(0).setMode(Mode.MODE_SHARED);
    return message;
  }

  @Test
  void whoAsksAndDoesNotReadIsOwedNoMoreThanSoMuch() {
    restart(Map.of("unsent-messages", 50, "listed", 40));
    TestClient ann = started();
    long session = ann.opened(LEASE);
    for (int i = 1; i <= 40; i++) {
      ann.acquire(session, i, "a" + i);
    }
    TestClient mallory = started();
    mallory.ready = false;
    for (int i = 1; i <= 20; i++) {
      mallory.say(list(i));
    }
    mallory.say(describe(21, "a1"));
    assertThat(mallory.closed).isFalse();
    mallory.ready = true;
    mallory.connection.ready();
    // One tells of forty locks and forty holders, which is more than fifty.
    assertThat(mallory.next().getListed().getLocksCount()).isEqualTo(40);
    for (int i = 2; i <= 21; i++) {
      Failed failed = mallory.next().getFailed();
      assertThat(failed.getNumber()).isEqualTo(i);
      assertThat(failed.getError())
          .isEqualTo(
              exhausted(
                  "SLOW_READER",
                  "locks, holders and waiters in answers that the client has not read are 80, at"
                      + " most 50"));
    }
    // Now that it has read, it may ask again; who reads is not held up however much it asks for.
    for (int i = 22; i <= 40; i++) {
      mallory.say(list(i));
      assertThat(mallory.next().getListed().getLocksCount()).isEqualTo(40);
      mallory.say(describe(i, "a1"));
      assertThat(mallory.next().getDescribed().getLock().getHoldersCount()).isEqualTo(1);
    }
  }

  @Test
  void aStreamHasNoMoreSessionsWhetherTheyAreOpenedResumedOrOnTheirWay() {
    restart(Map.of("sessions-per-connection", 2));
    TestClient ann = started();
    log.hold();
    for (int i = 0; i < 5; i++) {
      ann.open(LEASE);
    }
    log.let();
    assertThat(ann.rest())
        .containsExactly(
            MessageCase.FAILED,
            MessageCase.FAILED,
            MessageCase.FAILED,
            MessageCase.SESSION_OPENED,
            MessageCase.SESSION_OPENED);
    assertThat(core.figures().sessions()).isEqualTo(2);

    TestClient bob = started();
    long first = bob.opened(LEASE);
    TestClient eve = started();
    eve.opened(LEASE);
    long second = eve.opened(LEASE);
    // A stream with one of its own takes one more, which it may resume again, and not a third.
    System.arraycopy(bob.nonce, 0, eve.nonce, 0, bob.nonce.length);
    eve.resume(first, 1);
    assertThat(eve.next().getFailed().getError())
        .isEqualTo(exhausted("TOO_MANY_SESSIONS", "sessions of the stream are 2, at most 2"));
    bob.heartbeat(first, 1);
    assertThat(bob.next().hasAlive()).isTrue();
    eve.closeSession(second);
    assertThat(eve.next().hasSessionGone()).isTrue();
    for (int i = 2; i <= 3; i++) {
      eve.resume(first, i);
      assertThat(eve.next().hasAlive()).isTrue();
    }
    isExhausted(eve, "TOO_MANY_SESSIONS", "sessions of the stream are 2, at most 2");
  }

  private void isExhausted(TestClient client, String reason, String message) {
    client.open(LEASE);
    assertThat(client.next().getFailed().getError()).isEqualTo(exhausted(reason, message));
  }

  private static Error exhausted(String reason, String message) {
    return new Problem(Code.RESOURCE_EXHAUSTED, reason, message).toWire();
  }

  private TestClient started() {
    TestClient client = new TestClient().hello(core);
    assertThat(client.next().hasWelcome()).isTrue();
    return client;
  }

  private static Caller caller(String subject, Action action) {
    return new Caller(subject, Optional.empty(), Map.of("team", Set.of(action)));
  }

  private static ClientMessage.Builder describe(long number, String name) {
    return ClientMessage.newBuilder()
        .setDescribe(
            Describe.newBuilder().setNumber(number).setKey(Key.newBuilder().setName(name)));
  }

  private static ClientMessage.Builder list(long number) {
    return ClientMessage.newBuilder()
        .setList(io.holdfast.protocol.v1.List.newBuilder().setNumber(number));
  }

  private static ClientMessage.Builder forceRelease(long number, String name, long token) {
    return ClientMessage.newBuilder()
        .setForceRelease(
            ForceRelease.newBuilder()
                .setNumber(number)
                .setKey(Key.newBuilder().setName(name))
                .setToken(token));
  }

  private static Arguments acquisition(
      String reason, String message, Consumer<Acquire.Builder> mistake) {
    return arguments(reason, message, mistake);
  }

  private static void name(Acquire.Builder acquire, String name) {
    acquire.getTargetsBuilder(0).getKeyBuilder().setName(name);
  }

  private static void path(Acquire.Builder acquire, String path) {
    acquire.getTargetsBuilder(0).getKeyBuilder().setPath(path);
  }

  private void restart(Map<String, Integer> limits) {
    core = newCore(Limits.DEFAULTS.with(limits));
    log.restart(core);
    log.lead();
  }

  private ServerCore newCore(Limits limits) {
    return new ServerCore(
        "one:1", () -> "clients:1", log, ticker, limits, new Counted(), cause -> {});
  }

  private final class Counted implements CoreEvents {
    @Override
    public void refused(String reason) {
      refused.add(reason);
    }
  }
}
