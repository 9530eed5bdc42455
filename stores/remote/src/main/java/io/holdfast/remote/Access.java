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

/** How the servers of a URL are reached: with or without TLS, with or without a credential, and what they say when they refuse. */
record Access(boolean isTls, ChannelCredentials credentials, Optional<TokenFile> token) {
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
    ChannelCredentials credentials =
        url.tls() ? tls(url.ca()) : InsecureChannelCredentials.create();
    Optional<TokenFile> token = url.tokenFile().map(TokenFile::new);
    token.ifPresent(TokenFile::requireReadable);
    return new Access(url.tls(), credentials, token);
  }

  private static ChannelCredentials tls(Optional<Path> ca) {
    if (ca.isEmpty()) {
      return TlsChannelCredentials.create();
    }
    try {
      return TlsChannelCredentials.newBuilder().trustManager(ca.get().toFile()).build();
    } catch (IOException | IllegalArgumentException e) {
      throw new InvalidRequestException(
          "URL_CA_UNREADABLE",
          "ca "
              + InvalidRequestException.show(ca.get().toString())
              + " holds no certificates that can be read");
    }
  }

  /** A channel to come. */
  NettyChannelBuilder channel(String address) {
    return NettyChannelBuilder.forTarget("dns:///" + address, credentials)
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
    String text = status.getDescription() == null ? "" : status.getDescription();
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
