package io.holdfast.cli;

import io.holdfast.Capability;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockList;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import io.holdfast.remote.LockWatch;
import io.holdfast.remote.LockWatch.Sight;
import io.holdfast.spi.Ticker;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast watch}: is told what happens, or looks again and again and tells what is different. */
@Command(
    name = "watch",
    description = {
      "Tells who comes to hold or wait and who ceases to, until it is interrupted; first, what is there now.",
      "A lock server tells by itself, and how a hold ended; other stores are looked at every so often, and what comes and",
      "goes between two looks is not seen."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class WatchCommand implements Callable<Integer> {
  private static final String ANSWERS_AGAIN = "the store answers again";
  private static final Duration SHORTEST = Duration.ofMillis(100);
  private static final Duration LONGEST = Duration.ofHours(1);

  /** How often it is looked, where nothing happens, whether anybody still reads. */
  private static final Duration READER_CHECK = Duration.ofSeconds(1);

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private Selection selection;

  @Option(
      names = "--interval",
      paramLabel = "TIME",
      defaultValue = "1s",
      converter = DurationText.class,
      description =
          "How often to look, 100ms to 1h (${DEFAULT-VALUE}); means nothing to a lock server.")
  @SuppressWarnings("NullAway.Init")
  private Duration interval;

  @Override
  public Integer call() throws InterruptedException {
    selection.check(spec);
    if (interval.compareTo(SHORTEST) < 0 || interval.compareTo(LONGEST) > 0) {
      throw Arguments.mistake(
          spec,
          "--interval is "
              + DurationText.show(interval)
              + ", but it takes "
              + DurationText.show(SHORTEST)
              + " to "
              + DurationText.show(LONGEST));
    }
    PrintWriter out = spec.commandLine().getOut();
    Notes notes = new Notes(spec.commandLine().getErr(), spec.qualifiedName(), store.json());
    Optional<LockWatch> watch = store.watch(selection);
    if (watch.isPresent()) {
      try (LockWatch open = watch.get()) {
        return follow(open, out, notes);
      }
    }
    Ticker ticker = Ticker.system();
    try (LockClient locks = store.connect()) {
      Locks text = new Locks(locks.capabilities());
      LockList before = new LockList(List.of(), true);
      LockList now = selection.list(locks); // a store that is not there at all is an error
      boolean reachable = true;
      boolean complete = true;
      while (!out.checkError()) { // who reads it has left
        if (now != null) {
          tell(out, text, ticker.instant(), Change.between(before, now));
          if (complete && !now.complete()) {
            sayIncomplete(notes, now);
          }
          complete = now.complete();
          before = now;
        }
        pause(ticker);
        now = look(locks, notes, reachable);
        reachable = now != null;
      }
      return ExitCode.OK;
    }
  }

  /** Tells what a store tells by itself. */
  private int follow(LockWatch watch, PrintWriter out, Notes notes) throws InterruptedException {
    Locks text = new Locks(EnumSet.of(Capability.FENCING));
    Seen seen = new Seen(selection::has);
    Ticker ticker = Ticker.system();
    boolean reachable = true;
    while (!out.checkError()) {
      Sight sight = watch.next(READER_CHECK).orElse(null);
      if (sight instanceof Sight.Interrupted interrupted) {
        notes.say(noAnswer(interrupted.why()));
        reachable = false;
      } else if (sight != null) {
        if (!reachable) {
          notes.say(ANSWERS_AGAIN);
          reachable = true;
        }
        tell(out, text, time(sight).orElseGet(ticker::instant), seen.see(sight));
        if (sight instanceof Sight.Present present && !present.locks().complete()) {
          sayIncomplete(notes, present.locks());
        }
      }
    }
    return ExitCode.OK;
  }

  /** By the server's clock, if it is a moment. */
  private static Optional<Instant> time(Sight sight) {
    if (sight instanceof Sight.Granted granted) {
      return Optional.of(granted.at());
    } else if (sight instanceof Sight.Ended ended) {
      return Optional.of(ended.at());
    } else if (sight instanceof Sight.Queued queued) {
      return Optional.of(queued.at());
    }
    return sight instanceof Sight.Cancelled cancelled
        ? Optional.of(cancelled.at())
        : Optional.empty();
  }

  private static void sayIncomplete(Notes notes, LockList now) {
    notes.say("there are more than " + now.locks().size() + ": watch a longer PREFIX");
  }

  private static String noAnswer(@Nullable String why) {
    return "no answer, and so no changes until there is one: " + why;
  }

  /** One look; null if the store does not answer, which is told once. */
  private @Nullable LockList look(LockClient locks, Notes notes, boolean reachable) {
    try {
      LockList now = selection.list(locks);
      if (!reachable) {
        notes.say(ANSWERS_AGAIN);
      }
      return now;
    } catch (LockException e) {
      if (reachable) {
        notes.say(noAnswer(e.getMessage()));
      }
      return null;
    }
  }

  private void tell(PrintWriter out, Locks text, Instant at, List<Change> changes) {
    String time = Locks.time(at);
    for (Change change : changes) {
      out.println(
          store.json()
              ? change.write(new Json().object().field("time", time), text).end()
              : time + " " + change.line(text));
    }
    out.flush();
  }

  private void pause(Ticker ticker) throws InterruptedException {
    Semaphore over = new Semaphore(0);
    ticker.schedule(ticker.nanosIn(interval), over::release);
    over.acquire();
  }
}
