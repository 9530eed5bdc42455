package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LossReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server whose folder was lost, and an old copy of it put back. */
class RestoredServerTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** They would still believe when the server is back. */
  private static final HoldOptions LONG_LEASE =
      HoldOptions.defaults().leaseDuration(Duration.ofMinutes(10));

  @TempDir private Path folder;

  @Test
  void tokensGoOnAboveThoseSinceTheCopyAndHoldersOfThePastAreTold() throws Exception {
    Path data = folder.resolve("data");
    Path copy = folder.resolve("copy");
    try (RealServer server = new RealServer(data);
        LockClient before = client(server, "team")) {
      Hold copied = before.lock("a").with(LONG_LEASE).acquire(PATIENCE);
      server.close();
      copy(data, copy);
      server.start();
      Hold since = before.lock("b").with(LONG_LEASE).acquire(PATIENCE);
      assertThat(since.token()).isGreaterThan(copied.token());
      long late;
      try (LockClient other = client(server, "late")) {
        late = other.lock("a").acquire(PATIENCE).token();
      }
      server.close();

      Files.move(data, folder.resolve("lost"));
      copy(copy, data);
      server.startRestored(Instant.now());
      assertThat(loss(copied)).isEqualTo(LossReason.SESSION_ENDED);
      assertThat(loss(since)).isEqualTo(LossReason.SESSION_ENDED);
      try (LockClient after = client(server, "team");
          LockClient other = client(server, "late")) {
        assertThat(after.lock("a").acquire(PATIENCE).token())
            .isGreaterThan(since.token() + (1L << 32));
        assertThat(other.lock("a").acquire(PATIENCE).token()).isGreaterThan(late + (1L << 32));
      }
      assertThat(before.lock("b").acquire(PATIENCE).token())
          .as("who was there before goes on")
          .isGreaterThan(since.token() + (1L << 32));
    }
  }

  private static LossReason loss(Hold hold) throws Exception {
    return hold.lost().toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  private static LockClient client(RealServer server, String namespace) {
    return LockClient.connect("holdfast://" + server.address() + "/" + namespace);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path each : all.toList()) {
        Files.copy(each, to.resolve(from.relativize(each).toString()));
      }
    }
  }
}
