package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
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

  /** Between two looks at what is waited for. */
  private static final Duration LOOK_EVERY = Duration.ofMillis(1);

  /** How far the time of a store that polls or renews is turned between two looks. */
  private static final Duration LONGEST_STILLNESS = Duration.ofMillis(500);

  private static final Duration TURN = Duration.ofMillis(20);

  /** Time that passes is turned in steps of this, with a pause after each for answers to come in. */
  private static final Duration SLICE = Duration.ofMillis(100);

  private static final Duration TURNED_PATIENCE = Duration.ofMillis(300);
  private static final Duration TURNED_QUIET = Duration.ofMillis(10);

  /** Patience in real time: so many times what it takes to stand in line. */
  private static final int ARRIVALS_OF_PATIENCE = 8;

  /** The rounds of a race take no longer than this, as far as they spend it waiting: tests have a bound themselves. */
  private static final Duration ROUNDS_TAKE = Duration.ofSeconds(10);

  private final LockContract contract;
  private final List<LockClient> clients = new CopyOnWriteArrayList<>();
  private final List<Actor<?>> actors = new CopyOnWriteArrayList<>();
  private final AtomicInteger callbacks = new AtomicInteger();
  private final Set<String> trees = ConcurrentHashMap.newKeySet();
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
    beQuiet();
    until("callbacks are through", () -> callbacks.get() == 0);
  }

  /** A name for this fact alone. */
  String name(String name) {
    return prefix + name;
  }

  /** The name of a tree for this fact alone. */
  String treeName(String name) {
    trees.add(prefix + name);
    return prefix + name;
  }

  /** What all names of this fact start with. */
  String prefix() {
    return prefix;
  }

  /** Skips the fact unless the store can do all this. */
  void requires(Capability... capabilities) {
    for (Capability capability : capabilities) {
      assumeTrue(has(anyClient(), capability), () -> "the store has no capability " + capability);
    }
  }

  boolean has(LockClient client, Capability capability) {
    return client.capabilities().contains(capability);
  }

  private LockClient anyClient() {
    return clients.isEmpty() ? client("asks what the store can do") : clients.get(0);
  }

  private boolean pushes() {
    return has(anyClient(), Capability.PUSH);
  }

  /** The wall clock, as far as the store is concerned. */
  Instant now() {
    return contract.ticker().map(ManualTicker::instant).orElseGet(CLOCK::instant);
  }

  /** The monotonic clock, as far as the store is concerned. */
  long nanos() {
    return contract.ticker().map(ManualTicker::nanos).orElseGet(CLOCK::nanos);
  }

  Duration promptly() {
    return contract.promptly();
  }

  /** How soon a holder must have heard that its lock was taken away: without push with its next renewal. */
  Duration tellsLossWithin(HoldOptions options) {
    return pushes() ? promptly() : promptly().plus(options.leaseDuration());
  }

  /** Short, but so long that whoever has it is seen standing in line before it ends. */
  Duration patience() {
    return timeIsTurnedByHand()
        ? TURNED_PATIENCE
        : contract.arrivesWithin().multipliedBy(ARRIVALS_OF_PATIENCE);
  }

  /** Lets time pass for the store and its clients. */
  void letPass(Duration time) {
    if (timeIsTurnedByHand() && pushes()) {
      contract.ticker().orElseThrow().advance(time);
    } else {
      letPassSlowly(time);
    }
  }

  /** The same so slowly that renewals and polls that fall due on the way are answered. */
  void letPassSlowly(Duration time) {
    Optional<ManualTicker> ticker = contract.ticker();
    if (ticker.isEmpty()) {
      pause(time);
      return;
    }
    Duration left = time;
    while (left.compareTo(SLICE) > 0) {
      ticker.get().advance(SLICE);
      pause(LOOK_EVERY);
      standStill();
      left = left.minus(SLICE);
    }
    ticker.get().advance(left);
  }

  /** While the store works on something; not for ever, as it may have died over it. */
  private void standStill() {
    long deadline = CLOCK.nanosIn(LONGEST_STILLNESS);
    while (contract.isBusy() && CLOCK.nanos() - deadline < 0) {
      pause(LOOK_EVERY);
    }
  }

  /** Lets real time pass, whatever may wake the thread up. */
  private static void pause(Duration time) {
    long over = CLOCK.nanosIn(time);
    for (long left = over - CLOCK.nanos(); left > 0; left = over - CLOCK.nanos()) {
      LockSupport.parkNanos(left);
    }
  }

  /** Waits for so long that what was under way has arrived. Time that is turned by hand stands still. */
  private void beQuiet() {
    pause(timeIsTurnedByHand() ? TURNED_QUIET : contract.arrivesWithin());
  }

  /** What an answer was, which comes promptly. What it failed with is thrown as it is. */
  <T> T promptly(CompletableFuture<T> answer) {
    return within(promptly(), answer);
  }

  /** What an answer was, which comes in time. What it failed with is thrown as it is. */
  <T> T within(Duration bound, CompletableFuture<T> answer) {
    until("there is an answer", bound, answer::isDone);
    try {
      return answer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new AssertionError("failed with " + e.getCause(), e.getCause());
    }
  }

  /** What an answer failed with, which happens promptly. */
  Throwable failure(CompletableFuture<?> answer) {
    until("there is an answer", answer::isDone);
    try {
      throw new AssertionError("expected a failure, but was " + answer.join());
    } catch (CompletionException e) {
      return e.getCause() == null ? e : e.getCause();
    } catch (CancellationException e) {
      return e;
    }
  }

  /** Why a hold was lost, of which its holder hears in time. */
  LossReason lossOf(Hold hold, HoldOptions options) {
    return within(tellsLossWithin(options), hold.lost().toCompletableFuture());
  }

  /** Sees that nothing comes of what has just happened. */
  void staysOpen(CompletableFuture<?> answer) {
    if (timeIsTurnedByHand() && !pushes()) {
      letPassSlowly(contract.arrivesWithin()); // it may look again
    }
    isOpenStill(answer);
  }

  /** The same without a moment more of time that is turned by hand. */
  void isOpenStill(CompletableFuture<?> answer) {
    beQuiet();
    assertThat(answer).isNotDone();
  }

  /** Waits until something is so, which it is promptly. */
  void until(String what, BooleanSupplier isSo) {
    until(what, promptly(), isSo);
  }

  /** Waits until something is so. Of a store that looks again and again, time that is turned by hand is turned meanwhile. */
  void until(String what, Duration bound, BooleanSupplier isSo) {
    boolean turns = timeIsTurnedByHand() && !pushes();
    Duration turned = Duration.ZERO;
    long deadline = CLOCK.nanosIn(bound);
    while (!isSo.getAsBoolean()) {
      if (CLOCK.nanos() - deadline > 0) {
        throw new AssertionError("not so within " + bound + ": " + what);
      }
      pause(LOOK_EVERY);
      if (turns && turned.compareTo(bound) < 0) {
        standStill();
        contract.ticker().orElseThrow().advance(TURN);
        turned = turned.plus(TURN);
      }
    }
  }

  /**
   * Waits until so many wait for a name. Of a store that does not tell, it is assumed that they do after {@link
   * LockContract#arrivesWithin}.
   */
  void untilWaiting(LockClient observer, String name, int waiters) {
    untilWaiting(observer, () -> observer.describe(name), waiters, () -> false);
  }

  /** The same for who may have its answer before it is seen. */
  void untilWaiting(LockClient observer, String name, int waiters, CompletableFuture<?> answer) {
    untilWaiting(observer, () -> observer.describe(name), waiters, answer::isDone);
  }

  void untilWaiting(LockClient observer, Supplier<LockDescription> description, int waiters) {
    untilWaiting(observer, description, waiters, () -> false);
  }

  private void untilWaiting(
      LockClient observer,
      Supplier<LockDescription> description,
      int waiters,
      BooleanSupplier isOver) {
    if (has(observer, Capability.WAITERS)) {
      until(
          waiters + " wait",
          () -> isOver.getAsBoolean() || description.get().waiters().size() == waiters);
    } else {
      pause(contract.arrivesWithin());
    }
  }

  /** Does something in a thread of its own. */
  <T> Actor<T> inThread(Actor.Action<T> action) {
    Actor<T> actor = new Actor<>(action, contract::thread);
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
    return freed(lock, promptly());
  }

  /** The lock, which is free in time. */
  Hold freed(DistributedLock lock, Duration bound) {
    List<Hold> got = new ArrayList<>();
    until(lock + " is free", bound, () -> lock.tryAcquire().map(got::add).orElse(false));
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

  /** A store that claims to survive this must have been put to the test. */
  void restart() {
    assertThat(contract.restart())
        .as(
            "the store claims %s: LockContract.restart() must restart it",
            Capability.DURABLE_TOKENS)
        .isTrue();
  }

  Duration deadWithin(HoldOptions options) {
    return contract.deadWithin(options);
  }

  Duration shortestLease() {
    return contract.shortestLease();
  }

  int mostClients() {
    return contract.mostClients();
  }

  int rounds() {
    return contract.rounds();
  }

  /** How often to run a race whose every round waits for so long. */
  int rounds(Duration each) {
    long most = ROUNDS_TAKE.toNanos() / Math.max(1, each.toNanos());
    return (int) Math.max(1, Math.min(rounds(), most));
  }

  /** What it costs, without an answer, to know that somebody stands in line. */
  Duration timeToSeeAWaiter() {
    return has(anyClient(), Capability.WAITERS) ? Duration.ZERO : contract.arrivesWithin();
  }

  boolean seesReentrancyOfOtherClients() {
    return contract.seesReentrancyOfOtherClients();
  }

  boolean seesReentrancyBehindWaiters() {
    return contract.seesReentrancyBehindWaiters();
  }

  boolean knowsWhatWasGrantedAsOne() {
    return contract.knowsWhatWasGrantedAsOne();
  }

  /** A thread that is not started yet. */
  Thread thread(Runnable task) {
    return contract.thread(task);
  }

  boolean timeIsTurnedByHand() {
    return contract.ticker().isPresent();
  }

  boolean standsInLineAtOnce() {
    return contract.standsInLineAtOnce();
  }

  /** Ends what the fact began, and sees that nothing is left of it. What fails does not spare the rest. */
  void close() {
    List<Throwable> failures = new ArrayList<>();
    for (LockClient client : clients) {
      attempt(() -> close(client), failures);
    }
    for (Actor<?> actor : actors) {
      actor.thread.interrupt();
      attempt(() -> until(actor.thread + " ends", () -> !actor.thread.isAlive()), failures);
    }
    if (!clients.isEmpty()) { // else the fact has not come near the store
      attempt(this::nothingIsHeld, failures);
      attempt(() -> until("nothing is kept", contract::keepsNothing), failures);
    }
    contract
        .ticker()
        .ifPresent(
            ticker ->
                attempt(
                    () -> until("no alarms are left", () -> ticker.pendingAlarms() == 0),
                    failures));
    if (!failures.isEmpty()) {
      AssertionError left = new AssertionError("left behind: " + failures, failures.get(0));
      failures.stream().skip(1).forEach(left::addSuppressed);
      throw left;
    }
  }

  /** What a client gives back may have to be asked for again, after a rest that nobody but us ends. */
  private void close(LockClient client) {
    Actor<Boolean> closing =
        inThread(
            () -> {
              client.close();
              return true;
            });
    until("client is closed", closing.answer::isDone);
    closing.answer.join();
  }

  private void nothingIsHeld() {
    try (LockClient observer = contract.connect(ClientOptions.defaults().name("observer"))) {
      if (has(observer, Capability.LIST)) {
        until("nothing is held or waited for", () -> observer.list(prefix).locks().isEmpty());
        if (has(observer, Capability.TREE)) {
          for (String tree : trees) {
            until(
                "nothing is held or waited for in " + tree,
                () -> observer.tree(tree).list().locks().isEmpty());
          }
        }
      }
    }
  }

  private static void attempt(Runnable step, List<Throwable> failures) {
    try {
      step.run();
    } catch (RuntimeException | AssertionError e) {
      failures.add(e);
    }
  }
}
