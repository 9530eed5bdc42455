package io.holdfast.server.core;

import com.google.protobuf.ByteString;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.KeyView;
import io.holdfast.table.LockTable;
import io.holdfast.table.Refusal;
import io.holdfast.table.RequestView;
import io.holdfast.table.SessionTerms;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a server knows and does from being elected to being deposed: it proposes what clients ask for, tells them what came of
 * it, and keeps the clocks. Nothing here outlives it. Guarded by the core's mutex.
 */
final class Leadership {
  /*
   * Leases. A session lives for its lease after it was last heard of. Commands raise its count of renewals in the table;
   * heartbeats do not reach the log, and only move the deadline here. A heartbeat is answered only once a majority has
   * confirmed that this server still leads: a deposed leader would promise time that its successor does not know of. And not
   * while the session's end is proposed already, for that is decided by the table, where heartbeats do not count.
   *
   * A new leader knows of no heartbeat that its predecessor answered, so it gives every session a full lease, less the silence
   * that is in the log. It begins with an entry of its own, and serves when that one is applied: then everything its predecessors
   * proposed is applied or lost.
   *
   * Silence. Without a note of it, who is dead would live for as long as leaders change more often than a lease. So a
   * leader notes in the log for how long it has not heard of a session: one that it has heard of after half a lease,
   * which those who live do not let pass; one that has not come to it at all after each eighth. From then on it answers
   * the session's heartbeats when the log has taken the note back, not before. So when s is noted, nobody has answered
   * a heartbeat for s, nor will anybody without a later leader's knowing; and what that one gives, the lease less s
   * from its own beginning, ends no earlier than a lease after the last heartbeat that was answered. The holder's
   * belief has ended before.
   *
   * Table time is that of the last entry applied before this leadership, and what has passed since on this clock: it never
   * runs faster than a clock, and stands still while there is no leader. All deadlines here are counted from the beginning of
   * the leadership, which is the same moment.
   *
   * Deadlines stand in one sorted set, under one alarm. A session stands there under a moment that it was to be looked at once:
   * being heard of costs nothing, and when that one comes, the session moves on to the one that it has now.
   *
   * Group commit. While entries are outstanding, what arrives is gathered and goes as one entry. So is what a client has said at
   * one go: it waits until all of that is read, unless it is much. Each entry costs a write to the disk of each server: so few
   * are outstanding that are small.
   */

  /** An entry has at most so many operations. */
  static final int OPERATIONS_AN_ENTRY = 512;

  /** An entry is not added to when it has so many bytes; so it has not many more than that and one operation. */
  static final int BYTES_AN_ENTRY = 256 << 10;

  /** So many operations are worth an entry, though there may be more in a moment. */
  static final int OPERATIONS_WORTH_AN_ENTRY = 64;

  /** So many entries are proposed and not applied, however small they are. */
  static final int SMALL_ENTRIES_OUTSTANDING = 2;

  /** So many entries are proposed and not applied. */
  static final int ENTRIES_OUTSTANDING = 4;

  /** So many sessions and holds whose time is over are proposed to end and not yet decided upon. */
  static final int ENDINGS_OUTSTANDING = 128;

  /**
   * A session that was heard of and has been silent for this share of its lease is noted. Clients are heard of each
   * third of it.
   */
  private static final int FIRST_NOTED = 2;

  /**
   * A session that is noted, or has not been heard of since this leadership began, is noted again after this share of
   * its lease.
   */
  static final int NOTED_EACH = 8;

  /** An operation notes at most so many sessions. */
  private static final int SESSIONS_A_NOTE = 1_000;

  private static final int BYTES_A_SESSION_NOTED = 24;

  /** When what a clock shows and what it should differ by more, it was set. */
  private static final long CLOCK_SET_MILLIS = 100;

  /** A beginning that came to nothing is tried again after so long. */
  static final Duration BEGIN_AGAIN_AFTER = Duration.ofMillis(100);

  /** The majority is asked for heartbeats' sake no more often: nobody waits for them. */
  static final Duration HEARTBEATS_TOGETHER = Duration.ofMillis(50);

  /** So many requests before one are looked at to see whether it waits for its own session. */
  private static final int LOOKS = 8;

  private final ServerCore core;
  private final Namespaces namespaces;
  private final Ticker ticker;
  private final Limits limits;
  private final CoreEvents events;
  final long term;

  private final long sinceNanos;
  private final long tableTimeThen;

  /** Of the epoch's milliseconds against those of table time: the same for as long as nobody sets the clock. */
  private long offsetMillis;

  private boolean serving;
  private boolean over;

  /** Those who want to know what happens to others' locks. */
  final Watches watches = new Watches();

  private final Map<String, Desks> rooms = new HashMap<>();
  private final Map<String, Long> lastSessions = new HashMap<>();

  /** By namespace: sessions that are to be opened and not applied. */
  private final Map<String, Integer> opening = new HashMap<>();

  /** Namespaces that are to be and are not yet. */
  private final Set<String> founding = new HashSet<>();

  private final Deque<Pending> queue = new ArrayDeque<>();
  private int outstanding;

  private List<Read> reads = new ArrayList<>();
  private boolean confirming;

  /** So many of the reads are heartbeats, for which nobody waits. */
  private int heartbeats;

  /** For heartbeats' sake the majority is not asked before. */
  private long nextForHeartbeats;

  /** It will be asked then. */
  private boolean gathering;

  private final TreeSet<Due> dues = new TreeSet<>();
  private long lastDue;
  private int endings;
  private Ticker.@Nullable Alarm alarm;
  private long alarmAt;

  /** Waits for a majority. */
  private record Read(Runnable yes, Consumer<Problem> no) {}

  /** An entry on its way into the log: goes with the proposal, and comes back with it. */
  static final class Batch {
    final Leadership leadership;
    final List<Pending> pendings;
    final EntryCodec.Changes changes;
    final long proposedNanos;

    Batch(Leadership leadership, List<Pending> pendings, EntryCodec.Changes changes) {
      this.leadership = leadership;
      this.pendings = pendings;
      this.changes = changes;
      this.proposedNanos = leadership.ticker.nanos();
    }
  }

  Leadership(ServerCore core, Namespaces namespaces, long term) {
    this.core = core;
    this.namespaces = namespaces;
    this.ticker = core.ticker;
    this.limits = core.limits;
    this.events = core.events;
    this.term = term;
    this.sinceNanos = ticker.nanos();
    this.nextForHeartbeats = sinceNanos;
    this.tableTimeThen = namespaces.now();
    this.offsetMillis = shownOffsetMillis();
  }

  /**
   * Proposes the entry that this leadership begins with.
   *
   * @param restored if present, is decided before anything is served
   */
  void begin(Optional<Change.Restored> restored, Change.Lead lead) {
    restored.ifPresent(first -> queue.add(new Pending(first, 0, null)));
    Pending pending = new Pending(lead, 0, null);
    pending.answered = none -> serve();
    propose(pending);
  }

  boolean isServing() {
    return serving;
  }

  boolean isOver() {
    return over;
  }

  void end() {
    over = true;
    if (alarm != null) {
      alarm.cancel();
    }
    if (serving) {
      serving = false;
      events.leads(false);
    }
  }

  long tableNow() {
    return Math.max(namespaces.now(), tableTimeThen + elapsed());
  }

  /** A namespace; null if it is not yet. */
  @Nullable Desks room(String namespace) {
    Desks room = rooms.get(namespace);
    if (room == null) {
      LockTable table = namespaces.table(namespace);
      if (table != null) {
        room = new Desks(namespace, table, limits);
        rooms.put(namespace, room);
      }
    }
    return room;
  }

  /** The desk of an open session; null if it is not open. */
  @Nullable Desk desk(String namespace, long session) {
    Desks room = room(namespace);
    return room == null ? null : room.open.get(session);
  }

  /** Proposes to open a session. */
  void open(Connection from, String namespace, String client, SessionTerms terms) {
    requireRoomFor(namespace);
    LockTable table = namespaces.table(namespace);
    int sessions =
        (table == null ? 0 : table.size().sessions()) + opening.getOrDefault(namespace, 0);
    require("SESSIONS", "sessions of namespace " + namespace, sessions, limits.sessions());
    requireQueue(limits.queuedOperations());
    long session =
        1 + Math.max(namespaces.lastSession(namespace), lastSessions.getOrDefault(namespace, 0L));
    lastSessions.put(namespace, session);
    opening.merge(namespace, 1, Integer::sum);
    Pending pending =
        new Pending(
            new Change.OfTable(namespace, new Command.OpenSession(0, session, client, terms)),
            client.length() + terms.subject().length(),
            from);
    pending.answered =
        answer -> {
          opening.merge(namespace, -1, (a, b) -> a + b == 0 ? null : a + b);
          from.opened();
          Desk desk = desk(namespace, session);
          if (desk != null && from.attach(desk)) {
            from.tell(ToWire.sessionOpened(EntryCodec.nonce(terms), session, tableNow()));
          }
        };
    found(namespace);
    propose(pending);
  }

  /** Proposes to create a lock; the answer is whether it was not there. */
  void create(String namespace, Change.CreateLock create, Consumer<Boolean> answer) {
    requireRoomFor(namespace);
    if (namespaces.created(namespace, create.key().name()).isEmpty()) {
      require(
          "CREATED_LOCKS",
          "created locks of namespace " + namespace,
          namespaces.created(namespace),
          limits.createdLocks());
    }
    requireQueue(limits.queuedOperations());
    Pending pending = new Pending(create, create.key().name().length(), null);
    boolean[] isNew = new boolean[1];
    pending.before = () -> isNew[0] = namespaces.created(namespace, create.key().name()).isEmpty();
    pending.answered = none -> answer.accept(isNew[0]);
    found(namespace);
    propose(pending);
  }

  /** Proposes an acquisition by an open session. */
  void acquire(Connection from, Desk desk, Command.Acquire acquire, int bytes) {
    LockTable table = desk.room.table;
    int live = table.live(desk.session);
    int waiters = table.size().waiters();
    int keys = table.size().nodes();
    boolean mayNotFit =
        live >= limits.requestsPerSession()
            || keys >= limits.keys()
            || (acquire.mayWait() && waiters >= limits.waiters());
    if (mayNotFit && table.find(desk.session, acquire.request()).isEmpty()) {
      String where = " of namespace " + desk.room.namespace;
      require("REQUESTS", "requests of the session", live, limits.requestsPerSession());
      require("KEYS", "keys" + where, keys, limits.keys());
      if (acquire.mayWait()) {
        require("WAITERS", "waiters" + where, waiters, limits.waiters());
      }
    }
    requireQueue(limits.queuedOperations());
    if (!desk.room.acquisitions.allows(ticker.nanos())) {
      int most = limits.acquisitionsPerSecond();
      // Not for good: it may be asked again because its answer was lost.
      throw new Problem.Found(
          Problem.unavailable(
              "TOO_MANY_ACQUISITIONS",
              "acquisitions in a second in namespace "
                  + desk.room.namespace
                  + " are "
                  + most
                  + ", at most "
                  + most));
    }
    propose(new Pending(new Change.OfTable(desk.room.namespace, acquire), bytes, from));
  }

  /** Proposes to give something back. */
  void giveBack(@Nullable Connection from, Desks room, Command command, boolean tellHolders) {
    requireQueue(2 * limits.queuedOperations());
    Pending pending = new Pending(new Change.OfTable(room.namespace, command), 0, from);
    if (tellHolders && command instanceof Command.Cancel cancel) {
      pending.before =
          () ->
              pending.inTheWay =
                  room.table.holdersInTheWay(cancel.session(), cancel.request(), LOOKS);
    }
    propose(pending);
  }

  /** Proposes to give back what a session holds, at the wish of somebody who has the token; told when that is decided. */
  void release(Desk desk, RequestView holder, Consumer<ServerMessage> answer) {
    requireQueue(2 * limits.queuedOperations());
    Pending pending =
        new Pending(
            new Change.OfTable(
                desk.room.namespace,
                new Command.Release(0, holder.session(), holder.request(), holder.token())),
            0,
            null);
    pending.answered =
        told ->
            answer.accept(
                told.get(0) instanceof Event.Released released
                    ? ToWire.released(released)
                    : ToWire.failed(
                        0,
                        ByteString.EMPTY,
                        new Problem(
                            Problem.Code.FAILED_PRECONDITION,
                            "NOT_HOLDER",
                            "the hold has ended meanwhile")));
    propose(pending);
  }

  /** Proposes to take a lock away; the answer is whether there was such a grant. */
  void revoke(Connection from, Desks room, Command.Revoke revoke, Consumer<Boolean> answer) {
    requireQueue(2 * limits.queuedOperations());
    Pending pending = new Pending(new Change.OfTable(room.namespace, revoke), 0, from);
    pending.answered = told -> answer.accept(told.get(0) instanceof Event.Lost);
    propose(pending);
  }

  /** Runs a task if it is certain, after it was asked, that this server leads; else says that it cannot. */
  void confirm(Runnable yes, Consumer<Problem> no) {
    int questions = reads.size() - heartbeats;
    if (questions >= limits.queuedReads()) {
      throw new Problem.Found(overloaded("questions", questions, limits.queuedReads()));
    }
    confirmResume(yes, no);
  }

  /** The same for a session that is to live on: it is not refused for others' questions. */
  void confirmResume(Runnable yes, Consumer<Problem> no) {
    reads.add(new Read(yes, no));
    askMajorityInTime();
  }

  /**
   * The same for a heartbeat, at once or in a moment with whatever comes till then: a question costs the same for one as for many.
   * How many wait is for each connection to bound: what is asked for sessions that live is not refused for others' questions.
   */
  void confirmHeartbeat(Runnable yes, Consumer<Problem> no) {
    heartbeats++;
    reads.add(new Read(yes, no));
    askMajorityInTime();
  }

  /** A heartbeat was confirmed. */
  void heard(
      Connection from, String namespace, long session, long number, Collection<Long> requests) {
    Desk desk = desk(namespace, session);
    if (desk == null || desk.connection != from) {
      from.tell(ToWire.sessionGone(session));
    } else if (desk.isNoted) {
      takeBackNote(from, desk, number, requests);
    } else if (!desk.expiring) {
      renew(desk);
      answer(from, desk, number, requests);
    }
  }

  private void takeBackNote(Connection from, Desk desk, long number, Collection<Long> requests) {
    if (desk.expiring || queue.size() >= 2 * limits.queuedOperations()) {
      return; // the next heartbeat may be answered
    }
    String client = desk.room.table.client(desk.session).orElseThrow();
    Pending renewal =
        new Pending(
            new Change.OfTable(
                desk.room.namespace, new Command.OpenSession(0, desk.session, client, desk.terms)),
            client.length() + desk.terms.subject().length(),
            from);
    renewal.answered =
        happened -> {
          if (happened.get(0) instanceof Event.SessionOpened && desk.connection == from) {
            answer(from, desk, number, requests);
          }
        };
    propose(renewal);
  }

  private void answer(Connection to, Desk desk, long number, Collection<Long> requests) {
    List<Event.Granted> granted = new ArrayList<>();
    List<Long> ended = new ArrayList<>();
    for (long request : requests) {
      RequestView live = desk.room.table.find(desk.session, request).orElse(null);
      if (live == null) {
        ended.add(request);
      } else if (live.granted()) {
        granted.add(new Event.Granted(desk.session, request, live.token(), live.until()));
      }
    }
    to.tell(ToWire.alive(desk.session, number, tableNow(), granted, ended));
  }

  /** What it takes to tell people of these. */
  ToWire.Times times(Desks room, Collection<RequestView> holders) {
    Map<Long, Long> expiries = new HashMap<>();
    for (RequestView holder : holders) {
      Desk desk = room.open.get(holder.session());
      if (desk != null && desk.terms.leaseNanos() != Command.FOREVER) {
        expiries.put(holder.session(), tableTimeThen + desk.deadline);
      }
    }
    return new ToWire.Times(offsetMillis(), expiries);
  }

  /** The time of day now, as everything here is told. */
  long unixMillis() {
    return offsetMillis() + tableNow() / 1_000_000;
  }

  /** When a moment of table time comes by the wall clock as it stands now, rounded down. */
  long unixMillis(long tableTime) {
    return ticker.instant().toEpochMilli() + Math.floorDiv(tableTime - tableNow(), 1_000_000L);
  }

  private long offsetMillis() {
    long shown = shownOffsetMillis();
    if (Math.abs(shown - offsetMillis) > CLOCK_SET_MILLIS) {
      offsetMillis = shown;
    }
    return offsetMillis;
  }

  private long shownOffsetMillis() {
    return ticker.instant().toEpochMilli() - tableNow() / 1_000_000;
  }

  /** What it takes to tell people of these locks. */
  ToWire.Times timesOf(Desks room, Collection<KeyView> views) {
    return times(room, views.stream().flatMap(view -> view.holders().stream()).toList());
  }

  /** An entry of ours was applied. */
  void applied(Batch batch) {
    outstanding--;
    events.committed(batch.pendings.size(), ticker.nanos() - batch.proposedNanos);
    flush();
  }

  /** What there is to remember of a change that is about to be applied. */
  Watches.Before before(Change change) {
    return watches.before(change, namespaces);
  }

  /** A change was applied: whom it concerns is told. */
  void applied(Change change, List<Event> happened, @Nullable Pending ours, Watches.Before before) {
    if (serving && change instanceof Change.OfTable ofTable) {
      founding.remove(ofTable.namespace());
      Desks room = room(ofTable.namespace());
      if (room != null) {
        // Who gets a lock is told before who gave it back: in a line, the next release matters more
        // than that somebody joins again.
        int first = ofTable.command() instanceof Command.Release && happened.size() > 1 ? 1 : 0;
        for (int i = 0; i < happened.size(); i++) {
          Event event = happened.get((first + i) % happened.size());
          happened(room, ofTable.command(), event, ours);
        }
        Desk heardOf = room.open.get(sessionOf(ofTable.command()));
        if (heardOf != null) {
          renew(heardOf);
        }
        watches.tell(this, room, ofTable.command(), happened, before);
      }
    } else if (change instanceof Change.CreateLock create) {
      founding.remove(create.namespace());
    }
    if (ours != null) {
      if (ours.from != null) {
        ours.from.answered();
      }
      if (ours.answered != null) {
        ours.answered.accept(happened);
      }
    }
  }

  private void serve() {
    serving = true;
    for (String namespace : namespaces.names()) {
      Desks room = room(namespace);
      if (room != null) {
        for (long session : room.table.sessions()) {
          Desk desk = openDesk(room, session);
          for (RequestView request : room.table.requests(session)) {
            if (request.until() != Command.FOREVER) {
              Desk.Live live = desk.liveOrNew(request.request(), request.since() - tableTimeThen);
              live.granted = true;
              endInTime(desk, request.request(), live, request.until());
            }
          }
        }
      }
    }
    events.leads(true);
    arm();
    core.leaderPerhapsFound();
  }

  private void happened(Desks room, Command command, Event event, @Nullable Pending ours) {
    if (event instanceof Event.SessionOpened opened) {
      if (!room.open.containsKey(opened.session())) {
        openDesk(room, opened.session());
        events.sessionOpened();
        arm();
      }
    } else if (event instanceof Event.SessionEnded ended) {
      closeDesk(room, ended.session(), command instanceof Command.ExpireSession);
    } else if (event instanceof Event.SessionRefused refused) {
      if (ours != null && ours.from != null) {
        ours.from.tell(ToWire.sessionGone(refused.session()));
      }
    } else if (event instanceof Event.Refused refused) {
      refused(room, refused, ours);
    } else if (event.request() != 0) {
      Desk desk = room.open.get(event.session());
      if (desk != null) {
        happened(desk, event, ours);
      }
    }
  }

  private void happened(Desk desk, Event event, @Nullable Pending ours) {
    Connection to = desk.connection;
    long request = event.request();
    if (event instanceof Event.Granted granted) {
      granted(desk, granted);
      if (to != null) {
        to.tell(ToWire.grant(granted));
      }
    } else if (event instanceof Event.Queued queued) {
      desk.liveOrNew(request, elapsed());
      if (to != null) {
        to.tell(ToWire.queued(queued, behindOwn(desk, request)));
      }
    } else if (event instanceof Event.Busy busy) {
      if (to != null) {
        ToWire.Times times = times(desk.room, busy.holders());
        to.tellLater(link -> link.send(ToWire.busy(busy, times)));
      }
    } else {
      ended(desk, request);
      if (to == null) {
        return;
      }
      if (event instanceof Event.Released released) {
        to.tell(ToWire.released(released));
      } else if (event instanceof Event.Lost lost) {
        to.tell(ToWire.lost(lost));
      } else if (event instanceof Event.Cancelled cancelled) {
        List<RequestView> way = ours == null ? List.of() : ours.inTheWay;
        ToWire.Times times = times(desk.room, way);
        to.tellLater(link -> link.send(ToWire.cancelled(cancelled, way, times)));
      }
    }
  }

  private void granted(Desk desk, Event.Granted granted) {
    Desk.Live live = desk.liveOrNew(granted.request(), elapsed());
    if (!live.granted) {
      events.granted(elapsed() - live.since);
      live.granted = true;
      live.since = elapsed();
      if (granted.until() != Command.FOREVER) {
        endInTime(desk, granted.request(), live, granted.until());
        arm();
      }
    }
  }

  private void ended(Desk desk, long request) {
    Desk.Live live = desk.remove(request);
    if (live != null) {
      if (live.granted) {
        events.ended(elapsed() - live.since);
      }
      if (live.due != null) {
        dues.remove(live.due);
      }
    }
  }

  private void refused(Desks room, Event.Refused refused, @Nullable Pending ours) {
    if (ours == null || ours.from == null) {
      return; // the end of a maxHold that had ended before
    }
    if (refused.reason() == Refusal.UNKNOWN_SESSION) {
      ours.from.tell(ToWire.sessionGone(refused.session()));
      return;
    }
    Problem problem = problem(room, refused, ours);
    events.refused(problem.reason());
    Desk desk = room.open.get(refused.session());
    Connection to = desk == null ? null : desk.connection;
    if (to != null) {
      to.tell(ToWire.refused(refused.session(), refused.request(), problem));
    }
  }

  private static Problem problem(Desks room, Event.Refused refused, Pending ours) {
    String request = "request " + refused.request();
    return switch (refused.reason()) {
      case TOO_MANY_UNACKNOWLEDGED ->
          new Problem(
              Problem.Code.RESOURCE_EXHAUSTED,
              refused.reason().name(),
              "the session has too many requests that ended and are not acknowledged");
      case STALE_TOKEN -> {
        long held =
            room.table
                .find(refused.session(), refused.request())
                .map(RequestView::token)
                .orElse(0L);
        long asked =
            ours.change instanceof Change.OfTable ofTable
                    && ofTable.command() instanceof Command.Release release
                ? release.token()
                : 0;
        yield new Problem(
            Problem.Code.FAILED_PRECONDITION,
            refused.reason().name(),
            "token " + asked + " is not that of " + request + ", which is held under " + held);
      }
      case FORGOTTEN_REQUEST ->
          new Problem(
              Problem.Code.FAILED_PRECONDITION,
              refused.reason().name(),
              request + " has ended, and that was acknowledged");
      default ->
          new Problem(
              Problem.Code.FAILED_PRECONDITION,
              refused.reason().name(),
              request + " holds nothing");
    };
  }

  private List<Long> behindOwn(Desk desk, long request) {
    LockTable table = desk.room.table;
    if (table.live(desk.session) < 2) {
      return List.of();
    }
    return table.holdersInTheWay(desk.session, request, LOOKS).stream()
        .filter(holder -> holder.session() == desk.session)
        .map(RequestView::request)
        .toList();
  }

  private Desk openDesk(Desks room, long session) {
    SessionTerms terms = room.table.terms(session).orElseThrow();
    Desk desk = new Desk(room, session, terms);
    room.open.put(session, desk);
    long silent = namespaces.silence(room.namespace, session);
    desk.isNoted = silent > 0;
    expect(desk, terms.leaseNanos() - silent, NOTED_EACH);
    lookInTime(desk);
    return desk;
  }

  private void closeDesk(Desks room, long session, boolean expired) {
    Desk closed = room.open.remove(session);
    if (closed == null) {
      return;
    }
    if (closed.due != null) {
      dues.remove(closed.due);
    }
    for (Desk.Live live : closed.all()) {
      if (live.due != null) {
        dues.remove(live.due);
      }
    }
    events.sessionEnded(expired);
    if (closed.connection != null) {
      closed.connection.detach(closed);
      closed.connection.tell(ToWire.sessionGone(session));
    }
  }

  private void renew(Desk desk) {
    desk.isNoted = false;
    expect(desk, desk.terms.leaseNanos(), FIRST_NOTED);
  }

  /** A session lives for so long, and is looked at after this share of its lease, if nothing is heard of it. */
  private void expect(Desk desk, long nanos, int share) {
    long elapsed = elapsed();
    desk.deadline = nanos >= Command.FOREVER - elapsed ? Command.FOREVER : elapsed + nanos;
    lookAfter(desk, elapsed, share);
  }

  private static void lookAfter(Desk desk, long elapsed, int share) {
    desk.lookAt = Math.min(desk.deadline, elapsed + desk.terms.leaseNanos() / share + 1);
  }

  private void lookInTime(Desk desk) {
    if (desk.deadline != Command.FOREVER) {
      desk.due = new Due(desk.lookAt, ++lastDue, desk, 0);
      dues.add(desk.due);
    }
  }

  /** Ends a hold when its {@code maxHold} is over, if it has not ended by then. */
  private void endInTime(Desk desk, long request, Desk.Live live, long until) {
    live.due = new Due(until - tableTimeThen, ++lastDue, desk, request);
    dues.add(live.due);
  }

  private void arm() {
    if (over || !serving || dues.isEmpty() || endings >= ENDINGS_OUTSTANDING) {
      return;
    }
    long first = dues.first().at();
    if (first <= elapsed()) {
      endWhatIsDue();
    } else if (alarm == null || first < alarmAt) {
      if (alarm != null) {
        alarm.cancel();
      }
      alarmAt = first;
      alarm = ticker.schedule(sinceNanos + first, () -> core.inside(this, this::alarmRang));
    }
  }

  private void alarmRang() {
    if (alarm != null && alarmAt <= elapsed()) { // else it is an older one, cancelled too late
      alarm = null;
      endWhatIsDue();
    }
  }

  private void endWhatIsDue() {
    long elapsed = elapsed();
    Map<Desks, List<Change.Silence>> silent = new LinkedHashMap<>();
    while (!dues.isEmpty() && dues.first().at() <= elapsed && endings < ENDINGS_OUTSTANDING) {
      Due due = dues.pollFirst();
      Desk desk = due.desk();
      if (due.request() != 0) {
        proposeEnd(desk, new Command.ExpireHold(0, desk.session, due.request()), answer -> {});
      } else if (desk.lookAt > elapsed) {
        lookInTime(desk);
      } else if (desk.deadline > elapsed) {
        silent.computeIfAbsent(desk.room, first -> new ArrayList<>()).add(noted(desk, elapsed));
        lookInTime(desk);
      } else {
        proposeEnd(desk);
      }
    }
    silent.forEach(this::note);
    arm();
  }

  private static Change.Silence noted(Desk desk, long elapsed) {
    desk.isNoted = true;
    lookAfter(desk, elapsed, NOTED_EACH);
    long silent = desk.terms.leaseNanos() - (desk.deadline - elapsed);
    long renewals = desk.room.table.renewals(desk.session).orElseThrow();
    return new Change.Silence(desk.session, renewals, silent);
  }

  /** No session is noted more than {@link #NOTED_EACH} times before it is over: so many can wait for a majority, not more. */
  private void note(Desks room, List<Change.Silence> silent) {
    for (int from = 0; from < silent.size(); from += SESSIONS_A_NOTE) {
      List<Change.Silence> some =
          List.copyOf(silent.subList(from, Math.min(silent.size(), from + SESSIONS_A_NOTE)));
      propose(
          new Pending(
              new Change.Silent(room.namespace, some), BYTES_A_SESSION_NOTED * some.size(), null));
    }
  }

  private void proposeEnd(Desk desk) {
    desk.expiring = true;
    long seenRenewals = desk.room.table.renewals(desk.session).orElse(0);
    proposeEnd(
        desk,
        new Command.ExpireSession(0, desk.session, seenRenewals),
        answer -> {
          desk.expiring = false;
          if (answer.get(0) instanceof Event.SessionRefused refused
              && refused.reason() == Refusal.RENEWED_SINCE) {
            renew(desk);
            lookInTime(desk);
          }
        });
  }

  private void proposeEnd(Desk desk, Command command, Consumer<List<Event>> answered) {
    endings++;
    Pending pending = new Pending(new Change.OfTable(desk.room.namespace, command), 0, null);
    pending.answered =
        answer -> {
          endings--;
          answered.accept(answer);
          arm();
        };
    propose(pending);
  }

  private void propose(Pending pending) {
    queue.add(pending);
    if (pending.from != null) {
      pending.from.asked();
      if (queue.size() < OPERATIONS_WORTH_AN_ENTRY && pending.from.gather()) {
        return;
      }
    }
    flush();
  }

  /** All is read that a client has said at one go. */
  void proposeGathered() {
    if (outstanding < SMALL_ENTRIES_OUTSTANDING || queue.size() >= OPERATIONS_WORTH_AN_ENTRY) {
      flush();
    } // else it goes when an entry is applied
  }

  private void flush() {
    while (!over && outstanding < ENTRIES_OUTSTANDING && !queue.isEmpty()) {
      long now = tableNow();
      List<Pending> pendings = new ArrayList<>();
      List<Change> changes = new ArrayList<>();
      int bytes = 0;
      while (!queue.isEmpty() && pendings.size() < OPERATIONS_AN_ENTRY && bytes < BYTES_AN_ENTRY) {
        Pending next = queue.remove();
        pendings.add(next);
        changes.add(next.change.at(now));
        bytes += next.bytes;
      }
      outstanding++;
      Batch batch = new Batch(this, pendings, new EntryCodec.Changes(now, changes));
      core.later(() -> core.replicator.propose(term, EntryCodec.encode(batch.changes), batch));
    }
  }

  private void askMajorityInTime() {
    if (confirming || reads.isEmpty()) {
      return;
    }
    if (reads.size() > heartbeats || nextForHeartbeats - ticker.nanos() <= 0) {
      askMajority();
    } else if (!gathering) {
      gathering = true;
      ticker.schedule(
          nextForHeartbeats,
          () ->
              core.inside(
                  this,
                  () -> {
                    gathering = false;
                    askMajorityInTime();
                  }));
    }
  }

  private void askMajority() {
    confirming = true;
    nextForHeartbeats = ticker.nanosIn(HEARTBEATS_TOGETHER);
    List<Read> asked = reads;
    reads = new ArrayList<>();
    heartbeats = 0;
    core.later(
        () ->
            core.replicator.confirm(
                leads -> core.inside(this, () -> majorityAnswered(asked, leads))));
  }

  private void majorityAnswered(List<Read> asked, boolean leads) {
    confirming = false;
    Problem unknown =
        Problem.unavailable("NO_MAJORITY", "it is not known whether this server leads");
    for (Read read : asked) {
      if (leads) {
        read.yes.run();
      } else {
        read.no.accept(unknown);
      }
    }
    askMajorityInTime();
  }

  private void requireRoomFor(String namespace) {
    if (namespaces.table(namespace) == null && !founding.contains(namespace)) {
      require("NAMESPACES", "namespaces", namespaces.size() + founding.size(), limits.namespaces());
    }
  }

  private void found(String namespace) {
    if (namespaces.table(namespace) == null) {
      founding.add(namespace);
    }
  }

  private void requireQueue(int most) {
    if (queue.size() >= most) {
      throw new Problem.Found(overloaded("operations", queue.size(), most));
    }
  }

  private static Problem overloaded(String what, int are, int most) {
    return Problem.unavailable("OVERLOADED", what + " that wait are " + are + ", at most " + most);
  }

  private static void require(String limit, String what, int are, int most) {
    if (are >= most) {
      throw new Problem.Found(Problem.exhausted(limit, what, are, most));
    }
  }

  private long elapsed() {
    return ticker.nanos() - sinceNanos;
  }

  /** The session that a command shows to be alive, 0 if none. */
  private static long sessionOf(Command command) {
    if (command instanceof Command.OpenSession open) {
      return open.session();
    } else if (command instanceof Command.Acquire acquire) {
      return acquire.session();
    } else if (command instanceof Command.Cancel cancel) {
      return cancel.session();
    }
    return command instanceof Command.Release release ? release.session() : 0;
  }

  /** Whether a client may go on with a session. */
  static boolean belongsTo(Desk desk, UUID nonce, String subject) {
    return EntryCodec.nonce(desk.terms).equals(nonce) && desk.terms.subject().equals(subject);
  }
}
