package io.holdfast.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.Limits;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.ConfigurationException;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Where clients are sent that look for the leader. */
class AdvertisedAddressTest {
  private final SoloReplicator log = new SoloReplicator("one:1").leadingFromStart();

  @Test
  void followersLearnTheAdvertisedAddress() throws IOException {
    ServerSettings settings =
        ServerSettings.of("one:1", new InetSocketAddress("127.0.0.1", 0))
            .withAdvertised(Optional.of("locks.example:7420"));
    try (LockServer server = LockServer.builder(settings, log).start()) {
      assertThat(server.clientAddress()).isEqualTo("locks.example:7420");
      ServerCore follower =
          new ServerCore(
              "two:1",
              () -> "two.example:7420",
              log,
              Ticker.system(),
              Limits.DEFAULTS,
              CoreEvents.NONE,
              cause -> {});
      log.replay(follower);
      assertThat(follower.addressOf("one:1")).isEqualTo("locks.example:7420");
    }
  }

  @Test
  void allAddressesOfAMachineAreNoneToSendClientsTo() {
    for (String all : new String[] {"0.0.0.0", "::"}) {
      ServerSettings settings = ServerSettings.of("one:1", new InetSocketAddress(all, 0));
      assertThatThrownBy(() -> LockServer.builder(settings, log).start())
          .isInstanceOf(ConfigurationException.class)
          .hasMessageEndingWith(
              "is no address to send clients to: advertise one, or listen on one");
    }
  }
}
