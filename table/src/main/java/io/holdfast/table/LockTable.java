package io.holdfast.table;

import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Who holds which key, who waits, and in what order.
 *
 * <p>A table reads no clock, starts no thread and does no I/O: time, sessions and request numbers arrive inside each command,
 * so two tables that were fed the same commands are equal, byte for byte in their {@link #snapshot}. It decides for the
 * in-process store, and behind a replicated log for the server.
 *
 * <p><b>Order.</b> A request waits exactly for the earlier arrivals that it conflicts with, holders or waiters, anywhere in
 * its set. So nobody starves, requests cannot block each other in a circle, and compatible requests pass. When a request
 * leaves, by release, cancellation or loss, whatever waited only for it is granted by the same command.
 *
 * <p><b>Tokens.</b> Every grant, shared ones included, has a token larger than all before in this table.
 *
 * <p><b>Cost.</b> Acquiring and releasing cost in proportion to the nodes of the request: its keys and those above them.
 * Neither what lies below, nor other holds, nor the number of waiters comes into it. Nothing is kept of a key that nobody
 * holds or waits for.
 *
 * <p>Not thread-safe: the caller serializes commands and reads alike. Any exception but {@link IllegalArgumentException} from
 * a command's constructor is a broken invariant, after which the table must not be used.
 */
public final class LockTable {
  /*
   * Sub-tree rule. Who wants /a/b exclusively also announces it on /a and on the root, as an intention (IX); so one look at
   * the nodes of a request's own paths finds every conflict above or below, and nobody ever counts descendants. What one
   * request wants of one node is one claim of the combined mode: reading /a and writing /a/b is SIX on /a, and keeps other
   * readers out of /a. A plain name is a node without anything above it. (Gray et al., see Mode.)
   *
   * Order rule. Requests are numbered as they arrive. A request counts on how many of its nodes an earlier claim conflicts
   * with its own (Node tells), and is granted when that is none. Only earlier claims count, so who waits for whom can never
   * become a circle, and a claim once free stays free.
   *
   * Invariants: a request is granted exactly when blockedClaims is 0, between commands; every grant raises lastToken;
   * a node is in the index exactly while it has claims.
   */

  /** A view of a key has at most so many holders, and as many waiters: one more than users are shown, to tell that there are. */
  private static final int MOST_VIEWED = LockClient.MAX_DESCRIBED + 1;

  /** So many requests in its way are looked at for somebody who finds a lock busy. */
  private static final int LOOKS_WHEN_BUSY = 8;

  /** A session that has so many ended requests unacknowledged can make no new ones. */
  private static final int MAX_REMEMBERED = 10_000;

  /** So many tokens and session ids are left out by {@link #beginAgain}, at least where it has nothing else to go by. */
  static final long LEFT_OUT = 1L << 32;

  private final Map<Long, Session> sessions = new HashMap<>();
  private final RequestIndex requests = new RequestIndex();

  /** The parent of all plain names; not a node anybody claims. */
  private final Node names = new Node(null, "name");

  /** The parent of the roots of all trees; not a node anybody claims. */
  private final Node trees = new Node(null, "tree");

  private final NodeIndex nodes = new NodeIndex(names, trees);

  /** Requests that the command being applied has unblocked. */
  private final List<Request> unblocked = new ArrayList<>();

  long now;
  long lastSession;
  long lastArrival;
  long lastToken;
  private int holds;
  private int remembered;

  /**
   * An empty table.
   *
   * @param tokensAbove its first token is larger than this; 0 to begin with 1
   */
  public LockTable(long tokensAbove) {
    if (tokensAbove < 0) {
      throw new IllegalArgumentException("tokensAbove " + tokensAbove + " < 0");
    }
    this.lastToken = tokensAbove;
  }

  /**
   * Carries out a command.
   *
   * @return its answer and all that follows from it, never empty
   */
  public List<Event> apply(Command command) {
    now = Math.max(now, command.now());
    List<Event> events = new ArrayList<>(2);
    if (command instanceof Command.Acquire acquire) {
      acquire(acquire, events);
    } else if (command instanceof Command.Release release) {
      release(release, events);
    } else if (command instanceof Command.Cancel cancel) {
      cancel(cancel, events);
    } else if (command instanceof Command.OpenSession open) {
      openSession(open, events);
    } else if (command instanceof Command.CloseSession close) {
      closeSession(close, events);
    } else if (command instanceof Command.ExpireSession expire) {
      expireSession(expire, events);
    } else if (command instanceof Command.ExpireHold expire) {
      expireHold(expire, events);
    } else if (command instanceof Command.Revoke revoke) {
      revoke(revoke, events);
    }
    if (!unblocked.isEmpty()) {
      grantUnblocked(events);
    }
    return events;
  }

  /**
   * Ends all sessions, and leaves out tokens and session ids: those that may have been given in a past that this table does not
   * know, because it was made of an old copy.
   *
   * @param above tokens and ids are larger than this from now on; where they were already, they are larger by {@value #LEFT_OUT}
   */
  public void beginAgain(long above) {
    List<Event> unheard = new ArrayList<>();
    List.copyOf(sessions.values()).forEach(session -> endSession(session, unheard));
    unblocked.clear(); // there is nobody left to be granted anything
    lastToken = leavingOut(lastToken, above);
    lastSession = leavingOut(lastSession, above);
  }

  private static long leavingOut(long last, long above) {
    return above > last ? above : Math.addExact(last, LEFT_OUT);
  }

  /** The table time of the latest command. */
  public long now() {
    return now;
  }

  /** The token of the latest grant, 0 before the first. */
  public long lastToken() {
    return lastToken;
  }

  /** The largest session id so far, 0 before the first. */
  public long lastSession() {
    return lastSession;
  }

  /** How often an open session was heard of, for {@link Command.ExpireSession}; empty if it is not open. */
  public OptionalLong renewals(long session) {
    Session open = sessions.get(session);
    return open == null ? OptionalLong.empty() : OptionalLong.of(open.renewals);
  }

  /** On what terms a session was opened; empty if it is not open. */
  public Optional<SessionTerms> terms(long session) {
    return Optional.ofNullable(sessions.get(session)).map(open -> open.terms);
  }

  /** The name of a session's client; empty if it is not open. */
  public Optional<String> client(long session) {
    return Optional.ofNullable(sessions.get(session)).map(open -> open.client);
  }

  /** How many requests of a session hold or wait; 0 if it is not open. */
  public int live(long session) {
    Session open = sessions.get(session);
    return open == null ? 0 : open.live;
  }

  /** The requests of a session that hold or wait, in the order of arrival; none if it is not open. */
  public List<RequestView> requests(long session) {
    Session open = sessions.get(session);
    List<RequestView> views = new ArrayList<>(live(session));
    for (Request each = open == null ? null : open.first;
        each != null;
        each = each.laterOfSession) {
      views.add(each.view());
    }
    return views;
  }

  /** A request that holds or waits; empty if it does neither. */
  public Optional<RequestView> find(long session, long request) {
    return Optional.ofNullable(requests.find(session, request)).map(Request::view);
  }

  /** The ids of the open sessions, sorted. */
  public List<Long> sessions() {
    return sessions.keySet().stream().sorted().toList();
  }

  /** Whether anybody stands in line anywhere. */
  public boolean isAnybodyWaiting() {
    return requests.size() > holds;
  }

  /** How much the table holds. */
  public TableSize size() {
    return new TableSize(sessions.size(), holds, requests.size() - holds, nodes.size(), remembered);
  }

  /**
   * Who holds or waits for a key, or a key above or below it: at most {@value #MOST_VIEWED} holders and as many waiters. Costs
   * as much as there are claims of these keys.
   */
  public KeyView describe(LockKey key) {
    Set<Request> met = new LinkedHashSet<>();
    Node node;
    if (key instanceof LockKey.Node inTree) {
      node = nodes.find(trees, inTree.tree());
      for (int depth = 0; node != null && depth < inTree.path().depth(); depth++) {
        node.earnestClaims().forEach(claim -> met.add(claim.request));
        node = nodes.find(node, inTree.path().segment(depth));
      }
    } else {
      node = nodes.find(names, ((LockKey.Name) key).name());
    }
    if (node != null) {
      node.claims().forEach(claim -> met.add(claim.request));
    }
    return view(key, met);
  }

  /** The request that holds a key, asked for by itself, under a token; empty if there is none. */
  public Optional<RequestView> holder(LockKey key, long token) {
    for (Claim claim : earnestClaims(key)) {
      if (claim.request.isGranted() && claim.request.token == token) {
        return Optional.of(claim.request.view());
      }
    }
    return Optional.empty();
  }

  /**
   * The plain names that start with a prefix and are held or waited for, sorted. Costs as much as there are keys in the table.
   *
   * @param limit not more than so many
   */
  public List<KeyView> list(String prefix, int limit) {
    return nodes.all().stream()
        .filter(node -> node.parent == names && node.segment.startsWith(prefix))
        .sorted(Comparator.comparing((Node node) -> node.segment))
        .limit(limit)
        .map(node -> viewOfEarnest(new LockKey.Name(node.segment), node))
        .toList();
  }

  /**
   * The nodes of a tree that are held or waited for themselves, not only above or below, sorted by path; of each, those who
   * asked for that very node. Costs as much as there are keys in the table.
   *
   * @param limit not more than so many
   */
  public List<KeyView> listTree(String tree, int limit) {
    Map<TreePath, Node> found = new TreeMap<>();
    for (Node node : nodes.all()) {
      if (node.isClaimedInEarnest() && isInTree(node, tree)) {
        found.put(path(node), node);
      }
    }
    return found.entrySet().stream()
        .limit(limit)
        .map(each -> viewOfEarnest(new LockKey.Node(tree, each.getKey()), each.getValue()))
        .toList();
  }

  /**
   * Some of those who must leave before a waiting request can be granted: the holders in its way, and those in the way of
   * the waiters in its way. Nearest first, and then by arrival.
   *
   * @param looks not more than so many requests are looked at
   * @return empty if there is no such request
   */
  public List<RequestView> holdersInTheWay(long session, long request, int looks) {
    Request waiting = requests.find(session, request);
    return waiting == null ? List.of() : holdersInTheWay(waiting, looks);
  }

  /** The table as bytes: equal for equal tables. */
  public byte[] snapshot() {
    return Snapshot.write(this);
  }

  /**
   * A table equal to the one the snapshot was made of.
   *
   * @throws IllegalArgumentException if it is damaged, contradicts itself, or is of a format that this version does not know
   */
  public static LockTable restore(byte[] snapshot) {
    return Snapshot.read(snapshot);
  }

  Session session(long id) {
    Session session = sessions.get(id);
    if (session == null) {
      throw new IllegalArgumentException(
          "snapshot has a request of session " + id + ", which it does not have");
    }
    return session;
  }

  List<Request> requestsByArrival() {
    List<Request> all = new ArrayList<>(requests.size());
    for (Session session : sessions.values()) {
      for (Request request = session.first; request != null; request = request.laterOfSession) {
        all.add(request);
      }
    }
    all.sort(Comparator.comparingLong(request -> request.arrival));
    return all;
  }

  void restore(Session session) {
    boolean tokensAreLater =
        session.remembered().values().stream().anyMatch(ended -> token(ended) > lastToken);
    if (session.id <= 0
        || session.id > lastSession
        || tokensAreLater
        || sessions.containsKey(session.id)) {
      throw new IllegalArgumentException("snapshot contradicts itself: session " + session.id);
    }
    sessions.put(session.id, session);
    remembered += session.remembered().size();
  }

  /** Requests come in the order of arrival. */
  void restore(Request request, long arrivalBefore) {
    boolean known = requests.find(request.session.id, request.id) != null;
    if (!known) {
      add(request);
    }
    if (known
        || request.id <= 0
        || request.arrival <= arrivalBefore
        || request.arrival > lastArrival
        || request.token < 0
        || request.token > lastToken
        || request.isGranted() != (request.blockedClaims == 0)) {
      throw new IllegalArgumentException("snapshot contradicts itself: " + request.view());
    }
    if (request.isGranted()) {
      holds++;
    } else {
      request.enterLine();
    }
  }

  private static long token(Event ending) {
    if (ending instanceof Event.Released released) {
      return released.token();
    }
    return ending instanceof Event.Lost lost ? lost.token() : 0;
  }

  private void openSession(Command.OpenSession open, List<Event> events) {
    Session session = sessions.get(open.session());
    if (session == null) {
      if (open.session() <= lastSession) {
        events.add(new Event.SessionRefused(open.session(), Refusal.UNKNOWN_SESSION));
        return;
      }
      lastSession = open.session();
      session = new Session(open.session(), open.client(), open.terms());
      sessions.put(session.id, session);
    }
    session.renewals++;
    events.add(new Event.SessionOpened(session.id));
  }

  private void closeSession(Command.CloseSession close, List<Event> events) {
    Session session = sessions.get(close.session());
    if (session == null) {
      events.add(new Event.SessionRefused(close.session(), Refusal.UNKNOWN_SESSION));
    } else {
      endSession(session, events);
    }
  }

  private void expireSession(Command.ExpireSession expire, List<Event> events) {
    Session session = sessions.get(expire.session());
    if (session == null) {
      events.add(new Event.SessionRefused(expire.session(), Refusal.UNKNOWN_SESSION));
    } else if (session.renewals != expire.seenRenewals()) {
      events.add(new Event.SessionRefused(session.id, Refusal.RENEWED_SINCE));
    } else {
      endSession(session, events);
    }
  }

  private void endSession(Session session, List<Event> events) {
    sessions.remove(session.id);
    remembered -= session.remembered().size();
    for (Request request = session.first; request != null; request = request.laterOfSession) {
      events.add(
          request.isGranted()
              ? new Event.Lost(session.id, request.id, request.token, LossReason.SESSION_ENDED)
              : new Event.Cancelled(session.id, request.id));
      remove(request);
    }
    events.add(new Event.SessionEnded(session.id));
  }

  private void acquire(Command.Acquire acquire, List<Event> events) {
    Session session = heard(acquire.session());
    if (session == null) {
      events.add(new Event.Refused(acquire.session(), acquire.request(), Refusal.UNKNOWN_SESSION));
      return;
    }
    Event known = whatBecameOf(session, acquire.request());
    acknowledge(session, acquire.acknowledged());
    if (known != null) {
      events.add(known);
      return;
    }
    if (session.remembered().size() >= MAX_REMEMBERED) {
      events.add(new Event.Refused(session.id, acquire.request(), Refusal.TOO_MANY_UNACKNOWLEDGED));
      return;
    }
    Request request =
        new Request(
            session,
            acquire.request(),
            ++lastArrival,
            acquire.targets(),
            acquire.data(),
            acquire.maxHoldNanos(),
            now);
    add(request);
    if (request.blockedClaims == 0) {
      events.add(grant(request));
    } else if (acquire.mayWait()) {
      request.enterLine();
      events.add(queued(request));
    } else {
      Event.Busy busy =
          new Event.Busy(session.id, request.id, holdersInTheWay(request, LOOKS_WHEN_BUSY));
      remove(request);
      remember(session, request.id, new Event.Busy(session.id, request.id, List.of()));
      events.add(busy);
    }
  }

  private void release(Command.Release release, List<Event> events) {
    Session session = heard(release.session());
    if (session == null) {
      events.add(new Event.Refused(release.session(), release.request(), Refusal.UNKNOWN_SESSION));
      return;
    }
    Request request = requests.find(session.id, release.request());
    if (request != null && request.token == release.token()) {
      end(request, new Event.Released(session.id, request.id, request.token), events);
    } else if (request != null && request.isGranted()) {
      events.add(new Event.Refused(session.id, request.id, Refusal.STALE_TOKEN));
    } else if (session.remembered(release.request()) instanceof Event.Released released
        && released.token() == release.token()) {
      events.add(released);
    } else {
      events.add(new Event.Refused(session.id, release.request(), Refusal.NOT_HOLDER));
    }
  }

  private void cancel(Command.Cancel cancel, List<Event> events) {
    Session session = heard(cancel.session());
    if (session == null) {
      events.add(new Event.Refused(cancel.session(), cancel.request(), Refusal.UNKNOWN_SESSION));
      return;
    }
    Event cancelled = new Event.Cancelled(session.id, cancel.request());
    Request request = requests.find(session.id, cancel.request());
    if (request != null) {
      Event ending =
          request.isGranted()
              ? new Event.Released(session.id, request.id, request.token)
              : cancelled;
      end(request, ending, events);
      return;
    }
    Event known = whatBecameOf(session, cancel.request());
    if (known == null && session.remembered().size() >= MAX_REMEMBERED) {
      known = new Event.Refused(session.id, cancel.request(), Refusal.TOO_MANY_UNACKNOWLEDGED);
    } else if (known == null) {
      remember(session, cancel.request(), cancelled); // the request itself may still be on its way
      known = cancelled;
    }
    events.add(known);
  }

  private void expireHold(Command.ExpireHold expire, List<Event> events) {
    Request request = requests.find(expire.session(), expire.request());
    if (request == null || !request.isGranted()) {
      events.add(new Event.Refused(expire.session(), expire.request(), Refusal.NOT_HOLDER));
    } else if (request.until > now) {
      events.add(new Event.Refused(expire.session(), expire.request(), Refusal.NOT_DUE));
    } else {
      end(
          request,
          new Event.Lost(expire.session(), request.id, request.token, LossReason.EXPIRED),
          events);
    }
  }

  private void revoke(Command.Revoke revoke, List<Event> events) {
    Refusal refusal = Refusal.NOT_HOLDER;
    for (Claim claim : earnestClaims(revoke.key())) {
      Request request = claim.request;
      if (request.isGranted()) {
        if (request.token == revoke.token()) {
          end(
              request,
              new Event.Lost(request.session.id, request.id, request.token, LossReason.REVOKED),
              events);
          return;
        }
        refusal = Refusal.STALE_TOKEN;
      }
    }
    events.add(new Event.RevokeRefused(revoke.key(), revoke.token(), refusal));
  }

  private @Nullable Session heard(long id) {
    Session session = sessions.get(id);
    if (session != null) {
      session.renewals++;
    }
    return session;
  }

  /** What has become of a request that the session has made before; null if it has not. */
  private @Nullable Event whatBecameOf(Session session, long id) {
    Request live = requests.find(session.id, id);
    if (live != null) {
      return live.isGranted()
          ? new Event.Granted(session.id, id, live.token, live.until)
          : queued(live);
    }
    Event ended = session.remembered(id);
    if (ended == null && id <= session.acknowledged) {
      ended = new Event.Refused(session.id, id, Refusal.FORGOTTEN_REQUEST);
    }
    return ended;
  }

  private void remember(Session session, long request, Event ending) {
    int before = session.remembered().size();
    session.remember(request, ending);
    remembered += session.remembered().size() - before;
  }

  private void acknowledge(Session session, long upTo) {
    int before = session.remembered().size();
    session.acknowledge(upTo);
    remembered += session.remembered().size() - before;
  }

  /** Puts a request at the end of every line it has to stand in. */
  private void add(Request request) {
    List<LockTarget> targets = request.targets;
    // By index: this is the hot path, and an iterator would be a tenth of it.
    for (int i = 0; i < targets.size(); i++) {
      LockTarget target = targets.get(i);
      boolean shared = target.mode() == LockMode.SHARED;
      Node node;
      if (target.key() instanceof LockKey.Node inTree) {
        node = nodes.findOrAdd(trees, inTree.tree());
        TreePath path = inTree.path();
        for (int depth = 0; depth < path.depth(); depth++) {
          draft(request, node, shared ? Mode.IS : Mode.IX);
          node = nodes.findOrAdd(node, path.segment(depth));
        }
      } else {
        node = nodes.findOrAdd(names, ((LockKey.Name) target.key()).name());
      }
      draft(request, node, shared ? Mode.S : Mode.X);
    }
    for (Claim claim = request.claims; claim != null; claim = claim.nextOfRequest) {
      claim.node.draft = null;
      claim.node.add(claim);
    }
    requests.add(request);
    request.session.add(request);
  }

  private static void draft(Request request, Node node, Mode mode) {
    if (node.draft == null) {
      node.draft = new Claim(request, node, mode);
    } else {
      node.draft.mode = node.draft.mode.and(mode);
    }
  }

  private void end(Request request, Event ending, List<Event> events) {
    remember(request.session, request.id, ending);
    remove(request);
    events.add(ending);
  }

  private void remove(Request request) {
    if (request.isGranted()) {
      holds--;
    } else {
      request.leaveLine();
    }
    requests.remove(request);
    request.session.remove(request);
    for (Claim claim = request.claims; claim != null; claim = claim.nextOfRequest) {
      Node node = claim.node;
      node.remove(claim, unblocked);
      if (node.isUnclaimed()) {
        nodes.remove(node);
      }
    }
  }

  private void grantUnblocked(List<Event> events) {
    unblocked.sort(Comparator.comparingLong(request -> request.arrival));
    for (Request request : unblocked) {
      // A session that ends unblocks, on its way, requests of its own that end with it.
      if (requests.find(request.session.id, request.id) == request) {
        request.leaveLine();
        events.add(grant(request));
      }
    }
    unblocked.clear();
  }

  private Event.Granted grant(Request request) {
    request.token = ++lastToken;
    request.since = now;
    request.until =
        request.maxHoldNanos >= Command.FOREVER - now
            ? Command.FOREVER
            : now + request.maxHoldNanos;
    holds++;
    return new Event.Granted(request.session.id, request.id, request.token, request.until);
  }

  private Event.Queued queued(Request request) {
    Claim blocked = request.claims;
    while (blocked != null && !blocked.node.isBlocked(blocked)) {
      blocked = blocked.nextOfRequest;
    }
    if (blocked == null) {
      throw new IllegalStateException("request " + request.view() + " waits for nothing");
    }
    int position = blocked.node.waiting;
    if (request.arrival != lastArrival) { // asked again: others stand behind it by now
      long arrival = request.arrival;
      position = 0;
      for (Claim claim : blocked.node.claims()) {
        if (claim.request.isWaiting() && claim.arrival() <= arrival) {
          position++;
        }
      }
    }
    return new Event.Queued(request.session.id, request.id, position);
  }

  private static List<RequestView> holdersInTheWay(Request request, int looks) {
    List<RequestView> holders = new ArrayList<>();
    Set<Request> seen = new HashSet<>();
    Deque<Request> waiters = new ArrayDeque<>(List.of(request));
    while (!waiters.isEmpty() && seen.size() < looks) {
      Request waiter = waiters.remove();
      List<Claim> before = new ArrayList<>();
      for (Claim claim = waiter.claims; claim != null; claim = claim.nextOfRequest) {
        claim.node.addBefore(claim, looks, before);
      }
      before.sort(Comparator.comparingLong(Claim::arrival));
      for (Claim claim : before) {
        if (seen.size() < looks && seen.add(claim.request)) {
          if (claim.request.isGranted()) {
            holders.add(claim.request.view());
          } else {
            waiters.add(claim.request);
          }
        }
      }
    }
    return holders;
  }

  private static KeyView viewOfEarnest(LockKey key, Node node) {
    return view(key, node.earnestClaims().stream().map(claim -> claim.request).toList());
  }

  private static KeyView view(LockKey key, Collection<Request> requests) {
    List<Request> holders = new ArrayList<>();
    List<Request> waiters = new ArrayList<>();
    requests.forEach(request -> (request.isGranted() ? holders : waiters).add(request));
    holders.sort(Comparator.comparingLong(request -> request.token));
    waiters.sort(Comparator.comparingLong(request -> request.arrival));
    return new KeyView(
        key,
        holders.stream().limit(MOST_VIEWED).map(Request::view).toList(),
        waiters.stream().limit(MOST_VIEWED).map(Request::view).toList());
  }

  /** The claims of those who asked for this very key. */
  private List<Claim> earnestClaims(LockKey key) {
    Node node;
    if (key instanceof LockKey.Node inTree) {
      node = nodes.find(trees, inTree.tree());
      for (int depth = 0; node != null && depth < inTree.path().depth(); depth++) {
        node = nodes.find(node, inTree.path().segment(depth));
      }
    } else {
      node = nodes.find(names, ((LockKey.Name) key).name());
    }
    return node == null ? List.of() : node.earnestClaims();
  }

  private boolean isInTree(Node node, String tree) {
    Node each = node;
    while (each.parent != null && each.parent != trees) {
      each = each.parent;
    }
    return each.parent == trees && each.segment.equals(tree);
  }

  /** The path of a node in its tree. */
  private static TreePath path(Node node) {
    // The root's parent is the parent of all roots, which has none.
    Node parent = node.parent;
    return parent == null || parent.parent == null
        ? TreePath.root()
        : path(parent).child(node.segment);
  }
}
