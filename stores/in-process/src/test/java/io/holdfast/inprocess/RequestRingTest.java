package io.holdfast.inprocess;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.HoldOptions;
import io.holdfast.spi.AcquireRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RequestRingTest {
  private final RequestRing ring = new RequestRing();

  @Test
  void findsWhatIsThereAndNothingElseHoweverRequestsComeAndGo() {
    long seed = Long.getLong("holdfast.seed", System.nanoTime());
    Random random = new Random(seed);
    TreeMap<Long, InProcessRequest> there = new TreeMap<>();
    List<Long> gone = new ArrayList<>();
    for (int i = 0; i < 100_000; i++) {
      // The share of comers swings, so that the ring fills and empties.
      if (there.isEmpty() || random.nextInt(1000) < 500 + 300 * Math.sin(i / 5000.0)) {
        long last =
            Math.max(
                gone.isEmpty() ? 0 : gone.get(gone.size() - 1),
                there.isEmpty() ? 0 : there.lastKey());
        InProcessRequest request = request();
        ring.add(request);
        assertThat(request.id).as("seed %d", seed).isGreaterThan(last);
        there.put(request.id, request);
      } else {
        Long near = there.ceilingKey((long) (random.nextDouble() * there.lastKey()));
        InProcessRequest leaver = there.remove(near);
        ring.remove(leaver);
        gone.add(leaver.id);
        gone.sort(null);
        gone.subList(0, Math.max(0, gone.size() - 50)).clear();
      }
      assertThat(ring.size()).isEqualTo(there.size());
      if (i % 100 == 0) {
        there.forEach(
            (id, request) -> assertThat(ring.find(id)).as("seed %d", seed).isSameAs(request));
        gone.forEach(id -> assertThat(ring.find(id)).as("seed %d", seed).isNull());
      }
    }
  }

  @Test
  void oneThatStaysForEverCostsTheOthersNothingButItsNumber() {
    InProcessRequest stays = request();
    ring.add(stays);
    for (int i = 0; i < 10_000; i++) {
      InProcessRequest passes = request();
      ring.add(passes);
      ring.remove(passes);
    }
    assertThat(ring.find(stays.id)).isSameAs(stays);
    assertThat(ring.size()).isEqualTo(1);
  }

  private static InProcessRequest request() {
    InProcessLocks locks = InProcessLocks.shared();
    return new InProcessRequest(
        locks,
        new InProcessSession(locks, 1, "tester"),
        new AcquireRequest(List.of(), 0, HoldOptions.defaults(), 0));
  }
}
