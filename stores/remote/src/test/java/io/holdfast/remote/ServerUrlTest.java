package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerUrlTest {
  @Test
  void whatIsNotSaidIsAsUsual() {
    ServerUrl url = ServerUrl.parse("holdfast://locks.example.com");
    assertThat(url.servers()).containsExactly("locks.example.com:7420");
    assertThat(url.namespace()).isEqualTo("default");
    assertThat(url.tls()).isTrue();
    assertThat(url.ca()).isEmpty();
    assertThat(url.identity()).isEmpty();
    assertThat(url.tokenFile()).isEmpty();
    assertThat(url.connectTimeout()).isEqualTo(Duration.ofSeconds(10));
  }

  @Test
  void everythingCanBeSaid() {
    ServerUrl url =
        ServerUrl.parse(
            "holdfast://a:1,b:65535,[2001:db8::1]:3,[::1]/team-1.x_y"
                + "?tls=on&ca=/etc/ca%20s.pem&cert=/etc/c.pem&key=/etc/c.key&token-file=/run/token&connect-timeout=500ms");
    assertThat(url.servers()).containsExactly("a:1", "b:65535", "[2001:db8::1]:3", "[::1]:7420");
    assertThat(url.namespace()).isEqualTo("team-1.x_y");
    assertThat(url.ca()).contains(Path.of("/etc/ca s.pem"));
    assertThat(url.identity())
        .contains(new ServerUrl.Identity(Path.of("/etc/c.pem"), Path.of("/etc/c.key")));
    assertThat(url.tokenFile()).contains(Path.of("/run/token"));
    assertThat(url.connectTimeout()).isEqualTo(Duration.ofMillis(500));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "holdfast://localhost/n",
        "holdfast://127.0.0.1:1,127.0.0.2:2,[::1]:3,LOCALHOST:4",
        "holdfast://far.example.com?tls=off"
      })
  void withoutTls(String url) {
    assertThat(ServerUrl.parse(url).tls()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "holdfast://localhost,far.example.com",
        "holdfast://localhost.example.com",
        "holdfast://127.0.0.1.example.com",
        "holdfast://localhost?tls=on"
      })
  void withTls(String url) {
    assertThat(ServerUrl.parse(url).tls()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "holdfast:a | URL_MALFORMED: url does not start with holdfast://",
        "holdfast:// | URL_HOST_MISSING: url names no server",
        "holdfast:///n | URL_HOST_MISSING: url names no server",
        "holdfast://a,,b | URL_HOST_MISSING: server 2 is empty",
        "holdfast://a,b,a:7420 | URL_HOST_TWICE: server \"a:7420\" is named twice",
        "holdfast://a:0 | URL_PORT_BAD: server \"a:0\" has a port outside 1 to 65535",
        "holdfast://a:65536 | URL_PORT_BAD: server \"a:65536\" has a port outside 1 to 65535",
        "holdfast://a:x | URL_PORT_BAD: server \"a:x\" has a port outside 1 to 65535",
        "holdfast://a: | URL_PORT_BAD: server \"a:\" has a port outside 1 to 65535",
        "holdfast://::1 | URL_HOST_BAD: server \"::1\" has several colons: an IPv6 address stands in"
            + " brackets",
        "holdfast://a_-/n | URL_HOST_BAD: server \"a_-\" has a host that can be none",
        "holdfast://[::1]x:1 | URL_HOST_BAD: server \"[::1]x:1\" has a host that can be none",
        "holdfast://a/N | NAMESPACE_INVALID: namespace \"N\" is not 1 to 64 of a-z, 0-9, '-', '_' and '.',"
            + " beginning with a letter or digit",
        "holdfast://a/n/m | NAMESPACE_INVALID: namespace \"n/m\" is not 1 to 64 of a-z, 0-9, '-', '_' and"
            + " '.', beginning with a letter or digit",
        "holdfast://a#x | URL_MALFORMED: url has a part after #, which means nothing here",
        "holdfast://a?tls=yes | URL_TLS_BAD: tls \"yes\" is neither on nor off",
        "holdfast://a?tls | URL_PARAMETER_EMPTY: parameter tls has no value",
        "holdfast://a?tls=on&tls=on | URL_PARAMETER_TWICE: parameter tls is given twice",
        "holdfast://a?ca=%4 | URL_ESCAPE_BAD: parameter ca has a % without two hexadecimal digits",
        "holdfast://a?connect-timeout=10 | URL_DURATION_BAD: connect-timeout \"10\" is no duration:"
            + " write 10s or 500ms",
        "holdfast://a?connect-timeout=0s | URL_DURATION_BAD: connect-timeout \"0s\" is not 1ms to 10m",
        "holdfast://a?connect-timeout=11m | URL_DURATION_BAD: connect-timeout \"11m\" is not 1ms to"
            + " 10m",
        "holdfast://a?tls=off&ca=x | URL_CA_WITHOUT_TLS: ca is given, but tls is off",
        "holdfast://a?cert=x | URL_KEY_MISSING: cert is given, but not key, the private key of it",
        "holdfast://a?key=x | URL_CERT_MISSING: key is given, but not cert, the certificate of it",
        "holdfast://127.0.0.1?cert=x&key=y | URL_CERT_WITHOUT_TLS: cert and key are given, but tls is"
            + " off",
        "holdfast://a?tokenfile=x | URL_PARAMETER_UNKNOWN: parameter \"tokenfile\" is unknown,"
            + " token-file is not; there are tls, ca, cert, key, token-file, connect-timeout",
        "holdfast://a?color=x | URL_PARAMETER_UNKNOWN: parameter \"color\" is unknown; there are tls,"
            + " ca, cert, key, token-file, connect-timeout",
        "holdfast://a? | URL_PARAMETER_UNKNOWN: parameter \"\" is unknown; there are tls, ca,"
            + " cert, key, token-file, connect-timeout",
      })
  void thePartAtFaultIsNamed(String url, String message) {
    assertThatThrownBy(() -> ServerUrl.parse(url))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage(message);
  }

  @Test
  void aCredentialDoesNotGoInTheClearToAnotherMachine() {
    assertThatThrownBy(() -> ServerUrl.parse("holdfast://a?tls=off&token-file=/run/token"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("URL_TOKEN_WITHOUT_TLS: token-file is given, but tls is off");
    assertThat(ServerUrl.parse("holdfast://localhost?token-file=/run/token").tokenFile())
        .isPresent();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "holdfast://ann:s3cret@a/n",
        "holdfast://s3cret@a/n",
        "holdfast://a/n?password=s3cret",
        "holdfast://a/n?token=s3cret"
      })
  void secretsAreNotShown(String url) {
    assertThatThrownBy(() -> LockClient.connect(url))
        .isInstanceOf(InvalidRequestException.class)
        .message()
        .doesNotContain("s3cret");
  }

  @Test
  void theFilesThatAreNamedAreReadAtOnce() {
    assertThatThrownBy(() -> LockClient.connect("holdfast://localhost?token-file=/no/such"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage(
            "URL_TOKEN_FILE_UNREADABLE: token-file \"/no/such\" cannot be read: NoSuchFileException");
    assertThatThrownBy(() -> LockClient.connect("holdfast://a?ca=/no/such"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage("URL_CA_UNREADABLE: ca \"/no/such\" holds no certificates that can be read");
    assertThatThrownBy(() -> LockClient.connect("holdfast://a?cert=/no/such&key=/no/such"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith(
            "URL_CERT_UNREADABLE: cert \"/no/such\" and key \"/no/such\" are not a certificate");
  }
}
