package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.HistoryChecker;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryRecorder;
import io.holdfast.testkit.history.RecordingClient;
import io.holdfast.testkit.history.RecordingClient.RecordedHold;
import io.holdfast.testkit.history.RecordingClient.RecordedRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Many at once, everything written down, and the history judged. */
@SuppressWarnings("ThreadPriorityCheck") // yielding makes others come in between
abstract class ContentionFacts extends Facts {
  private static final int THREADS = 4;
  private static final int VIRTUAL_THREADS = 100;

  /** Beside those that contend: the three of every fact. */
  private static final int OTHER_CLIENTS = 3;

  private final HistoryRecorder recorder = new HistoryRecorder(Ticker.system()::nanos);
  private final Map<String, Long> tokens = new ConcurrentHashMap<>();
  private final AtomicInteger sessions = new AtomicInteger();

  ContentionFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void aCounterThatOnlyTheLockGuardsCountsRight() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS, store::thread);
    countTogether(threads, THREADS, store.rounds());
  }

  @Test
  void soItDoesOnVirtualThreads() throws Exception {
    ExecutorService threads = virtualThreads();
    countTogether(threads, manyClients(), Math.max(1, store.rounds() / 20));
  }

  @Test
  void trafficOfAllKindsKeepsEveryPromise() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS, store::thread);
    mixTogether(threads, THREADS, 2 * store.rounds());
  }

  @Test
  void soItDoesWhenTheThreadsAreVirtual() throws Exception {
    ExecutorService threads = virtualThreads();
    mixTogether(threads, manyClients(), Math.max(1, store.rounds() / 10));
  }

  private int manyClients() {
    return Math.min(VIRTUAL_THREADS, store.mostClients() - OTHER_CLIENTS);
  }

  private void countTogether(ExecutorService threads, int count, int rounds) throws Exception {
    Counter counter = new Counter();
    runAll(
        threads,
        count,
        i -> {
          try (RecordingClient client = open()) {
            DistributedLock lock = client.client().lock(name);
            for (int round = 0; round < rounds; round++) {
              try (RecordedHold hold = client.acquire(lock)) {
                assertThat(hold.isHeld()).isTrue();
                counter.write(hold);
                assertThat(hold.isHeld()).isTrue();
              }
            }
          }
        });
    assertThat(counter.value).isEqualTo(count * rounds);
    judge("counting", checker().requires(count * rounds, HistoryEvent.Released.class));
  }

  private void mixTogether(ExecutorService threads, int count, int rounds) throws Exception {
    long seed = ThreadLocalRandom.current().nextInt();
    String run = count + " visitors, seed " + seed;
    try {
      runAll(threads, count, i -> new Visitor(new Random(seed + i)).run(rounds));
    } catch (Exception | AssertionError e) {
      throw new AssertionError(run, e);
    }
    judge(run, checker().requires(count * rounds / 10, HistoryEvent.Acquired.class));
  }

  private HistoryChecker checker() {
    HistoryChecker checker =
        store.has(ann, Capability.FAIR) ? HistoryChecker.fair() : HistoryChecker.unfair();
    if (!store.knowsWhatWasGrantedAsOne()) {
      checker = checker.revokesOneByOne();
    }
    return checker
        .grantsWithin(store.promptly())
        .tellsLossWithin(store.tellsLossWithin(HoldOptions.defaults()));
  }

  private void judge(String run, HistoryChecker checker) {
    assertThat(checker.check(recorder.history())).as(run).isEmpty();
  }

  private RecordingClient open() {
    String session = "session-" + sessions.incrementAndGet();
    return new RecordingClient(
        recorder, session, store.client(ClientOptions.defaults().name(session)));
  }

  private void runAll(ExecutorService threads, int count, Work work) throws Exception {
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int number = i;
      all.add(
          threads.submit(
              () -> {
                work.run(number);
                return null;
              }));
    }
    threads.shutdown();
    try {
      for (Future<?> one : all) {
        store.until("all have come through", store.promptly().multipliedBy(10), one::isDone);
        one.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static ExecutorService virtualThreads() {
    ExecutorService threads = null;
    try {
      threads =
          (ExecutorService)
              Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    } catch (ReflectiveOperationException olderJdk) {
      // told below
    }
    assumeTrue(threads != null, "this JDK has no virtual threads");
    return Objects.requireNonNull(threads);
  }

  private interface Work {
    void run(int number) throws Exception;
  }

  /** What nothing but the lock guards: two who write at once lose a count. */
  private final class Counter {
    int value;
    private long highestToken;

    void write(RecordedHold hold) {
      int read = value;
      Thread.yield();
      value = read + 1;
      if (hold.token() > 0) {
        boolean accepted = hold.token() >= highestToken;
        recorder.wrote(hold.request(), name, hold.token(), accepted);
        highestToken = accepted ? hold.token() : highestToken;
      }
    }
  }

  /** Does at random whatever a client can do. */
  private final class Visitor {
    private final Random random;
    private RecordingClient client = open();

    Visitor(Random random) {
      this.random = random;
    }

    void run(int rounds) throws Exception {
      for (int i = 0; i < rounds; i++) {
        visit();
      }
      client.close();
    }

    private void visit() throws Exception {
      DistributedLock lock = lock(client.client());
      switch (random.nextInt(8)) {
        case 0, 1 -> client.tryAcquire(lock).ifPresent(this::use);
        case 2, 3 -> use(client.acquire(lock));
        case 4, 5 -> use(askAsync(lock).answer());
        case 6 -> {
          RecordedRequest request = askAsync(lock);
          Thread.yield();
          request.cancel();
          use(request.answer());
        }
        default -> {
          if (random.nextInt(4) == 0) {
            leave(lock);
          } else {
            revoke();
          }
        }
      }
    }

    private RecordedRequest askAsync(DistributedLock lock) {
      return client.acquireAsync(lock, store.standsInLineAtOnce());
    }

    private void use(CompletableFuture<RecordedHold> answer) throws Exception {
      try {
        use(answer.get(store.promptly().multipliedBy(2).toMillis(), TimeUnit.MILLISECONDS));
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof CancellationException)) { // that one is in the history
          throw e;
        }
      }
    }

    private void use(RecordedHold hold) {
      String first = hold.hold().targets().get(0).key().toString();
      tokens.put(first, hold.token());
      for (int i = random.nextInt(3); i > 0 && hold.isHeld(); i--) {
        Thread.yield();
      }
      hold.close();
      tokens.remove(first, hold.token());
    }

    /** Closes the client with a lock in hand and perhaps a wish open. */
    private void leave(DistributedLock lock) {
      RecordedHold hold = client.tryAcquire(lock).orElse(null);
      RecordedRequest wish = askAsync(lock);
      client.close();
      assertThat(hold != null && hold.isHeld()).isFalse();
      assertThat(wish.answer()).satisfies(answer -> store.until("answered", answer::isDone));
      client = open();
    }

    private void revoke() {
      if (store.has(ann, Capability.FORCE_RELEASE)) {
        Map.copyOf(tokens).entrySet().stream()
            .filter(held -> held.getValue() > 0 && !held.getKey().contains(":"))
            .skip(random.nextInt(4))
            .findFirst()
            .ifPresent(held -> client.forceRelease(held.getKey(), held.getValue()));
      }
    }

    private DistributedLock lock(LockClient client) {
      int kind = random.nextInt(4);
      if (kind == 0 && store.has(client, Capability.SHARED)) {
        return client.readWriteLock(anyName()).read();
      }
      if (kind == 1 && store.has(client, Capability.TREE)) {
        String path = List.of("/", "/a", "/a/b", "/a/c", "/d", "/d/e/f").get(random.nextInt(6));
        return random.nextBoolean()
            ? client.tree(store.treeName("files")).read(path)
            : client.tree(store.treeName("files")).write(path);
      }
      if (kind == 2 && store.has(client, Capability.ALL)) {
        return client.all(client.lock(anyName()), client.lock(anyName()));
      }
      return client.lock(anyName());
    }

    private String anyName() {
      return store.name("n" + random.nextInt(4));
    }
  }
}
