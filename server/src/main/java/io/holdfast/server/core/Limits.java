package io.holdfast.server.core;

import io.holdfast.LockClient;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How much of anything a server takes. What would be more is refused before it comes into the log, with {@code
 * RESOURCE_EXHAUSTED} and the name of the limit; an operation that waits for the log already is not counted yet, so up to {@link
 * #queuedOperations} more may get in.
 *
 * @param namespaces that were ever used: each is kept for good, for its tokens must not begin again
 * @param sessions open in one namespace
 * @param sessionsPerConnection opened or resumed on one stream
 * @param requestsPerSession that hold or wait
 * @param waiters in one namespace
 * @param keys held or waited for in one namespace, and those above them
 * @param createdLocks whose settings were made known, in one namespace
 * @param connections streams at a time
 * @param connectionsPerAddress of TCP, from one IP address; more are closed at once
 * @param watches of the locks of one namespace at a time
 * @param queuedOperations that wait to go into the log; what comes then is {@code UNAVAILABLE}. Twice as many if they give
 *     something back
 * @param operationsPerConnection that were asked on one stream and not answered; the stream is not read further until there
 *     are fewer
 * @param queuedReads that wait for a majority to confirm that this server leads; heartbeats do not count, of which a stream may
 *     have twice as many on their way as sessions
 * @param unsentMessages to one client; one that reads nothing and is owed more is disconnected. Beside them so many locks,
 *     holders and waiters in answers; who is owed more is answered no questions
 * @param listed locks in the answer to one question
 * @param acquisitionsPerSecond asked for in one namespace, on average, and as many at one go; at most {@link
 *     #MOST_ACQUISITIONS_PER_SECOND}. What comes then is {@code UNAVAILABLE}, and may be asked again
 */
public record Limits(
    int namespaces,
    int sessions,
    int sessionsPerConnection,
    int requestsPerSession,
    int waiters,
    int keys,
    int createdLocks,
    int connections,
    int connectionsPerAddress,
    int watches,
    int queuedOperations,
    int operationsPerConnection,
    int queuedReads,
    int unsentMessages,
    int listed,
    int acquisitionsPerSecond) {
  /** More than a server can do. */
  static final int MOST_ACQUISITIONS_PER_SECOND = 1_000_000;

  /** Those of a server that is not told otherwise. */
  public static final Limits DEFAULTS =
      new Limits(
          1_000,
          100_000,
          100,
          10_000,
          100_000,
          1_000_000,
          100_000,
          10_000,
          10_000,
          100,
          16_384,
          4_096,
          16_384,
          20_000,
          LockClient.MAX_LISTED,
          MOST_ACQUISITIONS_PER_SECOND);

  /** Checks that there is at least one of each. */
  public Limits {
    int least = namespaces;
    for (int each :
        new int[] {
          sessions,
          sessionsPerConnection,
          requestsPerSession,
          waiters,
          keys,
          createdLocks,
          connections,
          connectionsPerAddress,
          watches,
          queuedOperations,
          operationsPerConnection,
          queuedReads,
          unsentMessages,
          listed,
          acquisitionsPerSecond
        }) {
      least = Math.min(least, each);
    }
    if (least < 1) {
      throw new IllegalArgumentException("a limit is " + least + ", at least 1");
    }
    if (listed > LockClient.MAX_LISTED) {
      throw new IllegalArgumentException("listed " + listed + ", at most " + LockClient.MAX_LISTED);
    }
    if (acquisitionsPerSecond > MOST_ACQUISITIONS_PER_SECOND) {
      throw new IllegalArgumentException(
          "acquisitions-per-second "
              + acquisitionsPerSecond
              + ", at most "
              + MOST_ACQUISITIONS_PER_SECOND);
    }
  }

  /** All limits by their names, as operators write them: {@code sessions-per-connection}. */
  public SortedMap<String, Integer> byName() {
    SortedMap<String, Integer> limits = new TreeMap<>();
    for (RecordComponent each : Limits.class.getRecordComponents()) {
      limits.put(name(each), value(each));
    }
    return limits;
  }

  /**
   * The same with others in the place of those that are named.
   *
   * @throws IllegalArgumentException if there is no limit of a name, or it cannot be so
   */
  public Limits with(Map<String, Integer> others) {
    RecordComponent[] components = Limits.class.getRecordComponents();
    Object[] values = new Object[components.length];
    Class<?>[] types = new Class<?>[components.length];
    Map<String, Integer> left = new TreeMap<>(others);
    for (int i = 0; i < components.length; i++) {
      Integer other = left.remove(name(components[i]));
      values[i] = other == null ? value(components[i]) : other;
      types[i] = components[i].getType();
    }
    if (!left.isEmpty()) {
      throw new IllegalArgumentException("no limit is called " + left.keySet().iterator().next());
    }
    try {
      return Limits.class.getDeclaredConstructor(types).newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException refused) {
        throw refused;
      }
      throw new IllegalStateException(e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e); // it is our own
    }
  }

  private static String name(RecordComponent component) {
    return component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
  }

  private int value(RecordComponent component) {
    try {
      return (int) component.getAccessor().invoke(this);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e); // it is our own
    }
  }
}
