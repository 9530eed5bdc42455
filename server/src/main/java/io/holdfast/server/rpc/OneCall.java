package io.holdfast.server.rpc;

import com.google.protobuf.MessageLite;
import io.grpc.stub.ServerCallStreamObserver;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.core.ClientLink;
import io.holdfast.server.core.Connection;
import io.holdfast.server.core.Problem;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A unary call as a small client of the core: opens a stream within the server, asks one thing, and ends the call with
 * the answer. So a unary call is decided by the same rules as a message.
 */
final class OneCall<A extends MessageLite> implements ClientLink {
  private final ServerCore core;
  private final ServerCallStreamObserver<A> out;
  private final Credential credential;
  private final UnreadAnswers unread;
  private final UnreadAnswers.Place place;
  private final boolean isLong;
  private final BiConsumer<OneCall<A>, Connection> question;
  private final BiConsumer<OneCall<A>, ServerMessage> answered;
  private final AtomicBoolean through = new AtomicBoolean();
  private volatile @Nullable Connection connection;

  /** What is done when the caller leaves, once another one is to answer. */
  private volatile @Nullable Runnable handedOver;

  /**
   * A call to come.
   *
   * @param unread where its answer counts until the caller has taken it
   * @param isLong whether there are several answers, each of which waits until the caller takes it
   * @param question asked when the core has said welcome
   * @param answered told everything else that is no failure; ends the call
   */
  OneCall(
      ServerCore core,
      ServerCallStreamObserver<A> out,
      Credential credential,
      UnreadAnswers unread,
      boolean isLong,
      BiConsumer<OneCall<A>, Connection> question,
      BiConsumer<OneCall<A>, ServerMessage> answered) {
    this.core = core;
    this.out = out;
    this.credential = credential;
    this.unread = unread;
    this.place = unread.new Place();
    this.isLong = isLong;
    this.question = question;
    this.answered = answered;
  }

  void ask(String namespace, String client) {
    Connection opened = core.connect(this).orElse(null);
    connection = opened;
    if (opened != null) {
      out.setOnCancelHandler(this::callerLeft);
      out.setOnCloseHandler(place::leave);
      out.setOnReadyHandler(opened::ready);
      opened.receive(hello(namespace, client));
    }
  }

  static ClientMessage hello(String namespace, String client) {
    return ClientMessage.newBuilder()
        .setHello(Hello.newBuilder().setNamespace(namespace).setClient(client))
        .build();
  }

  /** One of several answers, of a call that may have more. */
  void tell(A answer) {
    if (!through.get()) {
      out.onNext(answer);
    }
  }

  /** Ends the call with an answer. */
  void end(A answer) {
    if (through.compareAndSet(false, true)) {
      if (place.take(answer.getSerializedSize())) {
        out.onNext(answer);
        out.onCompleted();
      } else {
        Problem problem =
            new Problem(
                Problem.Code.RESOURCE_EXHAUSTED,
                "UNREAD_ANSWERS",
                "answers that callers do not read have "
                    + unread.most
                    + " bytes, no more are given");
        core.refused(problem.reason());
        out.onError(Statuses.of(problem));
      }
      hangUp();
    }
  }

  /**
   * Leaves the call to somebody else, unless it is through.
   *
   * @param next begins with it, and returns what is to be done when the caller leaves; harmless when it is through
   */
  void handOver(Supplier<Runnable> next) {
    if (through.compareAndSet(false, true)) {
      hangUp();
      Runnable leaving = next.get();
      handedOver = leaving;
      if (out.isCancelled()) { // perhaps before it was known what to do
        leaving.run();
      }
    }
  }

  /** Ends the call with a failure. */
  void fail(RuntimeException status) {
    if (through.compareAndSet(false, true)) {
      out.onError(status);
      hangUp();
    }
  }

  Connection connection() {
    Connection opened = connection;
    if (opened == null) {
      throw new IllegalStateException("answered before it was asked");
    }
    return opened;
  }

  private void callerLeft() {
    place.leave();
    hangUp();
    Runnable leaving = handedOver;
    if (leaving != null) {
      leaving.run();
    }
  }

  private void hangUp() {
    Connection opened = connection;
    if (opened != null) {
      opened.gone();
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
    return !isLong || out.isReady();
  }

  @Override
  public void send(ServerMessage message) {
    switch (message.getMessageCase()) {
      case WELCOME -> question.accept(this, connection());
      case NOT_LEADER -> fail(Statuses.notLeader(message.getNotLeader().getLeader()));
      case FAILED -> fail(Statuses.of(Problem.of(message.getFailed().getError())));
      default -> answered.accept(this, message);
    }
  }

  @Override
  public void close() {
    fail(Statuses.notLeader(""));
  }

  @Override
  public void close(Problem problem) {
    fail(Statuses.of(problem));
  }

  @Override
  public void resume() {}
}
