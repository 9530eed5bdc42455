package io.holdfast.testkit.lease;

import io.holdfast.Capability;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * A store of lock records that is nothing but a map: the least that a store must do, to read before writing one and to test
 * with. It answers at once, in the thread that asks. Thread-safe; all clients may share it.
 */
public final class MapLeaseStore implements LeaseStore {
  private final String place;
  private final Supplier<Instant> clock;
  private final boolean renewsByGrant;
  private final ReentrantLock mutex = new ReentrantLock();
  private final Map<String, LeaseRecord> records = new TreeMap<>(); // guarded by the mutex
  private long writes;

  /**
   * An empty one.
   *
   * @param clock shown as the time of grants
   */
  public MapLeaseStore(String place, Supplier<Instant> clock) {
    this(place, clock, false);
  }

  /**
   * The same, in one of two ways that stores have.
   *
   * @param renewsByGrant a renewal compares the grant, whatever the version is by now; else it compares the version
   */
  public MapLeaseStore(String place, Supplier<Instant> clock, boolean renewsByGrant) {
    this.place = place;
    this.clock = clock;
    this.renewsByGrant = renewsByGrant;
  }

  @Override
  public String name() {
    return "map";
  }

  @Override
  public String place() {
    return place;
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.of(
        Capability.ALL,
        Capability.DATA,
        Capability.LIST,
        Capability.FENCING,
        Capability.DURABLE_TOKENS);
  }

  @Override
  public CompletableFuture<TakeAnswer> take(Take take) {
    return atOnce(
        () -> {
          List<LeaseRecord> inTheWay = new ArrayList<>();
          long token = 0;
          for (Take.Wanted wanted : take.wanted()) {
            LeaseRecord found = find(wanted.name());
            token = Math.max(token, found.token());
            Optional<String> expired = wanted.expired().map(LeaseRecord::version);
            if (!found.isFree() && !expired.equals(Optional.of(found.version()))) {
              inTheWay.add(found);
            }
          }
          if (!inTheWay.isEmpty()) {
            return new TakeAnswer.InTheWay(inTheWay);
          }
          List<LeaseRecord> taken = new ArrayList<>();
          for (Take.Wanted wanted : take.wanted()) {
            taken.add(
                write(
                    new LeaseRecord(
                        wanted.name(),
                        nextVersion(),
                        take.grant(),
                        take.client(),
                        take.leaseDuration(),
                        token + 1,
                        clock.get(),
                        take.data())));
          }
          return new TakeAnswer.Taken(taken);
        });
  }

  @Override
  public CompletableFuture<LeaseRecord> read(String name) {
    return atOnce(() -> find(name));
  }

  @Override
  public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
    return atOnce(
        () -> {
          LeaseRecord found = find(mine.name());
          boolean isMine =
              renewsByGrant
                  ? found.grant().equals(mine.grant())
                  : found.version().equals(mine.version());
          return isMine
              ? new RenewAnswer.Renewed(write(renewed(found)))
              : new RenewAnswer.Changed(found);
        });
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
    return atOnce(
        () -> {
          LeaseRecord found = find(held.name());
          return found.grant().equals(held.grant())
              ? Optional.of(write(LeaseRecord.free(found.name(), nextVersion(), found.token())))
              : Optional.empty();
        });
  }

  @Override
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    return atOnce(
        () ->
            records.values().stream()
                .filter(record -> !record.isFree() && record.name().startsWith(prefix))
                .limit(most)
                .toList());
  }

  @Override
  public void close() {}

  /** The record as it is, for tests to look at. */
  public LeaseRecord recordOf(String name) {
    return read(name).join();
  }

  private LeaseRecord find(String name) {
    return records.getOrDefault(name, LeaseRecord.free(name, "", 0));
  }

  private LeaseRecord write(LeaseRecord record) {
    records.put(record.name(), record);
    return record;
  }

  private LeaseRecord renewed(LeaseRecord found) {
    return new LeaseRecord(
        found.name(),
        nextVersion(),
        found.grant(),
        found.client(),
        found.leaseDuration(),
        found.token(),
        found.since(),
        found.data());
  }

  private String nextVersion() {
    return Long.toString(++writes);
  }

  private <T> CompletableFuture<T> atOnce(Supplier<T> answer) {
    mutex.lock();
    try {
      return CompletableFuture.completedFuture(answer.get());
    } finally {
      mutex.unlock();
    }
  }
}
