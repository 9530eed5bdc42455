package io.holdfast.simulation;

import java.util.HashMap;
import java.util.Map;

/** What the locks guard: takes a write if it has seen no higher token for the same key. */
final class FencedResource {
  final SimulatedProcess process;
  private final World world;
  private final Map<String, Long> highest = new HashMap<>();

  FencedResource(World world) {
    this.world = world;
    this.process = world.process();
  }

  /** @param request the number in the history of the request whose hold allows the write */
  void write(long request, String key, long token) {
    boolean accepted = token >= highest.getOrDefault(key, 0L);
    if (accepted) {
      highest.put(key, token);
    }
    world.recorder.wrote(request, key, token, accepted);
    world.evidence.count(accepted ? Fact.WRITE_ACCEPTED : Fact.WRITE_FENCED);
  }
}
