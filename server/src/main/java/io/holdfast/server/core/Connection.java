package io.holdfast.server.core;

import com.google.protobuf.ByteString;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockKey;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.Cancel;
import io.holdfast.protocol.v1.ClientBatch;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.CloseSession;
import io.holdfast.protocol.v1.Describe;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.Heartbeat;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.OpenSession;
import io.holdfast.protocol.v1.Release;
import io.holdfast.protocol.v1.ResumeSession;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.WatchLocksResponse;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import io.holdfast.table.KeyView;
import io.holdfast.table.RequestView;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A client's stream at this server, from its hello to its end. Lives within one leadership: when that ends, so does the stream,
 * and the client comes back to whoever leads then.
 *
 * <p>Thread-safe; the messages of one stream are received one after the other.
 */
public final class Connection {
  private static final Problem BROKEN =
      Problem.unavailable("LINK_BROKEN", "the client cannot be told anything");

  /** How often it is looked whether somebody who only listens still may. */
  static final Duration LISTENER_CHECK = Duration.ofSeconds(10);

  /** So many messages may come in a batch. */
  static final int MOST_IN_BATCH = 256;

  /** On their way at a time: its own, and that of the session that it has just replaced. */
  private static final long HEARTBEATS_PER_SESSION = 2;

  private final ServerCore core;
  private final ClientLink link;

  /** What is to be said to the client. Sent without the mutex, and only while the link takes it. */
  private final Outbox<Consumer<ClientLink>> outbox;

  /** Why nothing more is sent than this; null while all is. */
  private volatile @Nullable Problem aborted;

  private volatile boolean abortTold;

  /** Locks, holders and waiters that answers tell of which the link has not taken. One answer may tell of many. */
  private final AtomicInteger untold = new AtomicInteger();

  // Guarded by the core's mutex.
  private @Nullable Leadership leadership;
  private String namespace = "";
  private String client = "";
  private String unreachable = "";
  private final Set<Desk> desks = new HashSet<>();

  /** Sessions that are on their way into the log. */
  private int opening;

  private int unanswered;

  /** Heartbeats among them. */
  private int heartbeats;

  private boolean paused;
  private boolean watches;
  private boolean awaitsLeader;
  private boolean closed;
  private long heardAtNanos;

  private boolean receiving;

  /** It has proposed something that waits for what else the client has said already. */
  private boolean gathers;

  /** There will be an end to that. */
  private boolean gatheringEnds;

  private Ticker.@Nullable Alarm alarm;

  Connection(ServerCore core, ClientLink link) {
    this.core = core;
    this.link = link;
    this.outbox = new Outbox<>(() -> aborted != null || link.isReady(), this::send, this::flush);
    this.heardAtNanos = core.ticker.nanos();
  }

  /**
   * A message has come. Its answers, if there are any, go over the link.
   *
   * @return whether more may come now; if not, the link is told to {@link ClientLink#resume} later
   */
  public boolean receive(ClientMessage message) {
    core.enter();
    try {
      if (!closed) {
        heardAtNanos = core.ticker.nanos();
        receiving = true;
        if (message.hasBatch()) {
          understand(message.getBatch());
        } else {
          understand(message);
        }
      }
      paused = !closed && unanswered >= core.limits.operationsPerConnection();
      return !paused;
    } finally {
      receiving = false;
      boolean begins = gathers && !gatheringEnds;
      gatheringEnds |= begins;
      core.leave();
      if (begins && !link.afterThese(this::endGathering)) {
        endGathering();
      }
    }
  }

  /** Whether what is proposed for this client now need not go at once: then its end is told to the leadership. */
  boolean gather() {
    gathers |= receiving;
    return receiving;
  }

  private void endGathering() {
    core.enter();
    try {
      gathers = false;
      gatheringEnds = false;
      if (leadership != null) {
        leadership.proposeGathered();
      }
    } finally {
      core.leave();
    }
  }

  /** Something has come that is no message; the stream ends. */
  public void refuse(Problem problem) {
    core.enter();
    try {
      close(problem);
    } finally {
      core.leave();
    }
  }

  /** When a moment of table time comes by the wall clock, rather too early than too late. After welcome. */
  public long unixMillis(long tableTime) {
    core.enter();
    try {
      Leadership leader = leadership;
      if (leader == null) {
        throw new IllegalStateException("asked before welcome");
      }
      return leader.unixMillis(tableTime);
    } finally {
      core.leave();
    }
  }

  /** The link takes more now than it did. */
  public void ready() {
    outbox.drain();
  }

  /** The client has said its last. */
  public void ended() {
    core.enter();
    try {
      tellLater(ClientLink::close);
      forget();
    } finally {
      core.leave();
    }
  }

  /** The client is gone. */
  public void gone() {
    core.enter();
    try {
      forget();
    } finally {
      core.leave();
    }
  }

  /** Ends the stream if its client has nothing to do here. */
  void lookAfter() {
    if (closed) {
      return;
    }
    if (awaitsLeader) {
      sendAway("");
      return;
    }
    if (watches) {
      Optional<AuthReason> lapse = link.lapse();
      if (lapse.isPresent()) {
        close(Problem.lapsed(lapse.get()));
      } else {
        lookAgain(LISTENER_CHECK.toNanos());
      }
      return;
    }
    long patience =
        (leadership == null ? ServerCore.HELLO_PATIENCE : ServerCore.IDLE_PATIENCE).toNanos();
    long rest = patience - (core.ticker.nanos() - heardAtNanos);
    if (rest > 0) {
      lookAgain(rest);
    } else if (!desks.isEmpty()) {
      lookAgain(patience); // its sessions end when they are not heard of, and then this does
    } else {
      close(
          new Problem(
              Problem.Code.DEADLINE_EXCEEDED,
              leadership == null ? "NO_HELLO" : "IDLE",
              "nothing was said for " + patience / 1_000_000 + " ms"));
    }
  }

  private void lookAgain(long nanos) {
    alarm =
        core.ticker.schedule(
            core.ticker.nanos() + nanos,
            () -> {
              core.enter();
              try {
                lookAfter();
              } finally {
                core.leave();
              }
            });
  }

  /** Something was asked that will be answered. */
  void asked() {
    unanswered++;
  }

  void answered() {
    unanswered--;
    if (paused && unanswered < core.limits.operationsPerConnection() && !closed) {
      paused = false;
      core.later(link::resume);
    }
  }

  /** News of this session go here from now on; false if there is nobody any more. */
  boolean attach(Desk desk) {
    if (closed) {
      return false;
    }
    if (desk.connection != null && desk.connection != this) {
      desk.connection.detach(desk);
    }
    desk.connection = this;
    desks.add(desk);
    return true;
  }

  /** A session that was to be opened here is open, or is none any more. */
  void opened() {
    opening--;
  }

  void detach(Desk desk) {
    desks.remove(desk);
  }

  void tell(ServerMessage message) {
    tellLater(to -> to.send(message));
  }

  /** What is made of it is made without the mutex. */
  void tellLater(Consumer<ClientLink> message) {
    if (closed) {
      return;
    }
    if (outbox.size() >= core.limits.unsentMessages()) {
      Problem problem =
          new Problem(
              Problem.Code.RESOURCE_EXHAUSTED,
              "SLOW_READER",
              "messages that the client does not read are "
                  + core.limits.unsentMessages()
                  + ", no more are kept");
      aborted = problem;
      core.events.refused(problem.reason());
      core.touch(outbox);
      forget();
      return;
    }
    outbox.add(message);
    core.touch(outbox);
  }

  /** This server does not lead, or no longer. */
  void sendAway(String leader) {
    tell(ToWire.notLeader(leader));
    tellLater(ClientLink::close);
    forget();
  }

  void close(Problem problem) {
    core.events.refused(problem.reason());
    tellLater(to -> to.close(problem));
    forget();
  }

  /** Called by one thread at a time, without the mutex. */
  private void send(Consumer<ClientLink> message) {
    Problem problem = aborted;
    try {
      if (problem == null) {
        message.accept(link);
      } else if (!abortTold) {
        abortTold = true;
        link.close(problem);
      }
    } catch (RuntimeException broken) {
      broken();
    }
  }

  private void flush() {
    try {
      link.flush();
    } catch (RuntimeException broken) {
      broken();
    }
  }

  /** This client is not to be spoken to any more; the others are. */
  private void broken() {
    abortTold = true;
    aborted = BROKEN;
    core.events.refused(BROKEN.reason());
    gone();
  }

  private void forget() {
    if (!closed) {
      closed = true;
      for (Desk desk : desks) {
        desk.connection = null;
      }
      desks.clear();
      if (alarm != null) {
        alarm.cancel();
      }
      if (watches && leadership != null) {
        leadership.watches.remove(namespace, this);
      }
      core.forget(this);
    }
  }

  private void understand(ClientBatch batch) {
    List<ClientMessage> messages = batch.getMessagesList();
    if (messages.size() > MOST_IN_BATCH) {
      close(
          Problem.invalid(
              "BATCH_TOO_LONG",
              "a batch has " + messages.size() + " messages, at most " + MOST_IN_BATCH));
      return;
    }
    for (ClientMessage message : messages) {
      if (closed) {
        return;
      }
      if (mayBeInBatch(message)) {
        understand(message);
      } else {
        close(
            Problem.invalid(
                "NOT_IN_BATCH",
                "a batch is of acquire, cancel, release and heartbeat; "
                    + message.getMessageCase().name().toLowerCase(Locale.ROOT)
                    + " comes by itself"));
      }
    }
  }

  /** What an operator does, above all, comes by itself: whoever keeps records of it looks no further. */
  private static boolean mayBeInBatch(ClientMessage message) {
    return switch (message.getMessageCase()) {
      case ACQUIRE, CANCEL, RELEASE, HEARTBEAT -> true;
      default -> false;
    };
  }

  private void understand(ClientMessage message) {
    Leadership leader = leadership;
    if (message.getMessageCase() == ClientMessage.MessageCase.HELLO) {
      hello(message.getHello());
      return;
    }
    if (leader == null) {
      close(
          new Problem(
              Problem.Code.FAILED_PRECONDITION, "HELLO_MISSING", "the stream begins with hello"));
      return;
    }
    Optional<AuthReason> lapse = givesBack(message) ? Optional.empty() : link.lapse();
    if (lapse.isPresent()) {
      close(Problem.lapsed(lapse.get()));
      return;
    }
    switch (message.getMessageCase()) {
      case OPEN_SESSION -> openSession(leader, message.getOpenSession());
      case RESUME_SESSION -> resumeSession(leader, message.getResumeSession());
      case HEARTBEAT -> heartbeat(leader, message.getHeartbeat());
      case ACQUIRE -> acquire(leader, message.getAcquire());
      case CANCEL -> cancel(leader, message.getCancel());
      case RELEASE -> release(leader, message.getRelease());
      case CLOSE_SESSION -> closeSession(leader, message.getCloseSession());
      case DESCRIBE -> describe(leader, message.getDescribe());
      case LIST -> list(leader, message.getList());
      case FORCE_RELEASE -> forceRelease(leader, message.getForceRelease());
      default -> close(Problem.invalid("MESSAGE_EMPTY", "a message says nothing known here"));
    }
  }

  private static boolean givesBack(ClientMessage message) {
    return switch (message.getMessageCase()) {
      case CANCEL, RELEASE, CLOSE_SESSION -> true;
      default -> false;
    };
  }

  private void hello(Hello hello) {
    if (leadership != null || awaitsLeader) {
      close(Problem.invalid("HELLO_TWICE", "hello was said before"));
      return;
    }
    try {
      namespace = FromWire.namespace(hello.getNamespace());
      client = FromWire.client(hello.getClient());
      unreachable = hello.getUnreachable();
    } catch (Problem.Found e) {
      close(e.problem());
      return;
    }
    if (!link.may(Action.ACQUIRE, namespace)
        && !link.may(Action.READ, namespace)
        && !link.may(Action.ADMIN, namespace)) {
      close(Problem.denied("nothing is allowed in namespace " + namespace));
      return;
    }
    if (!leaderFound()) {
      awaitsLeader = true;
      core.awaitLeader(this);
      if (alarm != null) {
        alarm.cancel();
      }
      lookAgain(ServerCore.LEADER_PATIENCE.toNanos());
    }
  }

  /** Welcomes the client, or tells it where to go; false if neither can be done yet. */
  boolean leaderFound() {
    Leadership leader = core.leadership();
    if (leader != null && leader.isServing()) {
      awaitsLeader = false;
      leadership = leader;
      tell(ToWire.welcome(core.self));
      if (alarm != null) {
        alarm.cancel();
      }
      lookAfter();
      return true;
    }
    String elsewhere = core.leaderAddress();
    if (elsewhere.isEmpty() || elsewhere.equals(unreachable)) {
      return false; // we shall hear soon enough if that one is dead
    }
    sendAway(elsewhere);
    return true;
  }

  private void openSession(Leadership leader, OpenSession open) {
    try {
      require(Action.ACQUIRE);
      requireRoomForSession();
      leader.open(this, namespace, client, FromWire.terms(open, link.subject()));
      opening++;
    } catch (Problem.Found e) {
      fail(0, open.getNonce(), e.problem());
    }
  }

  private void requireRoomForSession() {
    int are = desks.size() + opening;
    int most = core.limits.sessionsPerConnection();
    if (are >= most) {
      throw new Problem.Found(Problem.exhausted("SESSIONS", "sessions of the stream", are, most));
    }
  }

  private void resumeSession(Leadership leader, ResumeSession resume) {
    try {
      require(Action.ACQUIRE);
      UUID nonce = FromWire.nonce(resume.getNonce());
      Desk desk = leader.desk(namespace, resume.getSession());
      if (desk != null
          && Leadership.belongsTo(desk, nonce, link.subject())
          && resume.getHeartbeat() >= desk.resumedBy) {
        if (desk.connection != this) {
          requireRoomForSession();
        }
        desk.resumedBy = resume.getHeartbeat();
        attach(desk);
      }
      // Whose session it is, and whether there is one, is told to nobody else: the same answer.
      List<Long> requests = List.copyOf(resume.getRequestsList());
      confirm(
          leader::confirmResume,
          () -> leader.heard(this, namespace, resume.getSession(), resume.getHeartbeat(), requests),
          Connection::ignore);
    } catch (Problem.Found e) {
      fail(resume.getHeartbeat(), resume.getNonce(), e.problem());
    }
  }

  /**
   * A client has one on its way for each of its sessions, and for each that was just replaced. Of what is more the next one may be
   * answered.
   */
  private void heartbeat(Leadership leader, Heartbeat heartbeat) {
    if (heartbeats >= HEARTBEATS_PER_SESSION * core.limits.sessionsPerConnection()) {
      core.events.refused("TOO_MANY_HEARTBEATS");
      return;
    }
    heartbeats++;
    confirm(
        leader::confirmHeartbeat,
        () -> {
          heartbeats--;
          leader.heard(this, namespace, heartbeat.getSession(), heartbeat.getNumber(), List.of());
        },
        problem -> heartbeats--);
  }

  private void acquire(Leadership leader, Acquire acquire) {
    try {
      require(Action.ACQUIRE);
      Command.Acquire command = FromWire.acquire(acquire);
      Desk desk = own(leader, acquire.getSession());
      if (desk != null) {
        leader.acquire(this, desk, command, acquire.getSerializedSize());
      }
    } catch (Problem.Found e) {
      refuse(acquire.getSession(), acquire.getRequest(), e.problem());
    }
  }

  private void cancel(Leadership leader, Cancel cancel) {
    try {
      FromWire.requirePositive("session", cancel.getSession());
      FromWire.requirePositive("request", cancel.getRequest());
      Desk desk = own(leader, cancel.getSession());
      if (desk != null) {
        leader.giveBack(
            this,
            desk.room,
            new Command.Cancel(0, cancel.getSession(), cancel.getRequest()),
            cancel.getTellHolders());
      }
    } catch (Problem.Found e) {
      refuse(cancel.getSession(), cancel.getRequest(), e.problem());
    }
  }

  private void release(Leadership leader, Release release) {
    try {
      FromWire.requirePositive("session", release.getSession());
      FromWire.requirePositive("request", release.getRequest());
      FromWire.requirePositive("token", release.getToken());
      Desk desk = own(leader, release.getSession());
      if (desk != null) {
        leader.giveBack(
            this,
            desk.room,
            new Command.Release(0, release.getSession(), release.getRequest(), release.getToken()),
            false);
      }
    } catch (Problem.Found e) {
      refuse(release.getSession(), release.getRequest(), e.problem());
    }
  }

  private void closeSession(Leadership leader, CloseSession close) {
    try {
      FromWire.requirePositive("session", close.getSession());
      Desk desk = own(leader, close.getSession());
      if (desk != null) {
        leader.giveBack(this, desk.room, new Command.CloseSession(0, close.getSession()), false);
      }
    } catch (Problem.Found e) {
      fail(0, ByteString.EMPTY, e.problem());
    }
  }

  private void describe(Leadership leader, Describe describe) {
    long number = describe.getNumber();
    try {
      require(Action.READ);
      LockKey key = FromWire.key(describe.getKey());
      confirm(
          leader,
          () -> {
            if (!takesAnswers(number)) {
              return;
            }
            Desks room = leader.room(namespace);
            KeyView view =
                room == null ? new KeyView(key, List.of(), List.of()) : room.table.describe(key);
            ToWire.Times times = times(leader, room, List.of(view));
            answer(List.of(view), to -> to.send(ToWire.described(number, view, times)));
          },
          problem -> fail(number, ByteString.EMPTY, problem));
    } catch (Problem.Found e) {
      fail(number, ByteString.EMPTY, e.problem());
    }
  }

  private void list(Leadership leader, io.holdfast.protocol.v1.List list) {
    long number = list.getNumber();
    try {
      require(Action.READ);
      Selection which = Selection.of(list.hasTree(), list.getTree(), list.getPrefix());
      int most = core.limits.listed();
      confirm(
          leader,
          () -> {
            if (!takesAnswers(number)) {
              return;
            }
            Desks room = leader.room(namespace);
            List<KeyView> found = which.in(room, most + 1);
            boolean truncated = found.size() > most;
            List<KeyView> views = truncated ? found.subList(0, most) : found;
            ToWire.Times times = times(leader, room, views);
            answer(views, to -> ToWire.listed(number, views, truncated, times).forEach(to::send));
          },
          problem -> fail(number, ByteString.EMPTY, problem));
    } catch (Problem.Found e) {
      fail(number, ByteString.EMPTY, e.problem());
    }
  }

  /**
   * Whether the client takes what it asks for. Who asks and does not read gets no more to be kept here: answers can be large, and
   * a stream is free to ask for as many as it likes.
   */
  private boolean takesAnswers(long number) {
    int are = untold.get();
    int most = core.limits.unsentMessages();
    if (are < most) {
      return true;
    }
    fail(
        number,
        ByteString.EMPTY,
        new Problem(
            Problem.Code.RESOURCE_EXHAUSTED,
            "SLOW_READER",
            "locks, holders and waiters in answers that the client has not read are "
                + are
                + ", at most "
                + most));
    return false;
  }

  private void answer(List<KeyView> views, Consumer<ClientLink> message) {
    int told = 0;
    for (KeyView view : views) {
      told += 1 + view.holders().size() + view.waiters().size();
    }
    int weight = told;
    untold.addAndGet(weight);
    tellLater(
        to -> {
          untold.addAndGet(-weight);
          message.accept(to);
        });
  }

  private void forceRelease(Leadership leader, ForceRelease force) {
    long number = force.getNumber();
    try {
      require(Action.ADMIN);
      FromWire.requirePositive("token", force.getToken());
      FromWire.requireReason(force.getReason());
      LockKey key = FromWire.key(force.getKey());
      Desks room = leader.room(namespace);
      if (room == null) {
        confirm(
            leader,
            () -> tell(ToWire.forceReleased(number, false)),
            problem -> fail(number, ByteString.EMPTY, problem));
      } else {
        leader.revoke(
            this,
            room,
            new Command.Revoke(0, key, force.getToken()),
            released -> tell(ToWire.forceReleased(number, released)));
      }
    } catch (Problem.Found e) {
      fail(number, ByteString.EMPTY, e.problem());
    }
  }

  /**
   * Makes a lock's settings known, for callers that have no message for it. After hello.
   *
   * @param ttlMillis how long a hold lives that does not say; 0 if that is not said here either
   * @param created told, like a message over the link, whether the lock was not created before; problems come as {@code failed}
   */
  public void create(Key key, long ttlMillis, Consumer<Boolean> created) {
    asked(
        leader -> {
          require(Action.ACQUIRE);
          LockKey checked = FromWire.key(key);
          long ttl = ttlMillis == 0 ? Command.FOREVER : FromWire.lease("ttl_ms", "TTL", ttlMillis);
          leader.create(
              namespace,
              new Change.CreateLock(namespace, (LockKey.Name) checked, ttl),
              isNew -> tellLater(to -> created.accept(isNew)));
        });
  }

  /**
   * Tells the locks of a tree, or those with a prefix, as they are now and then all that happens to them, for as long as the
   * stream lives. After hello; problems come as {@code failed}.
   *
   * @param told like a message over the link
   */
  public void watch(boolean inTree, String tree, String prefix, Consumer<WatchLocksResponse> told) {
    asked(
        leader -> {
          require(Action.READ);
          Selection which = Selection.of(inTree, tree, prefix);
          confirm(
              leader,
              () -> watchConfirmed(leader, which, told),
              problem -> fail(0, ByteString.EMPTY, problem));
        });
  }

  private void watchConfirmed(
      Leadership leader, Selection which, Consumer<WatchLocksResponse> told) {
    if (closed) {
      return;
    }
    int are = leader.watches.size(namespace);
    int most = core.limits.watches();
    if (are >= most) {
      fail(
          0,
          ByteString.EMPTY,
          Problem.exhausted("WATCHES", "watches of namespace " + namespace, are, most));
      return;
    }
    Desks room = leader.room(namespace);
    List<KeyView> found = which.in(room, core.limits.listed() + 1);
    boolean truncated = found.size() > core.limits.listed();
    List<KeyView> views = truncated ? found.subList(0, core.limits.listed()) : found;
    ToWire.Times times = times(leader, room, views);
    tellLater(to -> ToWire.present(views, truncated, times).forEach(told));
    leader.watches.add(namespace, new Watches.Watch(this, which, told));
    watches = true;
    if (alarm != null) {
      alarm.cancel();
    }
    lookAgain(LISTENER_CHECK.toNanos());
  }

  /**
   * Gives back what is held under a token, by whichever session of the same subject. After hello. Answered with {@code released}
   * or {@code failed}.
   */
  public void release(Key key, long token) {
    asked(
        leader -> {
          require(Action.ACQUIRE);
          FromWire.requirePositive("token", token);
          LockKey checked = FromWire.key(key);
          confirm(
              leader,
              () -> releaseConfirmed(leader, checked, token),
              problem -> fail(0, ByteString.EMPTY, problem));
        });
  }

  /**
   * Takes a lock away from all who hold it, for callers that do not know the tokens. After hello. Answered with {@code
   * force_released}, once, or {@code failed}.
   */
  public void forceRelease(Key key) {
    asked(
        leader -> {
          require(Action.ADMIN);
          LockKey checked = FromWire.key(key);
          confirm(
              leader,
              () -> {
                Desks room = leader.room(namespace);
                if (room == null) {
                  tell(ToWire.forceReleased(0, false));
                } else {
                  revokeAll(leader, room, checked, room.table.lastToken(), false);
                }
              },
              problem -> fail(0, ByteString.EMPTY, problem));
        });
  }

  /** A view does not show all holders of a key, so this is repeated; who was granted it since then keeps it. */
  private void revokeAll(
      Leadership leader, Desks room, LockKey key, long lastToken, boolean anyBefore) {
    List<Long> tokens =
        room.table.describe(key).holders().stream()
            .map(RequestView::token)
            .filter(token -> token <= lastToken)
            .toList();
    if (tokens.isEmpty()) {
      tell(ToWire.forceReleased(0, anyBefore));
      return;
    }
    int[] left = {tokens.size()};
    boolean[] any = {anyBefore};
    try {
      for (long token : tokens) {
        leader.revoke(
            this,
            room,
            new Command.Revoke(0, key, token),
            released -> {
              any[0] |= released;
              if (--left[0] == 0) {
                revokeAll(leader, room, key, lastToken, any[0]);
              }
            });
      }
    } catch (Problem.Found e) {
      left[0] = 0; // answered now; what is asked already is done all the same
      fail(0, ByteString.EMPTY, e.problem());
    }
  }

  private void asked(Consumer<Leadership> question) {
    core.enter();
    try {
      Leadership leader = leadership;
      if (!closed && leader != null) {
        question.accept(leader);
      }
    } catch (Problem.Found e) {
      fail(0, ByteString.EMPTY, e.problem());
    } finally {
      core.leave();
    }
  }

  private void releaseConfirmed(Leadership leader, LockKey key, long token) {
    Desks room = leader.room(namespace);
    RequestView holder = room == null ? null : room.table.holder(key, token).orElse(null);
    Desk desk = room == null || holder == null ? null : room.open.get(holder.session());
    if (desk != null && holder != null && desk.terms.subject().equals(link.subject())) {
      try {
        leader.release(desk, holder, released -> tell(released));
      } catch (Problem.Found e) {
        fail(0, ByteString.EMPTY, e.problem());
      }
      return;
    }
    boolean isHeld =
        room != null
            && room.table.describe(key).holders().stream()
                .anyMatch(each -> each.targets().stream().anyMatch(t -> t.key().equals(key)));
    String lock = "lock " + InvalidRequestException.show(key.toString());
    fail(
        0,
        ByteString.EMPTY,
        !isHeld
            ? new Problem(
                Problem.Code.FAILED_PRECONDITION, "NOT_HOLDER", lock + " is held by nobody")
            : new Problem(
                Problem.Code.FAILED_PRECONDITION,
                "STALE_TOKEN",
                lock + " is not held under token " + token));
  }

  private static ToWire.Times times(Leadership leader, @Nullable Desks room, List<KeyView> views) {
    return room == null ? new ToWire.Times(0, Map.of()) : leader.timesOf(room, views);
  }

  /** A session that was opened or resumed here; if it was not, that is told, and null comes back. */
  private @Nullable Desk own(Leadership leader, long session) {
    Desk desk = leader.desk(namespace, session);
    if (desk != null && desk.connection == this) {
      return desk;
    }
    // Not before it is certain that this server knows of all sessions.
    confirm(
        leader,
        () -> {
          Desk now = leader.desk(namespace, session);
          if (now == null || now.connection != this) {
            tell(ToWire.sessionGone(session));
          }
        },
        Connection::ignore);
    return null;
  }

  private void confirm(Leadership leader, Runnable yes, Consumer<Problem> no) {
    confirm(leader::confirm, yes, no);
  }

  private void confirm(
      BiConsumer<Runnable, Consumer<Problem>> way, Runnable yes, Consumer<Problem> no) {
    asked();
    try {
      way.accept(
          () -> {
            answered();
            yes.run();
          },
          problem -> {
            answered();
            no.accept(problem);
          });
    } catch (Problem.Found e) {
      answered();
      throw e;
    }
  }

  /** Of what is asked again if it is not answered. */
  private static void ignore(Problem problem) {}

  private void require(Action action) {
    if (!link.may(action, namespace)) {
      throw new Problem.Found(
          Problem.denied(
              action.name().toLowerCase(Locale.ROOT)
                  + " is not allowed in namespace "
                  + namespace));
    }
  }

  private void refuse(long session, long request, Problem problem) {
    core.events.refused(problem.reason());
    tell(ToWire.refused(session, request, problem));
  }

  private void fail(long number, ByteString nonce, Problem problem) {
    core.events.refused(problem.reason());
    tell(ToWire.failed(number, nonce, problem));
  }
}
