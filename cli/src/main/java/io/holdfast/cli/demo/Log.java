package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LockTimeoutException;
import io.holdfast.LossReason;
import io.holdfast.cli.output.Json;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent.Why;
import io.holdfast.testkit.history.HistoryRecorder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * Writes down what happens: the history that the checker judges, what only the demo knows of it, counts for who watches, and
 * lines for programs. Thread-safe; nothing here waits for anybody, least of all for a slow reader of stdout.
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
  final LongAdder damages = new LongAdder();

  private final Ticker ticker;
  private volatile long originNanos;
  private volatile History history = History.of();
  private final boolean json;
  private final HistoryRecorder recorder;
  private final Map<Long, Asker> askers = new ConcurrentHashMap<>();
  private final Map<String, Long> asking = new ConcurrentHashMap<>();
  private final Set<Long> seenInLine = ConcurrentHashMap.newKeySet();
  private final Set<Long> interrupts = ConcurrentHashMap.newKeySet();
  private final Queue<Damage> damage = new ConcurrentLinkedQueue<>();
  private final Map<Long, String> explanations = new ConcurrentHashMap<>();
  private final Queue<String> lines = new ConcurrentLinkedQueue<>();

  Log(Ticker ticker, boolean json) {
    this.ticker = ticker;
    this.originNanos = ticker.nanos();
    this.json = json;
    this.recorder = new HistoryRecorder(ticker::nanos);
  }

  /** The work begins; until there is a history, times count from here. */
  void begin() {
    originNanos = ticker.nanos();
  }

  /** The work is over: nothing becomes part of the history from here on. Times now count from its first event. */
  void end() {
    history = recorder.history();
    if (!history.events().isEmpty()) {
      originNanos = history.events().get(0).atNanos();
    }
  }

  /** Somebody is about to ask for a lock. Returns the number of the request. */
  long asking(String worker, String job, DistributedLock lock, Duration maxWait) {
    long request = recorder.asked(worker, lock.targets(), maxWait, lock.options().maxHold());
    askers.put(request, new Asker(worker, job));
    asking.put(worker, request);
    if (json) {
      Json line = line("asked", request);
      if (!maxWait.equals(Worker.FOREVER)) {
        line.field("max_wait_ms", maxWait.toMillis());
      }
      line.array("locks");
      for (LockTarget target : lock.targets()) {
        line.object().field("lock", target.key().toString()).field("mode", mode(target)).end();
      }
      emit(line.end());
    }
    return request;
  }

  /** What each worker asks for, as the number of its request, that has no answer yet. */
  Map<String, Long> asking() {
    return Map.copyOf(asking);
  }

  /** A worker was seen standing in line. Noted only if it still asks for the same: what is answered was in line before. */
  void queued(String worker, long request) {
    asking.computeIfPresent(
        worker,
        (name, current) -> {
          if (current == request && seenInLine.add(request)) {
            recorder.queued(request);
            if (json) {
              emit(line("queued", request));
            }
          }
          return current;
        });
  }

  void acquired(long request, long token) {
    answered(request);
    recorder.acquired(request, token);
    granted.increment();
    if (json) {
      emit(line("acquired", request).field("token", token));
    }
  }

  void cancelling(long request) {
    recorder.cancelling(request);
  }

  /** A thread that waits is about to be interrupted. */
  void interrupting(long request) {
    recorder.cancelling(request);
    interrupts.add(request);
  }

  void gaveUp(long request, Why why) {
    answered(request);
    recorder.gaveUp(request, why);
    LongAdder counter =
        switch (why) {
          case TIMED_OUT -> timedOut;
          case CANCELLED -> interrupts.contains(request) ? interrupted : cancelled;
          default -> busy;
        };
    counter.increment();
    if (json) {
      String reason = counter == interrupted ? "interrupted" : why.name().toLowerCase(Locale.ROOT);
      emit(line("gave_up", request).field("why", reason));
    }
  }

  /** The same, for want of patience; the message says who was in the way. */
  void timedOut(long request, LockTimeoutException e) {
    explanations.put(request, String.valueOf(e.getMessage()));
    gaveUp(request, Why.TIMED_OUT);
  }

  void releasing(long request) {
    recorder.releasing(request);
  }

  void released(long request) {
    recorder.released(request);
    if (json) {
      emit(line("released", request));
    }
  }

  void lost(long request, LossReason reason) {
    recorder.lost(request, reason);
    if (json) {
      emit(line("lost", request).field("reason", reason.name().toLowerCase(Locale.ROOT)));
    }
  }

  void revoking(LockKey key, long token) {
    recorder.revoking(key, token);
    if (json) {
      emit(line("revoking").field("lock", key.toString()).field("token", token));
    }
  }

  void revoked(LockKey key, long token) {
    recorder.revoked(key, token);
  }

  /** A resource that fences decides on a write; it decides on no other meanwhile. */
  void wrote(long request, String resource, long token, boolean accepted) {
    recorder.wrote(request, resource, token, accepted);
    if (json) {
      emit(
          line("wrote", request)
              .field("resource", resource)
              .field("token", token)
              .field("accepted", accepted));
    }
  }

  /** The files are not as they must be, as the work of this request finds; 0 if found when all work is over. */
  void damage(long request, String what) {
    damages.increment();
    if (damages.sum() <= MAX_DAMAGE_TOLD) {
      damage.add(new Damage(ticker.nanos(), request, what));
      if (json) {
        emit(line("damage", request).field("what", what));
      }
    }
  }

  /** A line for programs that is about no request. */
  Json line(String event) {
    return new Json()
        .object()
        .field("event", event)
        .field("ms", (ticker.nanos() - originNanos) / 1e6);
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

  private void answered(long request) {
    asking.remove(asker(request).worker(), request);
  }

  private Json line(String event, long request) {
    Json line = line(event);
    if (request > 0) {
      Asker asker = asker(request);
      line.field("request", request).field("worker", asker.worker()).field("job", asker.job());
    }
    return line;
  }
}
