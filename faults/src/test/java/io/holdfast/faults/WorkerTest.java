package io.holdfast.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.inprocess.InProcessLocks;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryRecorder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The workers over a store that is known to be right: what they write down must be without fault, and must have a bit
 * of everything.
 */
class WorkerTest {
  private static final Duration WORK = Duration.ofSeconds(3);

  @TempDir private Path folder;

  @Test
  void whatWorkersWriteDownOverASoundStoreIsLegal() throws Exception {
    InProcessLocks store = InProcessLocks.create();
    AtomicBoolean ending = new AtomicBoolean();
    ScheduledExecutorService threads = Executors.newScheduledThreadPool(20);
    try (HistoryFile file = new HistoryFile(folder.resolve("all.history"));
        FencedResource resource =
            FencedResource.open(new HistoryRecorder(System::nanoTime, 0, file), "127.0.0.1")) {
      List<LockClient> clients = new ArrayList<>();
      List<Future<?>> work = new ArrayList<>();
      for (int c = 1; c <= 4; c++) {
        String name = "c" + c;
        LockClient client = store.client(ClientOptions.defaults().name(name));
        clients.add(client);
        HistoryRecorder recorder =
            new HistoryRecorder(System::nanoTime, c * Fleet.REQUESTS_OF_ONE, file);
        for (int w = 0; w < 4; w++) {
          Worker worker =
              new Worker(
                  name,
                  client,
                  recorder,
                  new ResourceConnection(resource.address()),
                  threads,
                  new SplittableRandom(10 * c + w),
                  () -> !ending.get());
          boolean beats = w == 0;
          work.add(
              threads.submit(
                  () -> {
                    if (beats) {
                      worker.beat("pulse/" + name, Duration.ofMillis(10));
                    } else {
                      worker.contend();
                    }
                    return null;
                  }));
        }
      }
      LineWatcher watcher =
          new LineWatcher(
              store.client(ClientOptions.defaults().name("operator")),
              new HistoryRecorder(System::nanoTime, 0, file),
              1);
      Wait.pass(WORK);
      ending.set(true);
      for (Future<?> each : work) {
        each.get(30, TimeUnit.SECONDS);
      }
      watcher.close();
      clients.forEach(LockClient::close);
      assertThat(resource.damage()).isEmpty();
    } finally {
      threads.shutdownNow();
    }
    Verdict verdict = new Verdict();
    Judge judge =
        new Judge(HistoryFile.readAll(folder), List.of(), Duration.ofSeconds(10), Set.of());
    judge.judge(verdict, 200);
    assertThat(verdict.violations()).isEmpty();
    assertThat(verdict.gaps()).isEmpty();
    assertThat(judge.count(HistoryEvent.Cancelling.class)).isPositive();
    assertThat(judge.count(HistoryEvent.GaveUp.class)).isPositive();
    assertThat(judge.count(HistoryEvent.Revoked.class)).isPositive();
  }
}
