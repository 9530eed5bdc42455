package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Metadata;
import io.grpc.Status;
import io.holdfast.InvalidRequestException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertPathValidatorException;
import java.util.List;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AccessTest {
  private static final Metadata.Key<String> LEADER =
      Metadata.Key.of("holdfast-leader", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  @TempDir Path folder;

  @Test
  void aCredentialDoesNotGoInTheClearToWhicheverHostAServerNames() throws IOException {
    Path token = Files.writeString(folder.resolve("token"), "secret");
    Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-r-----"));
    Access local = access("holdfast://127.0.0.1:1/n?token-file=" + token);
    assertThat(local.headers().get(AUTHORIZATION)).isEqualTo("Bearer secret");
    assertThat(local.leader(naming("10.0.0.9:7420"))).isEmpty();
    assertThat(local.leader(naming("127.0.0.1:7420"))).isEqualTo("127.0.0.1:7420");
    assertThat(access("holdfast://127.0.0.1:1/n").leader(naming("10.0.0.9:7420")))
        .isEqualTo("10.0.0.9:7420");
    assertThat(
            access("holdfast://127.0.0.1:1/n?tls=on&token-file=" + token)
                .leader(naming("10.0.0.9:7420")))
        .isEqualTo("10.0.0.9:7420");
    assertThat(local.leader(new Metadata())).isEmpty();
  }

  @Test
  void aSecretThatAllUsersOfTheMachineCanReadIsRefused() throws IOException {
    Path secret = Files.writeString(folder.resolve("secret"), "secret");
    Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-r--r--"));
    for (String parameter : List.of("token-file", "cert=/no/such&key")) {
      assertThatThrownBy(() -> access("holdfast://a/n?" + parameter + "=" + secret))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessageStartingWith("URL_SECRET_EXPOSED: ")
          .hasMessageEndingWith("have access to it: chmod 600");
    }
  }

  @Test
  void whoSpeaksTheWrongWayIsToldTheRightOne() {
    assertThat(
            access("holdfast://127.0.0.1:1/n")
                .error(
                    Status.UNAVAILABLE.withDescription("First received frame was not SETTINGS."),
                    new Metadata())
                .getMessage())
        .startsWith("the server expects TLS: add tls=on");
    assertThat(
            access("holdfast://127.0.0.1:1/n?tls=on")
                .error(
                    Status.UNAVAILABLE
                        .withDescription("ssl exception")
                        .withCause(new IOException("not an SSL/TLS record: 00")),
                    new Metadata())
                .getMessage())
        .startsWith("the server does not speak TLS: add tls=off");
  }

  @Test
  void whyAConnectionCouldNotBeMadeIsToldInTheOneLine() {
    Status failed =
        Status.UNAVAILABLE
            .withDescription(
                "io exception\nChannel Pipeline: [SslHandler#0, WriteBufferingHandler#0]")
            .withCause(
                new SSLHandshakeException("General OpenSslEngine problem")
                    .initCause(new CertPathValidatorException("no path to a trusted one")));
    assertThat(access("holdfast://127.0.0.1:1/n?tls=on").error(failed, new Metadata()).getMessage())
        .isEqualTo("io exception: no path to a trusted one");
  }

  private static Metadata naming(String leader) {
    Metadata trailers = new Metadata();
    trailers.put(LEADER, leader);
    return trailers;
  }

  private static Access access(String url) {
    return Access.of(ServerUrl.parse(url));
  }
}
