package io.holdfast.cli.demo;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LossReason;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Sabotage: locks that are switched off. Whoever asks is granted at once, with a token that rises as it should, and holds
 * until it closes, is thrown out, or its {@code maxHold} is over. Everything looks like locks; only the files and the history can tell.
 */
final class UnlockedStore {
  private final AtomicLong lastToken = new AtomicLong();
  private final Map<Long, Grant> grants = new ConcurrentSkipListMap<>();

  LockClient client(ClientOptions options) {
    return LockClient.over(new Session(options.name(), options.ticker()), options);
  }

  private final class Session implements LockStore {
    private final String client;
    private final Ticker ticker;

    private Session(String client, Ticker ticker) {
      this.client = client;
      this.ticker = ticker;
    }

    @Override
    public String name() {
      return "unlocked";
    }

    @Override
    public Set<Capability> capabilities() {
      return EnumSet.allOf(Capability.class);
    }

    @Override
    public CompletableFuture<AcquireOutcome> acquire(AcquireRequest request) {
      Grant grant = new Grant(client, request);
      grants.put(grant.token, grant);
      Consumer<Duration> expireAfter =
          maxHold -> ticker.schedule(ticker.nanosIn(maxHold), () -> grant.end(LossReason.EXPIRED));
      request.options().maxHold().ifPresent(expireAfter);
      return CompletableFuture.completedFuture(new AcquireOutcome.Granted(grant));
    }

    @Override
    public LockDescription describe(LockKey key) {
      List<Holder> holders =
          grants.values().stream().filter(grant -> grant.isOn(key)).map(Grant::toHolder).toList();
      return new LockDescription(key, holders, List.of(), true);
    }

    @Override
    public LockList list(String prefix) {
      return list(key -> key instanceof LockKey.Name name && name.name().startsWith(prefix));
    }

    @Override
    public LockList listTree(String tree) {
      return list(key -> key instanceof LockKey.Node node && node.tree().equals(tree));
    }

    @Override
    public boolean forceRelease(LockKey key, long token) {
      Grant grant = grants.get(token);
      return grant != null && grant.isOn(key) && grant.end(LossReason.REVOKED);
    }

    @Override
    public void close() {
      grants.values().removeIf(grant -> grant.client.equals(client));
    }

    private LockList list(Predicate<LockKey> which) {
      Stream<LockKey> keys = grants.values().stream().flatMap(Grant::keys).filter(which).distinct();
      return new LockList(
          keys.sorted((a, b) -> a.toString().compareTo(b.toString())).map(this::describe).toList(),
          true);
    }
  }

  private final class Grant implements Lease {
    private final long token = lastToken.incrementAndGet();
    private final Instant since = Instant.now();
    private final String client;
    private final AcquireRequest request;
    private volatile @Nullable LossReason lost;
    private volatile @Nullable Consumer<LossReason> listener;

    private Grant(String client, AcquireRequest request) {
      this.client = client;
      this.request = request;
    }

    @Override
    public long token() {
      return token;
    }

    @Override
    public long deadlineNanos() {
      return NO_DEADLINE;
    }

    @Override
    public CompletableFuture<Void> release() {
      grants.remove(token);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public Optional<LossReason> lost() {
      return Optional.ofNullable(lost);
    }

    @Override
    public void whenLost(Consumer<LossReason> listener) {
      this.listener = listener;
      LossReason reason = lost;
      if (reason != null) {
        listener.accept(reason);
      }
    }

    private boolean end(LossReason reason) {
      if (!grants.remove(token, this)) {
        return false;
      }
      lost = reason;
      Consumer<LossReason> told = listener;
      if (told != null) {
        told.accept(reason);
      }
      return true;
    }

    private Stream<LockKey> keys() {
      return request.targets().stream().map(target -> target.key());
    }

    private boolean isOn(LockKey key) {
      return keys().anyMatch(key::equals);
    }

    private Holder toHolder() {
      return new Holder(
          client, request.targets(), token, since, Optional.empty(), request.options().data());
    }
  }
}
