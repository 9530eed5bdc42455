package io.holdfast.server.security;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a server may not be started as: case 163. */
class StartUpRulesTest {
  private static InetSocketAddress at(String host) {
    return new InetSocketAddress(host, 7420);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "127.9.9.9", "::1"})
  void loopbackNeedsNothing(String host) {
    assertThatCode(() -> StartUpRules.check(at(host), false, false, false))
        .doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::", "192.0.2.1", "10.0.0.1"})
  void elsewhereNeedsAuthAndTls(String host) {
    assertThatThrownBy(() -> StartUpRules.check(at(host), false, true, false))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("listening on ")
        .hasMessageContaining(host.equals("::") ? "[0:0:0:0:0:0:0:0]:7420" : host + ":7420")
        .hasMessageContaining("without auth");
    assertThatThrownBy(() -> StartUpRules.check(at(host), true, false, false))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("without TLS");
    assertThatCode(() -> StartUpRules.check(at(host), true, true, false))
        .doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({"false,false", "true,false", "false,true"})
  void whoSaysInsecureMeansIt(boolean auth, boolean tls) {
    assertThatCode(() -> StartUpRules.check(at("0.0.0.0"), auth, tls, true))
        .doesNotThrowAnyException();
  }

  @Test
  void anAddressThatIsNotKnownIsRefused() {
    InetSocketAddress unknown = InetSocketAddress.createUnresolved("nowhere.invalid", 7420);
    assertThatThrownBy(() -> StartUpRules.check(unknown, true, true, true))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("nowhere.invalid:7420");
  }
}
