package io.holdfast.simulation;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/** Many runs, and what they come to. */
final class Campaign {
  /** Without these a run proves nothing. */
  private static final List<Fact> NEEDED =
      List.of(
          Fact.MESSAGE_LOST,
          Fact.MESSAGE_DUPLICATED,
          Fact.MESSAGE_DELAYED,
          Fact.STREAM_BROKEN,
          Fact.STREAM_SILENT,
          Fact.SENT_AWAY,
          Fact.SESSION_RESUMED,
          Fact.OLD_STREAM_HEARD,
          Fact.LINK_STALLED,
          Fact.LEADER_ELECTED,
          Fact.SERVER_RESTARTED,
          Fact.CLIENT_PAUSED,
          Fact.CLIENT_KILLED,
          Fact.SESSION_EXPIRED,
          Fact.GRANTED_SHARED,
          Fact.GRANTED_TOGETHER,
          Fact.QUEUED,
          Fact.TIMED_OUT,
          Fact.RETRY_ANSWERED,
          Fact.WRITE_ACCEPTED);

  private static final int GRANTS_NEEDED = 300;

  private final Evidence evidence = new Evidence();
  private final List<String> breaches = new ArrayList<>();
  private int runs;
  private long events;
  private long cpuNanos;

  void run(long seed) {
    long began = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    Simulation.Outcome outcome = Simulation.run(seed);
    cpuNanos += ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - began;
    runs++;
    events += outcome.events();
    evidence.add(outcome.evidence());
    if (outcome.breach() != null) {
      breaches.add(outcome.breach());
    } else if (outcome.evidence().of(Fact.GRANTED) < GRANTS_NEEDED
        || NEEDED.stream().anyMatch(fact -> outcome.evidence().of(fact) == 0)) {
      breaches.add(
          "seed "
              + seed
              + ": P15: the run proves nothing, of what it needs it lacks "
              + outcome.evidence().missing());
    }
  }

  void add(Campaign other) {
    evidence.add(other.evidence);
    breaches.addAll(other.breaches);
    runs += other.runs;
    events += other.events;
    cpuNanos += other.cpuNanos;
  }

  Evidence evidence() {
    return evidence;
  }

  List<String> breaches() {
    return breaches;
  }

  @Override
  public String toString() {
    double seconds = cpuNanos / 1e9;
    return String.format(
        "%,d worlds of 10 min in %.1f s of CPU: %,d events, %,.0f events/s, %d breaches%n%s",
        runs, seconds, events, events / seconds, breaches.size(), evidence);
  }
}
