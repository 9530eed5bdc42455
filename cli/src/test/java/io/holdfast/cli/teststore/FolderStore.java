package io.holdfast.cli.teststore;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.HoldData;
import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LockRefusedException;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** One lock, token 7, whose fate is in the files of a folder. */
final class FolderStore implements LockStore {
  /** If this file is there, the store is not. */
  static final String UNREACHABLE = "unreachable";

  /** Somebody else has the lock. */
  private static final String BUSY = "busy";

  /** A lock that is held, to be listed. */
  private static final String HELD = "held";

  /** The store says no. */
  private static final String REFUSES = "refuses";

  /** There are no tokens. */
  private static final String UNFENCED = "unfenced";

  /** Nothing renews the lease any more; without it, it is renewed with every look. */
  private static final String SILENT = "silent";

  /** Nobody can tell any more until when the lock is held. */
  private static final String BREAKS = "breaks";

  /** The lock is lost, for the reason that is written in it. */
  private static final String LOSE = "lose";

  /** Written by the command: processes that must not run any more when the lease ends. */
  private static final String PIDS = "pids";

  /** What was done: a word a line. */
  private static final String LOG = "log";

  private static final long LOOK_EVERY_NANOS = Duration.ofMillis(20).toNanos();

  private final Path folder;
  private final Ticker ticker;

  FolderStore(Path folder, ClientOptions options) {
    this.folder = folder;
    this.ticker = options.ticker();
  }

  @Override
  public String name() {
    return "test";
  }

  @Override
  public Set<Capability> capabilities() {
    EnumSet<Capability> all =
        EnumSet.of(
            Capability.DATA,
            Capability.FENCING,
            Capability.LIST,
            Capability.DESCRIBE,
            Capability.LEASES);
    if (says(UNFENCED)) {
      all.remove(Capability.FENCING);
    }
    return all;
  }

  @Override
  public CompletableFuture<AcquireOutcome> acquire(AcquireRequest request) {
    CompletableFuture<AcquireOutcome> answer = new CompletableFuture<>();
    log("asked");
    if (says(REFUSES)) {
      answer.completeExceptionally(new LockRefusedException("PERMISSION", "not for you"));
    } else if (says(BUSY)) {
      ticker.schedule(
          ticker.nanos() + request.maxWaitNanos(),
          () -> answer.complete(new AcquireOutcome.Busy(List.of(holder(request.targets())), "")));
      answer.whenComplete((outcome, failure) -> log(answer.isCancelled() ? "left" : "busy"));
    } else {
      log("granted " + request.targets() + " " + request.options().data().text());
      answer.complete(
          new AcquireOutcome.Granted(new FileLease(request.options().leaseDuration().toNanos())));
    }
    return answer;
  }

  @Override
  public LockDescription describe(LockKey key) {
    requireReachable();
    return new LockDescription(key, List.of(), List.of(), true);
  }

  @Override
  public LockList list(String prefix) {
    requireReachable();
    log("listed");
    if (!says(HELD)) {
      return new LockList(List.of(), true);
    }
    LockDescription one =
        new LockDescription(new LockKey.Name(HELD), List.of(holder(List.of())), List.of(), true);
    return new LockList(List.of(one), true);
  }

  @Override
  public LockList listTree(String tree) {
    throw new AssertionError();
  }

  @Override
  public boolean forceRelease(LockKey key, long token) {
    throw new AssertionError();
  }

  @Override
  public void close() {
    log("closed");
  }

  private static Holder holder(List<LockTarget> targets) {
    return new Holder(
        "other", targets, OptionalLong.of(6), Instant.EPOCH, Optional.empty(), HoldData.empty());
  }

  private void requireReachable() {
    if (says(UNREACHABLE)) {
      throw new StoreUnavailableException("nobody listens", new ConnectException());
    }
  }

  private Stream<Long> pids() {
    try {
      return Files.readAllLines(folder.resolve(PIDS)).stream().map(Long::valueOf);
    } catch (IOException e) {
      return Stream.of();
    }
  }

  private boolean says(String file) {
    return Files.exists(folder.resolve(file));
  }

  private void log(String what) {
    try {
      Files.writeString(
          folder.resolve(LOG), what + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private final class FileLease implements Lease {
    private final CompletableFuture<LossReason> lost = new CompletableFuture<>();
    private final long leaseNanos;
    private volatile long deadlineNanos;
    private volatile boolean released;
    private boolean silent;

    FileLease(long leaseNanos) {
      this.leaseNanos = leaseNanos;
      this.deadlineNanos = ticker.holderNanos() + leaseNanos;
      look();
    }

    private void look() {
      if (released || lost.isDone()) {
        return;
      }
      if (says(LOSE)) {
        log("lost");
        lost.complete(reason());
      } else if (!says(SILENT)) {
        if (silent) {
          log("renewed");
          silent = false;
        }
        deadlineNanos = ticker.holderNanos() + leaseNanos;
      } else if (deadlineNanos - ticker.holderNanos() > 0) {
        silent = true;
      } else {
        log(pids().anyMatch(ProcessStates::isAlive) ? "expired too early" : "expired");
        lost.complete(LossReason.EXPIRED);
      }
      ticker.schedule(ticker.nanos() + LOOK_EVERY_NANOS, this::look);
    }

    private LossReason reason() {
      try {
        return LossReason.valueOf(Files.readString(folder.resolve(LOSE)).strip());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public long token() {
      if (says(UNFENCED)) {
        throw new UnsupportedOperationException("no tokens");
      }
      return 7;
    }

    @Override
    public long deadlineNanos() {
      if (says(BREAKS)) {
        throw new IllegalStateException(BREAKS);
      }
      return deadlineNanos;
    }

    @Override
    public Optional<LossReason> lost() {
      return Optional.ofNullable(lost.getNow(null));
    }

    @Override
    public CompletableFuture<Void> release() {
      released = true;
      log("released");
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void whenLost(Consumer<LossReason> listener) {
      lost.thenAccept(listener);
    }
  }
}
