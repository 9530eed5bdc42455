package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.until;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * A program for a network namespace of its own: a server there, a client that stays, and one whose host is cut off while it
 * holds a lock and waits for another. Ends with 0 if all is as it should be.
 */
final class CutOffHost {
  /** The server gives up on a silent client after five seconds; the rest is for a busy machine. */
  private static final Duration FREED_WITHIN = Duration.ofSeconds(12);

  private static final String CUT_OFF = "127.0.0.77";

  private CutOffHost() {}

  /** Runs it. */
  public static void main(String[] arguments) throws Exception {
    try (PostgresServer server = PostgresServer.own(Map.of());
        LockClient bob = LockClient.connect(server.url("postgres"))) {
      server.admit("host all all 127.0.0.0/8 trust");
      LockClient ann =
          LockClient.connect(
              server.url("postgres") + "?localSocketAddress=" + CUT_OFF,
              ClientOptions.defaults().name("ann"));
      Hold hold = ann.lock("x").acquire();
      CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
      Hold other = bob.lock("y").acquire();
      ann.lock("y").acquireAsync();
      until("ann waits at the server", () -> waiting(server) == 1);

      long from = Ticker.system().nanos();
      for (String direction : new String[] {"-s", "-d"}) {
        Process rule =
            new ProcessBuilder("iptables", "-A", "INPUT", direction, CUT_OFF, "-j", "DROP")
                .inheritIO()
                .start();
        assertThat(rule.waitFor()).isZero();
      }
      other.close(); // and whom nobody speaks for any more is next

      CompletableFuture<Hold> nextOfX = bob.lock("x").acquireAsync();
      CompletableFuture<Hold> nextOfY = bob.lock("y").acquireAsync();
      assertThat(promptly(lost)).isEqualTo(LossReason.EXPIRED);
      assertThat(since(from)).isLessThan(AdvisorySession.PROOF_LASTS.plusSeconds(1));
      assertThat(hold.isHeld()).isFalse();
      assertThat(nextOfX).as("free before its holder knows that it is lost").isNotDone();
      assertThat(promptly(nextOfX).token()).isGreaterThan(hold.token());
      promptly(nextOfY);
      assertThat(since(from)).isLessThan(FREED_WITHIN);
      String cutOff = "SELECT pid FROM pg_stat_activity WHERE client_addr = '" + CUT_OFF + "'";
      until("its sessions are gone", () -> server.execute("postgres", cutOff).isEmpty());
    } catch (AssertionError e) {
      e.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
    Runtime.getRuntime().halt(0); // without waiting for what is cut off
  }

  private static int waiting(PostgresServer server) {
    return server
        .execute(
            "postgres",
            "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND application_name = 'holdfast ann'")
        .size();
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(Ticker.system().nanos() - nanos);
  }
}
