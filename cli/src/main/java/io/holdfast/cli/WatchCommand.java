package io.holdfast.cli;

import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockList;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import io.holdfast.spi.Ticker;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast watch}: looks again and again, and tells what is different. */
@Command(
    name = "watch",
    description = {
      "Tells who comes to hold or wait and who ceases to, until it is interrupted; first, what is there now.",
      "It looks every so often: what comes and goes between two looks is not seen."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class WatchCommand implements Callable<Integer> {
  private static final Duration SHORTEST = Duration.ofMillis(100);
  private static final Duration LONGEST = Duration.ofHours(1);

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
      description = "How often to look, 100ms to 1h (${DEFAULT-VALUE}).")
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
    Ticker ticker = Ticker.system();
    try (LockClient locks = store.connect()) {
      Locks text = new Locks(locks.capabilities());
      LockList before = new LockList(List.of(), true);
      LockList now = selection.list(locks); // a store that is not there at all is an error
      boolean reachable = true;
      boolean complete = true;
      while (!out.checkError()) { // who reads it has left
        if (now != null) {
          tell(out, text, ticker, before, now);
          if (complete && !now.complete()) {
            notes.say("there are more than " + now.locks().size() + ": watch a longer PREFIX");
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

  /** One look; null if the store does not answer, which is told once. */
  private @Nullable LockList look(LockClient locks, Notes notes, boolean reachable) {
    try {
      LockList now = selection.list(locks);
      if (!reachable) {
        notes.say("the store answers again");
      }
      return now;
    } catch (LockException e) {
      if (reachable) {
        notes.say("no answer, and so no changes until there is one: " + e.getMessage());
      }
      return null;
    }
  }

  private void tell(PrintWriter out, Locks text, Ticker ticker, LockList before, LockList now) {
    String time = Locks.time(ticker.instant());
    for (Change change : Change.between(before, now)) {
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
