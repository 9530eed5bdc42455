package io.holdfast.remote;

import com.google.protobuf.UnsafeByteOperations;
import io.holdfast.HoldData;
import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import io.holdfast.Waiter;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.Target;
import io.holdfast.remote.internal.Wish;
import io.holdfast.spi.AcquireRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** The messages' words, as users see them, and back. */
final class WireForm {
  private WireForm() {}

  static List<Holder> holders(List<io.holdfast.protocol.v1.Holder> holders) {
    return holders.stream().map(WireForm::holder).toList();
  }

  static LockDescription description(LockState lock) {
    return new LockDescription(
        key(lock.getKey()),
        holders(lock.getHoldersList()),
        lock.getWaitersList().stream().map(WireForm::waiter).toList(),
        !lock.getTruncated());
  }

  static LossReason reason(io.holdfast.protocol.v1.LossReason reason) {
    return switch (reason) {
      case LOSS_REASON_EXPIRED -> LossReason.EXPIRED;
      case LOSS_REASON_REVOKED -> LossReason.REVOKED;
      default -> LossReason.SESSION_ENDED;
    };
  }

  static Wish wish(AcquireRequest asked, long impatientAtNanos) {
    return new Wish(
        toWire(asked.targets()),
        asked.maxWaitNanos() > 0,
        impatientAtNanos,
        asked.options().maxHold().map(Duration::toMillis).orElse(Wish.UNLIMITED),
        UnsafeByteOperations.unsafeWrap(asked.options().data().bytes()));
  }

  static List<Target> toWire(List<LockTarget> targets) {
    if (targets.size() == 1) {
      return List.of(toWire(targets.get(0)));
    }
    return targets.stream().map(WireForm::toWire).toList();
  }

  private static Target toWire(LockTarget target) {
    return Target.newBuilder()
        .setKey(toWire(target.key()))
        .setMode(target.mode() == LockMode.SHARED ? Mode.MODE_SHARED : Mode.MODE_EXCLUSIVE)
        .build();
  }

  static Key toWire(LockKey key) {
    if (key instanceof LockKey.Node node) {
      return Key.newBuilder().setName(node.tree()).setPath(node.path().toString()).build();
    }
    return Key.newBuilder().setName(((LockKey.Name) key).name()).build();
  }

  static Holder holder(io.holdfast.protocol.v1.Holder holder) {
    return new Holder(
        holder.getClient(),
        targets(holder.getTargetsList()),
        OptionalLong.of(holder.getToken()),
        Instant.ofEpochMilli(holder.getSinceUnixMs()),
        holder.hasExpiresUnixMs()
            ? Optional.of(Instant.ofEpochMilli(holder.getExpiresUnixMs()))
            : Optional.empty(),
        HoldData.of(holder.getData().toByteArray()));
  }

  static Waiter waiter(io.holdfast.protocol.v1.Waiter waiter) {
    return new Waiter(
        waiter.getClient(),
        targets(waiter.getTargetsList()),
        Instant.ofEpochMilli(waiter.getSinceUnixMs()),
        HoldData.of(waiter.getData().toByteArray()));
  }

  private static List<LockTarget> targets(List<Target> targets) {
    return targets.stream()
        .map(
            target ->
                new LockTarget(
                    key(target.getKey()),
                    target.getMode() == Mode.MODE_SHARED ? LockMode.SHARED : LockMode.EXCLUSIVE))
        .toList();
  }

  private static LockKey key(Key key) {
    return key.hasPath()
        ? new LockKey.Node(key.getName(), TreePath.parse(key.getPath()))
        : new LockKey.Name(key.getName());
  }
}
