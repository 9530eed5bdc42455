package io.holdfast.table;

import static java.util.stream.Collectors.toSet;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * What a {@link LockTable} promises, done in the plainest way: one list of requests in the order of arrival, gone through
 * from the start for every question. It knows neither modes nor nodes, only what targets mean.
 */
final class NaiveTable {
  private static final int HOLDERS_TOLD = 8;

  private final TreeMap<Long, Client> clients = new TreeMap<>();
  private final List<Wish> line = new ArrayList<>();
  private long now;
  private long lastSession;
  private long lastToken;

  List<Event> apply(Command command) {
    now = Math.max(now, command.now());
    List<Event> events = new ArrayList<>();
    if (command instanceof Command.OpenSession open) {
      open(open, events);
    } else if (command instanceof Command.CloseSession close) {
      end(close.session(), OptionalLong.empty(), events);
    } else if (command instanceof Command.ExpireSession expire) {
      end(expire.session(), OptionalLong.of(expire.seenRenewals()), events);
    } else if (command instanceof Command.Acquire acquire) {
      acquire(acquire, events);
    } else if (command instanceof Command.Release release) {
      release(release, events);
    } else if (command instanceof Command.Cancel cancel) {
      cancel(cancel, events);
    } else if (command instanceof Command.ExpireHold expire) {
      expireHold(expire, events);
    } else if (command instanceof Command.Revoke revoke) {
      revoke(revoke, events);
    }
    for (Wish wish : line) {
      if (wish.token == 0 && isFree(wish)) {
        events.add(grant(wish));
      }
    }
    return events;
  }

  long now() {
    return now;
  }

  long lastToken() {
    return lastToken;
  }

  long lastSession() {
    return lastSession;
  }

  List<Long> sessions() {
    return List.copyOf(clients.keySet());
  }

  OptionalLong renewals(long session) {
    Client client = clients.get(session);
    return client == null ? OptionalLong.empty() : OptionalLong.of(client.renewals);
  }

  /** Requests that hold or wait, in the order of arrival. */
  List<RequestView> live() {
    return line.stream().map(Wish::view).toList();
  }

  TableSize size() {
    Set<LockKey> nodes = line.stream().flatMap(wish -> wish.nodes.stream()).collect(toSet());
    int holds = (int) line.stream().filter(wish -> wish.token != 0).count();
    return new TableSize(
        clients.size(),
        holds,
        line.size() - holds,
        nodes.size(),
        clients.values().stream().mapToInt(client -> client.endings.size()).sum());
  }

  KeyView describe(LockKey key) {
    return view(key, target -> Requests.meet(target, key));
  }

  private KeyView askedForVery(LockKey key) {
    return view(key, key::equals);
  }

  private KeyView view(LockKey key, Predicate<LockKey> concerns) {
    List<Wish> met =
        line.stream()
            .filter(wish -> wish.targets.stream().anyMatch(t -> concerns.test(t.key())))
            .toList();
    return new KeyView(
        key,
        met.stream()
            .filter(wish -> wish.token != 0)
            .sorted(Comparator.comparing(wish -> wish.token))
            .map(Wish::view)
            .toList(),
        met.stream().filter(wish -> wish.token == 0).map(Wish::view).toList());
  }

  List<KeyView> list(String prefix, int limit) {
    return targets()
        .filter(key -> key instanceof LockKey.Name name && name.name().startsWith(prefix))
        .sorted(Comparator.comparing(LockKey::toString))
        .limit(limit)
        .map(this::askedForVery)
        .toList();
  }

  List<KeyView> listTree(String tree, int limit) {
    return targets()
        .filter(key -> key instanceof LockKey.Node node && node.tree().equals(tree))
        .sorted(Comparator.comparing(key -> ((LockKey.Node) key).path()))
        .limit(limit)
        .map(this::askedForVery)
        .toList();
  }

  List<RequestView> holdersInTheWay(long session, long request, int limit) {
    Wish wish = find(session, request);
    return wish == null ? List.of() : holdersInTheWay(wish, limit);
  }

  private void open(Command.OpenSession open, List<Event> events) {
    if (!clients.containsKey(open.session())) {
      if (open.session() <= lastSession) {
        events.add(new Event.SessionRefused(open.session(), Refusal.UNKNOWN_SESSION));
        return;
      }
      lastSession = open.session();
      clients.put(open.session(), new Client(open.client()));
    }
    clients.get(open.session()).renewals++;
    events.add(new Event.SessionOpened(open.session()));
  }

  private void end(long session, OptionalLong seenRenewals, List<Event> events) {
    Client client = clients.get(session);
    if (client == null) {
      events.add(new Event.SessionRefused(session, Refusal.UNKNOWN_SESSION));
    } else if (seenRenewals.isPresent() && seenRenewals.getAsLong() != client.renewals) {
      events.add(new Event.SessionRefused(session, Refusal.RENEWED_SINCE));
    } else {
      for (Wish wish : line) {
        if (wish.session == session) {
          events.add(
              wish.token == 0
                  ? new Event.Cancelled(session, wish.id)
                  : new Event.Lost(session, wish.id, wish.token, LossReason.SESSION_ENDED));
        }
      }
      line.removeIf(wish -> wish.session == session);
      clients.remove(session);
      events.add(new Event.SessionEnded(session));
    }
  }

  private void acquire(Command.Acquire acquire, List<Event> events) {
    Client client = heard(acquire.session(), acquire.request(), events);
    if (client == null) {
      return;
    }
    Event told = told(client, acquire.session(), acquire.request());
    client.acknowledge(acquire.acknowledged());
    if (told != null) {
      events.add(told);
      return;
    }
    Wish wish = new Wish(acquire, client.name, now);
    line.add(wish);
    if (isFree(wish)) {
      events.add(grant(wish));
    } else if (acquire.mayWait()) {
      events.add(new Event.Queued(wish.session, wish.id, position(wish)));
    } else {
      events.add(new Event.Busy(wish.session, wish.id, holdersInTheWay(wish, HOLDERS_TOLD)));
      line.remove(wish);
      client.remember(wish.id, new Event.Busy(wish.session, wish.id, List.of()));
    }
  }

  private void release(Command.Release release, List<Event> events) {
    Client client = heard(release.session(), release.request(), events);
    if (client == null) {
      return;
    }
    Wish wish = find(release.session(), release.request());
    Event released = new Event.Released(release.session(), release.request(), release.token());
    if (wish != null && wish.token == release.token()) {
      leave(wish, released, events);
    } else if (wish != null && wish.token != 0) {
      events.add(new Event.Refused(wish.session, wish.id, Refusal.STALE_TOKEN));
    } else if (released.equals(client.endings.get(release.request()))) {
      events.add(released);
    } else {
      events.add(new Event.Refused(release.session(), release.request(), Refusal.NOT_HOLDER));
    }
  }

  private void cancel(Command.Cancel cancel, List<Event> events) {
    Client client = heard(cancel.session(), cancel.request(), events);
    if (client == null) {
      return;
    }
    Event cancelled = new Event.Cancelled(cancel.session(), cancel.request());
    Wish wish = find(cancel.session(), cancel.request());
    if (wish != null) {
      Event ending =
          wish.token == 0 ? cancelled : new Event.Released(wish.session, wish.id, wish.token);
      leave(wish, ending, events);
      return;
    }
    Event told = told(client, cancel.session(), cancel.request());
    if (told == null) {
      client.remember(cancel.request(), cancelled);
      told = cancelled;
    }
    events.add(told);
  }

  private void expireHold(Command.ExpireHold expire, List<Event> events) {
    Wish wish = find(expire.session(), expire.request());
    if (wish == null || wish.token == 0) {
      events.add(new Event.Refused(expire.session(), expire.request(), Refusal.NOT_HOLDER));
    } else if (wish.until > now) {
      events.add(new Event.Refused(expire.session(), expire.request(), Refusal.NOT_DUE));
    } else {
      leave(wish, new Event.Lost(wish.session, wish.id, wish.token, LossReason.EXPIRED), events);
    }
  }

  private void revoke(Command.Revoke revoke, List<Event> events) {
    List<Wish> holders =
        line.stream()
            .filter(wish -> wish.token != 0)
            .filter(wish -> wish.targets.stream().anyMatch(t -> t.key().equals(revoke.key())))
            .toList();
    for (Wish holder : holders) {
      if (holder.token == revoke.token()) {
        leave(
            holder,
            new Event.Lost(holder.session, holder.id, holder.token, LossReason.REVOKED),
            events);
        return;
      }
    }
    events.add(
        new Event.RevokeRefused(
            revoke.key(),
            revoke.token(),
            holders.isEmpty() ? Refusal.NOT_HOLDER : Refusal.STALE_TOKEN));
  }

  private Client heard(long session, long request, List<Event> events) {
    Client client = clients.get(session);
    if (client == null) {
      events.add(new Event.Refused(session, request, Refusal.UNKNOWN_SESSION));
    } else {
      client.renewals++;
    }
    return client;
  }

  private Event told(Client client, long session, long request) {
    Wish wish = find(session, request);
    if (wish != null) {
      return wish.token == 0
          ? new Event.Queued(session, request, position(wish))
          : new Event.Granted(session, request, wish.token, wish.until);
    }
    Event ending = client.endings.get(request);
    return ending == null && request <= client.acknowledged
        ? new Event.Refused(session, request, Refusal.FORGOTTEN_REQUEST)
        : ending;
  }

  private void leave(Wish wish, Event ending, List<Event> events) {
    line.remove(wish);
    clients.get(wish.session).remember(wish.id, ending);
    events.add(ending);
  }

  private Event.Granted grant(Wish wish) {
    wish.token = ++lastToken;
    wish.since = now;
    long until = now + wish.maxHoldNanos;
    wish.until = until < 0 ? Command.FOREVER : until; // it has overflowed
    return new Event.Granted(wish.session, wish.id, wish.token, wish.until);
  }

  private Wish find(long session, long request) {
    return line.stream()
        .filter(wish -> wish.session == session && wish.id == request)
        .findAny()
        .orElse(null);
  }

  private boolean isFree(Wish wish) {
    for (Wish earlier : earlierThan(wish)) {
      if (Requests.conflict(earlier.targets, wish.targets)) {
        return false;
      }
    }
    return true;
  }

  /** Its place among those who wait at the first node, from the last target upwards, where an earlier one is in conflict. */
  private int position(Wish wish) {
    for (LockKey node : wish.nodes) {
      if (earlierThan(wish).stream().anyMatch(earlier -> conflictAt(node, earlier, wish))) {
        long before =
            earlierThan(wish).stream()
                .filter(earlier -> earlier.token == 0 && earlier.nodes.contains(node))
                .count();
        return (int) before + 1;
      }
    }
    throw new AssertionError("waits for nothing: " + wish.view());
  }

  /** Those before it, then those before the waiters among them, and so on: the holders of the first so many. */
  private List<RequestView> holdersInTheWay(Wish wish, int looks) {
    Set<Wish> seen = new LinkedHashSet<>();
    Deque<Wish> waiters = new ArrayDeque<>(List.of(wish));
    while (!waiters.isEmpty()) {
      Wish waiter = waiters.remove();
      for (Wish earlier : earlierThan(waiter)) {
        if (Requests.conflict(earlier.targets, waiter.targets)
            && seen.size() < looks
            && seen.add(earlier)
            && earlier.token == 0) {
          waiters.add(earlier);
        }
      }
    }
    return seen.stream().filter(each -> each.token != 0).map(Wish::view).toList();
  }

  private List<Wish> earlierThan(Wish wish) {
    return line.subList(0, line.indexOf(wish));
  }

  /** A conflict shows at a node when one of the two wants the node itself, and the other the node or something below. */
  private static boolean conflictAt(LockKey node, Wish one, Wish other) {
    for (LockTarget its : one.targets) {
      for (LockTarget others : other.targets) {
        if (Requests.conflict(its, others)
            && Requests.covers(node, its.key())
            && Requests.covers(node, others.key())
            && (its.key().equals(node) || others.key().equals(node))) {
          return true;
        }
      }
    }
    return false;
  }

  private Stream<LockKey> targets() {
    return line.stream().flatMap(wish -> wish.targets.stream()).map(LockTarget::key).distinct();
  }

  /** A key and all above it, the key first. */
  private static List<LockKey> nodesOf(LockKey key) {
    List<LockKey> nodes = new ArrayList<>();
    nodes.add(key);
    if (key instanceof LockKey.Node node) {
      String path = node.path().toString();
      while (!path.equals("/")) {
        int slash = path.lastIndexOf('/');
        path = slash == 0 ? "/" : path.substring(0, slash);
        nodes.add(new LockKey.Node(node.tree(), TreePath.parse(path)));
      }
    }
    return nodes;
  }

  private static final class Client {
    final String name;
    final SortedMap<Long, Event> endings = new TreeMap<>();
    long renewals;
    long acknowledged;

    Client(String name) {
      this.name = name;
    }

    void remember(long request, Event ending) {
      if (request > acknowledged) {
        endings.put(request, ending);
      }
    }

    void acknowledge(long upTo) {
      acknowledged = Math.max(acknowledged, upTo);
      endings.keySet().removeIf(request -> request <= acknowledged);
    }
  }

  private static final class Wish {
    final long session;
    final long id;
    final String client;
    final List<LockTarget> targets;
    final List<LockKey> nodes;
    final HoldData data;
    final long maxHoldNanos;
    long token;
    long since;
    long until = Command.FOREVER;

    Wish(Command.Acquire acquire, String client, long now) {
      this.session = acquire.session();
      this.id = acquire.request();
      this.client = client;
      this.targets = acquire.targets();
      this.nodes = nodes(targets);
      this.data = acquire.data();
      this.maxHoldNanos = acquire.maxHoldNanos();
      this.since = now;
    }

    /**
     * Its keys and all above them, from the last target to the first, and upwards in each; where they share one, the
     * first has it.
     */
    private static List<LockKey> nodes(List<LockTarget> targets) {
      Set<LockKey> nodes = new LinkedHashSet<>();
      for (LockTarget target : targets) {
        List<LockKey> upwards = nodesOf(target.key());
        Collections.reverse(upwards);
        nodes.addAll(upwards);
      }
      List<LockKey> backwards = new ArrayList<>(nodes);
      Collections.reverse(backwards);
      return backwards;
    }

    RequestView view() {
      return new RequestView(session, id, client, targets, token != 0, token, since, until, data);
    }
  }
}
