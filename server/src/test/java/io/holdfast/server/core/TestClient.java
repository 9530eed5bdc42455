package io.holdfast.server.core;

import com.google.protobuf.ByteString;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.Cancel;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.CloseSession;
import io.holdfast.protocol.v1.Heartbeat;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.OpenSession;
import io.holdfast.protocol.v1.Release;
import io.holdfast.protocol.v1.ResumeSession;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.Target;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import io.holdfast.server.security.Caller;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A client with nothing but its link: says what a test has it say, and keeps what it hears. */
final class TestClient implements ClientLink {
  private static int clients;

  final Caller caller;
  final byte[] nonce = new byte[16];
  final Deque<ServerMessage> heard = new ArrayDeque<>();
  @Nullable Connection connection;
  @Nullable Problem problem;
  boolean ready = true;
  @Nullable AuthReason lapse;

  /** Thrown by whatever is sent. */
  @Nullable RuntimeException broken;

  boolean closed;
  boolean mayGoOn = true;
  int resumed;

  /** What waits for the end of all that is said at one go; null if this link cannot tell when that is. */
  @Nullable List<Runnable> afterThese;

  TestClient(Caller caller) {
    this.caller = caller;
    Arrays.fill(nonce, (byte) ++clients);
  }

  TestClient() {
    this(Caller.ANYBODY);
  }

  /** Opens a stream, another one if it had one. */
  TestClient connect(ServerCore core) {
    heard.clear();
    closed = false;
    problem = null;
    connection = core.connect(this).orElse(null);
    return this;
  }

  /** Opens a stream and says hello. */
  TestClient hello(ServerCore core) {
    connect(core);
    say(
        ClientMessage.newBuilder()
            .setHello(Hello.newBuilder().setNamespace("team").setClient("ann")));
    return this;
  }

  void say(ClientMessage.Builder message) {
    if (connection != null) {
      mayGoOn = connection.receive(message.build());
    }
  }

  void open(long leaseMillis) {
    say(
        ClientMessage.newBuilder()
            .setOpenSession(
                OpenSession.newBuilder()
                    .setNonce(ByteString.copyFrom(nonce))
                    .setLeaseMs(leaseMillis)));
  }

  void resume(long session, long number, Long... requests) {
    say(
        ClientMessage.newBuilder()
            .setResumeSession(
                ResumeSession.newBuilder()
                    .setSession(session)
                    .setNonce(ByteString.copyFrom(nonce))
                    .setHeartbeat(number)
                    .addAllRequests(List.of(requests))));
  }

  void heartbeat(long session, long number) {
    say(
        ClientMessage.newBuilder()
            .setHeartbeat(Heartbeat.newBuilder().setSession(session).setNumber(number)));
  }

  void acquire(long session, long request, String... names) {
    say(acquiring(session, request, true, names));
  }

  static ClientMessage.Builder acquiring(
      long session, long request, boolean mayWait, String... names) {
    Acquire.Builder acquire =
        Acquire.newBuilder().setSession(session).setRequest(request).setMayWait(mayWait);
    for (String name : names) {
      acquire.addTargets(
          Target.newBuilder().setKey(Key.newBuilder().setName(name)).setMode(Mode.MODE_EXCLUSIVE));
    }
    return ClientMessage.newBuilder().setAcquire(acquire);
  }

  void cancel(long session, long request) {
    say(
        ClientMessage.newBuilder()
            .setCancel(
                Cancel.newBuilder().setSession(session).setRequest(request).setTellHolders(true)));
  }

  void release(long session, long request, long token) {
    say(
        ClientMessage.newBuilder()
            .setRelease(
                Release.newBuilder().setSession(session).setRequest(request).setToken(token)));
  }

  void closeSession(long session) {
    say(ClientMessage.newBuilder().setCloseSession(CloseSession.newBuilder().setSession(session)));
  }

  /** Opens a session and says which it is. */
  long opened(long leaseMillis) {
    open(leaseMillis);
    return next().getSessionOpened().getSession();
  }

  /** The earliest message not taken yet. */
  ServerMessage next() {
    if (heard.isEmpty()) {
      throw new AssertionError("nothing was heard; closed with " + problem);
    }
    return heard.remove();
  }

  /** The kinds of all messages not taken yet. */
  List<ServerMessage.MessageCase> rest() {
    List<ServerMessage.MessageCase> kinds = new ArrayList<>();
    while (!heard.isEmpty()) {
      kinds.add(heard.remove().getMessageCase());
    }
    return kinds;
  }

  @Override
  public String subject() {
    return caller.subject();
  }

  @Override
  public boolean may(Action action, String namespace) {
    return caller.may(action, namespace);
  }

  @Override
  public Optional<AuthReason> lapse() {
    return Optional.ofNullable(lapse);
  }

  @Override
  public boolean isReady() {
    return ready;
  }

  @Override
  public void send(ServerMessage message) {
    if (closed) {
      throw new AssertionError("sent after the end: " + message);
    }
    if (broken != null) {
      throw broken;
    }
    heard.add(message);
  }

  @Override
  public void close() {
    closed = true;
  }

  @Override
  public void close(Problem why) {
    closed = true;
    problem = why;
  }

  @Override
  public void resume() {
    resumed++;
  }

  @Override
  public boolean afterThese(Runnable task) {
    return afterThese != null && afterThese.add(task);
  }
}
