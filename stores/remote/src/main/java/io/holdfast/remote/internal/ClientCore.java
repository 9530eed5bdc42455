package io.holdfast.remote.internal;

import com.google.protobuf.ByteString;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Describe;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Failed;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Listed;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.spi.Ticker;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One client of the lock servers: finds the server that leads, keeps one stream to it, and carries its sessions and
 * questions from each stream to the next.
 *
 * <p>Event-driven and not thread-safe: it acts when it is called and when an alarm of its ticker goes off, and whoever owns
 * it sees to it that this is one at a time.
 */
public final class ClientCore {
  /*
   * There is at most one stream, and only what is heard of that one counts. A server that leads says welcome; until then
   * nothing but the hello is said. Whatever is unanswered for longer than an attempt may take breaks the stream, for one
   * that is silently dead does not break by itself; then the next server is tried, or the one that was named as leader.
   *
   * How long an attempt may take: long enough not to leave a server for being slow, which would make it slower; short
   * enough that a lease survives several attempts. So it follows the answers that come, between bounds that follow the
   * shortest lease.
   */
  private static final long LEAST_ATTEMPT_NANOS = SessionCore.millis(500);
  private static final long USUAL_ATTEMPT_NANOS = SessionCore.seconds(1);
  private static final long LONGEST_ATTEMPT_NANOS = SessionCore.seconds(5);

  /** A server may take so long to say welcome while there is no lease to lose. */
  private static final long LEISURELY_ATTEMPT_NANOS = SessionCore.seconds(3);

  /** A question that has no answer by then has none. */
  static final long QUESTION_PATIENCE_NANOS = SessionCore.seconds(10);

  /** Between a refusal that says "not now" and the next time. */
  private static final long REST_NANOS = SessionCore.millis(200);

  private static final int NONCE_BYTES = 16;

  /** The owner. Called within the core, and must not call it in return. */
  public interface Listener {
    /**
     * A server could not be reached, or did not serve; another is tried.
     *
     * @param isVerdict the next ones will say the same
     */
    void failed(String server, Error error, boolean isVerdict);
  }

  private enum Phase {
    /** Has no stream, and will try the next server in a moment. */
    RESTING,
    /** Has said hello. */
    GREETING,
    /** Was made welcome. */
    CONNECTED,
    /** Over. */
    CLOSED
  }

  private final String namespace;
  private final String client;
  private final Route route;
  private final RandomGenerator nonces;
  private final Ticker ticker;
  private final Wire wire;
  private final Listener listener;
  private final SessionCore.Voice voice = new StreamVoice();

  private Phase phase = Phase.RESTING;
  private long stream;
  private String server = "";

  /** The last server that broke off or did not answer, since one served. */
  private String unreachable = "";

  private long openedAtNanos;
  private int unansweredStreams;
  private long attemptNanos = USUAL_ATTEMPT_NANOS;
  private Ticker.@Nullable Alarm nextMove;
  private Ticker.@Nullable Alarm watch;
  private long watchAtNanos;

  private final List<SessionCore> sessions = new ArrayList<>();

  private long lastQuestion;
  private final Map<Long, Question> questions = new TreeMap<>();

  /**
   * A client that goes on to look for a server until it is closed.
   *
   * @param servers host:port each, at least one
   * @param client the client's name, to be shown to others
   * @param nonces secret numbers
   */
  public ClientCore(
      List<String> servers,
      String namespace,
      String client,
      RandomGenerator nonces,
      Ticker ticker,
      Wire wire,
      Listener listener) {
    this.namespace = namespace;
    this.client = client;
    this.route = new Route(servers, nonces);
    this.nonces = nonces;
    this.ticker = ticker;
    this.wire = wire;
    this.listener = listener;
  }

  /** Begins to look for a server. */
  public void start() {
    greet();
  }

  /** Begins a session, as soon as there is a server. */
  public SessionCore openSession(long leaseMillis, SessionCore.Listener sessionListener) {
    byte[] nonce = new byte[NONCE_BYTES];
    nonces.nextBytes(nonce);
    SessionCore session =
        new SessionCore(ByteString.copyFrom(nonce), leaseMillis, ticker, voice, sessionListener);
    sessions.removeIf(SessionCore::isOver);
    sessions.add(session);
    return session;
  }

  /** Whether a server is there and serves. */
  public boolean isConnected() {
    return phase == Phase.CONNECTED;
  }

  /** Whether nothing is left that a server should be told. */
  public boolean isQuiet() {
    return sessions.stream().allMatch(SessionCore::isOver);
  }

  /** Who holds a lock and who waits. */
  public void describe(Key key, Question.Asker asker) {
    long number = ++lastQuestion;
    ask(
        number,
        ClientMessage.newBuilder()
            .setDescribe(Describe.newBuilder().setNumber(number).setKey(key))
            .build(),
        asker);
  }

  /** The plain names with a prefix that are held or waited for. */
  public void list(String prefix, Question.Asker asker) {
    long number = ++lastQuestion;
    ask(
        number,
        ClientMessage.newBuilder()
            .setList(io.holdfast.protocol.v1.List.newBuilder().setNumber(number).setPrefix(prefix))
            .build(),
        asker);
  }

  /** The nodes of a tree that are held or waited for. */
  public void listTree(String tree, Question.Asker asker) {
    long number = ++lastQuestion;
    ask(
        number,
        ClientMessage.newBuilder()
            .setList(io.holdfast.protocol.v1.List.newBuilder().setNumber(number).setTree(tree))
            .build(),
        asker);
  }

  /**
   * Takes a lock from its holder.
   *
   * @param reason for the servers' audit log; empty for none
   */
  public void forceRelease(Key key, long token, String reason, Question.Asker asker) {
    long number = ++lastQuestion;
    ask(
        number,
        ClientMessage.newBuilder()
            .setForceRelease(
                ForceRelease.newBuilder()
                    .setNumber(number)
                    .setKey(key)
                    .setToken(token)
                    .setReason(reason))
            .build(),
        asker);
  }

  /** Ends all sessions. Holds are lost at once; servers are told until {@link #abandon}. */
  public void close() {
    List.copyOf(sessions).forEach(SessionCore::close);
    for (Question question : endAllQuestions()) {
      question.unanswered();
    }
  }

  /** Says no more. */
  public void abandon() {
    if (phase != Phase.CLOSED) {
      leaveStream();
      phase = Phase.CLOSED;
      cancel(nextMove);
      cancel(watch);
      List.copyOf(sessions).forEach(SessionCore::abandon);
      sessions.clear();
    }
  }

  /** A message has come on a stream. */
  public void received(long from, ServerMessage message) {
    if (from != stream) {
      return; // of a stream that was given up
    }
    switch (message.getMessageCase()) {
      case WELCOME -> welcome();
      case NOT_LEADER -> {
        String leader = message.getNotLeader().getLeader();
        fail(
            ErrorCode.unavailable(
                leader.isEmpty()
                    ? "does not lead, and knows no leader"
                    : "does not lead, " + leader + " does"));
        move(leader.isEmpty() ? null : leader);
      }
      default -> {
        if (phase == Phase.CONNECTED) {
          told(from, message);
        }
      }
    }
  }

  /**
   * A stream has ended.
   *
   * @param leader the server that leads, if the end told; or empty
   */
  public void broken(long from, Error error, String leader) {
    if (from == stream) {
      if (leader.isEmpty() && !ErrorCode.isVerdict(error)) {
        unreachable = server;
      }
      fail(error);
      move(leader.isEmpty() ? null : leader);
    }
  }

  // ------------------------------------------------------------------------------------------------- the stream

  private void greet() {
    phase = Phase.GREETING;
    stream++;
    server = route.next();
    openedAtNanos = ticker.nanos();
    wire.open(stream, server);
    wire.say(
        stream,
        ClientMessage.newBuilder()
            .setHello(
                Hello.newBuilder()
                    .setNamespace(namespace)
                    .setClient(client)
                    .setUnreachable(unreachable)
                    .setBatches(true))
            .build());
    watchFrom(openedAtNanos);
  }

  private void welcome() {
    if (phase == Phase.GREETING) {
      phase = Phase.CONNECTED;
      unreachable = "";
      List.copyOf(sessions).forEach(SessionCore::connected);
      questions.values().forEach(this::send);
    }
  }

  private void fail(Error error) {
    // On a stream that served before, it is about that one: a credential that has run out, say.
    boolean isVerdict = phase == Phase.GREETING && ErrorCode.isVerdict(error);
    listener.failed(server, error, isVerdict);
    if (isVerdict) {
      List.copyOf(sessions).forEach(session -> session.refusedByAll(error));
      for (Question question : endAllQuestions()) {
        question.asker.refused(error);
      }
    }
  }

  private void move(@Nullable String leader) {
    leaveStream();
    long rest = route.move(leader);
    List.copyOf(sessions).forEach(SessionCore::disconnected);
    sessions.removeIf(SessionCore::isOver);
    for (Question question : questions.values()) {
      question.wasPerhapsDone |= question.isAwaited;
      question.isAwaited = false;
      question.parts.clear();
    }
    if (rest == 0) {
      greet();
    } else {
      nextMove = ticker.schedule(ticker.nanos() + rest, this::greetIfResting);
    }
  }

  private void greetIfResting() {
    if (phase == Phase.RESTING) {
      greet();
    }
  }

  private void leaveStream() {
    if (phase == Phase.GREETING || phase == Phase.CONNECTED) {
      wire.close(stream);
    }
    phase = Phase.RESTING;
    stream++; // what is still heard of the old one is not meant
  }

  // ------------------------------------------------------------------------------------------------- attempts

  /** There is one alarm, for the earliest; what is answered by then makes it look for the next. */
  private void watchFrom(long sinceNanos) {
    long at = sinceNanos + patience();
    if (watch == null || at - watchAtNanos < 0) {
      cancel(watch);
      watchAtNanos = at;
      watch = ticker.schedule(at, this::look);
    }
  }

  private void look() {
    watch = null;
    OptionalLong since = awaitedSince();
    if (since.isEmpty()) {
      return;
    }
    long waited = ticker.nanos() - since.getAsLong();
    if (waited < patience()) {
      watchFrom(since.getAsLong());
      return;
    }
    if (phase == Phase.GREETING) {
      unansweredStreams++;
    } else {
      attemptNanos = Math.min(2 * attemptNanos, longestAttempt());
    }
    unreachable = server;
    fail(ErrorCode.unavailable("no answer within " + waited / SessionCore.millis(1) + " ms"));
    move(null);
  }

  private OptionalLong awaitedSince() {
    if (phase == Phase.GREETING) {
      return OptionalLong.of(openedAtNanos);
    }
    if (phase != Phase.CONNECTED) {
      return OptionalLong.empty();
    }
    OptionalLong oldest = OptionalLong.empty();
    for (SessionCore session : sessions) {
      oldest = older(oldest, session.awaitedSince());
    }
    for (Question question : questions.values()) {
      if (question.isAwaited) {
        oldest = older(oldest, OptionalLong.of(question.sentAtNanos));
      }
    }
    return oldest;
  }

  private static OptionalLong older(OptionalLong one, OptionalLong other) {
    if (one.isEmpty() || other.isEmpty()) {
      return one.isEmpty() ? other : one;
    }
    return one.getAsLong() - other.getAsLong() < 0 ? one : other;
  }

  private long patience() {
    long attempt = Math.max(leastAttempt(), Math.min(attemptNanos, longestAttempt()));
    if (phase != Phase.GREETING) {
      return attempt;
    }
    if (sessions.stream().noneMatch(SessionCore::isOpen)) {
      return LEISURELY_ATTEMPT_NANOS;
    }
    return Math.min(attempt << Math.min(unansweredStreams, 3), LONGEST_ATTEMPT_NANOS);
  }

  private void arrived(long sentAtNanos) {
    route.arrived();
    unansweredStreams = 0;
    long wanted = Math.max(leastAttempt(), 4 * (ticker.nanos() - sentAtNanos));
    attemptNanos =
        wanted > attemptNanos
            ? Math.min(wanted, longestAttempt())
            : attemptNanos - (attemptNanos - wanted) / 16;
  }

  private long leastAttempt() {
    return Math.max(LEAST_ATTEMPT_NANOS, Math.min(shortestLease() / 6, USUAL_ATTEMPT_NANOS));
  }

  private long longestAttempt() {
    return Math.max(leastAttempt(), Math.min(shortestLease() / 6, LONGEST_ATTEMPT_NANOS));
  }

  private long shortestLease() {
    long shortest = Long.MAX_VALUE;
    for (SessionCore session : sessions) {
      if (session.isOpen()) {
        shortest = Math.min(shortest, SessionCore.millis(session.leaseMillis()));
      }
    }
    return shortest;
  }

  // ------------------------------------------------------------------------------------------------- what the server says

  private void told(long from, ServerMessage message) {
    switch (message.getMessageCase()) {
      case SESSION_OPENED -> {
        SessionCore session = find(message.getSessionOpened().getNonce());
        if (session != null) {
          session.opened(message.getSessionOpened());
        }
      }
      case SESSION_GONE -> {
        SessionCore session = find(message.getSessionGone().getSession());
        if (session != null) {
          session.gone();
        }
      }
      case ALIVE -> {
        SessionCore session = find(message.getAlive().getSession());
        if (session != null) {
          session.alive(message.getAlive());
        }
      }
      case GRANTED -> {
        SessionCore session = find(message.getGranted().getSession());
        if (session != null) {
          session.granted(message.getGranted());
        }
      }
      case QUEUED -> {
        SessionCore session = find(message.getQueued().getSession());
        if (session != null) {
          session.queued(message.getQueued());
        }
      }
      case BUSY -> {
        SessionCore session = find(message.getBusy().getSession());
        if (session != null) {
          session.busy(message.getBusy());
        }
      }
      case RELEASED -> {
        SessionCore session = find(message.getReleased().getSession());
        if (session != null) {
          session.released(message.getReleased());
        }
      }
      case CANCELLED -> {
        SessionCore session = find(message.getCancelled().getSession());
        if (session != null) {
          session.cancelled(message.getCancelled());
        }
      }
      case LOST -> {
        SessionCore session = find(message.getLost().getSession());
        if (session != null) {
          session.lost(message.getLost());
        }
      }
      case REFUSED -> {
        SessionCore session = find(message.getRefused().getSession());
        if (session != null) {
          session.refused(message.getRefused());
        }
      }
      case DESCRIBED -> {
        Question question = answered(message.getDescribed().getNumber());
        if (question != null) {
          LockState lock = message.getDescribed().getLock();
          question.asker.told(List.of(lock), lock.getTruncated());
        }
      }
      case LISTED -> listed(message.getListed());
      case FORCE_RELEASED -> {
        Question question = answered(message.getForceReleased().getNumber());
        if (question != null) {
          boolean released = message.getForceReleased().getReleased();
          if (!released && question.wasPerhapsDone) {
            question.unanswered(); // perhaps there is none because we have taken it
          } else {
            question.asker.taken(released);
          }
        }
      }
      case FAILED -> failed(message.getFailed());
      case BATCH -> {
        for (ServerMessage each : message.getBatch().getMessagesList()) {
          received(from, each);
        }
      }
      default -> {} // of a later version
    }
  }

  private void listed(Listed part) {
    Question question = questions.get(part.getNumber());
    if (question == null) {
      return;
    }
    question.parts.addAll(part.getLocksList());
    if (part.getMore()) {
      arrived(question.sentAtNanos);
      question.sentAtNanos = ticker.nanos(); // the next part is awaited since now
    } else {
      answered(part.getNumber());
      question.asker.told(question.parts, part.getTruncated());
    }
  }

  private void failed(Failed failed) {
    Error error = failed.getError();
    if (!failed.getNonce().isEmpty()) {
      SessionCore session = find(failed.getNonce());
      if (session != null && session.isOpening() && ErrorCode.isVerdict(error)) {
        session.notOpened(error);
        sessions.remove(session);
      } else if (session != null) { // could not be opened or resumed here and now
        fail(error);
        move(null);
      }
      return;
    }
    Question question = questions.get(failed.getNumber());
    if (question == null) {
      return;
    }
    if (ErrorCode.isVerdict(error)) {
      answered(failed.getNumber());
      question.asker.refused(error);
    } else {
      question.isAwaited = false;
      question.wasPerhapsDone = true;
      ticker.schedule(
          ticker.nanos() + REST_NANOS,
          () -> {
            if (questions.containsKey(failed.getNumber()) && !question.isAwaited) {
              send(question);
            }
          });
    }
  }

  private @Nullable SessionCore find(long id) {
    for (SessionCore session : sessions) {
      if (session.id() == id && id != 0) {
        return session;
      }
    }
    return null;
  }

  private @Nullable SessionCore find(ByteString nonce) {
    for (SessionCore session : sessions) {
      if (session.nonce().equals(nonce)) {
        return session;
      }
    }
    return null;
  }

  // ------------------------------------------------------------------------------------------------- questions

  private void ask(long number, ClientMessage message, Question.Asker asker) {
    Question question = new Question(message, asker);
    questions.put(number, question);
    question.patience =
        ticker.schedule(
            ticker.nanos() + QUESTION_PATIENCE_NANOS,
            () -> {
              if (questions.remove(number) != null) {
                question.unanswered();
              }
            });
    send(question);
  }

  private void send(Question question) {
    if (phase == Phase.CONNECTED) {
      question.wasSent = true;
      question.isAwaited = true;
      question.sentAtNanos = ticker.nanos();
      wire.say(stream, question.message);
      watchFrom(question.sentAtNanos);
    }
  }

  private @Nullable Question answered(long number) {
    Question question = questions.remove(number);
    if (question != null) {
      cancel(question.patience);
      arrived(question.sentAtNanos);
    }
    return question;
  }

  private List<Question> endAllQuestions() {
    List<Question> all = List.copyOf(questions.values());
    questions.clear();
    all.forEach(question -> cancel(question.patience));
    return all;
  }

  private static void cancel(Ticker.@Nullable Alarm alarm) {
    if (alarm != null) {
      alarm.cancel();
    }
  }

  @Override
  public String toString() {
    return "client " + client + " of " + route;
  }

  private final class StreamVoice implements SessionCore.Voice {
    @Override
    public boolean isConnected() {
      return phase == Phase.CONNECTED;
    }

    @Override
    public void say(ClientMessage message) {
      wire.say(stream, message);
    }

    @Override
    public void awaits() {
      watchFrom(ticker.nanos());
    }

    @Override
    public void answered(long sentAtNanos) {
      arrived(sentAtNanos);
    }
  }
}
