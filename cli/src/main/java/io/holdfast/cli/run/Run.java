package io.holdfast.cli.run;

import io.holdfast.Capability;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs one command under one lock: starts it when the lock is held, gives the lock back when nothing of it runs any more, and
 * stops all of it before the lock can be anybody else's.
 *
 * <p>Used once, by one thread.
 */
public final class Run {
  /*
   * One thread decides; what happens elsewhere (the store answers, a signal comes, the command ends, the lock is lost) comes
   * to it as an event. So no two of these meet.
   *
   * The time before a lease ends is spent like this, and whoever stops, we or the guard, keeps to it:
   *
   *        TERM          KILL            the holder's own deadline      the store's
   *   ──────┼─────────────┼───────────────────────┼──────────────────────────┼────
   *         └─── grace ───┘─────── MARGIN ────────┘
   *
   * The guard would start half a margin later, and knows when we have started: it acts only if we do not.
   *
   * Where a hold has no lease of the length that was asked for there is no such time: a session that falls silent is given up
   * within seconds, however long a lease is. There the command is stopped when the loss is told, and killed when it is a silence
   * that was too long; the server frees the lock a second after that.
   */

  /** How often the guard hears that all is well. */
  private static final Duration GUARD_EVERY = Duration.ofMillis(250);

  private static final Duration HALF_MARGIN = RunSettings.MARGIN.dividedBy(2);

  /** How often we look whether what was told to end has ended. */
  private static final Duration LOOK_EVERY = Duration.ofMillis(20);

  /** A process that KILL does not end within this waits for a device: nobody can end it. */
  private static final Duration KILL_PATIENCE = Duration.ofSeconds(10);

  /** What is not taken up yet. Signals leave room for everything else, which happens once. */
  private static final int MOST_EVENTS = 64;

  private static final int ROOM_FOR_THE_REST = 8;

  private static final String NAME = "HOLDFAST_NAME";
  private static final String TOKEN = "HOLDFAST_TOKEN";

  private final RunSettings settings;
  private final LockClient locks;
  private final DistributedLock lock;
  private final Consumer<String> notes;
  private final boolean hasLease;
  private final Ticker ticker = Ticker.system();
  private final BlockingQueue<Event> events = new ArrayBlockingQueue<>(MOST_EVENTS);

  private Run(
      RunSettings settings, LockClient locks, DistributedLock lock, Consumer<String> notes) {
    this.settings = settings;
    this.locks = locks;
    this.lock = lock;
    this.notes = notes;
    this.hasLease = locks.capabilities().contains(Capability.LEASES);
  }

  /**
   * What keeps a command from being started at all; empty if nothing does.
   *
   * @param path where programs are looked for
   */
  public static Optional<Ending.NotExecutable> obstacle(String program, String path) {
    return switch (Executables.find(program, path)) {
      case YES -> Optional.empty();
      case NOT_EXECUTABLE ->
          Optional.of(new Ending.NotExecutable("cannot be executed: " + program, true));
      case NO -> Optional.of(new Ending.NotExecutable("command not found: " + program, false));
    };
  }

  /**
   * What this machine lacks to run commands; empty if nothing.
   *
   * @param path where programs are looked for
   */
  public static Optional<String> lack(String path) {
    for (String program : List.of("setsid", "bash")) {
      if (Executables.find(program, path) != Executables.Found.YES) {
        return Optional.of(
            "the program "
                + program
                + " is not on the PATH, and without it a command that starts others cannot be stopped");
      }
    }
    return ProcessTable.isThere()
        ? Optional.empty()
        : Optional.of("there is no /proc to see processes in: this is not Linux");
  }

  /**
   * Waits for the lock, runs the command and gives the lock back.
   *
   * @param lock what to acquire, with the options to hold it by
   * @param notes for lines about what happens that the user should know
   * @throws LockException if the lock could not be had; the command never started
   */
  public static Ending run(
      RunSettings settings, LockClient locks, DistributedLock lock, Consumer<String> notes)
      throws IOException, InterruptedException {
    return new Run(settings, locks, lock, notes).run();
  }

  private Ending run() throws IOException, InterruptedException {
    try (Signals heard =
            new Signals(
                this::hear,
                () -> notes.accept("not suspended: who is suspended cannot keep a lock"));
        Guard guard = new Guard(settings.notifies(), settings.grace())) {
      CompletableFuture<Hold> asked = lock.acquireAsync(settings.maxWait());
      asked.whenComplete((hold, failure) -> events.offer(Event.Plain.ANSWERED));
      if (await(asked) instanceof Event.Signalled signal) {
        return new Ending.NeverStarted(signal.number());
      }
      Hold hold = answer(asked);
      Optional<Duration> left = hold.remaining();
      Duration needed = hasLease ? settings.stopBefore() : Duration.ZERO;
      if (left.isPresent() && left.get().compareTo(needed) <= 0) {
        release(hold);
        return new Ending.TooLate(
            left.get().isZero()
                ? "lost " + hold + " before the command was started"
                : "the store answered so late that only "
                    + left.get().toMillis()
                    + " ms of the lease were left");
      }
      return under(hold, guard);
    }
  }

  private void hear(Event.Signalled signal) {
    if (events.remainingCapacity() > ROOM_FOR_THE_REST) {
      events.offer(signal);
    }
  }

  /** The answer, or the signal that came before it. */
  private Event await(CompletableFuture<Hold> asked) throws InterruptedException {
    Event first = events.take();
    if (first instanceof Event.Signalled && !asked.cancel(false)) {
      asked.thenAccept(Hold::closeAsync);
    }
    return first;
  }

  private static Hold answer(CompletableFuture<Hold> asked) {
    try {
      return asked.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw e;
    }
  }

  private Ending under(Hold hold, Guard guard) throws IOException, InterruptedException {
    boolean fenced = locks.capabilities().contains(Capability.FENCING);
    Map<String, String> environment =
        fenced
            ? Map.of(NAME, settings.name(), TOKEN, Long.toString(hold.token()))
            : Map.of(NAME, settings.name());
    hold.onLost(reason -> events.offer(new Event.Lost(reason)));
    if (hasLease) {
      hold.onAtRisk(settings.stopBefore(), atRisk -> events.offer(Event.Plain.AT_RISK));
    }
    tellGuard(guard, hold);
    CommandSession command;
    try {
      // The token of an outer run is none of this one's.
      command = CommandSession.start(settings.command(), environment, List.of(NAME, TOKEN), guard);
    } catch (IOException e) {
      release(hold);
      return new Ending.NotExecutable(String.valueOf(e.getMessage()), true);
    }
    boolean settled = false;
    try {
      command.guard();
      command.whenEnded(() -> events.offer(Event.Plain.ENDED));
      command.signal("CONT"); // changes nothing, and what the end will need is loaded
      Ending ending = watch(hold, guard, command);
      guard.dismiss();
      settled = true;
      return ending;
    } finally {
      if (!settled) { // whatever it was, the command must not outlive the lock
        guard.close();
        command.destroy();
      }
    }
  }

  private Ending watch(Hold hold, Guard guard, CommandSession command)
      throws IOException, InterruptedException {
    boolean told = false;
    while (true) {
      if (!told) {
        tellGuard(guard, hold);
        if (settings.notifies() && guard.hasStruck()) {
          told = true;
          guard.rest();
        }
      }
      Event event = events.poll(GUARD_EVERY.toMillis(), TimeUnit.MILLISECONDS);
      if (event instanceof Event.Signalled signal) {
        command.signal(signal.name());
      } else if (event == Event.Plain.ENDED) {
        return ended(hold, guard, command);
      } else if (event instanceof Event.Lost || event == Event.Plain.AT_RISK) {
        if (!settings.notifies()) {
          return stopped(hold, guard, command, event);
        }
        if (!told) {
          told = true;
          command.tell("USR1");
          guard.rest();
          notes.accept(describe(hold, event) + ": telling the command");
        }
      }
    }
  }

  /** The command has ended by itself. Whatever it left behind must not run without the lock, either. */
  private Ending ended(Hold hold, Guard guard, CommandSession command)
      throws IOException, InterruptedException {
    List<Long> left = command.living();
    if (!left.isEmpty()) {
      List<Long> behind = left;
      left =
          stop(
              command,
              guard,
              settings.grace(),
              () -> "the command left processes behind, stopping them: " + behind);
    }
    guard.rest();
    if (guard.hasStruck() && !settings.notifies()) {
      return lost(hold, "stopped for so long that the guard acted; was to hold " + hold, left);
    }
    if (!hold.isHeld()) {
      return lost(hold, describe(hold, null), left);
    }
    if (!left.isEmpty()) {
      notes.accept("processes that cannot be ended run on without the lock: " + left);
    }
    release(hold);
    return new Ending.Exited(command.exitCode());
  }

  private Ending stopped(Hold hold, Guard guard, CommandSession command, Event why)
      throws IOException, InterruptedException {
    // A lease that is over leaves no time to be kind.
    boolean over = why instanceof Event.Lost loss && loss.reason() == LossReason.EXPIRED;
    List<Long> survivors =
        stop(
            command,
            guard,
            over ? Duration.ZERO : settings.grace(),
            () -> describe(hold, why) + ": stopping the command");
    return lost(hold, describe(hold, why), survivors);
  }

  private Ending lost(Hold hold, String what, List<Long> survivors) {
    release(hold);
    return new Ending.Lost(what, survivors);
  }

  /** TERM, grace, KILL. First comes the deed, then the word. Returns those whom even that did not end. */
  private List<Long> stop(
      CommandSession command, Guard guard, Duration grace, Supplier<String> note)
      throws IOException, InterruptedException {
    if (grace.isZero()) {
      command.signal("KILL");
      notes.accept(note.get());
    } else {
      long deadline = ticker.nanosIn(grace);
      guard.killAfter(grace.plus(HALF_MARGIN));
      command.signal("TERM");
      command.signal("CONT"); // one that is stopped would never hear of it
      notes.accept(note.get());
      awaitEnd(command, deadline);
    }
    guard.killAfter(HALF_MARGIN);
    long deadline = ticker.nanosIn(KILL_PATIENCE);
    List<Long> living = command.living();
    while (!living.isEmpty() && ticker.nanos() - deadline < 0) {
      command.signal("KILL");
      events.poll(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS);
      living = command.living();
    }
    return living;
  }

  /** Waits until nothing runs any more, until the deadline, or until the lease is over. */
  private void awaitEnd(CommandSession command, long deadline)
      throws IOException, InterruptedException {
    while (ticker.nanos() - deadline < 0 && !command.living().isEmpty()) {
      Event event = events.poll(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS);
      if (event instanceof Event.Lost loss && loss.reason() == LossReason.EXPIRED) {
        return;
      }
    }
  }

  /** Of a lock that is lost there is nothing to tell: we are here to act, and the guard counts on from the last time. */
  private void tellGuard(Guard guard, Hold hold) throws IOException, InterruptedException {
    Optional<Duration> left = hold.remaining();
    if (!hasLease) {
      guard.safeFor(Optional.empty());
    } else if (left.isEmpty() || !left.get().isZero()) {
      Duration before = settings.stopBefore().minus(HALF_MARGIN);
      guard.safeFor(left.map(until -> until.minus(before)));
    }
  }

  /** Gives the lock back. The command is over: what goes wrong now is told, and changes nothing of what it did. */
  private void release(Hold hold) {
    try {
      hold.close();
    } catch (HoldLostException e) {
      // known already, or of no meaning any more
    } catch (LockException e) {
      notes.accept("the lock may be held until its lease ends: " + e.getMessage());
    }
  }

  private static String describe(Hold hold, @Nullable Event event) {
    if (event instanceof Event.Lost loss) {
      return "lost " + hold + " (" + loss.reason() + ")";
    }
    return event == null ? "lost " + hold : "about to lose " + hold + ", it could not be renewed";
  }
}
