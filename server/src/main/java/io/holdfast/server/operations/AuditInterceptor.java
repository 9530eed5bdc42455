package io.holdfast.server.operations;

import io.grpc.Context;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.holdfast.protocol.v1.AddMemberRequest;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Failed;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.ForceReleaseLockRequest;
import io.holdfast.protocol.v1.ForceReleaseLockResponse;
import io.holdfast.protocol.v1.RemoveMemberRequest;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.TakeSnapshotRequest;
import io.holdfast.protocol.v1.TransferLeadershipRequest;
import io.holdfast.server.operations.AuditEntry.Act;
import io.holdfast.server.operations.AuditEntry.Result;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.server.security.AuthReason;
import io.holdfast.server.security.Caller;
import io.holdfast.server.security.DeniedCall;
import io.holdfast.server.security.Enclosed;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has each act of an operator written into the audit log before the service hears of it, and what became of it afterwards. An
 * act that cannot be recorded is refused with AUDIT_FAILED, and nothing has changed.
 *
 * <p>Stands behind the interceptor that finds out who calls: what that turns away is no act. Thread-safe.
 */
public final class AuditInterceptor implements ServerInterceptor {
  /*
   * While an act is being written, what the client says after it waits, so that the service hears everything in its order.
   * gRPC brings no more than the service has asked for, which bounds it. The service hears of the act on the thread of the
   * log; the rest as it comes.
   */

  /** Acts of one stream that have been heard and not answered. */
  private static final int MAX_UNANSWERED = 1_000;

  private static final Set<String> AUDITED =
      Set.of(
          "holdfast.v1.Locks/Session",
          "holdfast.v1.Locks/ForceReleaseLock",
          "holdfast.v1.Cluster/AddMember",
          "holdfast.v1.Cluster/RemoveMember",
          "holdfast.v1.Cluster/TransferLeadership",
          "holdfast.v1.Cluster/TakeSnapshot");

  private static final String REFUSAL = "AUDIT_FAILED";
  private static final String LINE = "the audit log cannot be written, so this is not done";
  private static final Logger LOG = LoggerFactory.getLogger(AuditInterceptor.class);

  private final AuditLog log;
  private final Consumer<DeniedCall> turnedAway;
  private final Supplier<ReplicaStatus> status;

  /**
   * Records what goes through it.
   *
   * @param turnedAway is told of each attempt on a stream by somebody who may not; quick. There can be any number of them
   * @param status tells how this server stands to the others: who reads the records finds the act in the log by it
   */
  public AuditInterceptor(
      AuditLog log, Consumer<DeniedCall> turnedAway, Supplier<ReplicaStatus> status) {
    this.log = log;
    this.turnedAway = turnedAway;
    this.status = status;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    if (!AUDITED.contains(call.getMethodDescriptor().getFullMethodName())) {
      return next.startCall(call, headers);
    }
    Acts acts =
        new Acts(
            log,
            turnedAway,
            this::status,
            call.getMethodDescriptor().getFullMethodName(),
            Caller.KEY.get(),
            DeniedCall.from(call.getAttributes()));
    Answers<Q, A> answers = new Answers<>(call, acts);
    return new Gate<>(next.startCall(answers, headers), answers, acts, Context.current());
  }

  private Optional<ReplicaStatus> status() {
    try {
      return Optional.of(status.get());
    } catch (IllegalStateException e) {
      return Optional.empty(); // it is being closed
    }
  }

  /** The acts of one call that have no answer yet. Thread-safe. */
  private static final class Acts {
    /** Of a unary call, which has one act and no number for it. */
    static final long THE_ONLY = 0;

    private final AuditLog log;
    private final Consumer<DeniedCall> turnedAway;
    private final Supplier<Optional<ReplicaStatus>> status;
    private final String method;
    private final @Nullable Caller caller;
    private final String who;
    private final String from;

    private final ReentrantLock mutex = new ReentrantLock();
    // Guarded by the mutex.
    private final Map<Long, AuditEntry> unanswered = new HashMap<>();
    private String namespace = "";

    Acts(
        AuditLog log,
        Consumer<DeniedCall> turnedAway,
        Supplier<Optional<ReplicaStatus>> status,
        String method,
        @Nullable Caller caller,
        String from) {
      this.log = log;
      this.turnedAway = turnedAway;
      this.status = status;
      this.method = method;
      this.caller = caller;
      this.who = caller == null ? "" : caller.subject();
      this.from = from;
    }

    private AuditEntry act(Act act, String target) {
      return asked(act, "", target, "", OptionalLong.empty(), "");
    }

    private AuditEntry asked(
        Act act, String where, String target, String path, OptionalLong token, String reason) {
      return new AuditEntry(
          act, who, from, where, target, path, token, reason, Result.ASKED, status.get());
    }

    /** What a message does, if it is an act. */
    @Nullable AuditEntry read(@Nullable Object message) {
      if (message instanceof ClientMessage said) {
        return read(said);
      }
      if (message instanceof ForceReleaseLockRequest force) {
        OptionalLong token =
            force.hasToken() ? OptionalLong.of(force.getToken()) : OptionalLong.empty();
        return asked(
            Act.FORCE_RELEASE, force.getNamespace(), force.getKey(), "", token, force.getReason());
      }
      if (message instanceof AddMemberRequest add) {
        return act(Act.ADD_MEMBER, add.getId());
      }
      if (message instanceof RemoveMemberRequest remove) {
        return act(Act.REMOVE_MEMBER, remove.getId());
      }
      if (message instanceof TransferLeadershipRequest transfer) {
        return act(Act.TRANSFER_LEADERSHIP, transfer.getId());
      }
      return message instanceof TakeSnapshotRequest ? act(Act.TAKE_SNAPSHOT, "") : null;
    }

    private @Nullable AuditEntry read(ClientMessage said) {
      if (!said.hasHello() && !said.hasForceRelease()) {
        return null;
      }
      String where;
      mutex.lock();
      try {
        if (said.hasHello() && namespace.isEmpty()) { // the service takes no second one
          namespace = said.getHello().getNamespace();
        }
        where = namespace;
      } finally {
        mutex.unlock();
      }
      if (!said.hasForceRelease()) {
        return null;
      }
      if (caller == null || !caller.may(Action.ADMIN, where)) {
        // No act, for the service refuses it: only an attempt, and anybody can make as many as they
        // like.
        turnedAway.accept(new DeniedCall(AuthReason.NOT_ALLOWED, method, who, from));
        return null;
      }
      ForceRelease force = said.getForceRelease();
      return asked(
          Act.FORCE_RELEASE,
          where,
          force.getKey().getName(),
          force.getKey().getPath(),
          OptionalLong.of(force.getToken()),
          force.getReason());
    }

    /** False if there are too many, or one of that number. */
    boolean begin(long number, AuditEntry entry) {
      mutex.lock();
      try {
        return unanswered.size() < MAX_UNANSWERED && unanswered.putIfAbsent(number, entry) == null;
      } finally {
        mutex.unlock();
      }
    }

    void end(long number, Result result) {
      AuditEntry entry;
      mutex.lock();
      try {
        entry = unanswered.remove(number);
      } finally {
        mutex.unlock();
      }
      if (entry != null) {
        log.record(
            entry
                .ended(result)
                .on(status.get())); // it has happened, whether this can be written or not
      }
    }

    void endAll(Result result) {
      Set<Long> numbers;
      mutex.lock();
      try {
        numbers = Set.copyOf(unanswered.keySet());
      } finally {
        mutex.unlock();
      }
      numbers.forEach(number -> end(number, result));
    }
  }

  private static long number(@Nullable Object message) {
    return message instanceof ClientMessage said
        ? said.getForceRelease().getNumber()
        : Acts.THE_ONLY;
  }

  private static Result result(Status.Code code) {
    return switch (code) {
      case OK -> Result.DONE;
      case INVALID_ARGUMENT,
          FAILED_PRECONDITION,
          PERMISSION_DENIED,
          UNAUTHENTICATED,
          RESOURCE_EXHAUSTED,
          NOT_FOUND,
          ALREADY_EXISTS,
          UNIMPLEMENTED ->
          Result.REFUSED;
      default -> Result.UNCERTAIN;
    };
  }

  /** What the service says, and what it says of the acts. */
  private static final class Answers<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final Acts acts;

    // A refusal comes from another thread than the service's answers, and a call is for one at a
    // time. Nothing in it blocks: gRPC takes what is said and sends it later.
    private final ReentrantLock speaking = new ReentrantLock();
    // Guarded by the lock.
    private boolean begun;
    private boolean ended;

    private volatile boolean refused;

    Answers(ServerCall<Q, A> call, Acts acts) {
      super(call);
      this.acts = acts;
    }

    @Override
    public void sendHeaders(Metadata headers) {
      speaking.lock();
      try {
        if (!begun && !ended) {
          begun = true;
          super.sendHeaders(headers);
        }
      } finally {
        speaking.unlock();
      }
    }

    @Override
    public void sendMessage(A message) {
      if (message instanceof ForceReleaseLockResponse answer && !answer.getReleased()) {
        acts.end(Acts.THE_ONLY, Result.NOTHING);
      } else if (message instanceof ServerMessage answer) {
        if (answer.hasForceReleased()) {
          acts.end(
              answer.getForceReleased().getNumber(),
              answer.getForceReleased().getReleased() ? Result.DONE : Result.NOTHING);
        } else if (answer.hasFailed()) {
          int code = answer.getFailed().getError().getCode();
          acts.end(answer.getFailed().getNumber(), result(Status.fromCodeValue(code).getCode()));
        }
      }
      speaking.lock();
      try {
        if (!ended) {
          super.sendMessage(message);
        }
      } finally {
        speaking.unlock();
      }
    }

    @Override
    public void close(Status status, Metadata trailers) {
      boolean stream = !getMethodDescriptor().getType().clientSendsOneMessage();
      acts.endAll(stream ? Result.UNCERTAIN : result(status.getCode()));
      speaking.lock();
      try {
        if (!ended) {
          ended = true;
          super.close(status, trailers);
        }
      } finally {
        speaking.unlock();
      }
    }

    /** Whether the call was ended instead of the service being told of it. */
    boolean refused() {
      return refused;
    }

    /** Instead of the service's answer. */
    void refuse(long number) {
      if (getMethodDescriptor().getType().clientSendsOneMessage()) {
        refused = true;
        Metadata trailers = new Metadata();
        trailers.put(AuthInterceptor.REASON, REFUSAL);
        close(Status.FAILED_PRECONDITION.withDescription(LINE), trailers);
        return;
      }
      Error error =
          Error.newBuilder()
              .setCode(Status.Code.FAILED_PRECONDITION.value())
              .setReason(REFUSAL)
              .setMessage(LINE)
              .build();
      @SuppressWarnings("unchecked") // the one stream there is
      A failed =
          (A)
              ServerMessage.newBuilder()
                  .setFailed(Failed.newBuilder().setNumber(number).setError(error))
                  .build();
      sendHeaders(new Metadata());
      sendMessage(failed);
      request(1); // for the one that the service does not hear of
    }
  }

  /** What the client says, in its order, acts not before they are written. */
  private static final class Gate<Q> extends ServerCall.Listener<Q> {
    private final ServerCall.Listener<Q> service;
    private final Answers<Q, ?> answers;
    private final Acts acts;
    private final Context context;

    private final ReentrantLock mutex = new ReentrantLock();
    // Guarded by the mutex.
    private final Queue<Runnable> events = new ArrayDeque<>();
    private boolean busy;

    Gate(ServerCall.Listener<Q> service, Answers<Q, ?> answers, Acts acts, Context context) {
      this.service = service;
      this.answers = answers;
      this.acts = acts;
      this.context = context;
    }

    private void on(Runnable event) {
      mutex.lock();
      try {
        events.add(event);
        if (busy) {
          return;
        }
        busy = true;
      } finally {
        mutex.unlock();
      }
      handOn();
    }

    /** Whoever is here is the only one. Leaves when there is nothing more, or an act has to be written first. */
    private void handOn() {
      while (true) {
        Runnable event;
        mutex.lock();
        try {
          event = events.poll();
          if (event == null) {
            busy = false;
            return;
          }
        } finally {
          mutex.unlock();
        }
        if (event instanceof Hearing<?> hearing && hearing.entry != null) {
          write(hearing, hearing.entry);
          return;
        }
        event.run();
      }
    }

    private void write(Hearing<?> hearing, AuditEntry entry) {
      acts.log
          .record(entry)
          .whenComplete(
              (written, failure) -> {
                if (failure == null && acts.begin(hearing.number, entry)) {
                  context.run(() -> goOn(hearing));
                } else {
                  if (failure == null) {
                    acts.log.record(entry.ended(Result.REFUSED));
                  }
                  answers.refuse(hearing.number);
                  context.run(this::handOn);
                }
              });
    }

    private void goOn(Hearing<?> hearing) {
      try {
        hearing.run();
      } catch (RuntimeException e) {
        LOG.error("An act failed: {}", answers.getMethodDescriptor().getFullMethodName(), e);
        answers.close(Status.UNKNOWN, new Metadata());
      }
      handOn();
    }

    /** A message for the service, and the act that it is, if it is one. */
    private static final class Hearing<Q> implements Runnable {
      final ServerCall.Listener<Q> service;
      final Q message;
      final @Nullable AuditEntry entry;
      final long number;

      Hearing(ServerCall.Listener<Q> service, Q message, @Nullable AuditEntry entry, long number) {
        this.service = service;
        this.message = message;
        this.entry = entry;
        this.number = number;
      }

      @Override
      public void run() {
        service.onMessage(message);
      }
    }

    @Override
    public void onMessage(Q message) {
      Object request = message instanceof Enclosed enclosed ? enclosed.request() : message;
      on(new Hearing<>(service, message, acts.read(request), number(request)));
    }

    @Override
    public void onHalfClose() {
      on(
          () -> {
            if (!answers.refused()) {
              service.onHalfClose();
            }
          });
    }

    @Override
    public void onCancel() {
      on(
          () -> {
            service.onCancel();
            acts.endAll(Result.UNCERTAIN);
          });
    }

    @Override
    public void onComplete() {
      on(service::onComplete);
    }

    @Override
    public void onReady() {
      on(service::onReady);
    }
  }
}
