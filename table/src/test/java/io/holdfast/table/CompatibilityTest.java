package io.holdfast.table;

import static io.holdfast.table.Requests.acquire;
import static io.holdfast.table.Requests.end;
import static io.holdfast.table.Requests.targets;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Every request there can be on a small tree, with every other: granted together exactly when they are compatible by what
 * they mean ({@link Requests#conflict}), and waiting for earlier arrivals only.
 */
class CompatibilityTest {
  private static final List<String> PATHS = List.of("/", "/a", "/a/b", "/c");

  /** Each way to name some of the paths to read, and some to write. */
  private static final List<List<LockTarget>> SPELLINGS =
      subsets().stream()
          .flatMap(reads -> subsets().stream().map(writes -> targets(reads, writes)))
          .filter(targets -> !targets.isEmpty())
          .toList();

  /** One spelling, the shortest, of each request that means something of its own. */
  private static final List<List<LockTarget>> REQUESTS = requests();

  private static final boolean[][] CONFLICTS = conflicts();

  @Test
  void thereAre24RequestsOnFourNodes() {
    assertThat(SPELLINGS).hasSize(16 * 16 - 1);
    assertThat(REQUESTS).hasSize(24);
  }

  @Test
  void all576PairsAreGrantedTogetherExactlyWhenCompatible() {
    int pairs = 0;
    for (List<LockTarget> one : REQUESTS) {
      for (List<LockTarget> other : REQUESTS) {
        pairs++;
        assertThat(grantedTogether(one, other))
            .as("%s, then %s", one, other)
            .isEqualTo(!Requests.conflict(one, other));
      }
    }
    assertThat(pairs).isEqualTo(576);
  }

  /** Naming a node twice, or one below another, and in whatever order, adds nothing and takes nothing away. */
  @Test
  void redundantSpellingsMeanTheSame() {
    for (List<LockTarget> one : SPELLINGS) {
      List<LockTarget> backwards = new ArrayList<>(one);
      Collections.reverse(backwards);
      for (List<LockTarget> other : SPELLINGS) {
        boolean compatible = !Requests.conflict(one, other);
        boolean agreed =
            grantedTogether(one, other) == compatible
                && grantedTogether(other, backwards) == compatible;
        if (!agreed) {
          fail("%s and %s are %s", one, other, compatible ? "compatible" : "in conflict");
        }
      }
    }
  }

  /** All 13 824 of them, and after each the departure of any two of the three. */
  @Test
  void triplesWaitForEarlierArrivalsOnly() {
    for (int first = 0; first < REQUESTS.size(); first++) {
      for (int second = 0; second < REQUESTS.size(); second++) {
        for (int third = 0; third < REQUESTS.size(); third++) {
          for (int stays = 1; stays <= 3; stays++) {
            int leaves = stays % 3 + 1;
            int leavesToo = leaves % 3 + 1;
            obeysOrder(List.of(first, second, third), leaves, leavesToo);
            obeysOrder(List.of(first, second, third), leavesToo, leaves);
          }
        }
      }
    }
  }

  private static void obeysOrder(List<Integer> requests, int leaves, int leavesToo) {
    LockTable table = Requests.table();
    Map<Long, Integer> line = new LinkedHashMap<>();
    Set<Long> granted = new HashSet<>();
    for (int request : requests) {
      long id = line.size() + 1L;
      line.put(id, request);
      note(table.apply(acquire(id, REQUESTS.get(request))), granted);
      check(line, granted);
    }
    for (long leaver : new long[] {leaves, leavesToo}) {
      line.remove(leaver);
      granted.remove(leaver);
      note(table.apply(end(leaver)), granted);
      check(line, granted);
    }
  }

  private static void note(List<Event> events, Set<Long> granted) {
    for (Event event : events) {
      if (event instanceof Event.Granted grant) {
        granted.add(grant.request());
      }
    }
  }

  /** The granted are those that no earlier one in the line conflicts with. */
  private static void check(Map<Long, Integer> line, Set<Long> granted) {
    Set<Long> free = new HashSet<>();
    List<Integer> earlier = new ArrayList<>();
    line.forEach(
        (id, request) -> {
          if (earlier.stream().noneMatch(other -> CONFLICTS[request][other])) {
            free.add(id);
          }
          earlier.add(request);
        });
    if (!granted.equals(free)) {
      fail("granted of %s are %s, not %s; requests are %s", line, granted, free, REQUESTS);
    }
  }

  private static boolean grantedTogether(List<LockTarget> one, List<LockTarget> other) {
    LockTable table = Requests.table();
    table.apply(acquire(1, one));
    return table.apply(acquire(2, other)).get(0) instanceof Event.Granted;
  }

  private static List<List<LockTarget>> requests() {
    Map<Set<String>, List<LockTarget>> byMeaning = new LinkedHashMap<>();
    for (List<LockTarget> spelling : SPELLINGS) {
      byMeaning.merge(meaning(spelling), spelling, (a, b) -> a.size() <= b.size() ? a : b);
    }
    return List.copyOf(byMeaning.values());
  }

  private static boolean[][] conflicts() {
    boolean[][] conflicts = new boolean[REQUESTS.size()][REQUESTS.size()];
    for (int i = 0; i < conflicts.length; i++) {
      for (int j = 0; j < conflicts.length; j++) {
        conflicts[i][j] = Requests.conflict(REQUESTS.get(i), REQUESTS.get(j));
      }
    }
    return conflicts;
  }

  /** What a request may do with each node: write it, only read it, or nothing. */
  private static Set<String> meaning(List<LockTarget> request) {
    Set<String> meaning = new HashSet<>();
    for (String node : PATHS) {
      Set<LockMode> modes =
          request.stream()
              .filter(target -> covers(((LockKey.Node) target.key()).path().toString(), node))
              .map(LockTarget::mode)
              .collect(toSet());
      if (!modes.isEmpty()) {
        meaning.add((modes.contains(LockMode.EXCLUSIVE) ? "writes " : "reads ") + node);
      }
    }
    return meaning;
  }

  private static boolean covers(String path, String node) {
    return path.equals("/") || (node + "/").startsWith(path + "/");
  }

  private static List<List<String>> subsets() {
    return IntStream.range(0, 1 << PATHS.size())
        .mapToObj(
            bits ->
                IntStream.range(0, PATHS.size())
                    .filter(i -> (bits & 1 << i) != 0)
                    .mapToObj(PATHS::get)
                    .toList())
        .toList();
  }
}
