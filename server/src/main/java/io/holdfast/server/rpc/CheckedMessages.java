package io.holdfast.server.rpc;

import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.server.core.Problem;
import io.holdfast.server.security.Enclosed;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A service whose messages are read so that one which is too long, or cannot be read, is answered like any other mistake. gRPC by
 * itself would end such a call with CANCELLED or UNKNOWN, which tells a client nothing.
 */
final class CheckedMessages {
  static final Problem TOO_LARGE =
      new Problem(
          Problem.Code.RESOURCE_EXHAUSTED,
          "MESSAGE_TOO_LARGE",
          "a message is longer than any that can be meant");
  static final Problem UNREADABLE =
      new Problem(
          Problem.Code.INVALID_ARGUMENT,
          "MESSAGE_UNREADABLE",
          "a message is not as the protocol has it, or not UTF-8 where it should be");

  /** Stand for what was not read on a stream; known by identity, for they say nothing. */
  private static final ClientMessage LONG_ONE = ClientMessage.newBuilder().buildPartial();

  private static final ClientMessage STRANGE_ONE = ClientMessage.newBuilder().buildPartial();

  private final int maxBytes;
  private final Consumer<String> refused;

  private CheckedMessages(int maxBytes, Consumer<String> refused) {
    this.maxBytes = maxBytes;
    this.refused = refused;
  }

  /**
   * The same service, whose messages have at most so many bytes.
   *
   * @param refused is told why a unary call was
   */
  static ServerServiceDefinition of(
      ServerServiceDefinition service, int maxBytes, Consumer<String> refused) {
    CheckedMessages checked = new CheckedMessages(maxBytes, refused);
    List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
    service.getMethods().forEach(method -> methods.add(checked.method(method)));
    ServiceDescriptor.Builder descriptor =
        ServiceDescriptor.newBuilder(service.getServiceDescriptor().getName())
            .setSchemaDescriptor(service.getServiceDescriptor().getSchemaDescriptor());
    methods.forEach(method -> descriptor.addMethod(method.getMethodDescriptor()));
    ServerServiceDefinition.Builder rebuilt = ServerServiceDefinition.builder(descriptor.build());
    methods.forEach(rebuilt::addMethod);
    return rebuilt.build();
  }

  /** Why a message of a stream was not read; null if it was. */
  @SuppressWarnings("ReferenceEquality") // by value they are like any message that says nothing
  static @Nullable Problem problemOf(ClientMessage message) {
    if (message == LONG_ONE) {
      return TOO_LARGE;
    }
    return message == STRANGE_ONE ? UNREADABLE : null;
  }

  private <Q, A> ServerMethodDefinition<?, ?> method(ServerMethodDefinition<Q, A> method) {
    MethodDescriptor<Q, A> plain = method.getMethodDescriptor();
    Reading<Q> reading = new Reading<>(plain.getRequestMarshaller(), maxBytes);
    MethodDescriptor<Arrived<Q>, A> descriptor =
        plain.toBuilder(reading, plain.getResponseMarshaller()).build();
    return ServerMethodDefinition.create(
        descriptor, new Handler<>(plain, method.getServerCallHandler(), refused));
  }

  /** A message, or why there is none. */
  private record Arrived<Q>(@Nullable Q message, @Nullable Problem problem) implements Enclosed {
    @Override
    public @Nullable Object request() {
      return message;
    }
  }

  /** Reads and never fails. */
  private static final class Reading<Q> implements MethodDescriptor.Marshaller<Arrived<Q>> {
    private final MethodDescriptor.Marshaller<Q> plain;
    private final int maxBytes;

    Reading(MethodDescriptor.Marshaller<Q> plain, int maxBytes) {
      this.plain = plain;
      this.maxBytes = maxBytes;
    }

    @Override
    public InputStream stream(Arrived<Q> value) {
      throw new UnsupportedOperationException("requests are only read");
    }

    @Override
    public Arrived<Q> parse(InputStream in) {
      try {
        return in.available() > maxBytes
            ? new Arrived<>(null, TOO_LARGE)
            : new Arrived<>(plain.parse(in), null);
      } catch (StatusRuntimeException | IOException e) {
        return new Arrived<>(null, UNREADABLE);
      }
    }
  }

  private record Handler<Q, A>(
      MethodDescriptor<Q, A> plain, ServerCallHandler<Q, A> next, Consumer<String> refused)
      implements ServerCallHandler<Arrived<Q>, A> {
    @Override
    public ServerCall.Listener<Arrived<Q>> startCall(
        ServerCall<Arrived<Q>, A> call, Metadata headers) {
      ServerCall.Listener<Q> listener = next.startCall(new PlainCall<>(call, plain), headers);
      return new CheckedListener<>(call, plain, listener, refused);
    }
  }

  private static final class CheckedListener<Q, A> extends ServerCall.Listener<Arrived<Q>> {
    private final ServerCall<Arrived<Q>, A> call;
    private final MethodDescriptor<Q, A> plain;
    private final ServerCall.Listener<Q> listener;
    private final Consumer<String> refused;
    private boolean isRefused;

    CheckedListener(
        ServerCall<Arrived<Q>, A> call,
        MethodDescriptor<Q, A> plain,
        ServerCall.Listener<Q> listener,
        Consumer<String> refused) {
      this.call = call;
      this.plain = plain;
      this.listener = listener;
      this.refused = refused;
    }

    @Override
    public void onMessage(Arrived<Q> arrived) {
      Q message = arrived.message();
      Problem problem = arrived.problem();
      if (message != null) {
        listener.onMessage(message);
      } else if (problem != null && plain.getType().clientSendsOneMessage()) {
        // Nobody else says anything on this call yet: its handler begins when there is a message.
        isRefused = true;
        refused.accept(problem.reason());
        StatusRuntimeException status = Statuses.of(problem);
        Metadata trailers = status.getTrailers();
        call.close(status.getStatus(), trailers == null ? new Metadata() : trailers);
      } else {
        @SuppressWarnings("unchecked") // the one stream there is
        Q standIn = (Q) (TOO_LARGE.equals(problem) ? LONG_ONE : STRANGE_ONE);
        listener.onMessage(standIn);
      }
    }

    @Override
    public void onHalfClose() {
      if (!isRefused) {
        listener.onHalfClose();
      }
    }

    @Override
    public void onCancel() {
      listener.onCancel();
    }

    @Override
    public void onComplete() {
      listener.onComplete();
    }

    @Override
    public void onReady() {
      listener.onReady();
    }
  }

  /** The call as the service knows it. */
  private static final class PlainCall<Q, A> extends ServerCall<Q, A> {
    private final ServerCall<Arrived<Q>, A> call;
    private final MethodDescriptor<Q, A> plain;

    PlainCall(ServerCall<Arrived<Q>, A> call, MethodDescriptor<Q, A> plain) {
      this.call = call;
      this.plain = plain;
    }

    @Override
    public void request(int messages) {
      call.request(messages);
    }

    @Override
    public void sendHeaders(Metadata headers) {
      call.sendHeaders(headers);
    }

    @Override
    public void sendMessage(A message) {
      call.sendMessage(message);
    }

    @Override
    public void close(Status status, Metadata trailers) {
      call.close(status, trailers);
    }

    @Override
    public boolean isCancelled() {
      return call.isCancelled();
    }

    @Override
    public boolean isReady() {
      return call.isReady();
    }

    @Override
    public Attributes getAttributes() {
      return call.getAttributes();
    }

    @Override
    public @Nullable String getAuthority() {
      return call.getAuthority();
    }

    @Override
    public void setCompression(String compressor) {
      call.setCompression(compressor);
    }

    @Override
    public void setMessageCompression(boolean enabled) {
      call.setMessageCompression(enabled);
    }

    @Override
    public MethodDescriptor<Q, A> getMethodDescriptor() {
      return plain;
    }
  }
}
