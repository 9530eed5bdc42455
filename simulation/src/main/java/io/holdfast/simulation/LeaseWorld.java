package io.holdfast.simulation;

import io.holdfast.ClientOptions;
import io.holdfast.HoldOptions;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryRecorder;
import io.holdfast.testkit.lease.FaultyLeaseStore;
import io.holdfast.testkit.lease.FaultyLeaseStore.Fate;
import io.holdfast.testkit.lease.MapLeaseStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Machines, what runs on them, the map that all of them lock in, and who believes in what. */
final class LeaseWorld {
  /** Clocks run fast or slow by at most this share. */
  static final double CLOCK_ERROR = 0.02;

  private static final int MACHINES = 4;
  private static final int CLIENTS_OF_A_MACHINE = 2;
  private static final List<String> NAMES = List.of("a", "b", "c");
  private static final long LEASE = 10 * Nanos.SECOND;

  /** Beliefs come and go by time, too. */
  private static final long LOOK_EVERY = 25_000_000;

  /** Of the stores that mind. */
  private static final Duration WRITES_APART = Duration.ofSeconds(1);

  /**
   * In calm a record of a living process that nobody believes in is free after so long: an attempt, its settling and a release.
   * That of a dead one stands until somebody wants it for long enough.
   */
  private static final long FORGOTTEN = 6 * Nanos.SECOND;

  /** After so much calm nobody has an excuse for losing what it holds. */
  private static final long EXCUSED = 25 * Nanos.SECOND;

  final VirtualTime time = new VirtualTime();
  final HistoryRecorder recorder = new HistoryRecorder(time::now);
  final Map<String, Integer> evidence = new TreeMap<>();
  private final Dice dice;
  private final MapLeaseStore map;
  private final Duration writesApart;

  /** Whether the store tells, early, late or in vain, what may have become free. */
  private final boolean pushes;

  private final List<Machine> machines = new ArrayList<>();
  private final List<Held> believed = new ArrayList<>();

  /** A name and the token that an operator took it from. */
  private final Set<String> revoked = new HashSet<>();

  /** The {@code maxHold} of requests that have one. */
  private final Map<Long, Long> limited = new HashMap<>();

  private final Map<String, Long> lastTokens = new TreeMap<>();

  /** Since when nobody believes in what stands in a record, while there is calm. */
  private final Map<String, Long> forsaken = new TreeMap<>();

  private @Nullable Breach firstBreach;
  private boolean isStorm;
  private int storms;
  private long calmSince;
  private boolean isQuiet;
  private final List<Actor> newcomers = new ArrayList<>();

  LeaseWorld(long seed) {
    dice = new Dice(seed);
    map = new MapLeaseStore("map", () -> Instant.EPOCH, (seed & 1) == 0);
    writesApart = (seed & 2) == 0 ? Duration.ZERO : WRITES_APART;
    pushes = (seed & 4) == 0;
    for (int i = 0; i < MACHINES; i++) {
      Machine machine = new Machine("machine " + i);
      machines.add(machine);
      machine.boot();
    }
    look();
  }

  void beginStorm() {
    isStorm = true;
    storms++;
    recorder.faultBegan("storm");
    for (Machine machine : machines) {
      machine.harmAgainAndAgain(storms);
    }
    revokeAgainAndAgain(storms);
  }

  void endStorm() {
    isStorm = false;
    calmSince = time.now();
    recorder.faultEnded("storm");
    for (Machine machine : machines) {
      time.after(EXCUSED + dice.between(0, 10 * Nanos.SECOND), machine::closeOne);
    }
  }

  void beQuiet() {
    isQuiet = true;
  }

  /** After everybody has stopped asking. */
  void checkAllAnswered() {
    for (Machine machine : machines) {
      for (Actor actor : machine.actors) {
        if (actor.isBusy) {
          breach("P14", actor + " still waits or holds, and nobody asks any more");
        }
      }
    }
    throwBreach();
  }

  void askAsNewcomer() {
    Machine machine = new Machine("newcomer");
    machines.add(machine);
    machine.boot();
    for (String name : NAMES) {
      Actor actor = new Actor(machine, machine.stores.get(0), "newcomer of " + name);
      newcomers.add(actor);
      actor.ask(List.of(name), AcquireRequest.LONGEST_WAIT_NANOS, HoldOptions.defaults());
    }
  }

  void checkNewcomerHasAll() {
    for (Actor actor : newcomers) {
      if (!actor.hasHeld) {
        breach("P6", actor + " waits in vain: " + map.list("", 10).join());
      }
    }
    throwBreach();
  }

  /** Nothing of this world stays behind in the engine. */
  void end() {
    isQuiet = true;
    machines.forEach(Machine::die);
  }

  /** Who finds it may be called by the engine, which catches what is thrown at it. */
  private void breach(String property, String message) {
    if (firstBreach == null) {
      firstBreach = new Breach(property, message);
    }
  }

  private void throwBreach() {
    if (firstBreach != null) {
      throw firstBreach;
    }
  }

  private void count(String what) {
    evidence.merge(what, 1, Integer::sum);
  }

  private void look() {
    time.after(
        LOOK_EVERY,
        () -> {
          check();
          throwBreach();
          look();
        });
  }

  private void check() {
    for (Held one : believed) {
      for (Held other : believed) {
        if (one != other && one.meets(other) && one.isBelieved() && other.isBelieved()) {
          breach("P3", one + " is held while " + other + " is");
        }
      }
      if (one.isBelieved() && time.now() > one.limit) {
        breach("P12", one + " is held for longer than its maxHold");
      }
    }
    for (String name : NAMES) {
      LeaseRecord record = map.recordOf(name);
      if (!isCalm()
          || isQuiet
          || record.isFree()
          || isBelievedIn(record)
          || !isOfTheLiving(record)) {
        forsaken.remove(name);
      } else if (time.now() - forsaken.computeIfAbsent(name, it -> time.now()) > FORGOTTEN) {
        breach("R33", record + " is not freed, and nobody holds it");
      }
    }
  }

  private boolean isBelievedIn(LeaseRecord record) {
    return believed.stream()
        .anyMatch(
            held ->
                held.names.contains(record.name())
                    && held.lease.token() == record.token()
                    && held.isBelieved());
  }

  private boolean isOfTheLiving(LeaseRecord record) {
    return machines.stream().anyMatch(machine -> machine.process().equals(record.client()));
  }

  private void granted(Held held) {
    count(held.names.size() > 1 ? "granted together" : "granted");
    for (String name : held.names) {
      // One may hear of it late, but nobody believes in it then, unless an operator took it.
      long last = lastTokens.merge(name, held.lease.token(), Math::max);
      if (last > held.lease.token() && held.isBelieved() && !held.wasRevoked()) {
        breach("P1", held + " was granted after token " + last);
      }
    }
    believed.add(held);
    check();
  }

  private void revokeAgainAndAgain(int storm) {
    time.after(
        dice.between(5 * Nanos.SECOND, 40 * Nanos.SECOND),
        () -> {
          if (isStorm && storm == storms) {
            LeaseRecord found = map.recordOf(dice.oneOf(NAMES));
            if (!found.isFree()) {
              count("revoked");
              revoked.add(found.name() + " " + found.token());
              LockKey key = new LockKey.Name(found.name());
              recorder.revoking(key, found.token());
              Object unused = map.release(found).join();
              recorder.revoked(key, found.token());
              checkToldSoon(found);
            }
            revokeAgainAndAgain(storm);
          }
        });
  }

  private void checkToldSoon(LeaseRecord taken) {
    time.after(
        (long) (LEASE * (1 + 2 * CLOCK_ERROR)),
        () -> {
          for (Held held : believed) {
            if (held.names.contains(taken.name())
                && held.lease.token() == taken.token()
                && held.isBelieved()) {
              breach("P12", held + " was revoked a lease ago and is still believed in");
            }
          }
        });
  }

  private boolean isCalm() {
    return !isStorm && time.now() - calmSince > EXCUSED;
  }

  /** A machine, through all its lives. */
  private final class Machine {
    final String name;
    final LeaseMachine clock;
    final List<LockStore> stores = new ArrayList<>();
    final List<FaultyLeaseStore> networks = new ArrayList<>();
    final List<LeaseWay> ways = new ArrayList<>();
    final List<Actor> actors = new ArrayList<>();
    private long cutUntil;
    private boolean onlyWritesAreCut;

    Machine(String name) {
      this.name = name;
      this.clock =
          new LeaseMachine(
              time,
              dice.between(1 - CLOCK_ERROR, 1 + CLOCK_ERROR),
              dice.between(0, 1_000 * Nanos.SECOND));
    }

    String process() {
      return name + ", life " + clock.life();
    }

    void boot() {
      String process = process();
      for (int i = 0; i < CLIENTS_OF_A_MACHINE; i++) {
        LockStore store = open(process);
        stores.add(store);
        for (int j = 0; j < 2 && !isQuiet; j++) {
          Actor actor = new Actor(this, store, process + ", client " + i + "." + j);
          actors.add(actor);
          actor.think();
        }
      }
    }

    private LockStore open(String process) {
      FaultyLeaseStore network = new FaultyLeaseStore(map, process, new NetworkTicker());
      network.fates(this::fate);
      network.writesApart(writesApart);
      LeaseWay way = new LeaseWay(network, clock);
      networks.add(network);
      ways.add(way);
      ClientOptions options = ClientOptions.defaults().name(process).ticker(clock);
      return LeaseLocks.over(way, options, dice.another());
    }

    /** The process closes one of its clients, and goes on with another. */
    void closeOne() {
      clock.run(
          () -> {
            if (!stores.isEmpty() && !isQuiet) {
              count("closed");
              LockStore next = open(process());
              LockStore closed = stores.set(dice.below(stores.size()), next);
              for (Actor actor : actors) {
                if (actor.store == closed) {
                  actor.store = next;
                }
              }
              CompletableFuture<Void> unused = LeaseLocks.closeAsync(closed);
            }
          });
    }

    void die() {
      clock.kill();
      ways.forEach(LeaseWay::die);
      stores.forEach(LockStore::close);
      networks.clear();
      ways.clear();
      stores.clear();
      actors.clear();
      believed.removeIf(held -> held.actor.machine == this);
    }

    void harmAgainAndAgain(int storm) {
      time.after(
          dice.between(2 * Nanos.SECOND, 20 * Nanos.SECOND),
          () -> {
            if (isStorm && storm == storms) {
              harm();
              harmAgainAndAgain(storm);
            }
          });
    }

    private void harm() {
      long nanos = dice.between(Nanos.SECOND / 10, 15 * Nanos.SECOND);
      switch (dice.below(9)) {
        case 0 -> {
          count("paused");
          clock.pause(nanos);
        }
        case 1, 2 -> {
          count("suspended");
          clock.suspend(nanos);
        }
        case 3, 4, 5 -> {
          count("cut off");
          cutUntil = time.now() + nanos;
          onlyWritesAreCut = dice.chance(0.3);
        }
        case 6 -> {
          count("wall clock set");
          clock.setWallForward(nanos);
        }
        case 7 -> closeOne();
        default -> {
          count("killed");
          die();
          time.after(nanos, this::boot);
        }
      }
    }

    private Fate fate(FaultyLeaseStore.Kind kind, String lock) {
      boolean isCut =
          time.now() < cutUntil && !(onlyWritesAreCut && kind == FaultyLeaseStore.Kind.READ);
      if (isCut) {
        return Fate.lost();
      }
      if (pushes && kind == FaultyLeaseStore.Kind.RELEASE && dice.chance(0.7)) {
        long late = dice.between(0, Nanos.SECOND / 2);
        time.after(late, () -> machines.forEach(machine -> machine.hear(lock)));
      }
      if (!isStorm && !isQuiet && dice.chance(0.05)) {
        return smallTrouble(kind);
      }
      int throwOf100 = isStorm ? dice.below(100) : 99;
      if (throwOf100 < 8) {
        return Fate.slow(upTo(4_000), upTo(4_000));
      }
      if (throwOf100 < 12) {
        return Fate.lost();
      }
      if (throwOf100 < 18) {
        count("unanswered");
        return Fate.unanswered(upTo(8_000));
      }
      if (throwOf100 < 22) {
        return Fate.doubled(upTo(8_000));
      }
      if (throwOf100 < 26 && !writesApart.isZero()) {
        count("turned away");
        return Fate.tooSoon();
      }
      if (throwOf100 < 26) {
        return Fate.failed(new StoreUnavailableException("throttled", new Exception()));
      }
      if (throwOf100 < 30) {
        return Fate.failedAfter(new UncertainOutcomeException("reset", new Exception()));
      }
      return Fate.slow(upTo(30), upTo(30));
    }

    /** What may happen at any time, and is over soon. */
    private Fate smallTrouble(FaultyLeaseStore.Kind kind) {
      return switch (kind) {
        case TAKE -> dice.chance(0.5) ? Fate.unanswered(upTo(30)) : Fate.slow(upTo(500), upTo(500));
        case RENEW, RELEASE ->
            Fate.failed(new StoreUnavailableException("throttled", new Exception()));
        default -> Fate.slow(upTo(30), upTo(30));
      };
    }

    private void hear(String freed) {
      networks.forEach(network -> network.hintFreed(freed));
    }

    private Duration upTo(long millis) {
      return Duration.ofNanos(dice.between(100_000, millis * 1_000_000));
    }
  }

  /** Asks for locks, uses them and gives them back, one after the other. */
  private final class Actor {
    final Machine machine;
    private LockStore store;
    private final String name;
    private final int life;
    boolean isBusy;
    boolean hasHeld;

    Actor(Machine machine, LockStore store, String name) {
      this.machine = machine;
      this.store = store;
      this.name = name;
      this.life = machine.clock.life();
    }

    void think() {
      isBusy = false;
      if (!isQuiet) {
        machine.clock.after(dice.between(Nanos.SECOND / 50, 3 * Nanos.SECOND), this::askForSome);
      }
    }

    private void askForSome() {
      if (isQuiet) {
        return;
      }
      List<String> names = new ArrayList<>();
      names.add(dice.oneOf(NAMES));
      String other = dice.oneOf(NAMES);
      if (dice.chance(0.2) && !names.contains(other)) {
        names.add(other);
      }
      long patience =
          switch (dice.below(4)) {
            case 0 -> 0;
            case 1 -> AcquireRequest.LONGEST_WAIT_NANOS;
            default -> dice.between(Nanos.SECOND / 10, 20 * Nanos.SECOND);
          };
      HoldOptions options = HoldOptions.defaults();
      if (dice.chance(0.1)) {
        options = options.maxHold(Duration.ofNanos(dice.between(Nanos.SECOND, LEASE)));
      }
      ask(names, patience, options);
    }

    void ask(List<String> names, long patience, HoldOptions options) {
      isBusy = true;
      List<LockTarget> targets =
          names.stream()
              .map(each -> new LockTarget(new LockKey.Name(each), LockMode.EXCLUSIVE))
              .toList();
      long request = recorder.asked(name, targets, Duration.ofNanos(patience), options.maxHold());
      if (options.maxHold().isPresent()) {
        limited.put(request, options.maxHold().get().toNanos());
      }
      CompletableFuture<AcquireOutcome> answer =
          store.acquire(new AcquireRequest(targets, patience, options, 0));
      if (dice.chance(0.1) && !isQuiet) {
        machine.clock.after(dice.between(0, 5 * Nanos.SECOND), () -> answer.cancel(false));
      }
      answer.whenComplete((outcome, failure) -> answered(request, names, outcome, failure));
    }

    private void answered(
        long request,
        List<String> names,
        @Nullable AcquireOutcome outcome,
        @Nullable Throwable failure) {
      if (life != machine.clock.life()) {
        return;
      }
      if (outcome instanceof AcquireOutcome.Granted granted) {
        hasHeld = true;
        Held held = new Held(this, request, names, granted.lease());
        boolean isHeld = recorder.acquired(request, held.lease.token(), held::isBelieved);
        if (!isHeld) {
          count("granted too late");
          recorder.unknown(request);
        }
        granted(held);
        held.lease.whenLost(held::lost);
        held.useFor(dice.between(0, 20 * Nanos.SECOND));
        return;
      }
      count(failure == null ? "busy" : failure.getClass().getSimpleName());
      recorder.gaveUp(
          request, failure == null ? HistoryEvent.Why.TIMED_OUT : HistoryEvent.Why.CANCELLED);
      think();
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** What somebody was granted. */
  private final class Held {
    final Actor actor;
    final long request;
    final List<String> names;
    final Lease lease;

    /** In true time, by which a {@code maxHold} is over by the slowest of clocks. */
    final long limit;

    private boolean isOver;

    Held(Actor actor, long request, List<String> names, Lease lease) {
      this.actor = actor;
      this.request = request;
      this.names = names;
      this.lease = lease;
      Long maxHold = limited.get(request);
      this.limit =
          maxHold == null ? Long.MAX_VALUE : time.now() + (long) (maxHold / (1 - CLOCK_ERROR));
    }

    /** What an application that asks now is told; one that stands still will be told when it runs again. */
    boolean isBelieved() {
      return !isOver && actor.life == actor.machine.clock.life() && lease.lost().isEmpty();
    }

    /** Whether both cannot be held at once. What an operator took away may be believed in for a while. */
    boolean meets(Held other) {
      return names.stream().anyMatch(other.names::contains) && !wasRevoked() && !other.wasRevoked();
    }

    private boolean wasRevoked() {
      return names.stream().anyMatch(name -> revoked.contains(name + " " + lease.token()));
    }

    void useFor(long nanos) {
      if (isOver) {
        return;
      }
      long step = Math.min(nanos, Nanos.SECOND);
      actor.machine.clock.after(
          step + 1,
          () -> {
            if (isOver) {
              return;
            }
            if (nanos <= step || isQuiet) {
              release();
            } else {
              recorder.used(request, this::isBelieved);
              useFor(nanos - step);
            }
          });
    }

    private void release() {
      boolean wasHeld = isBelieved();
      over();
      if (wasHeld) {
        recorder.releasing(request);
        lease
            .release()
            .whenComplete(
                (done, failure) -> {
                  if (failure == null && lease.lost().isEmpty()) {
                    recorder.released(request);
                  }
                });
      }
      actor.think();
    }

    void lost(LossReason reason) {
      if (isOver || actor.life != actor.machine.clock.life()) {
        return;
      }
      count("lost: " + reason);
      over();
      recorder.lost(request, reason);
      if (reason == LossReason.REVOKED && !wasRevoked()) {
        breach("P12", this + " was told that it was revoked, and was not");
      }
      if (isCalm() && !limited.containsKey(request) && reason == LossReason.EXPIRED) {
        breach("P12", this + " was lost though nothing was wrong");
      }
      actor.think();
    }

    private void over() {
      isOver = true;
      believed.remove(this);
    }

    @Override
    public String toString() {
      return names + " of " + actor + ", token " + lease.token();
    }
  }

  /** The time of the network, which is true. */
  private final class NetworkTicker implements Ticker {
    @Override
    public long nanos() {
      return time.now();
    }

    @Override
    public Instant instant() {
      return Instant.EPOCH;
    }

    @Override
    public Alarm schedule(long deadlineNanos, Runnable task) {
      time.at(deadlineNanos, task);
      return () -> {};
    }
  }
}
