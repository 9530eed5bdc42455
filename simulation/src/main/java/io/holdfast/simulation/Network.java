package io.holdfast.simulation;

/**
 * How long messages are under way, and when streams break. What belongs to no stream, such as a write, it carries itself,
 * and when it storms, loses 3 % of that, delivers 3 % twice, and holds some back for so long that later ones pass them.
 */
final class Network {
  private static final double LOSS = 0.03;
  private static final double DUPLICATION = 0.03;
  private static final double LONG_DELAY = 0.01;

  /** With so many of the messages in a storm, the stream that carries them breaks. */
  private static final double BREAKS = 0.005;

  private final VirtualTime time;
  private final Dice dice;
  private final Evidence evidence;
  private boolean storm;

  Network(VirtualTime time, Dice dice, Evidence evidence) {
    this.time = time;
    this.dice = dice;
    this.evidence = evidence;
  }

  void setStorm(boolean storm) {
    this.storm = storm;
  }

  /** @param notBefore true time before which it does not arrive, 0 if there is none */
  void send(long notBefore, SimulatedProcess to, Runnable delivery) {
    if (storm && dice.chance(LOSS)) {
      evidence.count(Fact.MESSAGE_LOST);
      return;
    }
    to.at(Math.max(time.now(), notBefore) + delay(), delivery);
    if (storm && dice.chance(DUPLICATION)) {
      evidence.count(Fact.MESSAGE_DUPLICATED);
      to.at(Math.max(time.now(), notBefore) + delay(), delivery);
    }
  }

  /** Whether this message is lost, and its stream with it. */
  boolean breaksStream() {
    return storm && dice.chance(BREAKS);
  }

  long delay() {
    if (storm && dice.chance(LONG_DELAY)) {
      evidence.count(Fact.MESSAGE_DELAYED);
      return dice.between(Nanos.MILLI * 100, Nanos.SECOND * 4);
    }
    return storm && dice.chance(0.1)
        ? dice.between(Nanos.MILLI * 2, Nanos.MILLI * 100)
        : dice.between(Nanos.MILLI / 5, Nanos.MILLI * 2);
  }
}
