package io.holdfast.core;

import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.spi.Ticker;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What the clients of this process share that lock in the same place of a store: the line of each name, and what is known
 * of its record.
 */
final class Place {
  /*
   * One mutex guards all decisions of all clients of a place. Under it things are decided and noted; what is to be said to
   * stores, futures and listeners is said after it is released, in the order in which it was noted. Alarms are set and
   * clocks are read under it. What an alarm or an answer brings is another decision.
   */

  /**
   * The records of so many names that nobody here holds or waits for are remembered: who asks again for one of these can tell
   * that its holder is dead. Those of the others are remembered, however many they are.
   */
  static final int MOST_SEEN = 10_000;

  /** So many grants that have ended are remembered, for a request that was late may bring one of them back. */
  static final int MOST_ENDED = 1_000;

  private static final ReentrantLock OPENING = new ReentrantLock();
  private static final Map<Address, Place> OPEN = new HashMap<>();

  final Ticker ticker;
  private final Address address;
  private final ReentrantLock mutex = new ReentrantLock();

  /** Guarded by {@link #OPENING}. */
  private int clients;

  // All guarded by the mutex.
  private List<Runnable> notices = new ArrayList<>();
  private final Map<String, Line> lines = new HashMap<>();
  private final Map<String, KeptLease> leases = new HashMap<>();
  private final Map<String, Seen> seen = bounded(MOST_SEEN);
  private final Map<String, Boolean> ended = bounded(MOST_ENDED);

  private Place(Address address) {
    this.address = address;
    this.ticker = address.ticker;
  }

  /** The place, for one more client. */
  static Place enter(String name, Ticker ticker) {
    Address address = new Address(name, ticker);
    OPENING.lock();
    try {
      Place place = OPEN.computeIfAbsent(address, Place::new);
      place.clients++;
      return place;
    } finally {
      OPENING.unlock();
    }
  }

  /** One client less; the last one takes what was known with it. */
  void exit() {
    OPENING.lock();
    try {
      if (--clients == 0) {
        OPEN.remove(address);
      }
    } finally {
      OPENING.unlock();
    }
  }

  /** Decides something, then says what came of it. */
  void within(Runnable decision) {
    List<Runnable> said = List.of();
    mutex.lock();
    try {
      decision.run();
    } finally {
      if (mutex.getHoldCount() == 1 && !notices.isEmpty()) {
        said = notices;
        notices = new ArrayList<>();
      }
      mutex.unlock();
      sayAll(said);
    }
  }

  /** Notes what is to be said once the mutex is released. */
  void notice(Runnable notice) {
    assert mutex.isHeldByCurrentThread();
    notices.add(notice);
  }

  /** Runs a decision at a reading of {@link Ticker#nanos}. */
  Ticker.Alarm at(long nanos, Runnable decision) {
    return ticker.schedule(nanos, () -> within(decision));
  }

  Line line(String name) {
    assert mutex.isHeldByCurrentThread();
    return lines.computeIfAbsent(name, it -> new Line(seen.remove(it)));
  }

  /** Lets go of a line that nobody needs; else has the first in it look again. */
  void stir(String name) {
    assert mutex.isHeldByCurrentThread();
    Line line = lines.get(name);
    if (line == null) {
      return;
    }
    LeaseRequest first = line.first();
    if (first != null) {
      first.proceed();
    } else if (line.isIdle()) {
      lines.remove(name);
      keep(name, line.seen);
    }
  }

  /** Whoever of this process holds the name and has not lost it; one whose time is over is told so now. */
  @Nullable KeptLease holder(String name) {
    Line line = lines.get(name);
    if (line == null || line.holder == null) {
      return null;
    }
    line.holder.endInTime();
    return line.holder;
  }

  @Nullable KeptLease lease(String grant) {
    return leases.get(grant);
  }

  void hold(KeptLease lease) {
    assert mutex.isHeldByCurrentThread();
    leases.put(lease.grant(), lease);
    for (String name : lease.names()) {
      Line line = line(name);
      KeptLease before = line.holder;
      line.holder = lease;
      if (before != null) {
        before.overtaken();
      }
    }
  }

  /** The lease is over, and whatever its release has come to: others may ask the store. */
  void letGo(KeptLease lease, Collection<String> names) {
    assert mutex.isHeldByCurrentThread();
    for (String name : names) {
      Line line = lines.get(name);
      if (line != null && line.holder == lease) {
        line.holder = null;
        stir(name);
      }
    }
  }

  /** Nobody believes in the grant any more. */
  void over(String grant) {
    assert mutex.isHeldByCurrentThread();
    leases.remove(grant);
  }

  /** Nor does anybody give it back any more: whoever meets it in a record may free that. */
  void ended(String grant) {
    assert mutex.isHeldByCurrentThread();
    ended.put(grant, true);
  }

  boolean hasEnded(String grant) {
    return ended.containsKey(grant);
  }

  /** Notes a record that the store has just told. */
  void see(LeaseRecord record) {
    assert mutex.isHeldByCurrentThread();
    Seen before = seen(record.name());
    long now = ticker.nanos();
    long since =
        before != null && before.record().version().equals(record.version())
            ? before.sinceNanos()
            : now;
    keep(record.name(), new Seen(record, since, now));
  }

  private void keep(String name, @Nullable Seen what) {
    Line line = lines.get(name);
    if (line != null) {
      line.seen = what;
    } else if (what != null) {
      seen.put(name, what);
    } else {
      seen.remove(name);
    }
  }

  void forget(String name) {
    assert mutex.isHeldByCurrentThread();
    keep(name, null);
  }

  @Nullable Seen seen(String name) {
    assert mutex.isHeldByCurrentThread();
    Line line = lines.get(name);
    return line == null ? seen.get(name) : line.seen;
  }

  /** Says all, even if saying one thing fails; what failed first is thrown then. */
  private static void sayAll(List<Runnable> said) {
    RuntimeException failure = null;
    for (Runnable notice : said) {
      try {
        notice.run();
      } catch (RuntimeException e) {
        failure = failure == null ? e : failure;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private static <V> Map<String, V> bounded(int most) {
    return new LinkedHashMap<>(16, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
        return size() > most;
      }
    };
  }

  /** Two tickers that are equal may yet run apart. */
  private record Address(String name, Ticker ticker) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Address address
          && name.equals(address.name)
          && ticker == address.ticker;
    }

    @Override
    public int hashCode() {
      return name.hashCode() * 31 + System.identityHashCode(ticker);
    }
  }
}
