package io.holdfast.remote.internal;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.holdfast.LossReason;
import io.holdfast.protocol.v1.Alive;
import io.holdfast.protocol.v1.Cancelled;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.NotLeader;
import io.holdfast.protocol.v1.Queued;
import io.holdfast.protocol.v1.Refused;
import io.holdfast.protocol.v1.Released;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.SessionGone;
import io.holdfast.protocol.v1.SessionOpened;
import io.holdfast.protocol.v1.Target;
import io.holdfast.protocol.v1.Welcome;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A core and a hand that plays the servers: what the core says is written down, and what it hears and when is the test's to
 * say. Its dice roll next to nothing.
 */
final class Play implements Wire, SessionCore.Listener {
  static final Duration LEASE = Duration.ofSeconds(10);

  /** About to overflow, as a clock of arbitrary origin may be. */
  final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 5_000_000_000L);

  /** Numbers so small that they are nothing as a fraction; nonces differ. */
  private long rolled;

  final RandomGenerator dice = () -> ++rolled;
  final List<String> opened = new ArrayList<>();
  final List<String> failures = new ArrayList<>();

  /** What was heard of sessions. */
  final List<String> news = new ArrayList<>();

  private final List<ClientMessage> said = new ArrayList<>();
  private long stream;
  private boolean isOpen;

  final ClientCore core =
      new ClientCore(
          List.of("a:1", "b:2", "c:3"),
          "space",
          "ann",
          dice,
          ticker,
          this,
          (server, error, isVerdict) -> failures.add(server + " " + error.getMessage()));

  @Override
  public void open(long number, String address) {
    assertThat(isOpen).as("a stream is open").isFalse();
    assertThat(number).isGreaterThan(stream);
    stream = number;
    isOpen = true;
    opened.add(address);
    said.clear();
  }

  @Override
  public void say(long number, ClientMessage message) {
    assertThat(number).isEqualTo(stream);
    assertThat(isOpen).isTrue();
    said.add(message);
  }

  @Override
  public void close(long number) {
    assertThat(number).isEqualTo(stream);
    isOpen = false;
  }

  @Override
  public void opened(SessionCore session) {
    news.add("opened " + session.id());
  }

  @Override
  public void ended(SessionCore session, LossReason reason) {
    news.add("ended " + session.id() + " " + reason);
  }

  @Override
  public void refused(SessionCore session, Error error) {
    news.add("refused " + error.getReason());
  }

  long stream() {
    return stream;
  }

  boolean isOpen() {
    return isOpen;
  }

  /** What was said since it was looked at last. */
  List<ClientMessage> said() {
    List<ClientMessage> all = List.copyOf(said);
    said.clear();
    return all;
  }

  /** The only thing said. */
  ClientMessage saidOne() {
    List<ClientMessage> all = said();
    assertThat(all).hasSize(1);
    return all.get(0);
  }

  void hear(ServerMessage.Builder message) {
    core.received(stream, message.build());
  }

  void welcome() {
    hear(ServerMessage.newBuilder().setWelcome(Welcome.newBuilder().setServer("s")));
  }

  void notLeader(String leader) {
    hear(ServerMessage.newBuilder().setNotLeader(NotLeader.newBuilder().setLeader(leader)));
  }

  void breakStream() {
    core.broken(stream, ErrorCode.unavailable("broken on purpose"), "");
  }

  /** Whatever stream there is breaks, and there is a server again. */
  void reconnect() {
    if (isOpen) {
      breakStream();
    }
    for (int i = 0; i < 1_000 && !isOpen; i++) {
      pass(Duration.ofMillis(1));
    }
    welcome();
  }

  void pass(Duration time) {
    ticker.advance(time);
  }

  /** Plays on, each half second, with a server that answers heartbeats at once. */
  void passInHealth(Duration time, long session) {
    for (Duration done = Duration.ZERO; done.compareTo(time) < 0; done = done.plusMillis(500)) {
      pass(Duration.ofMillis(500));
      for (ClientMessage message : said()) {
        if (message.hasHeartbeat()) {
          alive(session, message.getHeartbeat().getNumber(), 0);
        }
      }
    }
  }

  /** A session with this number, on a stream that listens. */
  SessionCore openSession(long number) {
    core.start();
    welcome();
    return openAnother(number);
  }

  SessionCore openAnother(long number) {
    SessionCore session = core.openSession(LEASE.toMillis(), this);
    List<ClientMessage> opening = said();
    sessionOpened(number, opening.get(opening.size() - 1).getOpenSession().getNonce(), 0);
    return session;
  }

  void sessionOpened(long number, ByteString nonce, long tableNow) {
    hear(
        ServerMessage.newBuilder()
            .setSessionOpened(
                SessionOpened.newBuilder()
                    .setSession(number)
                    .setNonce(nonce)
                    .setTableNow(tableNow)));
  }

  void alive(long session, long number, long tableNow) {
    hear(
        ServerMessage.newBuilder()
            .setAlive(
                Alive.newBuilder().setSession(session).setNumber(number).setTableNow(tableNow)));
  }

  void gone(long session) {
    hear(ServerMessage.newBuilder().setSessionGone(SessionGone.newBuilder().setSession(session)));
  }

  void granted(long session, long request, long token) {
    hear(
        ServerMessage.newBuilder()
            .setGranted(
                Granted.newBuilder().setSession(session).setRequest(request).setToken(token)));
  }

  void grantedUntil(long session, long request, long token, Duration until) {
    hear(
        ServerMessage.newBuilder()
            .setGranted(
                Granted.newBuilder()
                    .setSession(session)
                    .setRequest(request)
                    .setToken(token)
                    .setUntil(until.toNanos())));
  }

  void queued(long session, long request, Long... behindOwn) {
    hear(
        ServerMessage.newBuilder()
            .setQueued(
                Queued.newBuilder()
                    .setSession(session)
                    .setRequest(request)
                    .addAllBehindOwn(List.of(behindOwn))));
  }

  void released(long session, long request, long token) {
    hear(
        ServerMessage.newBuilder()
            .setReleased(
                Released.newBuilder().setSession(session).setRequest(request).setToken(token)));
  }

  void cancelled(long session, long request, String... holders) {
    Cancelled.Builder cancelled = Cancelled.newBuilder().setSession(session).setRequest(request);
    for (String holder : holders) {
      cancelled.addHolders(Holder.newBuilder().setClient(holder));
    }
    hear(ServerMessage.newBuilder().setCancelled(cancelled));
  }

  void refused(long session, long request, int code, String reason) {
    hear(
        ServerMessage.newBuilder()
            .setRefused(
                Refused.newBuilder()
                    .setSession(session)
                    .setRequest(request)
                    .setError(Error.newBuilder().setCode(code).setReason(reason))));
  }

  /** Asks to hold a name, and to wait for so long. */
  Asker ask(SessionCore session, Duration patience) {
    return ask(session, patience, Wish.UNLIMITED);
  }

  Asker ask(SessionCore session, Duration patience, long maxHoldMillis) {
    Asker asker = new Asker();
    Target target =
        Target.newBuilder()
            .setKey(Key.newBuilder().setName("name"))
            .setMode(Mode.MODE_EXCLUSIVE)
            .build();
    Duration waits =
        patience.isZero() ? Duration.ofNanos(SessionCore.TRY_PATIENCE_NANOS) : patience;
    Wish wish =
        new Wish(
            List.of(target),
            !patience.isZero(),
            ticker.nanosIn(waits),
            maxHoldMillis,
            ByteString.EMPTY);
    asker.request = session.acquire(wish, asker);
    return asker;
  }

  /** Who asked, and what it was told. */
  final class Asker implements ClientRequest.Listener {
    final List<String> told = new ArrayList<>();
    ClientRequest request;

    boolean isHeld() {
      return request.isHeld() && ticker.nanos() - request.deadlineNanos() < 0;
    }

    Duration remaining() {
      return Duration.ofNanos(request.deadlineNanos() - ticker.nanos());
    }

    @Override
    public void queued(List<ClientRequest.Listener> behindOwn) {
      told.add(behindOwn.isEmpty() ? "queued" : "queued behind own");
    }

    @Override
    public void granted(ClientRequest request) {
      told.add("granted " + request.token());
    }

    @Override
    public void busy(List<Holder> holders) {
      told.add("busy " + holders.stream().map(Holder::getClient).toList());
    }

    @Override
    public void refused(Error error) {
      told.add("refused " + error.getReason());
    }

    @Override
    public void neverAsked() {
      told.add("never asked");
    }

    @Override
    public void orphaned() {
      told.add("orphaned");
    }

    @Override
    public void uncertain(String why) {
      told.add("uncertain: " + why);
    }

    @Override
    public void lost(LossReason reason) {
      told.add("lost " + reason);
    }

    @Override
    public void released() {
      told.add("released");
    }

    @Override
    public void closed() {
      told.add("closed");
    }
  }
}
