package io.holdfast.server.rpc;

import io.grpc.netty.shaded.io.netty.util.concurrent.EventExecutor;
import io.grpc.netty.shaded.io.netty.util.internal.ThreadExecutorMap;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.ServerBatch;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.core.ClientLink;
import io.holdfast.server.core.Connection;
import io.holdfast.server.core.Problem;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A client's stream on gRPC. Runs on the transport's threads, and blocks none. */
final class StreamLink implements ClientLink, StreamObserver<ClientMessage> {
  /** So many messages may be on their way to us; the transport holds back the rest, and in the end the client. */
  private static final int MESSAGES_ASKED_FOR = 64;

  private static final int MOST_IN_BATCH = 256;

  /** A batch that has so many bytes goes; it has not many more than that and one message. */
  private static final int BYTES_A_BATCH = 16 << 10;

  private final ServerCallStreamObserver<ServerMessage> out;
  private final Credential credential;
  private final @Nullable Connection connection;

  /** Messages that have come and for which no others were asked. */
  private final AtomicInteger withheld = new AtomicInteger();

  private final AtomicInteger resumes = new AtomicInteger();

  /** The client has said that it takes batches. */
  private volatile boolean batches;

  // Of the one thread at a time that sends.
  private ServerBatch.Builder batch = ServerBatch.newBuilder();
  private int batchBytes;

  StreamLink(ServerCore core, ServerCallStreamObserver<ServerMessage> out, Credential credential) {
    this.out = out;
    this.credential = credential;
    out.disableAutoRequest();
    this.connection = core.connect(this).orElse(null);
    Connection connected = connection;
    if (connected == null) {
      out.setOnCancelHandler(() -> {});
    } else {
      out.setOnCancelHandler(connected::gone);
      out.setOnReadyHandler(connected::ready);
      out.request(MESSAGES_ASKED_FOR);
    }
  }

  @Override
  public void onNext(ClientMessage message) {
    if (connection == null) {
      return;
    }
    Problem problem = CheckedMessages.problemOf(message);
    if (problem != null) {
      connection.refuse(problem);
      return;
    }
    if (message.hasHello()) {
      batches = message.getHello().getBatches();
    }
    int resumed = resumes.get();
    if (connection.receive(message)) {
      out.request(1);
    } else {
      withheld.incrementAndGet();
      if (resumes.get() != resumed) { // it was told while we did not know yet that it would be
        askForWithheld();
      }
    }
  }

  @Override
  public void onError(Throwable cause) {
    if (connection != null) {
      connection.gone();
    }
  }

  @Override
  public void onCompleted() {
    if (connection != null) {
      connection.ended();
    }
  }

  @Override
  public String subject() {
    return credential.subject();
  }

  @Override
  public boolean may(Action action, String namespace) {
    return credential.may(action, namespace);
  }

  @Override
  public Optional<AuthReason> lapse() {
    return credential.lapse();
  }

  @Override
  public boolean isReady() {
    return out.isReady();
  }

  @Override
  public void send(ServerMessage message) {
    if (!batches || !ClientLink.mayBeInBatch(message)) {
      flush();
      out.onNext(message);
      return;
    }
    batch.addMessages(message);
    batchBytes += message.getSerializedSize();
    if (batch.getMessagesCount() >= MOST_IN_BATCH || batchBytes >= BYTES_A_BATCH) {
      flush();
    }
  }

  @Override
  public void flush() {
    int messages = batch.getMessagesCount();
    if (messages == 0) {
      return;
    }
    ServerBatch said = batch.build();
    batch = ServerBatch.newBuilder();
    batchBytes = 0;
    out.onNext(
        messages == 1 ? said.getMessages(0) : ServerMessage.newBuilder().setBatch(said).build());
  }

  @Override
  public void close() {
    flush();
    out.onCompleted();
  }

  @Override
  public void close(Problem problem) {
    flush();
    out.onError(Statuses.of(problem));
  }

  @Override
  public void resume() {
    resumes.incrementAndGet();
    askForWithheld();
  }

  @Override
  public boolean afterThese(Runnable task) {
    // gRPC does not say when it has read all there is, nor on which loop it does that; this class
    // of its own copy of Netty is the
    // only way from a call to its loop. Were it to go, false would do: what is said at one go would
    // be more entries of the log.
    EventExecutor loop = ThreadExecutorMap.currentExecutor();
    if (loop == null || !loop.inEventLoop()) {
      return false; // it came by way of a thread that looked at the credential
    }
    try {
      loop.execute(task); // it turns to its tasks when it has read what there is to read
      return true;
    } catch (RejectedExecutionException ending) {
      return false;
    }
  }

  private void askForWithheld() {
    int count = withheld.getAndSet(0);
    if (count > 0) {
      out.request(count);
    }
  }
}
