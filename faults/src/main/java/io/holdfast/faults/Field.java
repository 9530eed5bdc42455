package io.holdfast.faults;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** What a {@link Nemesis} finds before it: servers, clients, and dice. */
final class Field {
  private final Cluster cluster;
  private final Fleet clients;
  private final SplittableRandom dice;
  private final Duration lease;
  private final Consumer<String> broken;

  /**
   * A field.
   *
   * @param broken is told of a promise that a nemesis sees broken
   */
  Field(
      Cluster cluster,
      Fleet clients,
      SplittableRandom dice,
      Duration lease,
      Consumer<String> broken) {
    this.cluster = cluster;
    this.clients = clients;
    this.dice = dice;
    this.lease = lease;
    this.broken = broken;
  }

  Cluster cluster() {
    return cluster;
  }

  Fleet clients() {
    return clients;
  }

  Duration lease() {
    return lease;
  }

  /** 0 to {@code bound - 1}. */
  int below(int bound) {
    return dice.nextInt(bound);
  }

  /** Lets the harm go on for a while. */
  void goOn(Duration least, Duration most) throws InterruptedException {
    Wait.pass(Duration.ofMillis(dice.nextLong(least.toMillis(), most.toMillis() + 1)));
  }

  /** Everybody on the network but the rig. */
  List<Host> allHosts() {
    List<Host> all = new ArrayList<>(cluster.hosts());
    all.addAll(clients.hosts());
    return all;
  }

  /** A promise was seen broken, that no history tells of. */
  void promiseBroken(String what) {
    broken.accept(what);
  }
}
