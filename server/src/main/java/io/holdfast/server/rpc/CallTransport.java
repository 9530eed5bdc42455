package io.holdfast.server.rpc;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerTransportFilter;
import org.jspecify.annotations.Nullable;

/** A client's connection, and the sessions that end with it. Thread-safe. */
final class CallTransport {
  /** Callers by different names on one connection. */
  static final int MAX_SESSIONS = 100;

  private static final Attributes.Key<CallTransport> ATTRIBUTE =
      Attributes.Key.create("holdfast-transport");
  private static final Context.Key<CallTransport> CONTEXT = Context.key("holdfast-transport");

  private final CallSessions sessions =
      new CallSessions("owners of the connection", MAX_SESSIONS, MAX_SESSIONS);

  /** Knows when connections come and go. */
  static ServerTransportFilter filter() {
    return new ServerTransportFilter() {
      @Override
      public Attributes transportReady(Attributes attributes) {
        return attributes.toBuilder().set(ATTRIBUTE, new CallTransport()).build();
      }

      /** Without attributes where a connection ended before it was ready: whoever looks which ports are open makes such. */
      @Override
      public void transportTerminated(@Nullable Attributes attributes) {
        CallTransport transport = attributes == null ? null : attributes.get(ATTRIBUTE);
        if (transport != null) {
          transport.sessions.close();
        }
      }
    };
  }

  /** Tells each call its connection. */
  static ServerInterceptor interceptor() {
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        return Contexts.interceptCall(
            Context.current().withValue(CONTEXT, call.getAttributes().get(ATTRIBUTE)),
            call,
            headers,
            next);
      }
    };
  }

  /** That of the call being handled. */
  static CallTransport current() {
    CallTransport transport = CONTEXT.get();
    if (transport == null) {
      throw new IllegalStateException("the server has no filter for its connections");
    }
    return transport;
  }

  CallSessions sessions() {
    return sessions;
  }
}
