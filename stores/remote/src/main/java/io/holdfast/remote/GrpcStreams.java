package io.holdfast.remote;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.netty.util.concurrent.EventExecutor;
import io.grpc.netty.shaded.io.netty.util.internal.ThreadExecutorMap;
import io.holdfast.InvalidRequestException;
import io.holdfast.protocol.v1.ClientBatch;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.NotLeader;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.ErrorCode;
import io.holdfast.remote.internal.Wire;
import java.io.IOException;
import java.util.concurrent.RejectedExecutionException;
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

  /** Half of what a batch may have. */
  private static final int BYTES_A_BATCH = 32 << 10;

  private final Access access;
  private final Listener listener;

  private volatile long stream;

  /** What was said and has not gone. */
  private ClientBatch.Builder batch = ClientBatch.newBuilder();

  private int batchBytes;

  /** So many messages the server takes in one; told by its welcome. */
  private volatile int mostInBatch;

  /** Serves the connection, as long as there is a stream. */
  private volatile @Nullable EventExecutor loop;

  private @Nullable ManagedChannel channel;
  private @Nullable ClientCall<ClientMessage, ServerMessage> call;

  private GrpcStreams(Access access, Listener listener) {
    this.access = access;
    this.listener = listener;
  }

  /**
   * Makes streams as a URL wants them.
   *
   * @throws InvalidRequestException if a file that it names cannot be used
   */
  static Streams.Opener opener(ServerUrl url) {
    Access access = Access.of(url);
    return listener -> new GrpcStreams(access, listener);
  }

  @Override
  public void open(long number, String address) {
    stream = number;
    forgetBatch();
    loop = null;
    mostInBatch = 0;
    try {
      Metadata headers = access.headers();
      ManagedChannel made =
          access.channel(address).directExecutor().maxInboundMessageSize(MAX_MESSAGE_BYTES).build();
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
    if (number != stream || call == null) {
      return;
    }
    int most = mostInBatch;
    if (most < 2 || !Wire.mayBeInBatch(message)) {
      flush();
      send(message);
      return;
    }
    int bytes = message.getSerializedSize();
    if (batchBytes + bytes > BYTES_A_BATCH) {
      flush();
    }
    batch.addMessages(message);
    batchBytes += bytes;
    if (batch.getMessagesCount() >= most) {
      flush();
    }
  }

  @Override
  public void flush() {
    int messages = batch.getMessagesCount();
    if (messages > 0) {
      ClientBatch said = batch.build();
      forgetBatch();
      send(messages == 1 ? said.getMessages(0) : ClientMessage.newBuilder().setBatch(said).build());
    }
  }

  private void forgetBatch() {
    batch = ClientBatch.newBuilder();
    batchBytes = 0;
  }

  private void send(ClientMessage message) {
    ClientCall<ClientMessage, ServerMessage> open = call;
    if (open != null) {
      try {
        open.sendMessage(message);
      } catch (IllegalStateException ended) {
        // its listener will say so
      }
    }
  }

  @Override
  public boolean soon(Runnable task) {
    EventExecutor serving = loop;
    if (serving == null) {
      return false;
    }
    try {
      serving.execute(task);
      return true;
    } catch (RejectedExecutionException ending) {
      return false;
    }
  }

  @Override
  public void close(long number) {
    if (number == stream) {
      forgetBatch();
      loop = null;
      mostInBatch = 0;
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
      if (message.hasWelcome() && number == stream) {
        mostInBatch = message.getWelcome().getBatch();
        loop = ThreadExecutorMap.currentExecutor();
      }
      listener.received(number, message.hasNotLeader() ? checked(message) : message);
      of.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      listener.broken(number, access.error(status, trailers), access.leader(trailers));
    }
  }

  private ServerMessage checked(ServerMessage message) {
    return access.mayFollow(message.getNotLeader().getLeader())
        ? message
        : ServerMessage.newBuilder().setNotLeader(NotLeader.getDefaultInstance()).build();
  }
}
