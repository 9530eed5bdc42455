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
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How the servers of a URL are reached: with or without TLS, with or without a credential, and what they say when they refuse.
 *
 * @param credentials asked for each connection
 */
record Access(boolean isTls, Supplier<ChannelCredentials> credentials, Optional<TokenFile> token) {
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
    ChannelCredentials first = url.tls() ? tls(url) : InsecureChannelCredentials.create();
    Optional<TokenFile> token = url.tokenFile().map(TokenFile::new);
    token.ifPresent(TokenFile::requireReadable);
    // Certificates of clients are renewed while those live.
    return new Access(url.tls(), url.identity().isPresent() ? () -> tls(url) : () -> first, token);
  }

  private static ChannelCredentials tls(ServerUrl url) {
    TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
    url.ca().ifPresent(ca -> trust(tls, ca));
    url.identity().ifPresent(identity -> show(tls, identity));
    return tls.build();
  }

  private static void trust(TlsChannelCredentials.Builder tls, Path ca) {
    try {
      requireUsable(tls.trustManager(ca.toFile()).build());
    } catch (IOException | IllegalArgumentException e) {
      throw new InvalidRequestException(
          "URL_CA_UNREADABLE", "ca " + shown(ca) + " holds no certificates that can be read");
    }
  }

  private static void show(TlsChannelCredentials.Builder tls, ServerUrl.Identity identity) {
    try {
      requireUsable(tls.keyManager(identity.cert().toFile(), identity.key().toFile()).build());
    } catch (IOException | IllegalArgumentException e) {
      throw new InvalidRequestException(
          "URL_CERT_UNREADABLE",
          "cert "
              + shown(identity.cert())
              + " and key "
              + shown(identity.key())
              + " are not a certificate and its key that can be read: PEM, the key PKCS #8 without a"
              + " password");
    }
  }

  /** @throws IllegalArgumentException if that which was read from files is something else */
  private static void requireUsable(ChannelCredentials credentials) {
    var unused = NettyChannelBuilder.forTarget("dns:///localhost", credentials);
  }

  private static String shown(Path file) {
    return InvalidRequestException.show(file.toString());
  }

  /**
   * A channel to come.
   *
   * @throws InvalidRequestException if the certificate to show cannot be read now
   */
  NettyChannelBuilder channel(String address) {
    return NettyChannelBuilder.forTarget("dns:///" + address, credentials.get())
        .flowControlWindow(FLOW_CONTROL_WINDOW)
        .disableRetry();
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
    return isTls || token.isEmpty() || ServerUrl.isLoopback(leader);
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
    if (!isTls && line.contains("First received frame was not SETTINGS")) {
      return "the server expects TLS: add tls=on (" + line + ")";
    }
    if (isTls && text.toLowerCase(java.util.Locale.ROOT).contains("not an ssl/tls record")) {
      return "the server does not speak TLS: add tls=off (" + line + ")";
    }
    return line;
  }
}
