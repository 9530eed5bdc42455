package io.holdfast.server.core;

import com.google.protobuf.ByteString;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.protocol.v1.Alive;
import io.holdfast.protocol.v1.Busy;
import io.holdfast.protocol.v1.Cancelled;
import io.holdfast.protocol.v1.Described;
import io.holdfast.protocol.v1.Failed;
import io.holdfast.protocol.v1.ForceReleased;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Listed;
import io.holdfast.protocol.v1.LockEvent;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.protocol.v1.LossReason;
import io.holdfast.protocol.v1.Lost;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.NotLeader;
import io.holdfast.protocol.v1.Queued;
import io.holdfast.protocol.v1.Refused;
import io.holdfast.protocol.v1.Released;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.SessionGone;
import io.holdfast.protocol.v1.SessionOpened;
import io.holdfast.protocol.v1.Target;
import io.holdfast.protocol.v1.Waiter;
import io.holdfast.protocol.v1.WatchLocksResponse;
import io.holdfast.protocol.v1.WatchedLocks;
import io.holdfast.protocol.v1.Welcome;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.KeyView;
import io.holdfast.table.RequestView;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What servers say, as it goes over the wire. */
final class ToWire {
  /** A description of a lock grows to about so many bytes; then it is truncated. Any client takes a message of that size. */
  private static final int LOCK_BYTES = 1 << 20;

  /** An answer to list comes in parts of about so many bytes. */
  private static final int PART_BYTES = 256 << 10;

  /** All parts together have about so many bytes; then the answer is truncated. */
  private static final int LIST_BYTES = 16 << 20;

  /** So many holders in its way are named to somebody who finds a lock busy. */
  private static final int HOLDERS_NAMED = 8;

  private ToWire() {}

  /**
   * How table time is told to people.
   *
   * @param offsetMillis of the epoch's milliseconds against those of table time
   * @param expiries when the sessions that are told of end unless they are heard of, in table time
   */
  record Times(long offsetMillis, Map<Long, Long> expiries) {
    long unixMillis(long tableTime) {
      return offsetMillis + TimeUnit.NANOSECONDS.toMillis(tableTime);
    }

    long expiry(RequestView holder) {
      return Math.min(holder.until(), expiries.getOrDefault(holder.session(), Command.FOREVER));
    }
  }

  static ServerMessage welcome(String server) {
    return message()
        .setWelcome(Welcome.newBuilder().setServer(server).setBatch(Connection.MOST_IN_BATCH))
        .build();
  }

  static ServerMessage notLeader(String leader) {
    return message().setNotLeader(NotLeader.newBuilder().setLeader(leader)).build();
  }

  static ServerMessage sessionOpened(UUID nonce, long session, long tableNow) {
    return message()
        .setSessionOpened(
            SessionOpened.newBuilder()
                .setNonce(EntryCodec.bytes(nonce))
                .setSession(session)
                .setTableNow(tableNow))
        .build();
  }

  static ServerMessage sessionGone(long session) {
    return message().setSessionGone(SessionGone.newBuilder().setSession(session)).build();
  }

  static ServerMessage alive(
      long session, long number, long tableNow, List<Event.Granted> granted, List<Long> ended) {
    Alive.Builder alive =
        Alive.newBuilder()
            .setSession(session)
            .setNumber(number)
            .setTableNow(tableNow)
            .addAllEnded(ended);
    granted.forEach(each -> alive.addGranted(granted(each)));
    return message().setAlive(alive).build();
  }

  static ServerMessage refused(long session, long request, Problem problem) {
    return message()
        .setRefused(
            Refused.newBuilder().setSession(session).setRequest(request).setError(problem.toWire()))
        .build();
  }

  static ServerMessage failed(long number, ByteString nonce, Problem problem) {
    return message()
        .setFailed(Failed.newBuilder().setNumber(number).setNonce(nonce).setError(problem.toWire()))
        .build();
  }

  static ServerMessage forceReleased(long number, boolean released) {
    return message()
        .setForceReleased(ForceReleased.newBuilder().setNumber(number).setReleased(released))
        .build();
  }

  static ServerMessage queued(Event.Queued queued, List<Long> behindOwn) {
    return message()
        .setQueued(
            Queued.newBuilder()
                .setSession(queued.session())
                .setRequest(queued.request())
                .setPosition(queued.position())
                .addAllBehindOwn(behindOwn))
        .build();
  }

  static ServerMessage busy(Event.Busy busy, Times times) {
    return message()
        .setBusy(
            Busy.newBuilder()
                .setSession(busy.session())
                .setRequest(busy.request())
                .addAllHolders(holders(busy.holders(), times)))
        .build();
  }

  static ServerMessage cancelled(Event.Cancelled cancelled, List<RequestView> way, Times times) {
    return message()
        .setCancelled(
            Cancelled.newBuilder()
                .setSession(cancelled.session())
                .setRequest(cancelled.request())
                .addAllHolders(holders(way, times)))
        .build();
  }

  static ServerMessage grant(Event.Granted granted) {
    return message().setGranted(granted(granted)).build();
  }

  static ServerMessage released(Event.Released released) {
    return message()
        .setReleased(
            Released.newBuilder()
                .setSession(released.session())
                .setRequest(released.request())
                .setToken(released.token()))
        .build();
  }

  static ServerMessage lost(Event.Lost lost) {
    return message()
        .setLost(
            Lost.newBuilder()
                .setSession(lost.session())
                .setRequest(lost.request())
                .setToken(lost.token())
                .setReason(reason(lost.reason())))
        .build();
  }

  static ServerMessage described(long number, KeyView view, Times times) {
    return message()
        .setDescribed(Described.newBuilder().setNumber(number).setLock(state(view, times)))
        .build();
  }

  /** The parts of an answer, at least one. */
  static List<ServerMessage> listed(
      long number, List<KeyView> views, boolean truncated, Times times) {
    return parts(
        views,
        truncated,
        times,
        (locks, more, cut) ->
            message()
                .setListed(
                    Listed.newBuilder()
                        .setNumber(number)
                        .addAllLocks(locks)
                        .setMore(more)
                        .setTruncated(cut))
                .build());
  }

  /** The parts of what a watcher is told first, at least one. */
  static List<WatchLocksResponse> present(List<KeyView> views, boolean truncated, Times times) {
    return parts(
        views,
        truncated,
        times,
        (locks, more, cut) ->
            WatchLocksResponse.newBuilder()
                .setPresent(
                    WatchedLocks.newBuilder().addAllLocks(locks).setMore(more).setTruncated(cut))
                .build());
  }

  /** What a watcher is told afterwards. */
  static WatchLocksResponse happened(
      LockEvent.Kind kind,
      RequestView request,
      io.holdfast.@Nullable LossReason reason,
      boolean waited,
      Times times,
      long atUnixMillis) {
    LockEvent.Builder event =
        LockEvent.newBuilder().setKind(kind).setWaited(waited).setAtUnixMs(atUnixMillis);
    if (request.granted()) {
      event.setHolder(holder(request, times));
    } else {
      event.setWaiter(waiter(request, times));
    }
    if (reason != null) {
      event.setReason(reason(reason));
    }
    return WatchLocksResponse.newBuilder().setEvent(event).build();
  }

  /** Makes a message of some of the locks that are told of. */
  private interface Part<M> {
    M of(List<LockState> locks, boolean more, boolean cut);
  }

  private static <M> List<M> parts(
      List<KeyView> views, boolean truncated, Times times, Part<M> part) {
    List<M> parts = new ArrayList<>();
    List<LockState> locks = new ArrayList<>();
    int partBytes = 0;
    int bytes = 0;
    boolean cut = truncated;
    for (KeyView view : views) {
      LockState state = state(view, times);
      int size = state.getSerializedSize();
      if (bytes > 0 && bytes + size > LIST_BYTES) {
        cut = true;
        break;
      }
      if (partBytes > 0 && partBytes + size > PART_BYTES) {
        parts.add(part.of(locks, true, false));
        locks = new ArrayList<>();
        partBytes = 0;
      }
      locks.add(state);
      partBytes += size;
      bytes += size;
    }
    parts.add(part.of(locks, false, cut));
    return parts;
  }

  /** Who holds and who waits, as far as one message can tell. */
  static LockState state(KeyView view, Times times) {
    LockState.Builder state = LockState.newBuilder().setKey(key(view.key()));
    int bytes = 0;
    boolean truncated = false;
    for (RequestView holder : view.holders()) {
      Holder each = holder(holder, times);
      bytes += each.getSerializedSize();
      if (state.getHoldersCount() == LockClient.MAX_DESCRIBED
          || (bytes > LOCK_BYTES && state.getHoldersCount() > 0)) {
        truncated = true;
        break;
      }
      state.addHolders(each);
    }
    for (RequestView waiter : view.waiters()) {
      Waiter each = waiter(waiter, times);
      bytes += each.getSerializedSize();
      if (state.getWaitersCount() == LockClient.MAX_DESCRIBED || bytes > LOCK_BYTES) {
        truncated = true;
        break;
      }
      state.addWaiters(each);
    }
    return state.setTruncated(truncated).build();
  }

  static Key key(LockKey key) {
    return key instanceof LockKey.Node node
        ? Key.newBuilder().setName(node.tree()).setPath(node.path().toString()).build()
        : Key.newBuilder().setName(((LockKey.Name) key).name()).build();
  }

  static List<Target> targets(Collection<LockTarget> targets) {
    return targets.stream()
        .map(
            target ->
                Target.newBuilder()
                    .setKey(key(target.key()))
                    .setMode(
                        target.mode() == LockMode.SHARED ? Mode.MODE_SHARED : Mode.MODE_EXCLUSIVE)
                    .build())
        .toList();
  }

  static LossReason reason(io.holdfast.LossReason reason) {
    return switch (reason) {
      case EXPIRED -> LossReason.LOSS_REASON_EXPIRED;
      case REVOKED -> LossReason.LOSS_REASON_REVOKED;
      default -> LossReason.LOSS_REASON_SESSION_ENDED;
    };
  }

  private static Granted granted(Event.Granted granted) {
    Granted.Builder told =
        Granted.newBuilder()
            .setSession(granted.session())
            .setRequest(granted.request())
            .setToken(granted.token());
    if (granted.until() != Command.FOREVER) {
      told.setUntil(granted.until());
    }
    return told.build();
  }

  private static List<Holder> holders(List<RequestView> holders, Times times) {
    List<Holder> told = new ArrayList<>();
    int bytes = 0;
    for (RequestView each : holders) {
      Holder holder = holder(each, times);
      bytes += holder.getSerializedSize();
      if (told.size() == HOLDERS_NAMED || (bytes > PART_BYTES && !told.isEmpty())) {
        break;
      }
      told.add(holder);
    }
    return told;
  }

  private static Holder holder(RequestView holder, Times times) {
    Holder.Builder told =
        Holder.newBuilder()
            .setClient(holder.client())
            .addAllTargets(targets(holder.targets()))
            .setToken(holder.token())
            .setSinceUnixMs(times.unixMillis(holder.since()))
            .setData(ByteString.copyFrom(holder.data().bytes()));
    long expiry = times.expiry(holder);
    if (expiry != Command.FOREVER) {
      told.setExpiresUnixMs(times.unixMillis(expiry));
    }
    return told.build();
  }

  private static Waiter waiter(RequestView waiter, Times times) {
    return Waiter.newBuilder()
        .setClient(waiter.client())
        .addAllTargets(targets(waiter.targets()))
        .setSinceUnixMs(times.unixMillis(waiter.since()))
        .setData(ByteString.copyFrom(waiter.data().bytes()))
        .build();
  }

  private static ServerMessage.Builder message() {
    return ServerMessage.newBuilder();
  }
}
