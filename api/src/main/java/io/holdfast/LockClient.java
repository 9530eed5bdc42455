package io.holdfast;

import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Locks in one store, as one client of it. Make one for a process and share it; it is thread-safe.
 *
 * <pre>{@code
 * try (LockClient locks = LockClient.connect("in-process:");
 *     Hold hold = locks.lock("invoice/42").acquire(Duration.ofSeconds(5))) { // LockTimeoutException when busy
 *   invoices.save(invoice, hold.token()); // the table refuses an older token
 * }
 * }</pre>
 *
 * <p>Closing the client releases what it holds (those holds are lost, {@link LossReason#SESSION_ENDED}) and ends what waits.
 */
public final class LockClient implements AutoCloseable {
  /** A request has at most so many targets. */
  public static final int MAX_TARGETS = 100;

  /** A reason to take a lock away has at most so many bytes of UTF-8. */
  public static final int MAX_REASON_BYTES = 512;

  /** A list has at most so many locks. */
  public static final int MAX_LISTED = 10_000;

  /** A description has at most so many holders, and as many waiters. */
  public static final int MAX_DESCRIBED = 1_000;

  /**
   * A client without an executor of the user's runs its callbacks on at most so many threads of its own, and completes the
   * futures of {@code acquireAsync} on as many others.
   */
  public static final int CALLBACK_THREADS = 4;

  private final LockStore store;
  private final ClientOptions options;
  private final Executor callbacks;
  private final Executor handOvers;

  private LockClient(LockStore store, ClientOptions options) {
    this.store = store;
    this.options = options;
    // Threads of their own each: a grant must reach its asker though callbacks are slow, and the
    // other way round.
    this.callbacks = options.executor().orElseGet(() -> threads("holdfast-callbacks"));
    this.handOvers =
        options.executor().orElseGet(() -> new HandOvers(threads("holdfast-hand-overs")));
  }

  /**
   * Opens a store with {@link ClientOptions#defaults}.
   *
   * @param url the store; its scheme says which one, and that store's jar must be on the class path
   * @throws InvalidRequestException if the URL names no store that is there, or is malformed
   * @throws StoreUnavailableException if the store cannot be reached
   */
  public static LockClient connect(String url) {
    return connect(url, ClientOptions.defaults());
  }

  /**
   * Opens a store.
   *
   * @param url as for {@link #connect(String)}
   */
  public static LockClient connect(String url, ClientOptions options) {
    return over(LockProvider.of(url).open(url, options), options);
  }

  /** A client over a session that a store's own factory has opened; applications call that factory instead. */
  public static LockClient over(LockStore store, ClientOptions options) {
    return new LockClient(store, options);
  }

  /** What the store can do. */
  public Set<Capability> capabilities() {
    return store.capabilities();
  }

  /**
   * An exclusive lock on a name. Costs nothing and does no I/O.
   *
   * @throws InvalidRequestException if the name cannot be one, see {@link LockKey.Name}
   */
  public DistributedLock lock(String name) {
    return lockOn(List.of(new LockTarget(new LockKey.Name(name), LockMode.EXCLUSIVE)));
  }

  /**
   * A read/write lock on a name. Costs nothing and does no I/O.
   *
   * @throws InvalidRequestException if the name cannot be one, see {@link LockKey.Name}
   * @throws UnsupportedOperationException if the store cannot ({@link Capability#SHARED})
   */
  public DistributedReadWriteLock readWriteLock(String name) {
    require(Capability.SHARED);
    LockKey key = new LockKey.Name(name);
    return new DistributedReadWriteLock(
        lockOn(List.of(new LockTarget(key, LockMode.SHARED))),
        lockOn(List.of(new LockTarget(key, LockMode.EXCLUSIVE))));
  }

  /**
   * Several locks of this client as one: granted together or not at all, under one deadline, with one token. The same key
   * may stand in it more than once; the strongest mode counts. How it is held is set on the whole, not on its parts.
   *
   * @throws InvalidRequestException if there is none, or more than {@value #MAX_TARGETS} targets, or one of another client,
   *     or one with options of its own
   * @throws UnsupportedOperationException if the store cannot ({@link Capability#ALL})
   */
  public DistributedLock all(DistributedLock... locks) {
    require(Capability.ALL);
    List<LockTarget> targets = new ArrayList<>();
    for (DistributedLock lock : locks) {
      if (lock.client() != this) {
        throw new InvalidRequestException(
            "OTHER_CLIENT", "lock " + lock + " was made by another client");
      }
      if (lock.options() != options.holds()) {
        throw new InvalidRequestException(
            "OPTIONS_ON_PART", "lock " + lock + " has options: set them on the whole");
      }
      targets.addAll(lock.targets());
    }
    return lockOn(targets);
  }

  /**
   * A tree whose sub-trees can be locked. Costs nothing and does no I/O.
   *
   * @param name the tree's name, under the rules of {@link LockKey.Name}
   * @throws UnsupportedOperationException if the store cannot ({@link Capability#TREE})
   */
  public LockTree tree(String name) {
    require(Capability.TREE);
    return new LockTree(this, new LockKey.Node(name, TreePath.root()).tree());
  }

  /**
   * Who holds a name and who waits for it, in order. May do I/O.
   *
   * @throws UnsupportedOperationException if the store cannot ({@link Capability#DESCRIBE})
   */
  public LockDescription describe(String name) {
    require(Capability.DESCRIBE);
    return store.describe(new LockKey.Name(name));
  }

  /**
   * The names that are held or waited for. May do I/O.
   *
   * @param prefix what the names start with; empty for all
   * @return at most {@link #MAX_LISTED}, sorted
   * @throws UnsupportedOperationException if the store cannot ({@link Capability#LIST})
   */
  public LockList list(String prefix) {
    require(Capability.LIST);
    if (!prefix.isEmpty()) {
      TextRules.check("prefix", prefix, LockKey.MAX_NAME_BYTES);
    }
    return store.list(prefix);
  }

  /**
   * Takes a lock away from its holder, who is told ({@link LossReason#REVOKED}); all that was granted with it goes too.
   * Stores with {@link Capability#PUSH} tell the holder and the next in line at once. With others a holder in another
   * process believes until it renews, and with some of them only then goes what was granted with it; the next in line has
   * the lock when it asks again. It cannot stop the old holder's work, but the token can: the next one is larger.
   *
   * @param token the token of the grant that is meant, so that nobody else's is taken
   * @return whether there was such a grant
   * @throws InvalidRequestException if the token is not positive
   * @throws UnsupportedOperationException if the store cannot ({@link Capability#FORCE_RELEASE})
   */
  public boolean forceRelease(String name, long token) {
    return forceRelease(new LockKey.Name(name), token);
  }

  /**
   * The same with a reason, which lock servers write into their audit log. Other stores keep none.
   *
   * @param reason 1 to {@link #MAX_REASON_BYTES} UTF-8 bytes, without control characters
   */
  public boolean forceRelease(String name, long token, String reason) {
    return forceRelease(new LockKey.Name(name), token, reason);
  }

  /** Releases what this client holds and ends what it waits for. Twice is harmless. */
  @Override
  public void close() {
    store.close();
  }

  @Override
  public String toString() {
    return "client " + options.name() + " of the " + store.name() + " store";
  }

  boolean forceRelease(LockKey key, long token) {
    requireForceRelease(token);
    return store.forceRelease(key, token);
  }

  boolean forceRelease(LockKey key, long token, String reason) {
    requireForceRelease(token);
    TextRules.check("reason", reason, MAX_REASON_BYTES);
    return store.forceRelease(key, token, reason);
  }

  private void requireForceRelease(long token) {
    require(Capability.FORCE_RELEASE);
    if (token <= 0) {
      throw new InvalidRequestException("TOKEN_NOT_POSITIVE", "token " + token + " < 1");
    }
  }

  DistributedLock lockOn(List<LockTarget> targets) {
    if (targets.isEmpty()) {
      throw new InvalidRequestException("TARGETS_EMPTY", "targets are 0, at least 1");
    }
    if (targets.size() > MAX_TARGETS) {
      throw new InvalidRequestException(
          "TOO_MANY_TARGETS", "targets are " + targets.size() + ", at most " + MAX_TARGETS);
    }
    requireFor(targets, options.holds());
    return new DistributedLock(this, List.copyOf(targets), options.holds());
  }

  void requireFor(List<LockTarget> targets, HoldOptions options) {
    if (targets.size() > 1) {
      require(Capability.ALL);
    }
    for (LockTarget target : targets) {
      if (target.mode() == LockMode.SHARED) {
        require(Capability.SHARED);
      }
    }
    if (!options.data().isEmpty()) {
      require(Capability.DATA);
    }
  }

  void require(Capability capability) {
    if (!store.capabilities().contains(capability)) {
      throw store.missing(capability);
    }
  }

  LockStore store() {
    return store;
  }

  Ticker ticker() {
    return options.ticker();
  }

  /** Runs a callback. One that the user's executor refuses gets a thread: a loss is told whatever has been shut down. */
  void callBack(Runnable callback) {
    try {
      callbacks.execute(callback);
    } catch (RejectedExecutionException refused) {
      newThread("holdfast-callbacks", callback).start();
    }
  }

  /** Completes somebody's future. */
  void handOver(Runnable completion) {
    handOvers.execute(completion);
  }

  /** Completes a future that nobody can refuse; on a thread of its own if the user's executor does. */
  void handOverSurely(Runnable completion) {
    try {
      handOver(completion);
    } catch (RejectedExecutionException refused) {
      newThread("holdfast-hand-overs", completion).start();
    }
  }

  /** Threads start with the first task and end when idle. The queue holds what users asked for and have not yet had. */
  private static Executor threads(String name) {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            CALLBACK_THREADS,
            CALLBACK_THREADS,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> newThread(name, task));
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  private static Thread newThread(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }
}
