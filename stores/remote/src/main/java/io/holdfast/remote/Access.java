package io.holdfast.remote;

import static io.grpc.Metadata.ASCII_STRING_MARSHALLER;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.holdfast.InvalidRequestException;
import io.holdfast.protocol.v1.Error;
import io.holdfast.remote.internal.ErrorCode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * How the servers of a URL are reached: with or without TLS, with or without a credential, and what they say when they refuse.
 * The files that it names are read for each connection: certificates and credentials are renewed while clients live.
 */
record Access(ServerUrl url, Optional<TokenFile> token) {
  /** What may be under way. A fixed one: to find out which is best, gRPC would send a ping for almost every message. */
  private static final int FLOW_CONTROL_WINDOW = 1 << 20;

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", ASCII_STRING_MARSHALLER);

  /** Why a server refused, for programs. */
  static final Metadata.Key<String> REASON =
      Metadata.Key.of("holdfast-reason", ASCII_STRING_MARSHALLER);

  private static final Metadata.Key<String> LEADER =
      Metadata.Key.of("holdfast-leader", ASCII_STRING_MARSHALLER);

  /**
   * As a URL wants it.
   *
   * @throws InvalidRequestException if a file that it names cannot be used
   */
  static Access of(ServerUrl url) {
    url.identity().ifPresent(identity -> SecretFile.requirePrivate("key", identity.key()));
    url.tokenFile().ifPresent(file -> SecretFile.requirePrivate("token-file", file));
    Access access = new Access(url, url.tokenFile().map(TokenFile::new));
    var unused = access.channel("localhost");
    access.token.ifPresent(TokenFile::requireReadable);
    return access;
  }

  /**
   * A channel to come.
   *
   * @throws InvalidRequestException if the certificates that it needs cannot be read now
   */
  NettyChannelBuilder channel(String address) {
    NettyChannelBuilder channel;
    try {
      channel = channel(address, url.identity());
    } catch (IOException | IllegalArgumentException e) {
      throw unusable();
    }
    return channel.flowControlWindow(FLOW_CONTROL_WINDOW).disableRetry();
  }

  /** @throws IllegalArgumentException if that which was read from files is something else */
  private NettyChannelBuilder channel(String address, Optional<ServerUrl.Identity> identity)
      throws IOException {
    return NettyChannelBuilder.forTarget("dns:///" + address, credentials(identity));
  }

  private ChannelCredentials credentials(Optional<ServerUrl.Identity> identity) throws IOException {
    if (!url.tls()) {
      return InsecureChannelCredentials.create();
    }
    TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
    if (url.ca().isPresent()) {
      tls.trustManager(url.ca().get().toFile());
    }
    if (identity.isPresent()) {
      tls.keyManager(identity.get().cert().toFile(), identity.get().key().toFile());
    }
    return tls.build();
  }

  /** Names the files at fault: the client's own, if it could trust servers without them. */
  private InvalidRequestException unusable() {
    Optional<ServerUrl.Identity> identity = url.identity();
    if (identity.isEmpty() || !canTrust()) {
      return new InvalidRequestException(
          "URL_CA_UNREADABLE",
          "ca "
              + url.ca().map(Access::shown).orElse("")
              + " holds no certificates that can be read");
    }
    return new InvalidRequestException(
        "URL_CERT_UNREADABLE",
        "cert "
            + shown(identity.get().cert())
            + " and key "
            + shown(identity.get().key())
            + " are not a certificate and its key that can be read: PEM, the key PKCS #8 without a"
            + " password");
  }

  private boolean canTrust() {
    try {
      var unused = channel("localhost", Optional.empty());
      return true;
    } catch (IOException | IllegalArgumentException e) {
      return false;
    }
  }

  private static String shown(Path file) {
    return InvalidRequestException.show(file.toString());
  }

  /**
   * What goes with each call.
   *
   * @throws IOException if the credential cannot be read now
   */
  Metadata headers() throws IOException {
    Metadata headers = new Metadata();
    if (token.isPresent()) {
      headers.put(AUTHORIZATION, "Bearer " + token.get().read());
    }
    return headers;
  }

  /** Why a call has ended, as servers tell on streams. */
  Error error(Status status, Metadata trailers) {
    String reason = trailers.get(REASON);
    return Error.newBuilder()
        .setCode(status.isOk() ? ErrorCode.UNAVAILABLE : status.getCode().value())
        .setReason(reason == null ? "" : reason)
        .setMessage(explain(status))
        .build();
  }

  /** Where the server says that the leader is; empty if it does not say, or we should not go there. */
  String leader(Metadata trailers) {
    String leader = trailers.get(LEADER);
    return leader == null || !mayFollow(leader) ? "" : leader;
  }

  /** A credential does not go in the clear to whichever host a server names. */
  boolean mayFollow(String leader) {
    return url.tls() || token.isEmpty() || ServerUrl.isLoopback(leader);
  }

  private String explain(Status status) {
    if (status.isOk()) {
      return "the server has ended the stream";
    }
    // The lines after the first are gRPC's own parts, and hide the cause.
    String text =
        Optional.ofNullable(status.getDescription()).stream()
            .flatMap(String::lines)
            .findFirst()
            .orElse("");
    Throwable root = status.getCause();
    while (root != null && root.getCause() != null) {
      root = root.getCause();
    }
    if (root != null && root.getMessage() != null && !text.contains(root.getMessage())) {
      text = text + (text.isEmpty() ? "" : ": ") + root.getMessage();
    }
    String line = text.lines().findFirst().orElse("no more is known");
    if (!url.tls() && line.contains("First received frame was not SETTINGS")) {
      return "the server expects TLS: add tls=on (" + line + ")";
    }
    if (url.tls() && text.toLowerCase(Locale.ROOT).contains("not an ssl/tls record")) {
      return "the server does not speak TLS: add tls=off (" + line + ")";
    }
    return line;
  }
}
