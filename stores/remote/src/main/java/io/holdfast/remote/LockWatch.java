package io.holdfast.remote;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.holdfast.Holder;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockDescription;
import io.holdfast.LockList;
import io.holdfast.LockRefusedException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.Waiter;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.LockEvent;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.WatchLocksRequest;
import io.holdfast.protocol.v1.WatchLocksResponse;
import io.holdfast.protocol.v1.WatchedLocks;
import io.holdfast.remote.internal.ErrorCode;
import io.holdfast.remote.internal.Route;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What happens to the locks of lock servers, as it happens, for operators: the locks as they are, and then everything that
 * becomes of them. Follows the leader from server to server; each time it begins anew, it tells what there is then. Needs the
 * permission {@code read}. For one thread.
 */
public final class LockWatch implements AutoCloseable {
  /** A server that leads begins to tell within this. */
  private static final Duration ATTEMPT = Duration.ofSeconds(3);

  /** Without a server for so long, the watcher is told. */
  static final Duration SILENCE = Duration.ofSeconds(5);

  /** So many messages may be under way before one has been taken. */
  private static final int MESSAGES_AHEAD = 64;

  /** So that a connection that is silently dead is noticed, for otherwise nothing need ever come on it. */
  private static final long PING_SECONDS = 10;

  private static final long PING_PATIENCE_SECONDS = 5;

  private static final int MAX_MESSAGE_BYTES = 16 << 20;

  /** Something that is seen. */
  public sealed interface Sight {
    /** All that there is: first, and whenever something may have been missed. */
    record Present(LockList locks) implements Sight {}

    /**
     * Somebody holds.
     *
     * @param waited whether they stood in line before
     */
    record Granted(Holder holder, boolean waited, Instant at) implements Sight {}

    /**
     * Somebody holds no more.
     *
     * @param lost why, if it was against their will
     */
    record Ended(Holder holder, Optional<LossReason> lost, Instant at) implements Sight {}

    /** Somebody stands in line. */
    record Queued(Waiter waiter, Instant at) implements Sight {}

    /** Somebody has left the line without a grant. */
    record Cancelled(Waiter waiter, Instant at) implements Sight {}

    /** No server has answered for a while; the search goes on, and ends with {@link Present}. */
    record Interrupted(String why) implements Sight {}
  }

  private final Access access;
  private final Duration connectTimeout;
  private final WatchLocksRequest request;
  private final Route route;
  private final Ticker ticker = Ticker.system();

  private @Nullable Call call;
  private final List<LockDescription> present = new ArrayList<>();
  private boolean seenBefore;
  private boolean interruptionTold;

  /** When a server told something last, or the search began. */
  private long sinceNanos;

  private long nextTryNanos;
  private Error last = ErrorCode.unavailable("no server has answered");

  private LockWatch(ServerUrl url, WatchLocksRequest.Builder request) {
    this.access = Access.of(url);
    this.connectTimeout = url.connectTimeout();
    this.request = request.setNamespace(url.namespace()).build();
    this.route = new Route(url.servers(), new SecureRandom());
    this.sinceNanos = ticker.nanos();
    this.nextTryNanos = sinceNanos;
  }

  /**
   * Watches the plain names that start with a prefix. Nobody is asked yet.
   *
   * @param url as for {@link RemoteProvider}
   * @throws InvalidRequestException if the URL is not one of ours, naming the part at fault
   */
  public static LockWatch names(String url, String prefix) {
    return new LockWatch(ServerUrl.parse(url), WatchLocksRequest.newBuilder().setPrefix(prefix));
  }

  /**
   * Watches the nodes of a tree. Nobody is asked yet.
   *
   * @param url as for {@link RemoteProvider}
   * @throws InvalidRequestException if the URL is not one of ours, naming the part at fault
   */
  public static LockWatch tree(String url, String tree) {
    return new LockWatch(ServerUrl.parse(url), WatchLocksRequest.newBuilder().setTree(tree));
  }

  /**
   * The next thing that is seen; empty if that is nothing for so long.
   *
   * @throws StoreUnavailableException if no server has answered at all within the URL's {@code connect-timeout}
   * @throws LockRefusedException if a server says that this may not be watched
   * @throws InvalidRequestException if it means nothing
   */
  public Optional<Sight> next(Duration patience) throws InterruptedException {
    long until = ticker.nanos() + patience.toNanos();
    while (true) {
      long now = ticker.nanos();
      Optional<Sight> interruption = interruption(now);
      if (interruption.isPresent()) {
        return interruption;
      }
      long left = until - now;
      if (left <= 0) {
        return Optional.empty();
      }
      Call open = call;
      if (open == null) {
        if (nextTryNanos - now > 0) {
          pause(Math.min(left, nextTryNanos - now));
        } else {
          open();
        }
        continue;
      }
      long attempt = open.begun ? left : open.openedAtNanos + ATTEMPT.toNanos() - now;
      Arrival arrival = open.take(Math.min(left, Math.max(attempt, 0)));
      if (arrival != null) {
        Optional<Sight> sight = arrived(open, arrival);
        if (sight.isPresent()) {
          return sight;
        }
      } else if (!open.begun && ticker.nanos() - open.openedAtNanos >= ATTEMPT.toNanos()) {
        move(ErrorCode.unavailable("no answer within " + ATTEMPT.toMillis() + " ms"), "");
      }
    }
  }

  private Optional<Sight> interruption(long now) {
    if (call != null && call.begun) {
      return Optional.empty();
    }
    Duration silent = Duration.ofNanos(now - sinceNanos);
    if (!seenBefore && silent.compareTo(connectTimeout) >= 0) {
      throw new StoreUnavailableException(Failures.line(last), Failures.cause(last));
    }
    if (seenBefore && !interruptionTold && silent.compareTo(SILENCE) >= 0) {
      interruptionTold = true;
      return Optional.of(new Sight.Interrupted(Failures.line(last)));
    }
    return Optional.empty();
  }

  private static void pause(long nanos) throws InterruptedException {
    boolean unused = new CountDownLatch(1).await(nanos, TimeUnit.NANOSECONDS);
  }

  private void open() {
    String server = route.next();
    present.clear();
    try {
      call = new Call(server, access.headers());
    } catch (IOException | RuntimeException e) {
      move(ErrorCode.unavailable(String.valueOf(e.getMessage())), "");
    }
  }

  private Optional<Sight> arrived(Call from, Arrival arrival) {
    if (arrival instanceof Said said) {
      from.askForOne();
      return said.message().hasPresent()
          ? present(from, said.message().getPresent())
          : happened(said.message().getEvent());
    }
    Over over = (Over) arrival;
    Error error = access.error(over.status(), over.trailers());
    if (!from.begun && ErrorCode.isVerdict(error)) {
      close();
      throw Failures.of(error);
    }
    move(error, access.leader(over.trailers()));
    return Optional.empty();
  }

  private Optional<Sight> present(Call from, WatchedLocks part) {
    part.getLocksList().forEach(lock -> present.add(WireForm.description(lock)));
    if (part.getMore()) {
      return Optional.empty();
    }
    from.begun = true;
    route.arrived();
    seenBefore = true;
    interruptionTold = false;
    LockList all = new LockList(present, !part.getTruncated());
    present.clear();
    return Optional.of(new Sight.Present(all));
  }

  private static Optional<Sight> happened(LockEvent event) {
    Instant at = Instant.ofEpochMilli(event.getAtUnixMs());
    return switch (event.getKind()) {
      case KIND_GRANTED ->
          Optional.of(new Sight.Granted(WireForm.holder(event.getHolder()), event.getWaited(), at));
      case KIND_RELEASED ->
          Optional.of(new Sight.Ended(WireForm.holder(event.getHolder()), Optional.empty(), at));
      case KIND_LOST ->
          Optional.of(
              new Sight.Ended(
                  WireForm.holder(event.getHolder()),
                  Optional.of(WireForm.reason(event.getReason())),
                  at));
      case KIND_QUEUED -> Optional.of(new Sight.Queued(WireForm.waiter(event.getWaiter()), at));
      case KIND_CANCELLED ->
          Optional.of(new Sight.Cancelled(WireForm.waiter(event.getWaiter()), at));
      default -> Optional.empty(); // of a later version
    };
  }

  /** The server does not tell, or no longer; another one may. */
  private void move(Error why, String leader) {
    Call left = call;
    if (left != null) {
      if (left.begun) {
        sinceNanos = ticker.nanos();
      }
      left.end();
      call = null;
      last = why.toBuilder().setMessage(left.server + ": " + why.getMessage()).build();
    } else {
      last = why;
    }
    nextTryNanos = ticker.nanos() + route.move(leader.isEmpty() ? null : leader);
  }

  /** Watches no more. */
  @Override
  public void close() {
    if (call != null) {
      call.end();
      call = null;
    }
  }

  private sealed interface Arrival {}

  private record Said(WatchLocksResponse message) implements Arrival {}

  private record Over(Status status, Metadata trailers) implements Arrival {}

  /** A call to one server, on a connection of its own. */
  private final class Call extends ClientCall.Listener<WatchLocksResponse> {
    final String server;
    final long openedAtNanos = ticker.nanos();
    private final ManagedChannel channel;
    private final ClientCall<WatchLocksRequest, WatchLocksResponse> call;

    /** Bounded by what was asked for. */
    private final BlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();

    /** Whether the present was told, and what happens is. */
    boolean begun;

    Call(String server, Metadata headers) {
      this.server = server;
      this.channel =
          access
              .channel(server)
              .directExecutor()
              .maxInboundMessageSize(MAX_MESSAGE_BYTES)
              .keepAliveTime(PING_SECONDS, TimeUnit.SECONDS)
              .keepAliveTimeout(PING_PATIENCE_SECONDS, TimeUnit.SECONDS)
              .build();
      this.call = channel.newCall(LocksGrpc.getWatchLocksMethod(), CallOptions.DEFAULT);
      call.start(this, headers);
      call.request(MESSAGES_AHEAD);
      call.sendMessage(request);
      call.halfClose();
    }

    @Nullable Arrival take(long patienceNanos) throws InterruptedException {
      return arrivals.poll(patienceNanos, TimeUnit.NANOSECONDS);
    }

    void askForOne() {
      call.request(1);
    }

    void end() {
      call.cancel("no longer watched", null);
      channel.shutdownNow();
    }

    @Override
    public void onMessage(WatchLocksResponse message) {
      arrivals.add(new Said(message));
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      arrivals.add(new Over(status, trailers));
    }
  }
}
