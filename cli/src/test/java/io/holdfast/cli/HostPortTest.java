package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class HostPortTest {
  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "0", "[::]", "[0:0:0:0:0:0:0:0]", "[::0.0.0.0]"})
  void allAddressesOfAMachineAreKnownHoweverTheyAreWritten(String host) {
    assertThat(new HostPort(host, 7420).isAnyLocal()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "10.0.0.0", "[::1]", "one.example", "0.example"})
  void othersAreOne(String host) {
    assertThat(new HostPort(host, 7420).isAnyLocal()).isFalse();
  }

  @Test
  void whatIsInBracketsIsAnAddressAndNeverAName() {
    assertThat(new HostPort("[::1]", 7420).resolve()).isEqualTo(new InetSocketAddress("::1", 7420));
    assertThatThrownBy(() -> new HostPort.Converter().convert("[beef]:7420"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("is not an address");
  }
}
