package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.remote.LockWatch.Sight;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Watching, at real servers. */
@Timeout(120)
class LockWatchTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir Path folder;

  private List<RealServer> servers = List.of();

  @AfterEach
  void stop() {
    servers.forEach(RealServer::close);
  }

  @Test
  void whatHappensIsSeenAsItHappens() throws Exception {
    servers = List.of(new RealServer(folder));
    try (LockClient ann = LockClient.connect(url("n"));
        LockClient bob = LockClient.connect(url("n"));
        LockClient stranger = LockClient.connect(url("other"));
        LockWatch watch = LockWatch.names(url("n"), "job/");
        LockWatch trees = LockWatch.tree(url("n"), "files")) {
      Hold hold = ann.lock("job/a").acquire();
      assertThat(next(watch))
          .isInstanceOfSatisfying(
              Sight.Present.class,
              present -> {
                assertThat(present.locks().complete()).isTrue();
                assertThat(present.locks().locks().get(0).holders().get(0).token())
                    .hasValue(hold.token());
              });
      assertThat(next(trees)).isInstanceOf(Sight.Present.class);

      stranger.lock("job/b").acquire();
      ann.tree("files").write("/x").acquire();
      assertThat(next(trees)).isInstanceOf(Sight.Granted.class);
      CompletableFuture<Hold> waiting = bob.lock("job/a").acquireAsync();
      assertThat(next(watch)).isInstanceOf(Sight.Queued.class);
      hold.close();
      assertThat(next(watch))
          .isInstanceOfSatisfying(Sight.Ended.class, end -> assertThat(end.lost()).isEmpty());
      assertThat(next(watch))
          .isInstanceOfSatisfying(
              Sight.Granted.class, grant -> assertThat(grant.waited()).isTrue());
      long token = waiting.get(20, TimeUnit.SECONDS).token();
      assertThat(ann.forceRelease("job/a", token)).isTrue();
      assertThat(next(watch))
          .isInstanceOfSatisfying(
              Sight.Ended.class, end -> assertThat(end.lost()).contains(LossReason.REVOKED));
      assertThat(watch.next(Duration.ofMillis(50))).isEmpty();
    }
  }

  @Test
  void theWatchGoesOnAtTheNextLeader() throws Exception {
    servers =
        RealServer.cluster(List.of(folder.resolve("a"), folder.resolve("b"), folder.resolve("c")));
    try (LockClient ann = LockClient.connect(url("n"));
        LockWatch watch = LockWatch.names(url("n"), "")) {
      Hold hold = ann.lock("a").acquire();
      assertThat(next(watch)).isInstanceOf(Sight.Present.class);
      servers.stream().filter(RealServer::leads).findFirst().orElseThrow().close();
      assertThat(next(watch))
          .isInstanceOfSatisfying(
              Sight.Present.class,
              present ->
                  assertThat(present.locks().locks().get(0).holders().get(0).token())
                      .hasValue(hold.token()));
      hold.close();
      assertThat(next(watch)).isInstanceOf(Sight.Ended.class);
    }
  }

  @Test
  void aServerThatIsAwayForLongIsToldOfOnceAndThenWhatThereIs() throws Exception {
    RealServer only = new RealServer(folder);
    servers = List.of(only);
    try (LockWatch watch = LockWatch.names(url("n"), "")) {
      assertThat(next(watch)).isInstanceOf(Sight.Present.class);
      only.close();
      assertThat(next(watch)).isInstanceOf(Sight.Interrupted.class);
      assertThat(watch.next(Duration.ofMillis(500))).isEmpty();
      only.start();
      assertThat(next(watch)).isInstanceOf(Sight.Present.class);
    }
  }

  @Test
  void whoMayNotWatchAndWhatCannotBeWatchedIsSaid() throws Exception {
    RealServer only = new RealServer(folder);
    servers = List.of(only);
    try (LockWatch watch = LockWatch.tree(url("n"), "")) {
      assertThatThrownBy(() -> next(watch)).isInstanceOf(InvalidRequestException.class);
    }
    only.refuse("DENIED");
    try (LockWatch watch = LockWatch.names(url("n"), "")) {
      assertThatThrownBy(() -> next(watch))
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("DENIED");
    }
    try (LockWatch watch = LockWatch.names("holdfast://127.0.0.1:1/n?connect-timeout=300ms", "")) {
      assertThatThrownBy(() -> next(watch)).isInstanceOf(StoreUnavailableException.class);
    }
  }

  private static Sight next(LockWatch watch) throws InterruptedException {
    Optional<Sight> sight = watch.next(PATIENCE);
    assertThat(sight).isPresent();
    return sight.get();
  }

  private String url(String namespace) {
    return "holdfast://"
        + String.join(",", servers.stream().map(RealServer::address).toList())
        + "/"
        + namespace;
  }
}
