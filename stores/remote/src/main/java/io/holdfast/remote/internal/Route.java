package io.holdfast.remote.internal;

import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Which server to try next, and after which rest. Hints are followed at once, but not in circles: whoever has been to more
 * servers than there are without being served rests, longer each time.
 */
public final class Route {
  /** Enough that the clients of a server that stops do not arrive at the next one in one instant. */
  private static final long SPREAD_NANOS = SessionCore.millis(20);

  private static final long LEAST_REST_NANOS = SessionCore.millis(50);
  private static final long LONGEST_REST_NANOS = SessionCore.millis(500);

  /** Doubling the least rest so often makes it longer than the longest. */
  private static final int DOUBLINGS = 5;

  private final List<String> servers;
  private final RandomGenerator dice;
  private int index = -1;
  private @Nullable String hint;

  /** How often it was moved since a server served. */
  private int moves;

  /**
   * Begins with the first server.
   *
   * @param servers host:port each, at least one
   */
  public Route(List<String> servers, RandomGenerator dice) {
    this.servers = List.copyOf(servers);
    this.dice = dice;
  }

  /** Where to go now. */
  public String next() {
    String hinted = hint;
    hint = null;
    if (hinted != null) {
      int known = servers.indexOf(hinted);
      index = known >= 0 ? known : index;
      return hinted;
    }
    index = (index + 1) % servers.size();
    return servers.get(index);
  }

  /**
   * The server did not serve.
   *
   * @param leader whom it named instead, or null
   * @return how long to rest before {@link #next}
   */
  public long move(@Nullable String leader) {
    hint = leader;
    moves++;
    if (leader != null && moves > 1 && moves <= servers.size() + 1) {
      return 0;
    }
    int again = moves - servers.size();
    if (again <= 0) {
      return upTo(SPREAD_NANOS);
    }
    long rest = Math.min(LEAST_REST_NANOS << Math.min(again - 1, DOUBLINGS), LONGEST_REST_NANOS);
    return rest / 2 + upTo(rest / 2);
  }

  /** The server serves. */
  public void arrived() {
    moves = 0;
  }

  private long upTo(long nanos) {
    return (long) (dice.nextDouble() * nanos);
  }

  @Override
  public String toString() {
    return String.join(", ", servers);
  }
}
