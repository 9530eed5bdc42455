package io.holdfast.server.security;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.holdfast.server.security.PermissionTable.Rule;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The door of the server: finds out who calls, once a call, and whether the call is permitted, before anything of it reaches
 * a service. Who calls is left in the call's context, under {@link Caller#KEY}, and beside it who admitted them, {@link
 * Authenticator#KEY}.
 *
 * <p>What is turned away ends with a status, a line for people, and the trailer {@code holdfast-reason}. Whether a namespace
 * exists makes no difference to the answer. Thread-safe.
 */
public final class AuthInterceptor implements ServerInterceptor {
  /** Why a call failed: a stable word for programs, here as wherever a server refuses. */
  public static final Metadata.Key<String> REASON =
      Metadata.Key.of("holdfast-reason", Metadata.ASCII_STRING_MARSHALLER);

  private static final Logger LOG = LoggerFactory.getLogger(AuthInterceptor.class);

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final @Nullable Authenticator authenticator;
  private final boolean plaintextAllowed;
  private final Consumer<DeniedCall> turnedAway;

  private AuthInterceptor(
      @Nullable Authenticator authenticator,
      boolean plaintextAllowed,
      Consumer<DeniedCall> turnedAway) {
    this.authenticator = authenticator;
    this.plaintextAllowed = plaintextAllowed;
    this.turnedAway = turnedAway;
  }

  /**
   * Asks each caller for a token.
   *
   * @param plaintextAllowed whether tokens may come unencrypted from other machines
   * @param turnedAway is told of each call that is turned away; quick
   */
  public static AuthInterceptor asking(
      Authenticator authenticator, boolean plaintextAllowed, Consumer<DeniedCall> turnedAway) {
    return new AuthInterceptor(authenticator, plaintextAllowed, turnedAway);
  }

  /** Takes everybody for {@link Caller#ANYBODY}. Methods without a permission rule are closed all the same. */
  public static AuthInterceptor trusting(Consumer<DeniedCall> turnedAway) {
    return new AuthInterceptor(null, true, turnedAway);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    Optional<Rule> rule = PermissionTable.rule(call.getMethodDescriptor().getFullMethodName());
    if (rule.isEmpty()) {
      return refuse(
          call, "", new Verdict.TurnedAway(AuthReason.NOT_ALLOWED, "nobody may call this"));
    }
    if (rule.get() instanceof Rule.Open) {
      return next.startCall(call, headers);
    }
    if (authenticator == null) {
      return admit(Caller.ANYBODY, rule.get(), call, headers, next);
    }
    List<String> credentials = credentials(headers);
    if (!credentials.isEmpty() && !plaintextAllowed && isOverheard(call.getAttributes())) {
      return refuse(
          call,
          "",
          new Verdict.TurnedAway(
              AuthReason.PLAINTEXT,
              "a token came over an unencrypted connection and may have been overheard: use TLS"));
    }
    CompletableFuture<Verdict> verdict =
        authenticator.authenticate(credentials).toCompletableFuture();
    if (verdict.isDone()) {
      return act(verdict.join(), rule.get(), call, headers, next);
    }
    Waiting<Q> waiting = new Waiting<>();
    Context context = Context.current();
    verdict.whenComplete(
        (known, failure) ->
            context.run(
                () -> {
                  try {
                    if (failure != null) {
                      throw new IllegalStateException(failure);
                    }
                    waiting.begin(actLate(known, rule.get(), call, headers, next));
                  } catch (RuntimeException e) {
                    // Thrown by what the caller said meanwhile, too.
                    LOG.error("{} failed", call.getMethodDescriptor().getFullMethodName(), e);
                    end(call);
                  }
                }));
    return waiting;
  }

  private static void end(ServerCall<?, ?> call) {
    try {
      call.close(Status.INTERNAL, new Metadata());
    } catch (IllegalStateException e) {
      LOG.debug("It had ended before", e);
    }
  }

  /** Off gRPC's threads, where an exception would leave the call open. */
  private <Q, A> ServerCall.Listener<Q> actLate(
      Verdict verdict,
      Rule rule,
      ServerCall<Q, A> call,
      Metadata headers,
      ServerCallHandler<Q, A> next) {
    try {
      return act(verdict, rule, call, headers, next);
    } catch (RuntimeException e) {
      LOG.error(
          "A call of {} could not be begun", call.getMethodDescriptor().getFullMethodName(), e);
      call.close(Status.INTERNAL, new Metadata());
      return new ServerCall.Listener<>() {};
    }
  }

  private <Q, A> ServerCall.Listener<Q> act(
      Verdict verdict,
      Rule rule,
      ServerCall<Q, A> call,
      Metadata headers,
      ServerCallHandler<Q, A> next) {
    if (verdict instanceof Verdict.TurnedAway away) {
      return refuse(call, "", away);
    }
    return admit(((Verdict.Admitted) verdict).caller(), rule, call, headers, next);
  }

  private <Q, A> ServerCall.Listener<Q> admit(
      Caller caller,
      Rule rule,
      ServerCall<Q, A> call,
      Metadata headers,
      ServerCallHandler<Q, A> next) {
    if (rule instanceof Rule.InEveryNamespace every
        && !caller.may(every.action(), Caller.EVERY_NAMESPACE)) {
      return refuse(
          call,
          caller.subject(),
          new Verdict.TurnedAway(
              AuthReason.NOT_ALLOWED,
              Quoted.of(caller.subject())
                  + " may not "
                  + word(every.action())
                  + " in all namespaces"));
    }
    Context context =
        Context.current().withValues(Caller.KEY, caller, Authenticator.KEY, authenticator);
    ServerCall.Listener<Q> listener = Contexts.interceptCall(context, call, headers, next);
    return rule instanceof Rule.InNamespace in
        ? new AtTheRequest<>(caller, in.action(), call, listener)
        : listener;
  }

  private <Q> ServerCall.Listener<Q> refuse(
      ServerCall<Q, ?> call, String who, Verdict.TurnedAway verdict) {
    turnedAway.accept(
        new DeniedCall(
            verdict.reason(),
            call.getMethodDescriptor().getFullMethodName(),
            who,
            DeniedCall.from(call.getAttributes())));
    Metadata trailers = new Metadata();
    trailers.put(REASON, verdict.reason().name());
    call.close(Status.fromCode(verdict.reason().code()).withDescription(verdict.line()), trailers);
    return new ServerCall.Listener<>() {};
  }

  private static List<String> credentials(Metadata headers) {
    Iterable<String> all = headers.getAll(AUTHORIZATION);
    if (all == null) {
      return List.of();
    }
    List<String> list = new ArrayList<>();
    all.forEach(list::add);
    return list;
  }

  /** Whether others on the network may have listened. What is no network (in-process, a Unix socket) is not overheard. */
  private static boolean isOverheard(Attributes transport) {
    SocketAddress from = transport.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    return transport.get(Grpc.TRANSPORT_ATTR_SSL_SESSION) == null
        && from instanceof InetSocketAddress inet
        && (inet.getAddress() == null || !inet.getAddress().isLoopbackAddress());
  }

  private static String word(Action action) {
    return action.name().toLowerCase(Locale.ROOT);
  }

  /** Lets a request through to the service if it is permitted in the namespace that it names. */
  private final class AtTheRequest<Q>
      extends ForwardingServerCallListener.SimpleForwardingServerCallListener<Q> {
    private final Caller caller;
    private final Action action;
    private final ServerCall<Q, ?> call;
    // The service has not seen the request, so it shall not see the end of requests either.
    private boolean refused;

    AtTheRequest(
        Caller caller, Action action, ServerCall<Q, ?> call, ServerCall.Listener<Q> service) {
      super(service);
      this.caller = caller;
      this.action = action;
      this.call = call;
    }

    @Override
    public void onMessage(Q message) {
      if (refused) {
        return;
      }
      Object request = message instanceof Enclosed enclosed ? enclosed.request() : message;
      String namespace = request == null ? "" : PermissionTable.namespace(request).orElse("");
      if (request == null) {
        super.onMessage(message); // answered as what it is: unreadable
      } else if (!Authenticator.NAMESPACE.matcher(namespace).matches()) {
        refused = true;
        refuse(
            call,
            caller.subject(),
            new Verdict.TurnedAway(
                AuthReason.NAMESPACE_INVALID,
                "namespace "
                    + Quoted.of(namespace)
                    + " is not 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or"
                    + " digit"));
      } else if (!caller.may(action, namespace)) {
        refused = true;
        refuse(
            call,
            caller.subject(),
            new Verdict.TurnedAway(
                AuthReason.NOT_ALLOWED,
                Quoted.of(caller.subject())
                    + " may not "
                    + word(action)
                    + " in namespace "
                    + Quoted.of(namespace)));
      } else {
        super.onMessage(message);
      }
    }

    @Override
    public void onHalfClose() {
      if (!refused) {
        super.onHalfClose();
      }
    }
  }

  /**
   * Stands in for a call's listener until it is known. Events come one at a time, and are handed on so: by the thread that
   * brings them, or, those that came before, by the one that brought the listener. There are few of those, for no message
   * comes before somebody has asked for it.
   */
  private static final class Waiting<Q> extends ServerCall.Listener<Q> {
    private final ReentrantLock mutex = new ReentrantLock();
    // Guarded by the mutex.
    private final Queue<Consumer<ServerCall.Listener<Q>>> events = new ArrayDeque<>();
    private boolean handing;
    private ServerCall.@Nullable Listener<Q> listener;

    void begin(ServerCall.Listener<Q> known) {
      mutex.lock();
      try {
        listener = known;
      } finally {
        mutex.unlock();
      }
      handOn();
    }

    private void on(Consumer<ServerCall.Listener<Q>> event) {
      mutex.lock();
      try {
        events.add(event);
      } finally {
        mutex.unlock();
      }
      handOn();
    }

    private void handOn() {
      while (true) {
        ServerCall.Listener<Q> to;
        Consumer<ServerCall.Listener<Q>> event;
        mutex.lock();
        try {
          to = listener;
          if (to == null || handing) {
            return;
          }
          event = events.poll();
          if (event == null) {
            return;
          }
          handing = true;
        } finally {
          mutex.unlock();
        }
        try {
          event.accept(to);
        } finally {
          mutex.lock();
          try {
            handing = false;
          } finally {
            mutex.unlock();
          }
        }
      }
    }

    @Override
    public void onMessage(Q message) {
      on(to -> to.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      on(ServerCall.Listener::onHalfClose);
    }

    @Override
    public void onCancel() {
      on(ServerCall.Listener::onCancel);
    }

    @Override
    public void onComplete() {
      on(ServerCall.Listener::onComplete);
    }

    @Override
    public void onReady() {
      on(ServerCall.Listener::onReady);
    }
  }
}
