package io.holdfast.faults;

/** One life of a client process. */
final class FleetMember {
  private final int number;
  private final int life;
  private final Host host;
  private final RigProcess process;
  private volatile boolean mayLose;

  FleetMember(int number, int life, Host host, RigProcess process) {
    this.number = number;
    this.life = life;
    this.host = host;
    this.process = process;
  }

  /** Which of the clients; the next life of it has the same number. */
  int number() {
    return number;
  }

  int life() {
    return life;
  }

  /** What it is called in the history; another in each life. */
  String name() {
    return name(number, life);
  }

  static String name(int number, int life) {
    return "c" + number + "." + life;
  }

  Host host() {
    return host;
  }

  RigProcess process() {
    return process;
  }

  /** It is about to be harmed so that it may rightly lose what it holds. */
  void mayLose() {
    mayLose = true;
  }

  boolean wasAllowedToLose() {
    return mayLose;
  }
}
