package io.holdfast.faults;

import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockException;
import io.holdfast.LockKey;
import io.holdfast.LockTree;
import io.holdfast.Waiter;
import io.holdfast.testkit.history.HistoryRecorder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Looks at the lines again and again, and writes down who is seen standing in them: from then on nobody may overtake them. Now
 * and then it takes a lock away from its holder, as an operator would. One thread of its own.
 */
final class LineWatcher implements AutoCloseable {
  private static final Duration LOOK_EVERY = Duration.ofMillis(100);

  /** One look in so many ends with a revocation. */
  private static final int REVOKE_ONE_IN = 15;

  private final LockClient locks;
  private final LockTree tree;
  private final HistoryRecorder recorder;
  private final SplittableRandom dice;
  private final Set<Long> seen = new HashSet<>();
  private final Thread thread;
  private volatile boolean over;

  /** Begins. */
  LineWatcher(LockClient locks, HistoryRecorder recorder, long seed) {
    this.locks = locks;
    this.tree = locks.tree(Wish.TREE);
    this.recorder = recorder;
    this.dice = new SplittableRandom(seed);
    this.thread = new Thread(this::watch, "line-watcher");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() {
    over = true;
    thread.interrupt();
    try {
      thread.join(Duration.ofSeconds(10).toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void watch() {
    while (!over) {
      try {
        List<LockDescription> lines = new ArrayList<>();
        for (String name : Wish.NAMES) {
          lines.add(look(locks.describe(name)));
        }
        lines.add(look(tree.describe("/")));
        if (dice.nextInt(REVOKE_ONE_IN) == 0) {
          revokeOne(lines);
        }
        Wait.pass(LOOK_EVERY);
      } catch (LockException | IllegalStateException unanswered) {
        recorder.happened("watcher not answered");
      } catch (InterruptedException end) {
        return;
      }
    }
  }

  private LockDescription look(LockDescription line) {
    for (Waiter waiter : line.waiters()) {
      long request = Long.parseLong(new String(waiter.data().bytes(), StandardCharsets.UTF_8));
      if (seen.add(request)) {
        recorder.queued(request);
      }
    }
    return line;
  }

  private void revokeOne(List<LockDescription> lines) {
    List<Holder> holders =
        lines.stream().flatMap(line -> line.holders().stream()).distinct().toList();
    if (holders.isEmpty()) {
      return;
    }
    Holder holder = holders.get(dice.nextInt(holders.size()));
    LockKey key = holder.targets().get(0).key();
    recorder.revoking(key, holder.token().orElseThrow());
    boolean revoked =
        key instanceof LockKey.Node node
            ? tree.forceRelease(node.path().toString(), holder.token().orElseThrow())
            : locks.forceRelease(((LockKey.Name) key).name(), holder.token().orElseThrow());
    if (revoked) {
      recorder.revoked(key, holder.token().orElseThrow());
    }
  }
}
