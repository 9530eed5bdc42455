package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Describe;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.Welcome;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How what is said goes over the wire, to servers that take batches and to such as do not. */
class GrpcStreamsTest {
  private static final int PATIENCE_SECONDS = 20;
  private static final int MOST_BYTES = 65_536;

  private final BlockingQueue<ClientMessage> arrived = new LinkedBlockingQueue<>();
  private final CountDownLatch welcomed = new CountDownLatch(1);
  private volatile int batch;
  private Server server;
  private Streams streams;

  @BeforeEach
  void start() throws IOException {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(new Listening())
            .build()
            .start();
    streams =
        GrpcStreams.opener(ServerUrl.parse("holdfast://127.0.0.1:" + server.getPort() + "/team"))
            .open(
                new Streams.Listener() {
                  @Override
                  public void received(long stream, ServerMessage message) {
                    welcomed.countDown();
                  }

                  @Override
                  public void broken(long stream, Error error, String leader) {}
                });
  }

  @AfterEach
  void stop() {
    streams.close(1);
    server.shutdownNow();
  }

  @Test
  void whatIsSaidAtOneGoIsOneBatch() throws Exception {
    connect(100);
    for (int i = 1; i <= 5; i++) {
      streams.say(1, acquire(i, 10));
    }
    streams.flush();
    assertThat(requests(arrived())).containsExactly(1L, 2L, 3L, 4L, 5L);
    streams.say(1, acquire(6, 10));
    streams.flush();
    assertThat(arrived().getAcquire().getRequest()).isEqualTo(6);
  }

  @Test
  void aBatchIsNotLargerThanTheServerTakes() throws Exception {
    connect(3);
    for (int i = 1; i <= 7; i++) {
      streams.say(1, acquire(i, 10));
    }
    streams.flush();
    assertThat(requests(arrived())).containsExactly(1L, 2L, 3L);
    assertThat(requests(arrived())).containsExactly(4L, 5L, 6L);
    assertThat(arrived().getAcquire().getRequest()).isEqualTo(7);
  }

  @Test
  void norHasItMoreBytesUnlessItIsOneMessage() throws Exception {
    connect(1_000);
    List<Long> said = new ArrayList<>();
    for (long i = 1; i <= 100; i++) {
      streams.say(1, acquire(i, i % 10 == 0 ? 100_000 : 4_096));
      said.add(i);
    }
    streams.flush();
    List<Long> heard = new ArrayList<>();
    while (heard.size() < said.size()) {
      ClientMessage message = arrived();
      heard.addAll(requests(message));
      assertThat(message.getSerializedSize() < MOST_BYTES || message.hasAcquire()).isTrue();
    }
    assertThat(heard).isEqualTo(said);
  }

  @Test
  void whatComesByItselfComesInItsPlace() throws Exception {
    connect(100);
    streams.say(1, acquire(1, 10));
    streams.say(1, acquire(2, 10));
    streams.say(1, ClientMessage.newBuilder().setDescribe(Describe.newBuilder()).build());
    streams.say(1, acquire(3, 10));
    streams.flush();
    assertThat(requests(arrived())).containsExactly(1L, 2L);
    assertThat(arrived().hasDescribe()).isTrue();
    assertThat(arrived().getAcquire().getRequest()).isEqualTo(3);
  }

  @Test
  void aServerThatTakesNoBatchesIsSentNone() throws Exception {
    connect(0);
    for (int i = 1; i <= 5; i++) {
      streams.say(1, acquire(i, 10));
    }
    for (int i = 1; i <= 5; i++) {
      assertThat(arrived().getAcquire().getRequest()).isEqualTo(i);
    }
  }

  @Test
  void whatWasNotSentOnAStreamIsNotSentOnTheNext() throws Exception {
    connect(100);
    streams.say(1, acquire(1, 10));
    streams.close(1);
    assertThat(streams.soon(() -> {})).isFalse();
    streams.open(2, "127.0.0.1:" + server.getPort());
    streams.say(2, ClientMessage.newBuilder().setHello(Hello.newBuilder()).build());
    assertThat(arrived().hasHello()).isTrue();
    streams.say(2, acquire(2, 10));
    streams.flush();
    assertThat(arrived().getAcquire().getRequest()).isEqualTo(2);
    streams.close(2);
  }

  @Test
  void whatShallRunSoonRunsOnAnotherThread() throws Exception {
    assertThat(streams.soon(() -> {})).isFalse();
    connect(100);
    BlockingQueue<Thread> ran = new LinkedBlockingQueue<>();
    assertThat(streams.soon(() -> ran.add(Thread.currentThread()))).isTrue();
    assertThat(ran.poll(PATIENCE_SECONDS, TimeUnit.SECONDS))
        .isNotNull()
        .isNotEqualTo(Thread.currentThread());
  }

  private void connect(int most) throws InterruptedException {
    batch = most;
    streams.open(1, "127.0.0.1:" + server.getPort());
    streams.say(1, ClientMessage.newBuilder().setHello(Hello.newBuilder()).build());
    assertThat(arrived().hasHello()).isTrue();
    assertThat(welcomed.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  private ClientMessage arrived() throws InterruptedException {
    ClientMessage message = arrived.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(message).as("what arrived").isNotNull();
    return message;
  }

  private static List<Long> requests(ClientMessage message) {
    return message.hasAcquire()
        ? List.of(message.getAcquire().getRequest())
        : message.getBatch().getMessagesList().stream()
            .map(each -> each.getAcquire().getRequest())
            .toList();
  }

  private static ClientMessage acquire(long request, int bytes) {
    return ClientMessage.newBuilder()
        .setAcquire(
            Acquire.newBuilder().setRequest(request).setData(ByteString.copyFrom(new byte[bytes])))
        .build();
  }

  /** Answers a hello, and writes down what it hears. */
  private final class Listening extends LocksGrpc.LocksImplBase {
    @Override
    public StreamObserver<ClientMessage> session(StreamObserver<ServerMessage> out) {
      return new StreamObserver<>() {
        @Override
        public void onNext(ClientMessage message) {
          arrived.add(message);
          if (message.hasHello()) {
            out.onNext(
                ServerMessage.newBuilder()
                    .setWelcome(Welcome.newBuilder().setBatch(batch))
                    .build());
          }
        }

        @Override
        public void onError(Throwable cause) {}

        @Override
        public void onCompleted() {}
      };
    }
  }
}
