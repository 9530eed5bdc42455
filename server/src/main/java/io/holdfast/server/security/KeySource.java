package io.holdfast.server.security;

import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys that tokens are signed with, kept fresh behind the calls: none waits for a key that is known.
 *
 * <p>A key that is not known may be new, so it has the keys loaded again, once for all who ask meanwhile, and not within
 * {@link #COOL_DOWN} of the last time: strangers cannot make this server flood another. What was loaded last goes on being
 * used while loading fails, for at most {@link #OUTAGE}. Thread-safe.
 */
final class KeySource implements AutoCloseable {
  static final Duration COOL_DOWN = Duration.ofSeconds(10);
  static final Duration OUTAGE = Duration.ofHours(4);

  /** After a failure. */
  private static final Duration RETRY = Duration.ofSeconds(30);

  /** Calls that wait for keys at a time; more are told at once that their key is unknown. */
  static final int MAX_WAITING = 1_000;

  private static final Logger LOG = LoggerFactory.getLogger(KeySource.class);

  private final KeyLoader loader;
  private final Ticker ticker;
  private final Repeater repeater;

  private final ReentrantLock mutex = new ReentrantLock();
  // Guarded by the mutex.
  private final List<Runnable> waiting = new ArrayList<>();
  private boolean loading;
  private long loadBeganNanos;

  private volatile Loaded loaded;

  private record Loaded(Map<String, PinnedKey> keys, long atNanos) {}

  /** What is known of a key's name. */
  sealed interface Answer {
    record Known(PinnedKey key) implements Answer {}

    record Unknown() implements Answer {}

    /** Nothing is known of any key, for too long. */
    record Outage() implements Answer {}
  }

  /**
   * Loads the keys.
   *
   * @throws ConfigurationException if they cannot be loaded
   */
  KeySource(KeyLoader loader, Ticker ticker) {
    this.loader = loader;
    this.ticker = ticker;
    this.loadBeganNanos = ticker.nanos();
    try {
      this.loaded = new Loaded(read(), ticker.nanos());
    } catch (IOException | PinnedKey.InvalidKeysException e) {
      throw new ConfigurationException(
          "auth keys cannot be loaded from " + loader.where() + ": " + line(e), e);
    }
    if (loader instanceof KeyLoader.FromFile file
        && loaded.keys().values().stream().anyMatch(PinnedKey::isSecret)) {
      PemFiles.refuseReadableByAll(file.path());
    }
    this.repeater = new Repeater(ticker, "holdfast-auth-keys", this::load);
    repeater.start(loader.period());
  }

  /** What is known now. */
  Answer current(String name) {
    Loaded now = loaded;
    if (ticker.nanos() - now.atNanos() > OUTAGE.toNanos()) {
      return new Answer.Outage();
    }
    PinnedKey key = now.keys().get(name);
    return key == null ? new Answer.Unknown() : new Answer.Known(key);
  }

  /** How long ago the keys were loaded that are used. */
  Duration age() {
    return Duration.ofNanos(ticker.nanos() - loaded.atNanos());
  }

  /** What is known, after having looked again if need be. Completes at once, or on the thread that loads. */
  CompletionStage<Answer> find(String name) {
    Answer now = current(name);
    if (now instanceof Answer.Known) {
      return CompletableFuture.completedFuture(now);
    }
    CompletableFuture<Answer> later = new CompletableFuture<>();
    boolean begin = false;
    mutex.lock();
    try {
      if (!loading) {
        if (ticker.nanos() - loadBeganNanos < COOL_DOWN.toNanos()) {
          return CompletableFuture.completedFuture(current(name));
        }
        begin();
        begin = true;
      } else if (waiting.size() == MAX_WAITING) {
        return CompletableFuture.completedFuture(now);
      }
      waiting.add(() -> later.complete(current(name)));
    } finally {
      mutex.unlock();
    }
    if (begin) {
      repeater.now();
    }
    return later;
  }

  private void begin() {
    assert mutex.isHeldByCurrentThread();
    loading = true;
    loadBeganNanos = ticker.nanos();
  }

  /** Tells when to load the next time. */
  private Duration load() {
    mutex.lock();
    try {
      begin();
    } finally {
      mutex.unlock();
    }
    Duration next = loader.period();
    long beganNanos = ticker.nanos();
    try {
      Map<String, PinnedKey> keys = read();
      // Counted from before they were asked for: so old they may be.
      loaded = new Loaded(keys, beganNanos);
    } catch (IOException | PinnedKey.InvalidKeysException | RuntimeException e) {
      LOG.warn(
          "Auth keys cannot be loaded from {}, those of before are used on: {}",
          loader.where(),
          line(e));
      next = RETRY;
    }
    List<Runnable> told;
    mutex.lock();
    try {
      loading = false;
      told = new ArrayList<>(waiting);
      waiting.clear();
    } finally {
      mutex.unlock();
    }
    told.forEach(Runnable::run);
    return next;
  }

  private Map<String, PinnedKey> read() throws IOException, PinnedKey.InvalidKeysException {
    return PinnedKey.parse(loader.load(), loader.secret());
  }

  private static String line(Exception e) {
    @Nullable String message = e.getMessage();
    String line = message == null ? e.getClass().getSimpleName() : message;
    return e instanceof IOException ? e.getClass().getSimpleName() + ": " + line : line;
  }

  @Override
  public void close() {
    repeater.close();
    List<Runnable> told;
    mutex.lock();
    try {
      told = new ArrayList<>(waiting);
      waiting.clear();
    } finally {
      mutex.unlock();
    }
    told.forEach(Runnable::run);
  }
}
