package io.holdfast.simulation;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.KeyView;
import io.holdfast.table.Refusal;
import io.holdfast.table.RequestView;
import io.holdfast.table.SessionTerms;
import io.holdfast.table.TableSize;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The lock table said again, as plainly as can be: a list of requests in the order of arrival, each granted as soon as
 * no earlier one in the list conflicts with it.
 *
 * <p>Written from the words of the design and knows nothing of how {@link io.holdfast.table.LockTable} does it: no
 * nodes, no modes, no counters. It is what that table is compared with. Not fast, not thread-safe.
 */
final class NaiveTable {
  private static final int LOOKS_WHEN_BUSY = 8;
  private static final int MOST_REMEMBERED = 10_000;

  final TreeMap<Long, NaiveSession> sessions = new TreeMap<>();

  /** Who holds or waits, in the order of arrival. */
  final List<Asked> live = new ArrayList<>();

  long now;
  long lastSession;
  long lastArrival;
  long lastToken;

  NaiveTable() {}

  NaiveTable(NaiveTable other) {
    other.sessions.forEach((id, session) -> sessions.put(id, new NaiveSession(session)));
    live.addAll(other.live);
    now = other.now;
    lastSession = other.lastSession;
    lastArrival = other.lastArrival;
    lastToken = other.lastToken;
  }

  /** A request that waits (token 0) or holds. */
  record Asked(
      long session,
      long request,
      long arrival,
      List<LockTarget> targets,
      HoldData data,
      long maxHoldNanos,
      long since,
      long token,
      long until) {
    boolean isGranted() {
      return token != 0;
    }
  }

  /** A session, and what became of those of its requests that ended and may be asked about. */
  static final class NaiveSession {
    final String client;
    final SessionTerms terms;
    final TreeMap<Long, Event> endings = new TreeMap<>();
    long renewals;
    long acknowledged;

    NaiveSession(String client, SessionTerms terms) {
      this.client = client;
      this.terms = terms;
    }

    NaiveSession(NaiveSession other) {
      client = other.client;
      terms = other.terms;
      endings.putAll(other.endings);
      renewals = other.renewals;
      acknowledged = other.acknowledged;
    }
  }

  /** Two requests conflict if any two of their targets do. */
  static boolean conflict(List<LockTarget> some, List<LockTarget> others) {
    for (LockTarget one : some) {
      for (LockTarget other : others) {
        boolean bothRead = one.mode() == LockMode.SHARED && other.mode() == LockMode.SHARED;
        if (!bothRead && meet(one.key(), other.key())) {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether two keys are the same, or one is above the other. */
  static boolean meet(LockKey one, LockKey other) {
    if (one instanceof LockKey.Node a && other instanceof LockKey.Node b) {
      return a.tree().equals(b.tree()) && (a.path().covers(b.path()) || b.path().covers(a.path()));
    }
    return one.equals(other);
  }

  /** What the table should say. A {@code Queued} has the last place that it may name. */
  List<Event> apply(Command command) {
    now = Math.max(now, command.now());
    List<Event> events = new ArrayList<>();
    if (command instanceof Command.OpenSession open) {
      open(open, events);
    } else if (command instanceof Command.CloseSession close) {
      end(close.session(), session -> true, events);
    } else if (command instanceof Command.ExpireSession expire) {
      end(expire.session(), session -> session.renewals == expire.seenRenewals(), events);
    } else if (command instanceof Command.Acquire acquire) {
      acquire(acquire, events);
    } else if (command instanceof Command.Cancel cancel) {
      cancel(cancel, events);
    } else if (command instanceof Command.Release release) {
      release(release, events);
    } else if (command instanceof Command.ExpireHold expire) {
      expireHold(expire, events);
    } else if (command instanceof Command.Revoke revoke) {
      revoke(revoke, events);
    }
    for (int i = 0; i < live.size(); i++) {
      if (!live.get(i).isGranted() && !mustWait(i)) {
        events.add(grant(i));
      }
    }
    return events;
  }

  /** Nobody is known any more, and no token or session is given that may have been. */
  void beginAgain(long above) {
    sessions.clear();
    live.clear();
    lastToken = above > lastToken ? above : lastToken + (1L << 32);
    lastSession = above > lastSession ? above : lastSession + (1L << 32);
  }

  @Nullable Asked find(long session, long request) {
    for (Asked asked : live) {
      if (asked.session == session && asked.request == request) {
        return asked;
      }
    }
    return null;
  }

  @Nullable Event ending(long session, long request) {
    NaiveSession known = sessions.get(session);
    return known == null ? null : known.endings.get(request);
  }

  KeyView describe(LockKey key) {
    List<RequestView> holders =
        live.stream()
            .filter(asked -> asked.isGranted() && meets(asked, key))
            .sorted(Comparator.comparingLong(Asked::token))
            .map(this::view)
            .toList();
    List<RequestView> waiters =
        live.stream()
            .filter(asked -> !asked.isGranted() && meets(asked, key))
            .map(this::view)
            .toList();
    return new KeyView(key, holders, waiters);
  }

  TableSize size() {
    Set<String> nodes = new HashSet<>();
    for (Asked asked : live) {
      for (LockTarget target : asked.targets) {
        nodes.add(target.key().toString());
        if (target.key() instanceof LockKey.Node node) {
          String above = node.tree() + ":";
          nodes.add(above + "/");
          for (String segment : node.path().segments()) {
            above += "/" + segment;
            nodes.add(above);
          }
        }
      }
    }
    int holds = (int) live.stream().filter(Asked::isGranted).count();
    int remembered = sessions.values().stream().mapToInt(session -> session.endings.size()).sum();
    return new TableSize(sessions.size(), holds, live.size() - holds, nodes.size(), remembered);
  }

  private void open(Command.OpenSession open, List<Event> events) {
    if (!sessions.containsKey(open.session())) {
      if (open.session() <= lastSession) {
        events.add(new Event.SessionRefused(open.session(), Refusal.UNKNOWN_SESSION));
        return;
      }
      lastSession = open.session();
      sessions.put(open.session(), new NaiveSession(open.client(), open.terms()));
    }
    sessions.get(open.session()).renewals++;
    events.add(new Event.SessionOpened(open.session()));
  }

  private void end(long id, Predicate<NaiveSession> unheardOf, List<Event> events) {
    NaiveSession session = sessions.get(id);
    if (session == null) {
      events.add(new Event.SessionRefused(id, Refusal.UNKNOWN_SESSION));
      return;
    }
    if (!unheardOf.test(session)) {
      events.add(new Event.SessionRefused(id, Refusal.RENEWED_SINCE));
      return;
    }
    for (Iterator<Asked> all = live.iterator(); all.hasNext(); ) {
      Asked asked = all.next();
      if (asked.session == id) {
        all.remove();
        events.add(
            asked.isGranted()
                ? new Event.Lost(id, asked.request, asked.token, LossReason.SESSION_ENDED)
                : new Event.Cancelled(id, asked.request));
      }
    }
    sessions.remove(id);
    events.add(new Event.SessionEnded(id));
  }

  private void acquire(Command.Acquire acquire, List<Event> events) {
    NaiveSession session = heard(acquire.session());
    if (session == null) {
      events.add(new Event.Refused(acquire.session(), acquire.request(), Refusal.UNKNOWN_SESSION));
      return;
    }
    Event told = told(acquire.session(), session, acquire.request());
    if (acquire.acknowledged() > session.acknowledged) {
      session.acknowledged = acquire.acknowledged();
      session.endings.headMap(acquire.acknowledged(), true).clear();
    }
    if (told != null) {
      events.add(told);
      return;
    }
    if (session.endings.size() >= MOST_REMEMBERED) {
      events.add(
          new Event.Refused(acquire.session(), acquire.request(), Refusal.TOO_MANY_UNACKNOWLEDGED));
      return;
    }
    live.add(
        new Asked(
            acquire.session(),
            acquire.request(),
            ++lastArrival,
            acquire.targets(),
            acquire.data(),
            acquire.maxHoldNanos(),
            now,
            0,
            Command.FOREVER));
    int last = live.size() - 1;
    if (!mustWait(last)) {
      events.add(grant(last));
    } else if (acquire.mayWait()) {
      events.add(queued(live.get(last)));
    } else {
      List<RequestView> inTheWay = holdersInTheWay(live.get(last));
      Asked refused = live.remove(last);
      remember(refused, new Event.Busy(refused.session, refused.request, List.of()));
      events.add(new Event.Busy(refused.session, refused.request, inTheWay));
    }
  }

  private void cancel(Command.Cancel cancel, List<Event> events) {
    NaiveSession session = heard(cancel.session());
    if (session == null) {
      events.add(new Event.Refused(cancel.session(), cancel.request(), Refusal.UNKNOWN_SESSION));
      return;
    }
    Asked asked = find(cancel.session(), cancel.request());
    Event cancelled = new Event.Cancelled(cancel.session(), cancel.request());
    if (asked != null) {
      leave(
          asked,
          asked.isGranted()
              ? new Event.Released(asked.session, asked.request, asked.token)
              : cancelled,
          events);
      return;
    }
    Event told = told(cancel.session(), session, cancel.request());
    if (told == null && session.endings.size() >= MOST_REMEMBERED) {
      told = new Event.Refused(cancel.session(), cancel.request(), Refusal.TOO_MANY_UNACKNOWLEDGED);
    } else if (told == null) {
      session.endings.put(cancel.request(), cancelled);
      told = cancelled;
    }
    events.add(told);
  }

  private void release(Command.Release release, List<Event> events) {
    NaiveSession session = heard(release.session());
    if (session == null) {
      events.add(new Event.Refused(release.session(), release.request(), Refusal.UNKNOWN_SESSION));
      return;
    }
    Event released = new Event.Released(release.session(), release.request(), release.token());
    Asked asked = find(release.session(), release.request());
    if (asked != null && asked.token == release.token()) {
      leave(asked, released, events);
    } else if (released.equals(session.endings.get(release.request()))) {
      events.add(released);
    } else {
      events.add(
          new Event.Refused(
              release.session(),
              release.request(),
              asked != null && asked.isGranted() ? Refusal.STALE_TOKEN : Refusal.NOT_HOLDER));
    }
  }

  private void expireHold(Command.ExpireHold expire, List<Event> events) {
    Asked asked = find(expire.session(), expire.request());
    if (asked == null || !asked.isGranted()) {
      events.add(new Event.Refused(expire.session(), expire.request(), Refusal.NOT_HOLDER));
    } else if (now < asked.until) {
      events.add(new Event.Refused(expire.session(), expire.request(), Refusal.NOT_DUE));
    } else {
      leave(asked, lost(asked, LossReason.EXPIRED), events);
    }
  }

  private void revoke(Command.Revoke revoke, List<Event> events) {
    List<Asked> holders =
        live.stream()
            .filter(Asked::isGranted)
            .filter(asked -> asked.targets.stream().anyMatch(t -> t.key().equals(revoke.key())))
            .toList();
    for (Asked holder : holders) {
      if (holder.token == revoke.token()) {
        leave(holder, lost(holder, LossReason.REVOKED), events);
        return;
      }
    }
    Refusal refusal = holders.isEmpty() ? Refusal.NOT_HOLDER : Refusal.STALE_TOKEN;
    events.add(new Event.RevokeRefused(revoke.key(), revoke.token(), refusal));
  }

  private @Nullable NaiveSession heard(long id) {
    NaiveSession session = sessions.get(id);
    if (session != null) {
      session.renewals++;
    }
    return session;
  }

  /** What has become of a request that was made before, or null. */
  private @Nullable Event told(long id, NaiveSession session, long request) {
    Asked asked = find(id, request);
    if (asked != null) {
      return asked.isGranted()
          ? new Event.Granted(id, request, asked.token, asked.until)
          : queued(asked);
    }
    Event ending = session.endings.get(request);
    if (ending == null && request <= session.acknowledged) {
      return new Event.Refused(id, request, Refusal.FORGOTTEN_REQUEST);
    }
    return ending;
  }

  /** Whether an earlier request is in the way of the one at {@code index}, be it that it holds or that it waits too. */
  private boolean mustWait(int index) {
    for (int i = 0; i < index; i++) {
      if (conflict(live.get(i).targets, live.get(index).targets)) {
        return true;
      }
    }
    return false;
  }

  /** The first few who must leave before it: those in its way, then those in the way of the waiters among them. */
  private List<RequestView> holdersInTheWay(Asked asked) {
    List<RequestView> holders = new ArrayList<>();
    List<Asked> looked = new ArrayList<>();
    List<Asked> waiters = new ArrayList<>(List.of(asked));
    for (int i = 0; i < waiters.size(); i++) {
      Asked waiter = waiters.get(i);
      for (Asked other : live) {
        if (other.arrival < waiter.arrival
            && conflict(other.targets, waiter.targets)
            && looked.size() < LOOKS_WHEN_BUSY
            && !looked.contains(other)) {
          looked.add(other);
          if (other.isGranted()) {
            holders.add(view(other));
          } else {
            waiters.add(other);
          }
        }
      }
    }
    return holders;
  }

  private Event grant(int index) {
    Asked a = live.get(index);
    long until = a.maxHoldNanos >= Command.FOREVER - now ? Command.FOREVER : now + a.maxHoldNanos;
    Asked granted =
        new Asked(
            a.session,
            a.request,
            a.arrival,
            a.targets,
            a.data,
            a.maxHoldNanos,
            now,
            ++lastToken,
            until);
    live.set(index, granted);
    return new Event.Granted(a.session, a.request, granted.token, until);
  }

  private Event queued(Asked asked) {
    int waiting = 0;
    for (Asked each : live) {
      if (!each.isGranted() && each.arrival <= asked.arrival) {
        waiting++;
      }
    }
    return new Event.Queued(asked.session, asked.request, waiting);
  }

  private static Event lost(Asked asked, LossReason reason) {
    return new Event.Lost(asked.session, asked.request, asked.token, reason);
  }

  private void leave(Asked asked, Event ending, List<Event> events) {
    live.remove(asked);
    remember(asked, ending);
    events.add(ending);
  }

  private void remember(Asked asked, Event ending) {
    NaiveSession session = sessions.get(asked.session);
    if (session != null && asked.request > session.acknowledged) {
      session.endings.put(asked.request, ending);
    }
  }

  private static boolean meets(Asked asked, LockKey key) {
    return asked.targets.stream().anyMatch(target -> meet(target.key(), key));
  }

  private RequestView view(Asked asked) {
    NaiveSession session = sessions.get(asked.session);
    return new RequestView(
        asked.session,
        asked.request,
        session == null ? "" : session.client,
        asked.targets,
        asked.isGranted(),
        asked.token,
        asked.since,
        asked.until,
        asked.data);
  }
}
