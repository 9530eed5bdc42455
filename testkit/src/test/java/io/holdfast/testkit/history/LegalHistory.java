package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import io.holdfast.testkit.history.HistoryEvent.Why;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeMap;

/**
 * Makes up a run that keeps every promise: clients that ask, use, write, cancel, close, die and are cut off, before a store
 * so naive that one can see it is right. Every message takes a while; one seed decides all.
 */
final class LegalHistory {
  static final Duration LEASE = Duration.ofSeconds(2);

  /** What a history of these is checked with. */
  static final HistoryChecker CHECKER =
      HistoryChecker.fair()
          .lease(LEASE)
          .grantsWithin(Duration.ofSeconds(1))
          .settlesWithin(Duration.ofMillis(100));

  private static final long MS = 1_000_000;
  private static final long LONGEST_MESSAGE = 5 * MS;
  private static final long MARGIN = 50 * MS;

  private final Random random;
  private final long end;
  private final List<HistoryEvent> events = new ArrayList<>();
  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(Task::at).thenComparingLong(Task::number));
  private final Store store = new Store();
  private final Map<String, Long> highestWrite = new HashMap<>();
  private long now;
  private long lastTask;
  private long lastRequest;
  private int lastClient;

  private record Task(long at, long number, Runnable task) {}

  /** Whether clients are cut off: then much is excused, so half of the histories do without. */
  private final boolean cutsOff;

  private LegalHistory(long seed, Duration length) {
    this.cutsOff = seed % 2 == 0;
    this.random = new Random(seed);
    this.end = length.toNanos();
  }

  static History of(long seed, int clients, Duration length) {
    LegalHistory run = new LegalHistory(seed, length);
    for (int i = 0; i < clients; i++) {
      run.new Client().open();
    }
    run.later(run.upTo(400 * MS), run::operate);
    while (!run.tasks.isEmpty()) {
      Task task = run.tasks.remove();
      run.now = task.at;
      task.task.run();
    }
    return History.of(run.events);
  }

  private void later(long nanos, Runnable task) {
    tasks.add(new Task(now + nanos, lastTask++, task));
  }

  private long messageNanos() {
    return 1 + upTo(LONGEST_MESSAGE);
  }

  private long upTo(long bound) {
    return (long) (random.nextDouble() * bound);
  }

  private boolean oneIn(int n) {
    return random.nextInt(n) == 0;
  }

  /** An operator takes a lock away now and then. */
  private void operate() {
    if (now > end) {
      return;
    }
    List<Request> told = store.line.stream().filter(r -> r.heldByClient).toList();
    if (!told.isEmpty()) {
      Request victim = told.get(random.nextInt(told.size()));
      LockKey key = victim.targets.get(random.nextInt(victim.targets.size())).key();
      events.add(new HistoryEvent.Revoking(now, key, victim.token));
      later(
          messageNanos(),
          () -> {
            if (store.remove(victim)) {
              victim.client.hears(() -> victim.client.lost(victim, LossReason.REVOKED));
              later(
                  messageNanos(),
                  () -> events.add(new HistoryEvent.Revoked(now, key, victim.token)));
            }
          });
    }
    later(upTo(800 * MS), this::operate);
  }

  private List<LockTarget> targets() {
    List<LockTarget> targets = new ArrayList<>();
    int count = oneIn(4) ? 2 + random.nextInt(2) : 1;
    for (int i = 0; i < count; i++) {
      targets.add(new LockTarget(key(), oneIn(2) ? LockMode.SHARED : LockMode.EXCLUSIVE));
    }
    return targets;
  }

  private LockKey key() {
    if (oneIn(2)) {
      return new LockKey.Name("n" + random.nextInt(6));
    }
    StringBuilder path = new StringBuilder();
    for (int depth = random.nextInt(4); depth > 0; depth--) {
      path.append('/').append((char) ('a' + random.nextInt(3)));
    }
    return new LockKey.Node(
        oneIn(3) ? "t" : "u", TreePath.parse(path.isEmpty() ? "/" : path.toString()));
  }

  private static final class Request {
    final Client client;
    final long id;
    final List<LockTarget> targets;

    /** As text that begins with another's where it lies below it; our names have no slash. */
    final List<String> places;

    final Optional<Duration> maxHold;
    long token;
    boolean heldByClient;
    boolean leaving;
    boolean done;

    Request(Client client, long id, List<LockTarget> targets, Optional<Duration> maxHold) {
      this.client = client;
      this.id = id;
      this.targets = targets;
      this.places = targets.stream().map(t -> (t.key() + "/").replace("//", "/")).toList();
      this.maxHold = maxHold;
    }

    boolean conflicts(Request other) {
      for (int i = 0; i < places.size(); i++) {
        for (int j = 0; j < other.places.size(); j++) {
          boolean write =
              targets.get(i).mode() == LockMode.EXCLUSIVE
                  || other.targets.get(j).mode() == LockMode.EXCLUSIVE;
          String mine = places.get(i);
          String theirs = other.places.get(j);
          if (write && (mine.startsWith(theirs) || theirs.startsWith(mine))) {
            return true;
          }
        }
      }
      return false;
    }
  }

  /** One line of all requests in the order of arrival. Whoever conflicts with nobody before him has the lock. */
  private final class Store {
    final List<Request> line = new ArrayList<>();
    long lastToken;

    boolean isFree(Request request) {
      return line.stream().takeWhile(r -> r != request).noneMatch(request::conflicts);
    }

    void grant() {
      for (Request request : line) {
        if (request.token == 0 && isFree(request)) {
          request.token = ++lastToken;
          request.client.hears(() -> request.client.granted(request));
          request.maxHold.ifPresent(d -> later(d.toNanos(), () -> remove(request)));
        }
      }
    }

    boolean remove(Request request) {
      boolean removed = line.remove(request);
      grant();
      return removed;
    }
  }

  /** One session: asks, one request after the other or several at once, until it ends in one of four ways. */
  private final class Client {
    final String name = "c" + ++lastClient;
    final Map<Long, Request> open = new TreeMap<>();
    boolean gone;
    boolean cutOff;
    boolean storeGaveUp;
    long renewedAt;
    long heardAt;
    long lastSaid;
    long lastHeard;

    /** Messages of one client arrive in the order sent. */
    void says(Runnable arrives) {
      lastSaid = Math.max(now + messageNanos(), lastSaid + 1);
      later(lastSaid - now, arrives);
    }

    void hears(Runnable arrives) {
      lastHeard = Math.max(now + messageNanos(), lastHeard + 1);
      later(lastHeard - now, arrives);
    }

    void open() {
      renewedAt = now;
      heardAt = now;
      events.add(new HistoryEvent.SessionRenewed(now, name));
      later(LEASE.toNanos() / 3, this::renew);
      later(LEASE.toNanos(), this::watchedByStore);
      later(LEASE.toNanos() - MARGIN, this::watchedByItself);
      later(upTo(30 * MS), this::ask);
      if (oneIn(2)) {
        later(upTo(8000 * MS), this::end);
      }
    }

    void renew() {
      if (gone || cutOff) {
        return;
      }
      long sent = now;
      says(
          () -> {
            if (!storeGaveUp) {
              heardAt = now;
              if (!cutOff) {
                events.add(new HistoryEvent.SessionRenewed(sent, name));
                renewedAt = sent;
              }
            }
          });
      later(LEASE.toNanos() / 3, this::renew);
    }

    void watchedByStore() {
      long left = heardAt + LEASE.toNanos() - now;
      if (left > 0) {
        later(left, this::watchedByStore);
      } else if (!storeGaveUp) {
        storeGaveUp = true;
        events.add(new HistoryEvent.SessionExpired(now, name));
        if (cutOff) {
          events.add(new HistoryEvent.FaultEnded(now, "cut off " + name));
        }
        store.line.removeIf(request -> request.client == this);
        store.grant();
      }
    }

    void watchedByItself() {
      long left = renewedAt + LEASE.toNanos() - MARGIN - now;
      if (gone) {
        return;
      }
      if (left > 0) {
        later(left, this::watchedByItself);
        return;
      }
      for (Request request : List.copyOf(open.values())) {
        if (request.heldByClient && !request.leaving) {
          lost(request, LossReason.EXPIRED);
        } else {
          request.done = true;
          events.add(new HistoryEvent.Unknown(now, request.id));
        }
      }
      comeBack();
    }

    void end() {
      if (gone || now > end) {
        return;
      }
      switch (random.nextInt(cutsOff ? 3 : 2)) {
        case 0 -> close();
        case 1 -> {
          events.add(new HistoryEvent.ClientDied(now, name));
          comeBack();
        }
        default -> {
          cutOff = true;
          events.add(new HistoryEvent.FaultBegan(now, "cut off " + name));
        }
      }
    }

    void close() {
      events.add(new HistoryEvent.ClientClosing(now, name));
      for (Request request : List.copyOf(open.values())) {
        if (request.heldByClient && !request.leaving) {
          lost(request, LossReason.SESSION_ENDED);
        } else if (!request.heldByClient) {
          request.done = true;
          events.add(new HistoryEvent.GaveUp(now, request.id, Why.CLIENT_CLOSED));
        }
      }
      says(
          () -> {
            storeGaveUp = true;
            store.line.removeIf(request -> request.client == this);
            store.grant();
            hears(() -> events.add(new HistoryEvent.ClientClosed(now, name)));
          });
      comeBack();
    }

    void comeBack() {
      gone = true;
      if (now < end) {
        later(upTo(100 * MS), () -> new Client().open());
      }
    }

    void ask() {
      if (gone) {
        return;
      }
      if (now > end) {
        if (open.isEmpty()) {
          close();
        } else {
          later(20 * MS, this::ask);
        }
        return;
      }
      Duration maxWait =
          oneIn(4)
              ? Duration.ZERO
              : oneIn(2) ? Duration.ofMillis(1 + random.nextInt(60)) : Duration.ofDays(365);
      Optional<Duration> maxHold =
          oneIn(8) ? Optional.of(Duration.ofMillis(200)) : Optional.empty();
      Request request = new Request(this, ++lastRequest, targets(), maxHold);
      open.put(request.id, request);
      events.add(new HistoryEvent.Asked(now, request.id, name, request.targets, maxWait, maxHold));
      orUnknown(request, maxWait.toNanos());
      if (!cutOff) {
        says(() -> arrive(request, maxWait));
      }
      if (oneIn(10) && !maxWait.isZero()) {
        later(upTo(60 * MS), () -> cancel(request));
      }
      later(upTo(60 * MS), this::ask);
    }

    private void arrive(Request request, Duration maxWait) {
      if (storeGaveUp) {
        return;
      }
      boolean free = store.line.stream().noneMatch(request::conflicts);
      if (maxWait.isZero() && !free) {
        answer(() -> gaveUp(request, Why.BUSY));
        return;
      }
      store.line.add(request);
      store.grant();
      if (!free) {
        answer(() -> queued(request));
        later(
            maxWait.toNanos(), // a year from now, if need be
            () -> {
              if (request.token == 0 && store.remove(request)) {
                answer(() -> gaveUp(request, Why.TIMED_OUT));
              }
            });
      }
    }

    private void answer(Runnable arrives) {
      hears(
          () -> {
            if (!cutOff && !gone) {
              arrives.run();
            }
          });
    }

    private void queued(Request request) {
      if (!request.done) {
        events.add(new HistoryEvent.Queued(now, request.id));
      }
    }

    void cancel(Request request) {
      if (gone || request.done || request.heldByClient) {
        return;
      }
      request.leaving = true;
      events.add(new HistoryEvent.Cancelling(now, request.id));
      orUnknown(request, 0);
      if (!cutOff) {
        says(
            () -> {
              store.remove(request);
              answer(() -> gaveUp(request, Why.CANCELLED));
            });
      }
    }

    /** A client that is cut off does not wait for an answer for ever. */
    private void orUnknown(Request request, long nanos) {
      later(
          nanos + 50 * MS,
          () -> {
            if (!gone && !request.done && (request.leaving || !request.heldByClient)) {
              finish(request);
              events.add(new HistoryEvent.Unknown(now, request.id));
            }
          });
    }

    private void gaveUp(Request request, Why why) {
      if (!request.done) {
        finish(request);
        events.add(new HistoryEvent.GaveUp(now, request.id, why));
      }
    }

    void granted(Request request) {
      if (gone || cutOff || request.done || request.leaving) {
        return;
      }
      request.heldByClient = true;
      events.add(new HistoryEvent.Acquired(now, request.id, request.token));
      request.maxHold.ifPresent(
          d -> later(d.toNanos() - 2 * LONGEST_MESSAGE, () -> lost(request, LossReason.EXPIRED)));
      later(upTo(5 * MS), () -> use(request));
      later(upTo(oneIn(20) ? 500 * MS : 20 * MS), () -> release(request));
    }

    private void use(Request request) {
      if (gone || request.done || request.leaving) {
        return;
      }
      events.add(new HistoryEvent.Used(now, request.id));
      if (request.targets.get(0).mode() == LockMode.EXCLUSIVE) {
        String resource = request.targets.get(0).key().toString();
        boolean accepted = request.token >= highestWrite.getOrDefault(resource, 0L);
        if (accepted) {
          highestWrite.put(resource, request.token);
        }
        events.add(new HistoryEvent.Wrote(now, request.id, resource, request.token, accepted));
      }
      later(1 + upTo(5 * MS), () -> use(request));
    }

    void release(Request request) {
      if (gone || request.done) {
        return;
      }
      request.leaving = true;
      events.add(new HistoryEvent.Releasing(now, request.id));
      orUnknown(request, 0);
      if (!cutOff) {
        says(
            () -> {
              store.remove(request);
              answer(
                  () -> {
                    if (!request.done) {
                      finish(request);
                      events.add(new HistoryEvent.Released(now, request.id));
                    }
                  });
            });
      }
    }

    void lost(Request request, LossReason reason) {
      if (gone
          || (cutOff && reason == LossReason.REVOKED)
          || request.done
          || request.leaving
          || !request.heldByClient) {
        return;
      }
      finish(request);
      events.add(new HistoryEvent.Lost(now, request.id, reason));
    }

    private void finish(Request request) {
      request.done = true;
      open.remove(request.id);
    }
  }
}
