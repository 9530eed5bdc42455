package io.holdfast.server.rpc;

import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.core.Problem;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.security.Caller;
import io.holdfast.spi.Ticker;

/**
 * Locks for clients. Who calls is found in the context, where an interceptor has put it ({@link Caller#KEY}); a call without is
 * refused.
 */
public final class LocksService extends LocksGrpc.LocksImplBase {
  private static final Problem NO_CALLER =
      new Problem(Problem.Code.PERMISSION_DENIED, "NO_CALLER", "it is not known who calls");

  private final ServerCore core;
  private final Ticker ticker;
  private final int maxMessageBytes;

  /**
   * Over a core.
   *
   * @param maxMessageBytes what is longer is refused
   */
  public LocksService(ServerCore core, Ticker ticker, int maxMessageBytes) {
    this.core = core;
    this.ticker = ticker;
    this.maxMessageBytes = maxMessageBytes;
  }

  /** All calls, with messages that are checked as they come. */
  public ServerServiceDefinition checked() {
    return CheckedMessages.of(bindService(), maxMessageBytes);
  }

  @Override
  public StreamObserver<ClientMessage> session(StreamObserver<ServerMessage> out) {
    Caller caller = Caller.KEY.get();
    if (caller == null) {
      out.onError(Statuses.of(NO_CALLER));
      return new Unheard();
    }
    return new StreamLink(core, (ServerCallStreamObserver<ServerMessage>) out, caller, ticker);
  }

  /** What comes on a stream that was refused. */
  private static final class Unheard implements StreamObserver<ClientMessage> {
    @Override
    public void onNext(ClientMessage message) {}

    @Override
    public void onError(Throwable cause) {}

    @Override
    public void onCompleted() {}
  }
}
