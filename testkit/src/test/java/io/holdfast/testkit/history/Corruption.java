package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.testkit.history.HistoryEvent.Acquired;
import io.holdfast.testkit.history.HistoryEvent.Asked;
import io.holdfast.testkit.history.HistoryEvent.GaveUp;
import io.holdfast.testkit.history.HistoryEvent.Lost;
import io.holdfast.testkit.history.HistoryEvent.Queued;
import io.holdfast.testkit.history.HistoryEvent.Released;
import io.holdfast.testkit.history.HistoryEvent.Releasing;
import io.holdfast.testkit.history.HistoryEvent.Revoked;
import io.holdfast.testkit.history.HistoryEvent.SessionExpired;
import io.holdfast.testkit.history.HistoryEvent.SessionRenewed;
import io.holdfast.testkit.history.HistoryEvent.Used;
import io.holdfast.testkit.history.HistoryEvent.Why;
import io.holdfast.testkit.history.HistoryEvent.Wrote;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Ways to spoil a legal history, each with the properties of which at least one must be found broken. */
enum Corruption {
  SWAPPED_TOKENS("P1") {
    @Override
    void spoil(Draft draft) {
      Pair pair = draft.anyPair(p -> p.released() && p.secondAsked.atNanos() > p.first.atNanos());
      draft.replace(
          pair.first,
          new Acquired(pair.first.atNanos(), pair.first.request(), pair.second.token()));
      draft.replace(
          pair.second,
          new Acquired(pair.second.atNanos(), pair.second.request(), pair.first.token()));
    }
  },
  A_TOKEN_TWICE("P1") {
    @Override
    void spoil(Draft draft) {
      Pair pair = draft.anyPair(Pair::sameKey);
      draft.replace(
          pair.second,
          new Acquired(pair.second.atNanos(), pair.second.request(), pair.first.token()));
    }
  },
  GRANTED_BEFORE_THE_RELEASE("P2", "P3", "P7", "P8") {
    @Override
    void spoil(Draft draft) {
      Pair pair =
          draft.anyPair(
              p -> p.released() && !p.revoked && p.secondAsked.atNanos() < p.releasing.atNanos());
      draft.replace(
          pair.second,
          new Acquired(pair.releasing.atNanos() - 1, pair.second.request(), pair.second.token()));
    }
  },
  NEVER_RELEASED("P2", "P7", "P8") {
    @Override
    void spoil(Draft draft) {
      // Soon enough that the lease is no excuse.
      Pair pair =
          draft.anyPair(
              p ->
                  p.released()
                      && !p.revoked
                      && p.second.atNanos() - p.firstAsked.atNanos() < 1_000_000_000);
      draft.removeAll(
          e ->
              (e instanceof Releasing || e instanceof Released)
                  && request(e) == pair.first.request());
    }
  },
  USED_AFTER_THE_NEXT_CAME("P3") {
    @Override
    void spoil(Draft draft) {
      Pair pair = draft.anyPair(p -> p.released() && !p.revoked);
      draft.removeAll(e -> e instanceof Released && request(e) == pair.first.request());
      draft.add(new Used(pair.second.atNanos() + 1, pair.first.request()));
      draft.add(new Lost(pair.second.atNanos() + 2, pair.first.request(), LossReason.EXPIRED));
    }
  },
  USED_AFTER_THE_RELEASE("P3") {
    @Override
    void spoil(Draft draft) {
      Released released = draft.any(Released.class, e -> true);
      draft.add(new Used(released.atNanos() + 1, released.request()));
    }
  },
  A_STALE_WRITE_TAKEN("P4") {
    @Override
    void spoil(Draft draft) {
      Wrote newer = draft.any(Wrote.class, e -> e.accepted() && draft.olderWrite(e) != null);
      Wrote older = draft.olderWrite(newer);
      draft.add(
          new Wrote(newer.atNanos() + 1, older.request(), older.resource(), older.token(), true));
    }
  },
  A_GOOD_WRITE_REFUSED("P4") {
    @Override
    void spoil(Draft draft) {
      Wrote wrote = draft.any(Wrote.class, Wrote::accepted);
      draft.replace(
          wrote,
          new Wrote(wrote.atNanos(), wrote.request(), wrote.resource(), wrote.token(), false));
    }
  },
  OVERTAKEN("P5", "P7") {
    @Override
    void spoil(Draft draft) {
      // Somebody new asks for the same after another stood in line for a while, and has it before.
      Acquired victim =
          draft.any(
              Acquired.class, a -> draft.waitedNanos(a) > 10_000 && draft.isExclusive(a.request()));
      Asked asked = draft.asked(victim.request());
      long at = victim.atNanos();
      draft.add(
          new Asked(
              at - 4, 999_999, asked.client(), asked.targets(), asked.maxWait(), Optional.empty()));
      draft.add(new Acquired(at - 3, 999_999, victim.token()));
      draft.add(new Releasing(at - 2, 999_999));
      draft.add(new Released(at - 1, 999_999));
    }
  },
  WITHHELD("P6") {
    @Override
    void spoil(Draft draft) {
      List<LockTarget> nobodyElses =
          List.of(new LockTarget(new LockKey.Name("other"), LockMode.EXCLUSIVE));
      Asked some =
          draft.any(
              Asked.class, e -> e.atNanos() < draft.end() - 3_000_000_000L && draft.livesOn(e));
      draft.add(
          new Asked(
              some.atNanos(),
              999_999,
              some.client(),
              nobodyElses,
              Duration.ofDays(1),
              Optional.empty()));
    }
  },
  A_WAKE_UP_LOST("P6", "P8") {
    @Override
    void spoil(Draft draft) {
      // It waits on when all others have gone home, and would for a year.
      Acquired woken =
          draft.any(
              Acquired.class,
              a ->
                  draft.waitedNanos(a) > 0
                      && draft.asked(a.request()).maxWait().toDays() > 0
                      && draft.asked(a.request()).maxHold().isEmpty()
                      && draft.revokedKey(a.request()) == null);
      String client = draft.asked(woken.request()).client();
      draft.removeAll(
          e ->
              e instanceof HistoryEvent.OfRequest r
                  && r.request() == woken.request()
                  && !(e instanceof Asked || e instanceof Queued));
      draft.removeAll(
          e ->
              e instanceof HistoryEvent.OfClient c
                  && c.client().equals(client)
                  && !(e instanceof Asked || e instanceof SessionRenewed));
      draft.keepAwake();
    }
  },
  TWO_GRANTS_FOR_ONE_REQUEST("P9") {
    @Override
    void spoil(Draft draft) {
      Acquired acquired = draft.any(Acquired.class, e -> true);
      draft.add(
          new Acquired(acquired.atNanos() + 1, acquired.request(), acquired.token() + 1_000_000));
    }
  },
  GRANTED_AND_TIMED_OUT("P10") {
    @Override
    void spoil(Draft draft) {
      Acquired acquired = draft.any(Acquired.class, e -> true);
      draft.add(new GaveUp(acquired.atNanos() + 1, acquired.request(), Why.TIMED_OUT));
    }
  },
  LOST_AND_RELEASED("P10") {
    @Override
    void spoil(Draft draft) {
      Lost lost = draft.any(Lost.class, e -> draft.find(Releasing.class, e.request()) == null);
      draft.add(new Releasing(lost.atNanos() - 1, lost.request()));
      draft.add(new Released(lost.atNanos() + 1, lost.request()));
    }
  },
  RELEASED_TWICE("P10") {
    @Override
    void spoil(Draft draft) {
      Released released = draft.any(Released.class, e -> true);
      draft.add(new Released(released.atNanos() + 1, released.request()));
    }
  },
  BUSY_THOUGH_IT_WOULD_WAIT("P10") {
    @Override
    void spoil(Draft draft) {
      draft.endOtherwise(Why.TIMED_OUT, e -> true, Why.BUSY);
    }
  },
  CANCELLED_BY_NOBODY("P10") {
    @Override
    void spoil(Draft draft) {
      draft.endOtherwise(
          Why.TIMED_OUT,
          e -> draft.find(HistoryEvent.Cancelling.class, e.request()) == null,
          Why.CANCELLED);
    }
  },
  CLOSED_BY_NOBODY("P10") {
    @Override
    void spoil(Draft draft) {
      draft.endOtherwise(
          Why.CANCELLED, e -> draft.livesOn(draft.asked(e.request())), Why.CLIENT_CLOSED);
    }
  },
  REFUSED_FOR_NOTHING("P10") {
    @Override
    void spoil(Draft draft) {
      draft.endOtherwise(Why.BUSY, e -> draft.asked(e.request()).maxHold().isEmpty(), Why.REFUSED);
    }
  },
  A_TRY_IN_LINE("P10") {
    @Override
    void spoil(Draft draft) {
      GaveUp busy = draft.any(GaveUp.class, e -> e.why() == Why.BUSY);
      draft.add(new Queued(busy.atNanos() - 1, busy.request()));
    }
  },
  GRANTED_TO_A_CLOSED_CLIENT("P11") {
    @Override
    void spoil(Draft draft) {
      HistoryEvent.ClientClosed closed = draft.any(HistoryEvent.ClientClosed.class, e -> true);
      List<LockTarget> nobodyElses =
          List.of(new LockTarget(new LockKey.Name("other"), LockMode.EXCLUSIVE));
      draft.add(
          new Asked(
              closed.atNanos() - 1,
              999_999,
              closed.client(),
              nobodyElses,
              Duration.ZERO,
              Optional.empty()));
      draft.add(new Acquired(closed.atNanos() + 1, 999_999, 1_000_000));
    }
  },
  REVOKED_AND_NOT_TOLD("P12") {
    @Override
    void spoil(Draft draft) {
      Lost lost =
          draft.any(
              Lost.class,
              e -> e.reason() == LossReason.REVOKED && draft.livesOn(draft.asked(e.request())));
      draft.removeAll(e -> e instanceof Lost && request(e) == lost.request());
      draft.removeAll(e -> e instanceof Revoked r && r.token() == draft.tokenOf(lost.request()));
      Asked asked = draft.asked(lost.request());
      draft.add(
          new Revoked(
              lost.atNanos(), draft.revokedKey(lost.request()), draft.tokenOf(asked.request())));
    }
  },
  LOST_WITHOUT_A_CAUSE("P12") {
    @Override
    void spoil(Draft draft) {
      Releasing releasing = draft.any(Releasing.class, e -> draft.revokedKey(e.request()) == null);
      draft.add(new Lost(releasing.atNanos() - 1, releasing.request(), LossReason.REVOKED));
    }
  },
  ANSWERED_TOO_LATE("P14") {
    @Override
    void spoil(Draft draft) {
      GaveUp busy =
          draft.any(
              GaveUp.class,
              e ->
                  e.why() == Why.BUSY
                      && e.atNanos() < draft.end() - 3_000_000_000L
                      && draft.livesOn(draft.asked(e.request())));
      draft.replace(busy, new GaveUp(busy.atNanos() + 2_000_000_000, busy.request(), Why.BUSY));
    }
  },
  IMPATIENT("P14") {
    @Override
    void spoil(Draft draft) {
      GaveUp timedOut =
          draft.any(
              GaveUp.class,
              e -> e.why() == Why.TIMED_OUT && draft.asked(e.request()).maxWait().toMillis() > 5);
      draft.replace(
          timedOut,
          new GaveUp(
              draft.asked(timedOut.request()).atNanos() + 1_000_000,
              timedOut.request(),
              Why.TIMED_OUT));
    }
  },
  BUSY_FOR_NOBODY("P16") {
    @Override
    void spoil(Draft draft) {
      Asked some = draft.any(Asked.class, e -> true);
      List<LockTarget> nobodyElses =
          List.of(new LockTarget(new LockKey.Name("other"), LockMode.SHARED));
      draft.add(
          new Asked(
              some.atNanos(),
              999_999,
              some.client(),
              nobodyElses,
              Duration.ZERO,
              Optional.empty()));
      draft.add(new GaveUp(some.atNanos() + 1, 999_999, Why.BUSY));
    }
  },
  GIVEN_UP_TOO_EARLY("P2") {
    @Override
    void spoil(Draft draft) {
      SessionExpired expired = draft.any(SessionExpired.class, e -> true);
      draft.add(
          new SessionRenewed(
              expired.atNanos() - LegalHistory.LEASE.toNanos() / 2, expired.client()));
    }
  };

  private final String properties;

  Corruption(String... properties) {
    this.properties = String.join(" ", properties);
  }

  abstract void spoil(Draft draft);

  Set<String> properties() {
    return Set.of(properties.split(" ", -1));
  }

  History of(History legal, long seed) {
    Draft draft = new Draft(legal, seed);
    spoil(draft);
    return History.of(draft.events);
  }

  private static long request(HistoryEvent event) {
    return ((HistoryEvent.OfRequest) event).request();
  }

  /** Two conflicting grants, one right after the other in the order of tokens. */
  private static final class Pair {
    final Acquired first;
    final Acquired second;
    final Asked firstAsked;
    final Asked secondAsked;
    final Releasing releasing;
    final boolean revoked;

    Pair(Acquired first, Acquired second, Draft draft) {
      this.first = first;
      this.second = second;
      this.firstAsked = draft.asked(first.request());
      this.secondAsked = draft.asked(second.request());
      this.releasing = draft.find(Releasing.class, first.request());
      this.revoked = draft.revokedKey(first.request()) != null;
    }

    boolean released() {
      return releasing != null
          && releasing.atNanos() < second.atNanos()
          && firstAsked.maxHold().isEmpty();
    }

    boolean sameKey() {
      return firstAsked.targets().stream()
          .anyMatch(a -> secondAsked.targets().stream().anyMatch(b -> a.key().equals(b.key())));
    }

    boolean conflicts() {
      return firstAsked.targets().stream()
          .anyMatch(a -> secondAsked.targets().stream().anyMatch(b -> KeyIndex.conflict(a, b)));
    }
  }

  /** A history under the knife. */
  static final class Draft {
    private final List<HistoryEvent> events;
    private final Random random;
    private final Map<Long, List<HistoryEvent>> byRequest = new HashMap<>();
    private final Map<String, Long> clientEnds = new HashMap<>();

    Draft(History history, long seed) {
      this.events = new ArrayList<>(history.events());
      this.random = new Random(seed);
      for (HistoryEvent event : events) {
        if (event instanceof HistoryEvent.ClientClosing
            || event instanceof HistoryEvent.ClientDied
            || event instanceof SessionExpired) {
          clientEnds.putIfAbsent(((HistoryEvent.OfClient) event).client(), event.atNanos());
        }
        if (event instanceof HistoryEvent.OfRequest ofRequest) {
          byRequest.computeIfAbsent(ofRequest.request(), r -> new ArrayList<>()).add(event);
        }
      }
    }

    long end() {
      return events.get(events.size() - 1).atNanos();
    }

    void add(HistoryEvent event) {
      events.add(event);
    }

    void replace(HistoryEvent old, HistoryEvent by) {
      events.set(events.indexOf(old), by);
    }

    /** Somebody is told another end than it came to. */
    void endOtherwise(Why was, Predicate<GaveUp> which, Why told) {
      GaveUp end = any(GaveUp.class, e -> e.why() == was && which.test(e));
      replace(end, new GaveUp(end.atNanos(), end.request(), told));
    }

    void removeAll(Predicate<HistoryEvent> which) {
      events.removeIf(which);
    }

    /** The history goes on for a while, so that it shows what does not happen. */
    void keepAwake() {
      events.add(new HistoryEvent.Happened(end() + 5_000_000_000L, "end"));
    }

    /** The first from a random place on. */
    <T extends HistoryEvent> T any(Class<T> kind, Predicate<T> which) {
      List<T> all = events.stream().filter(kind::isInstance).map(kind::cast).toList();
      int start = random.nextInt(all.size());
      return Stream.concat(all.stream().skip(start), all.stream().limit(start))
          .filter(which)
          .findFirst()
          .orElseThrow();
    }

    <T extends HistoryEvent> T find(Class<T> kind, long request) {
      return byRequest.get(request).stream()
          .filter(kind::isInstance)
          .map(kind::cast)
          .findFirst()
          .orElse(null);
    }

    Asked asked(long request) {
      return find(Asked.class, request);
    }

    long tokenOf(long request) {
      return find(Acquired.class, request).token();
    }

    LockKey revokedKey(long request) {
      Acquired acquired = find(Acquired.class, request);
      return events.stream()
          .filter(
              e ->
                  e instanceof HistoryEvent.Revoking r
                      && acquired != null
                      && r.token() == acquired.token())
          .map(e -> ((HistoryEvent.Revoking) e).key())
          .findFirst()
          .orElse(null);
    }

    Wrote olderWrite(Wrote than) {
      return events.stream()
          .filter(Wrote.class::isInstance)
          .map(Wrote.class::cast)
          .filter(e -> e.resource().equals(than.resource()) && e.token() < than.token())
          .findFirst()
          .orElse(null);
    }

    boolean isExclusive(long request) {
      return asked(request).targets().stream().anyMatch(t -> t.mode() == LockMode.EXCLUSIVE);
    }

    long waitedNanos(Acquired acquired) {
      Queued queued = find(Queued.class, acquired.request());
      return queued == null ? 0 : acquired.atNanos() - queued.atNanos();
    }

    /** Whether its client is still there three seconds later. */
    boolean livesOn(Asked asked) {
      long ends = clientEnds.getOrDefault(asked.client(), Long.MAX_VALUE);
      return ends >= asked.atNanos() + 3_000_000_000L;
    }

    Pair anyPair(Predicate<Pair> which) {
      List<Acquired> byToken =
          events.stream()
              .filter(Acquired.class::isInstance)
              .map(Acquired.class::cast)
              .sorted((a, b) -> Long.compare(a.token(), b.token()))
              .toList();
      int start = random.nextInt(byToken.size());
      for (int i = 0; i < byToken.size(); i++) {
        Acquired first = byToken.get((start + i) % byToken.size());
        for (int j = (start + i) % byToken.size() + 1; j < byToken.size(); j++) {
          Pair pair = new Pair(first, byToken.get(j), this);
          if (pair.conflicts()) {
            if (which.test(pair)) {
              return pair;
            }
            break;
          }
        }
      }
      throw new IllegalStateException("no such pair");
    }
  }
}
