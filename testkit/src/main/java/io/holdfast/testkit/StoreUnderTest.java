package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockList;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * A store as the facts of {@link LockContract} see it: clients that are closed when the fact is through, names that nobody
 * else uses, and waiting with a bound.
 */
final class StoreUnderTest {
  private static final Ticker CLOCK = Ticker.system();

  private final LockContract contract;
  private final List<LockClient> clients = new CopyOnWriteArrayList<>();
  private final List<Actor<?>> actors = new CopyOnWriteArrayList<>();
  private final AtomicInteger callbacks = new AtomicInteger();
  private final String prefix =
      "contract-" + Long.toString(ThreadLocalRandom.current().nextLong(1L << 40), 36) + "/";

  StoreUnderTest(LockContract contract) {
    this.contract = contract;
  }

  /** A new client with this name. */
  LockClient client(String name) {
    return client(ClientOptions.defaults().name(name));
  }

  LockClient client(ClientOptions options) {
    LockClient client = contract.connect(options);
    clients.add(client);
    return client;
  }

  /** A client whose callbacks {@link #callbacksAreThrough} can wait for. */
  LockClient watchedClient(String name) {
    return client(ClientOptions.defaults().name(name).executor(this::callBack));
  }

  private void callBack(Runnable callback) {
    callbacks.incrementAndGet();
    Actor<Boolean> actor =
        inThread(
            () -> {
              callback.run();
              return true;
            });
    actor.answer.whenComplete((ran, failed) -> callbacks.decrementAndGet());
  }

  /** Waits until no callback of a {@link #watchedClient} is running or about to. */
  void callbacksAreThrough() {
    until("callbacks are through", () -> callbacks.get() == 0);
  }

  /** A name, or the name of a tree, for this fact alone. */
  String name(String name) {
    return prefix + name;
  }

  /** What all names of this fact start with. */
  String prefix() {
    return prefix;
  }

  /** Skips the fact unless the store can do all this. */
  void requires(Capability... capabilities) {
    LockClient client = clients.isEmpty() ? client("asks what the store can do") : clients.get(0);
    for (Capability capability : capabilities) {
      assumeTrue(has(client, capability), () -> "the store has no capability " + capability);
    }
  }

  boolean has(LockClient client, Capability capability) {
    return client.capabilities().contains(capability);
  }

  /** The wall clock, as far as the store is concerned. */
  Instant now() {
    return contract.ticker().map(ManualTicker::instant).orElseGet(CLOCK::instant);
  }

  Duration promptly() {
    return contract.promptly();
  }

  /** Lets time pass for the store and its clients. */
  void letPass(Duration time) {
    Optional<ManualTicker> ticker = contract.ticker();
    if (ticker.isPresent()) {
      ticker.get().advance(time);
    } else {
      CompletableFuture<Void> over = new CompletableFuture<>();
      CLOCK.schedule(CLOCK.nanosIn(time), () -> over.complete(null));
      over.join();
    }
  }

  /** What an answer was, which comes promptly. What it failed with is thrown as it is. */
  <T> T promptly(CompletableFuture<T> answer) {
    try {
      return answer.get(promptly().toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new AssertionError("failed with " + e.getCause(), e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("no answer within " + promptly(), e);
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted while waiting for an answer", e);
    }
  }

  /** What an answer failed with, which happens promptly. */
  Throwable failure(CompletableFuture<?> answer) {
    try {
      Object result = answer.get(promptly().toMillis(), TimeUnit.MILLISECONDS);
      throw new AssertionError("expected a failure, but was " + result);
    } catch (ExecutionException e) {
      return e.getCause() == null ? e : e.getCause();
    } catch (TimeoutException e) {
      throw new AssertionError("no answer within " + promptly(), e);
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted while waiting for an answer", e);
    } catch (CancellationException e) {
      return e;
    }
  }

  /** Waits until something is so, which it is promptly. */
  void until(String what, BooleanSupplier isSo) {
    long deadline = CLOCK.nanosIn(promptly());
    while (!isSo.getAsBoolean()) {
      if (CLOCK.nanos() - deadline > 0) {
        throw new AssertionError("not so within " + promptly() + ": " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /**
   * Waits until so many wait for a name. Of a store that does not tell, it is assumed that they do after {@link
   * LockContract#arrivesWithin}.
   */
  void untilWaiting(LockClient observer, String name, int waiters) {
    untilWaiting(observer, () -> observer.describe(name), waiters);
  }

  void untilWaiting(LockClient observer, Supplier<LockDescription> description, int waiters) {
    if (has(observer, Capability.WAITERS)) {
      until(waiters + " wait", () -> description.get().waiters().size() == waiters);
    } else {
      LockSupport.parkNanos(contract.arrivesWithin().toNanos());
    }
  }

  /** Does something in a thread of its own. */
  <T> Actor<T> inThread(Actor.Action<T> action) {
    Actor<T> actor = new Actor<>(action);
    actors.add(actor);
    return actor;
  }

  /** Does two things at the same moment, as near as can be, and returns when both are done. */
  void atOnce(Runnable there, Runnable here) {
    CyclicBarrier start = new CyclicBarrier(2);
    Actor<Boolean> other =
        inThread(
            () -> {
              start.await();
              there.run();
              return true;
            });
    try {
      start.await(promptly().toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
      throw new AssertionError("did not start", e);
    }
    here.run();
    promptly(other.answer);
  }

  /** The lock, which is free promptly. */
  Hold freed(DistributedLock lock) {
    List<Hold> got = new ArrayList<>();
    until(lock + " is free", () -> lock.tryAcquire().map(got::add).orElse(false));
    return got.get(0);
  }

  /** The same without a pause between tries: it is had at the first possible moment. */
  Hold freedAtOnce(DistributedLock lock) {
    long deadline = CLOCK.nanosIn(promptly());
    Optional<Hold> hold = lock.tryAcquire();
    while (hold.isEmpty() && CLOCK.nanos() - deadline < 0) {
      hold = lock.tryAcquire();
    }
    return hold.orElseThrow(
        () -> new AssertionError("not free within " + promptly() + ": " + lock));
  }

  void kill(LockClient client) {
    assumeTrue(contract.kill(client), "the store's clients cannot be killed here");
  }

  void restart() {
    assumeTrue(contract.restart(), "the store cannot be restarted here");
  }

  int rounds() {
    return contract.rounds();
  }

  boolean seesReentrancy() {
    return contract.seesReentrancy();
  }

  boolean seesReentrancyThroughOtherClients() {
    return contract.seesReentrancyThroughOtherClients();
  }

  boolean timeIsTurnedByHand() {
    return contract.ticker().isPresent();
  }

  boolean standsInLineAtOnce() {
    return contract.standsInLineAtOnce();
  }

  /** Ends what the fact began, and sees that nothing is left of it. */
  void close() {
    clients.forEach(LockClient::close);
    for (Actor<?> actor : actors) {
      actor.thread.interrupt();
      until(actor.thread + " ends", () -> !actor.thread.isAlive());
    }
    LockClient observer = contract.connect(ClientOptions.defaults().name("observer"));
    try {
      if (has(observer, Capability.LIST)) {
        until(
            "nothing is held or waited for",
            () -> {
              LockList left = observer.list(prefix);
              return left.locks().isEmpty();
            });
      }
    } finally {
      observer.close();
    }
    contract
        .ticker()
        .ifPresent(ticker -> assertThat(ticker.pendingAlarms()).as("alarms left").isZero());
  }
}
