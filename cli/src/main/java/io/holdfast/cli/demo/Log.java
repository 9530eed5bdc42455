package io.holdfast.cli.demo;

import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.cli.output.Json;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryEvent.Why;
import io.holdfast.testkit.history.HistoryLine;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Gathers what the {@link Diary} of each process says: the history that the checker judges, what only the demo knows of it,
 * counts for who watches, and lines for programs. Thread-safe; nothing here waits for anybody, least of all for a slow reader
 * of stdout.
 */
final class Log {
  /** The history has a client and targets for each request; these are the rest. */
  record Asker(String worker, String job) {}

  /**
   * Something wrong with the files.
   *
   * @param request whose work found it
   */
  record Damage(long atNanos, long request, String what) {}

  /** So much damage is told; the rest is only counted. */
  private static final int MAX_DAMAGE_TOLD = 200;

  final LongAdder granted = new LongAdder();
  final LongAdder timedOut = new LongAdder();
  final LongAdder cancelled = new LongAdder();
  final LongAdder interrupted = new LongAdder();
  final LongAdder busy = new LongAdder();
  final LongAdder refused = new LongAdder();
  final LongAdder damages = new LongAdder();

  private final Ticker ticker;
  private volatile long originNanos;
  private volatile History history = History.of();
  private final boolean json;
  private final Queue<HistoryEvent> events = new ConcurrentLinkedQueue<>();
  private final Map<Long, HistoryEvent.Asked> asked = new ConcurrentHashMap<>();
  private final Map<Long, Asker> askers = new ConcurrentHashMap<>();
  private final Map<Long, Long> held = new ConcurrentHashMap<>();
  private final Set<Long> interrupts = ConcurrentHashMap.newKeySet();
  private final Queue<Damage> damage = new ConcurrentLinkedQueue<>();
  private final Map<Long, String> explanations = new ConcurrentHashMap<>();
  private final Queue<String> lines = new ConcurrentLinkedQueue<>();
  private volatile @Nullable Long doomed;

  Log(Ticker ticker, boolean json) {
    this.ticker = ticker;
    this.originNanos = ticker.nanos();
    this.json = json;
  }

  /** The work begins; until there is a history, times count from here. */
  void begin() {
    originNanos = ticker.nanos();
  }

  /** The work is over: nothing becomes part of the history from here on. Times now count from its first event. */
  void end() {
    history = History.of(events);
    if (!history.events().isEmpty()) {
      originNanos = history.events().get(0).atNanos();
    }
  }

  /**
   * Somebody's diary has a line more.
   *
   * @throws IllegalArgumentException if it is none
   */
  void hear(String line) {
    String[] parts = line.split(" ", -1);
    switch (parts[0]) {
      case Diary.ASKER -> {
        long request = Long.parseLong(parts[1]);
        askers.put(request, new Asker(decode(parts[2]), decode(parts[3])));
        tellAsked(request);
      }
      case Diary.INTERRUPTS -> interrupts.add(Long.parseLong(parts[1]));
      case Diary.EXPLAINS -> explanations.put(Long.parseLong(parts[1]), decode(parts[2]));
      case Diary.DAMAGE -> {
        damage(Long.parseLong(parts[1]), Long.parseLong(parts[2]), decode(parts[3]));
      }
      case Diary.DOOMED -> doomed = Long.parseLong(parts[1]);
      default -> hear(HistoryLine.read(line));
    }
  }

  private void hear(HistoryEvent event) {
    events.add(event);
    if (event instanceof HistoryEvent.Asked begin) {
      asked.put(begin.request(), begin);
    } else if (event instanceof HistoryEvent.Acquired grant) {
      held.put(grant.request(), grant.token());
      granted.increment();
    } else if (event instanceof HistoryEvent.Releasing || event instanceof HistoryEvent.Lost) {
      held.remove(((HistoryEvent.OfRequest) event).request());
    } else if (event instanceof HistoryEvent.GaveUp gaveUp) {
      count(gaveUp);
    } else if (event instanceof HistoryEvent.Wrote wrote && !wrote.accepted()) {
      refused.increment();
    }
    if (json) {
      tell(event);
    }
  }

  private void count(HistoryEvent.GaveUp gaveUp) {
    switch (gaveUp.why()) {
      case TIMED_OUT -> timedOut.increment();
      case CANCELLED -> (wasInterrupted(gaveUp.request()) ? interrupted : cancelled).increment();
      case BUSY -> busy.increment();
      default -> {} // the server was away
    }
  }

  private void tell(HistoryEvent event) {
    if (event instanceof HistoryEvent.Queued e) {
      emit(line("queued", e));
    } else if (event instanceof HistoryEvent.Acquired e) {
      emit(line("acquired", e).field("token", e.token()));
    } else if (event instanceof HistoryEvent.GaveUp e) {
      boolean byInterrupt = e.why() == Why.CANCELLED && wasInterrupted(e.request());
      emit(
          line("gave_up", e)
              .field("why", byInterrupt ? "interrupted" : e.why().name().toLowerCase(Locale.ROOT)));
    } else if (event instanceof HistoryEvent.Unknown e) {
      emit(line("unknown", e));
    } else if (event instanceof HistoryEvent.Released e) {
      emit(line("released", e));
    } else if (event instanceof HistoryEvent.Lost e) {
      emit(line("lost", e).field("reason", e.reason().name().toLowerCase(Locale.ROOT)));
    } else if (event instanceof HistoryEvent.Wrote e) {
      emit(
          line("wrote", e)
              .field("resource", e.resource())
              .field("token", e.token())
              .field("accepted", e.accepted()));
    } else if (event instanceof HistoryEvent.Revoking e) {
      emit(
          line("revoking", e.atNanos())
              .field("lock", e.key().toString())
              .field("token", e.token()));
    } else if (event instanceof HistoryEvent.ClientDied e) {
      emit(line("worker_killed", e.atNanos()).field("process", e.client()));
    } else if (event instanceof HistoryEvent.FaultBegan e) {
      emit(line("server_killed", e.atNanos()));
    } else if (event instanceof HistoryEvent.FaultEnded e) {
      emit(line("server_back", e.atNanos()));
    } else if (event instanceof HistoryEvent.Happened e) {
      emit(line("happened", e.atNanos()).field("what", e.what()));
    }
  }

  private void tellAsked(long request) {
    HistoryEvent.Asked event = asked.get(request);
    if (!json || event == null) {
      return;
    }
    Json line = line("asked", event);
    if (!event.maxWait().equals(Worker.FOREVER)) {
      line.field("max_wait_ms", event.maxWait().toMillis());
    }
    line.array("locks");
    for (LockTarget target : event.targets()) {
      line.object().field("lock", target.key().toString()).field("mode", mode(target)).end();
    }
    emit(line.end());
  }

  /** The files are not as they must be, as is found when all work is over. */
  void damage(String what) {
    damage(ticker.nanos(), 0, what);
  }

  private void damage(long atNanos, long request, String what) {
    damages.increment();
    if (damages.sum() <= MAX_DAMAGE_TOLD) {
      damage.add(new Damage(atNanos, request, what));
      if (json) {
        emit(line("damage", atNanos, request).field("what", what));
      }
    }
  }

  /** The request of the holder that waits for its death; empty before. */
  Optional<Long> doomed() {
    return Optional.ofNullable(doomed);
  }

  /** The token of what was last seen held by this request, if it still is. */
  Optional<Long> heldBy(long request) {
    return Optional.ofNullable(held.get(request));
  }

  /** A line for programs that is about no request. */
  Json line(String event) {
    return line(event, ticker.nanos());
  }

  private Json line(String event, long atNanos) {
    return new Json().object().field("event", event).field("ms", (atNanos - originNanos) / 1e6);
  }

  void emit(Json line) {
    lines.add(line.end().toString());
  }

  /** The lines for programs that nobody has taken yet. */
  List<String> takeLines() {
    List<String> taken = new ArrayList<>();
    for (String line = lines.poll(); line != null; line = lines.poll()) {
      taken.add(line);
    }
    return taken;
  }

  /** All that anybody saw until the {@link #end}. */
  History history() {
    return history;
  }

  /** When something was heard of for the first time; empty if it never was. For after the {@link #end}. */
  Optional<Long> first(Class<? extends HistoryEvent> kind) {
    return history.events().stream()
        .filter(kind::isInstance)
        .map(HistoryEvent::atNanos)
        .findFirst();
  }

  Asker asker(long request) {
    return askers.getOrDefault(request, new Asker("nobody", "nothing"));
  }

  /** What the exception told a worker whose patience ended; empty for others. */
  String explanation(long request) {
    return explanations.getOrDefault(request, "");
  }

  boolean wasInterrupted(long request) {
    return interrupts.contains(request);
  }

  List<Damage> damage() {
    return List.copyOf(damage);
  }

  /** What times count from. */
  long originNanos() {
    return originNanos;
  }

  static String mode(LockTarget target) {
    return target.mode() == LockMode.SHARED ? "shared" : "exclusive";
  }

  private Json line(String event, HistoryEvent.OfRequest about) {
    return line(event, about.atNanos(), about.request());
  }

  private Json line(String event, long atNanos, long request) {
    Json line = line(event, atNanos);
    if (request > 0) {
      Asker asker = asker(request);
      line.field("request", request).field("worker", asker.worker()).field("job", asker.job());
    }
    return line;
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}
