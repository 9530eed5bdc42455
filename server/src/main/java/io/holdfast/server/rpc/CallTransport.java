package io.holdfast.server.rpc;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerTransportFilter;
import io.holdfast.server.core.Problem;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** A client's connection, and the sessions that end with it. Thread-safe. */
final class CallTransport {
  /** Callers by different names on one connection. */
  static final int MAX_SESSIONS = 100;

  static final Problem TOO_MANY =
      new Problem(
          Problem.Code.RESOURCE_EXHAUSTED,
          "TOO_MANY_OWNERS",
          "owners of the connection are " + MAX_SESSIONS + ", at most " + MAX_SESSIONS);

  private static final Attributes.Key<CallTransport> ATTRIBUTE =
      Attributes.Key.create("holdfast-transport");
  private static final Context.Key<CallTransport> CONTEXT = Context.key("holdfast-transport");

  private final ReentrantLock mutex = new ReentrantLock();
  private final Map<Key, CallSession> sessions = new HashMap<>();
  private boolean gone;

  /** Whose calls share a session. */
  record Key(String namespace, String owner, String subject) {}

  /** Knows when connections come and go. */
  static ServerTransportFilter filter() {
    return new ServerTransportFilter() {
      @Override
      public Attributes transportReady(Attributes attributes) {
        return attributes.toBuilder().set(ATTRIBUTE, new CallTransport()).build();
      }

      @Override
      public void transportTerminated(Attributes attributes) {
        CallTransport transport = attributes.get(ATTRIBUTE);
        if (transport != null) {
          transport.terminated();
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

  /** The session of these callers, made if there is none; empty if there are too many, or the connection is gone. */
  Optional<CallSession> session(Key key, Supplier<CallSession> maker) {
    mutex.lock();
    try {
      CallSession session = sessions.get(key);
      if (session == null && !gone && sessions.size() < MAX_SESSIONS) {
        session = maker.get();
        sessions.put(key, session);
      }
      return Optional.ofNullable(session);
    } finally {
      mutex.unlock();
    }
  }

  void forget(Key key) {
    mutex.lock();
    try {
      sessions.remove(key);
    } finally {
      mutex.unlock();
    }
  }

  private void terminated() {
    List<CallSession> left;
    mutex.lock();
    try {
      gone = true;
      left = List.copyOf(sessions.values());
    } finally {
      mutex.unlock();
    }
    left.forEach(CallSession::leave);
  }
}
