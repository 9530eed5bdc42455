package io.holdfast.remote;

import static io.grpc.Metadata.ASCII_STRING_MARSHALLER;

import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.holdfast.InvalidRequestException;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.NotLeader;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.ErrorCode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A stream and its connection at a time, over gRPC. A new stream gets a new connection: that of one that was given up for its
 * silence may be dead, and names are looked up again.
 */
final class GrpcStreams implements Streams {
  /** A server's message has at most so many bytes. */
  private static final int MAX_MESSAGE_BYTES = 16 << 20;

  /** So many of a server's messages may be under way before one has been taken. */
  private static final int MESSAGES_AHEAD = 1_024;

  static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", ASCII_STRING_MARSHALLER);
  static final Metadata.Key<String> REASON =
      Metadata.Key.of("holdfast-reason", ASCII_STRING_MARSHALLER);
  static final Metadata.Key<String> LEADER =
      Metadata.Key.of("holdfast-leader", ASCII_STRING_MARSHALLER);

  private final boolean isTls;
  private final ChannelCredentials credentials;
  private final Optional<TokenFile> token;
  private final Listener listener;

  private long stream;
  private @Nullable ManagedChannel channel;
  private @Nullable ClientCall<ClientMessage, ServerMessage> call;

  private GrpcStreams(
      boolean isTls, ChannelCredentials credentials, Optional<TokenFile> token, Listener listener) {
    this.isTls = isTls;
    this.credentials = credentials;
    this.token = token;
    this.listener = listener;
  }

  /**
   * Makes streams as a URL wants them.
   *
   * @throws InvalidRequestException if a file that it names cannot be used
   */
  static Streams.Opener opener(ServerUrl url) {
    ChannelCredentials credentials =
        url.tls() ? tls(url.ca()) : InsecureChannelCredentials.create();
    Optional<TokenFile> token = url.tokenFile().map(TokenFile::new);
    token.ifPresent(TokenFile::requireReadable);
    return listener -> new GrpcStreams(url.tls(), credentials, token, listener);
  }

  static ChannelCredentials tls(Optional<Path> ca) {
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

  @Override
  public void open(long number, String address) {
    stream = number;
    Metadata headers = new Metadata();
    try {
      if (token.isPresent()) {
        headers.put(AUTHORIZATION, "Bearer " + token.get().read());
      }
      ManagedChannel made =
          Grpc.newChannelBuilder("dns:///" + address, credentials)
              .directExecutor()
              .maxInboundMessageSize(MAX_MESSAGE_BYTES)
              .disableRetry()
              .build();
      channel = made;
      ClientCall<ClientMessage, ServerMessage> begun =
          made.newCall(LocksGrpc.getSessionMethod(), CallOptions.DEFAULT);
      call = begun;
      begun.start(new StreamListener(number, begun), headers);
      begun.request(MESSAGES_AHEAD);
    } catch (IOException | RuntimeException e) {
      listener.broken(number, ErrorCode.unavailable(String.valueOf(e.getMessage())), "");
    }
  }

  @Override
  public void say(long number, ClientMessage message) {
    ClientCall<ClientMessage, ServerMessage> open = call;
    if (number == stream && open != null) {
      try {
        open.sendMessage(message);
      } catch (IllegalStateException ended) {
        // its listener will say so
      }
    }
  }

  @Override
  public void close(long number) {
    if (number == stream) {
      if (call != null) {
        call.cancel("given up", null);
        call = null;
      }
      if (channel != null) {
        channel.shutdownNow();
        channel = null;
      }
    }
  }

  private final class StreamListener extends ClientCall.Listener<ServerMessage> {
    private final long number;
    private final ClientCall<ClientMessage, ServerMessage> of;

    StreamListener(long number, ClientCall<ClientMessage, ServerMessage> of) {
      this.number = number;
      this.of = of;
    }

    @Override
    public void onMessage(ServerMessage message) {
      listener.received(number, message.hasNotLeader() ? checked(message) : message);
      of.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      String reason = trailers.get(REASON);
      String leader = trailers.get(LEADER);
      int code = status.isOk() ? ErrorCode.UNAVAILABLE : status.getCode().value();
      Error error =
          Error.newBuilder()
              .setCode(code)
              .setReason(reason == null ? "" : reason)
              .setMessage(explain(status))
              .build();
      listener.broken(number, error, leader == null || !mayFollow(leader) ? "" : leader);
    }
  }

  private ServerMessage checked(ServerMessage message) {
    return mayFollow(message.getNotLeader().getLeader())
        ? message
        : ServerMessage.newBuilder().setNotLeader(NotLeader.getDefaultInstance()).build();
  }

  /** A credential does not go in the clear to whichever host a server names. */
  private boolean mayFollow(String leader) {
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
