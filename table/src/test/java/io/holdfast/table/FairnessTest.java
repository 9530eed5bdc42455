package io.holdfast.table;

import static io.holdfast.table.Requests.acquire;
import static io.holdfast.table.Requests.end;
import static io.holdfast.table.Requests.name;
import static io.holdfast.table.Requests.read;
import static io.holdfast.table.Requests.readName;
import static io.holdfast.table.Requests.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.holdfast.LockTarget;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whoever waits is granted when the last of those before it has left, however many keep coming after. */
class FairnessTest {
  private static final int EARLIER = 20;

  /** So many come for each one that leaves. */
  private static final int RUSH = 50;

  static Stream<Arguments> streams() {
    return Stream.of(
        stream("writer among readers", i -> readName("a"), name("a")),
        stream("writer among writers", i -> name("a"), name("a")),
        stream("reader among writers", i -> name("a"), readName("a")),
        stream("writer of everything among readers of one node", i -> read("/a"), write("/")),
        stream(
            "writer of everything among writers here and there", i -> write("/" + i), write("/")),
        stream("reader of everything among writers here and there", i -> write("/" + i), read("/")),
        stream("writer of everything among writers deep down", i -> write("/a/b/" + i), write("/")),
        stream("writer of a node among writers below it", i -> write("/a/b/" + i), write("/a")),
        stream("writer of a node among readers of everything", i -> read("/"), write("/a/b")),
        stream("reader of a node among writers of everything", i -> write("/"), read("/a/b")),
        stream("writer of a node among writers of everything", i -> write("/"), write("/a/b")),
        stream(
            "reader and writer below among readers",
            i -> read("/a/b/c"),
            read("/a"),
            write("/a/b")),
        stream(
            "two names among takers of either",
            i -> i % 2 == 0 ? name("a") : name("b"),
            name("a"),
            name("b")),
        stream(
            "two sub-trees among writers in either",
            i -> write(i % 2 == 0 ? "/a/" + i : "/b/" + i),
            write("/a"),
            read("/b")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("streams")
  void nobodyStarves(String what, LongFunction<LockTarget> stream, List<LockTarget> patient) {
    LockTable table = Requests.table();
    Deque<Long> earlier = new ArrayDeque<>();
    long last = 0;
    while (last < EARLIER) {
      table.apply(acquire(++last, stream.apply(last)));
      earlier.add(last);
    }
    // In the order of arrival where they hold one after the other, in any where they hold together.
    if (table.size().holds() == EARLIER) {
      earlier = shuffled(earlier);
    }

    long patientId = ++last;
    assertThat(table.apply(acquire(patientId, patient)).get(0)).isInstanceOf(Event.Queued.class);
    while (!earlier.isEmpty()) {
      for (int i = 0; i < RUSH; i++) {
        Event answer = table.apply(acquire(++last, stream.apply(last))).get(0);
        assertThat(answer).isInstanceOf(Event.Queued.class);
      }
      long leaver = earlier.remove();
      List<Long> granted = granted(table.apply(end(leaver)));
      if (earlier.isEmpty()) {
        assertThat(granted).containsExactly(patientId);
      } else {
        assertThat(earlier).containsAll(granted);
      }
    }

    // And behind it the stream flows on, with the oldest of those who waited.
    assertThat(granted(table.apply(end(patientId)))).startsWith(patientId + 1);
  }

  private static List<Long> granted(List<Event> events) {
    return events.stream()
        .filter(Event.Granted.class::isInstance)
        .map(event -> ((Event.Granted) event).request())
        .toList();
  }

  private static Deque<Long> shuffled(Deque<Long> requests) {
    List<Long> list = new ArrayList<>(requests);
    Collections.shuffle(list, new Random(1));
    return new ArrayDeque<>(list);
  }

  private static Arguments stream(
      String what, LongFunction<LockTarget> stream, LockTarget... patient) {
    return arguments(what, stream, List.of(patient));
  }
}
