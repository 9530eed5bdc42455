package io.holdfast.faults;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** All harm there is, by name. */
final class Nemeses {
  /** Those of the short run, which has time for a few. */
  static final List<String> SHORT =
      List.of(
          "leader-kill",
          "leader-pause",
          "leader-partition",
          "leader-one-way-cut",
          "client-kill",
          "power-loss");

  private static final Map<String, Nemesis> BY_NAME = new LinkedHashMap<>();

  static {
    Stream.of(
            new KillServers("leader-kill", KillServers.Which.LEADER),
            new KillServers("follower-kill", KillServers.Which.FOLLOWER),
            new KillServers("all-kill", KillServers.Which.ALL),
            new PauseLeader(),
            new CutLeader("leader-partition", Host.Cut.BOTH_WAYS, false),
            new CutLeader("leader-peer-partition", Host.Cut.BOTH_WAYS, true),
            new CutLeader("leader-one-way-cut", Host.Cut.INCOMING, true),
            new KillClient(),
            new PauseClient(),
            new CutClient(),
            new PowerLoss(),
            new SlowDisk(),
            new FailingDisk(),
            new FullDisk(),
            new ClockJump(),
            new TransferLeadership(),
            new RollingRestart(),
            new ChangeMembers(),
            new FallBehind())
        .forEach(nemesis -> BY_NAME.put(nemesis.name(), nemesis));
  }

  private Nemeses() {}

  static List<String> names() {
    return List.copyOf(BY_NAME.keySet());
  }

  /**
   * The nemesis of this name.
   *
   * @throws IllegalArgumentException if there is none
   */
  static Nemesis named(String name) {
    Nemesis nemesis = BY_NAME.get(name);
    if (nemesis == null) {
      throw new IllegalArgumentException(
          "no scenario is called " + name + "; there are " + BY_NAME.keySet());
    }
    return nemesis;
  }
}
