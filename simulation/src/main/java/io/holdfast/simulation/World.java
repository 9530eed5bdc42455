package io.holdfast.simulation;

import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.TextFormat;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.testkit.history.HistoryRecorder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Everything there is in one simulated world, put together from a seed. */
final class World {
  static final String TREE = "t";

  /** In one of so many worlds the leader of the second storm changes all the time. */
  private static final int RESTLESS = 5;

  private static final int CLIENTS = 4;

  /** Clocks run fast or slow by at most this share. */
  static final double CLOCK_ERROR = 0.02;

  final long leaseNanos = 10 * Nanos.SECOND;
  final VirtualTime time = new VirtualTime();
  final Evidence evidence = new Evidence();
  final HistoryRecorder recorder = new HistoryRecorder(time::now);
  final Beliefs beliefs = new Beliefs(this);
  final Dice dice;
  final Network network;
  final Referee referee;

  /** So many commands from one snapshot of a server to the next. */
  final int snapshotEvery;

  final Cluster cluster;
  final List<SimulatedClient> clients = new ArrayList<>();
  final FencedResource resource;

  private final boolean restless;
  private final Map<Long, String> clientsBySession = new HashMap<>();
  private final @Nullable Consumer<String> tracer;
  private boolean storm;
  private int storms;
  private boolean quiet;

  /**
   * @param compareEvery so many commands from one comparison of snapshots to the next
   * @param tracer is told all that happens; null if nobody wants to know
   */
  World(long seed, int compareEvery, @Nullable Consumer<String> tracer) {
    this.tracer = tracer;
    this.restless = seed % RESTLESS == RESTLESS - 1;
    this.dice = new Dice(seed);
    this.network = new Network(time, dice, evidence);
    this.referee = new Referee(this, compareEvery);
    this.snapshotEvery = (int) dice.between(5, 200);
    this.cluster = new Cluster(this);
    this.resource = new FencedResource(this);
    for (int number = 1; number <= CLIENTS; number++) {
      clients.add(new SimulatedClient(this, number));
    }
    clients.forEach(SimulatedClient::start);
    new Operator(this, clients.get(0)).start();
  }

  /** A process on a machine of its own. */
  SimulatedProcess process() {
    double rate = dice.between(1 - CLOCK_ERROR, 1 + CLOCK_ERROR);
    return new SimulatedProcess(time, rate, dice.between(0, 1_000 * Nanos.SECOND));
  }

  boolean isStorm() {
    return storm;
  }

  /** Whether what goes wrong with the servers now is that they change their leader twice a lease, and nothing else. */
  boolean isRestless() {
    return restless && storms == 2;
  }

  /** From here on things go wrong. */
  void beginStorm() {
    storm = true;
    storms++;
    recorder.faultBegan("storm");
    network.setStorm(true);
    cluster.beginStorm();
    clients.forEach(SimulatedClient::beginStorm);
  }

  /** Nothing new goes wrong from here on, but what has may take a while to be over. */
  void endStorm() {
    storm = false;
    recorder.faultEnded("storm");
    network.setStorm(false);
  }

  /** Does harm now and then, for as long as this storm lasts. */
  void againAndAgain(long leastSeconds, long mostSeconds, Runnable harm) {
    int thisStorm = storms;
    time.after(
        dice.between(leastSeconds * Nanos.SECOND, mostSeconds * Nanos.SECOND),
        () -> {
          if (storm && storms == thisStorm) {
            harm.run();
            againAndAgain(leastSeconds, mostSeconds, harm);
          }
        });
  }

  boolean isQuiet() {
    return quiet;
  }

  /** Nobody begins anything from here on. */
  void beQuiet() {
    quiet = true;
  }

  void sessionOpened(long session, String client) {
    clientsBySession.put(session, client);
  }

  void sessionExpired(long session) {
    String client = clientsBySession.get(session);
    if (client != null) { // else the client never knew of it
      recorder.sessionExpired(client);
    }
  }

  void trace(String what) {
    if (tracer != null) {
      tell(what);
    }
  }

  /** Something is said on a stream, or heard. */
  void trace(String who, long stream, MessageOrBuilder message) {
    if (tracer != null) {
      String line = TextFormat.printer().shortDebugString(message);
      tell(who + ", stream " + stream + ": " + line);
    }
  }

  void trace(long index, Command command, List<Event> events) {
    if (tracer != null) {
      tell(String.format("#%d %s -> %s", index, Transcript.line(command), Transcript.line(events)));
    }
  }

  private void tell(String what) {
    if (tracer != null) {
      tracer.accept(String.format("%12.6f s  %s", time.now() / 1e9, what));
    }
  }
}
