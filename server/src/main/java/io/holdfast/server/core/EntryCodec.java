package io.holdfast.server.core;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.protocol.internal.v1.Acquire;
import io.holdfast.protocol.internal.v1.Cancel;
import io.holdfast.protocol.internal.v1.CloseSession;
import io.holdfast.protocol.internal.v1.CreateLock;
import io.holdfast.protocol.internal.v1.Entry;
import io.holdfast.protocol.internal.v1.ExpireHold;
import io.holdfast.protocol.internal.v1.ExpireSession;
import io.holdfast.protocol.internal.v1.Lead;
import io.holdfast.protocol.internal.v1.OpenSession;
import io.holdfast.protocol.internal.v1.Operation;
import io.holdfast.protocol.internal.v1.Release;
import io.holdfast.protocol.internal.v1.Restored;
import io.holdfast.protocol.internal.v1.Revoke;
import io.holdfast.protocol.internal.v1.Silence;
import io.holdfast.protocol.internal.v1.Silent;
import io.holdfast.protocol.internal.v1.Target;
import io.holdfast.table.Command;
import io.holdfast.table.SessionTerms;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Entries of the log as bytes, and back. */
final class EntryCodec {
  private static final int FORMAT = 1;
  private static final int NONCE_BYTES = 2 * Long.BYTES;

  private EntryCodec() {}

  /** What an entry says: changes, and the moment of table time at which they all happen. */
  record Changes(long now, List<Change> changes) {}

  static byte[] encode(Changes changes) {
    Entry.Builder entry = Entry.newBuilder().setFormat(FORMAT).setNow(changes.now());
    for (Change change : changes.changes()) {
      entry.addOperations(encode(change));
    }
    return entry.build().toByteArray();
  }

  /** @throws IllegalArgumentException if this is no entry that this version understands */
  static Changes decode(ByteBuffer bytes) {
    try {
      Entry entry = Entry.parseFrom(bytes);
      if (entry.getFormat() != FORMAT) {
        throw new IllegalArgumentException(
            "entry has format " + entry.getFormat() + ", this version reads " + FORMAT);
      }
      List<Change> changes = new ArrayList<>(entry.getOperationsCount());
      for (Operation operation : entry.getOperationsList()) {
        changes.add(decode(entry.getNow(), operation));
      }
      return new Changes(entry.getNow(), changes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not an entry of the log: " + e.getMessage(), e);
    }
  }

  static ByteString bytes(UUID nonce) {
    ByteBuffer bytes = ByteBuffer.allocate(NONCE_BYTES);
    bytes.putLong(nonce.getMostSignificantBits()).putLong(nonce.getLeastSignificantBits());
    return ByteString.copyFrom(bytes.flip());
  }

  /** @throws IllegalArgumentException if there are not 16 bytes */
  static UUID nonce(ByteString bytes) {
    if (bytes.size() != NONCE_BYTES) {
      throw new IllegalArgumentException(
          "nonce has " + bytes.size() + " bytes, must have " + NONCE_BYTES);
    }
    ByteBuffer buffer = bytes.asReadOnlyByteBuffer();
    return new UUID(buffer.getLong(), buffer.getLong());
  }

  static UUID nonce(SessionTerms terms) {
    return new UUID(terms.nonceHigh(), terms.nonceLow());
  }

  private static SessionTerms terms(OpenSession open) {
    UUID nonce = nonce(open.getNonce());
    return new SessionTerms(
        open.getLeaseNanos(),
        nonce.getMostSignificantBits(),
        nonce.getLeastSignificantBits(),
        open.getSubject());
  }

  private static Operation encode(Change change) {
    Operation.Builder operation = Operation.newBuilder();
    if (change instanceof Change.OfTable ofTable) {
      encode(ofTable.command(), operation.setNamespace(ofTable.namespace()));
    } else if (change instanceof Change.CreateLock create) {
      CreateLock.Builder lock = CreateLock.newBuilder().setName(create.key().name());
      if (create.ttlNanos() != Command.FOREVER) {
        lock.setTtlNanos(create.ttlNanos());
      }
      operation.setNamespace(create.namespace()).setCreateLock(lock);
    } else if (change instanceof Change.Lead lead) {
      operation.setLead(
          Lead.newBuilder().setServer(lead.server()).setClientAddress(lead.clientAddress()));
    } else if (change instanceof Change.Silent silent) {
      Silent.Builder encoded = Silent.newBuilder();
      for (Change.Silence each : silent.sessions()) {
        encoded.addSessions(
            Silence.newBuilder()
                .setSession(each.session())
                .setSeenRenewals(each.seenRenewals())
                .setNanos(each.nanos()));
      }
      operation.setNamespace(silent.namespace()).setSilent(encoded);
    } else if (change instanceof Change.Restored restored) {
      operation.setRestored(Restored.newBuilder().setTokensAbove(restored.tokensAbove()));
    }
    return operation.build();
  }

  private static void encode(Command command, Operation.Builder operation) {
    if (command instanceof Command.Acquire acquire) {
      operation.setAcquire(encode(acquire));
    } else if (command instanceof Command.Release release) {
      operation.setRelease(
          Release.newBuilder()
              .setSession(release.session())
              .setRequest(release.request())
              .setToken(release.token()));
    } else if (command instanceof Command.Cancel cancel) {
      operation.setCancel(
          Cancel.newBuilder().setSession(cancel.session()).setRequest(cancel.request()));
    } else if (command instanceof Command.OpenSession open) {
      operation.setOpenSession(
          OpenSession.newBuilder()
              .setSession(open.session())
              .setClient(open.client())
              .setLeaseNanos(open.terms().leaseNanos())
              .setNonce(bytes(nonce(open.terms())))
              .setSubject(open.terms().subject()));
    } else if (command instanceof Command.CloseSession close) {
      operation.setCloseSession(CloseSession.newBuilder().setSession(close.session()));
    } else if (command instanceof Command.ExpireSession expire) {
      operation.setExpireSession(
          ExpireSession.newBuilder()
              .setSession(expire.session())
              .setSeenRenewals(expire.seenRenewals()));
    } else if (command instanceof Command.ExpireHold expire) {
      operation.setExpireHold(
          ExpireHold.newBuilder().setSession(expire.session()).setRequest(expire.request()));
    } else if (command instanceof Command.Revoke revoke) {
      Revoke.Builder encoded = Revoke.newBuilder().setToken(revoke.token());
      if (revoke.key() instanceof LockKey.Node node) {
        encoded.setName(node.tree()).setPath(node.path().toString());
      } else {
        encoded.setName(((LockKey.Name) revoke.key()).name());
      }
      operation.setRevoke(encoded);
    }
  }

  private static Acquire encode(Command.Acquire acquire) {
    Acquire.Builder encoded =
        Acquire.newBuilder()
            .setSession(acquire.session())
            .setRequest(acquire.request())
            .setAcknowledged(acquire.acknowledged())
            .setMayWait(acquire.mayWait());
    if (!acquire.data().isEmpty()) {
      encoded.setData(ByteString.copyFrom(acquire.data().bytes()));
    }
    if (acquire.maxHoldNanos() != Command.FOREVER) {
      encoded.setMaxHoldNanos(acquire.maxHoldNanos());
    }
    for (LockTarget target : acquire.targets()) {
      Target.Builder each = Target.newBuilder().setExclusive(target.mode() == LockMode.EXCLUSIVE);
      if (target.key() instanceof LockKey.Node node) {
        each.setName(node.tree()).setPath(node.path().toString());
      } else {
        each.setName(((LockKey.Name) target.key()).name());
      }
      encoded.addTargets(each);
    }
    return encoded.build();
  }

  private static Change decode(long now, Operation operation) {
    String namespace = operation.getNamespace();
    return switch (operation.getOperationCase()) {
      case CREATE_LOCK -> {
        CreateLock create = operation.getCreateLock();
        yield new Change.CreateLock(
            namespace,
            new LockKey.Name(create.getName()),
            create.hasTtlNanos() ? create.getTtlNanos() : Command.FOREVER);
      }
      case LEAD ->
          new Change.Lead(operation.getLead().getServer(), operation.getLead().getClientAddress());
      case SILENT ->
          new Change.Silent(
              namespace,
              operation.getSilent().getSessionsList().stream()
                  .map(
                      each ->
                          new Change.Silence(
                              each.getSession(), each.getSeenRenewals(), each.getNanos()))
                  .toList());
      case RESTORED -> new Change.Restored(operation.getRestored().getTokensAbove());
      default -> new Change.OfTable(namespace, command(now, operation));
    };
  }

  private static Command command(long now, Operation operation) {
    return switch (operation.getOperationCase()) {
      case ACQUIRE -> {
        Acquire acquire = operation.getAcquire();
        List<LockTarget> targets = new ArrayList<>(acquire.getTargetsCount());
        for (Target target : acquire.getTargetsList()) {
          targets.add(
              new LockTarget(
                  key(target.getName(), target.hasPath(), target.getPath()),
                  target.getExclusive() ? LockMode.EXCLUSIVE : LockMode.SHARED));
        }
        yield new Command.Acquire(
            now,
            acquire.getSession(),
            acquire.getRequest(),
            acquire.getAcknowledged(),
            acquire.getMayWait(),
            targets,
            HoldData.of(acquire.getData().toByteArray()),
            acquire.hasMaxHoldNanos() ? acquire.getMaxHoldNanos() : Command.FOREVER);
      }
      case RELEASE -> {
        Release release = operation.getRelease();
        yield new Command.Release(
            now, release.getSession(), release.getRequest(), release.getToken());
      }
      case CANCEL ->
          new Command.Cancel(
              now, operation.getCancel().getSession(), operation.getCancel().getRequest());
      case OPEN_SESSION -> {
        OpenSession open = operation.getOpenSession();
        yield new Command.OpenSession(now, open.getSession(), open.getClient(), terms(open));
      }
      case CLOSE_SESSION -> new Command.CloseSession(now, operation.getCloseSession().getSession());
      case EXPIRE_SESSION ->
          new Command.ExpireSession(
              now,
              operation.getExpireSession().getSession(),
              operation.getExpireSession().getSeenRenewals());
      case EXPIRE_HOLD ->
          new Command.ExpireHold(
              now, operation.getExpireHold().getSession(), operation.getExpireHold().getRequest());
      case REVOKE -> {
        Revoke revoke = operation.getRevoke();
        yield new Command.Revoke(
            now, key(revoke.getName(), revoke.hasPath(), revoke.getPath()), revoke.getToken());
      }
      default ->
          throw new IllegalArgumentException(
              "entry has an operation that this version does not know: "
                  + operation.getOperationCase());
    };
  }

  private static LockKey key(String name, boolean inTree, String path) {
    return inTree ? new LockKey.Node(name, TreePath.parse(path)) : new LockKey.Name(name);
  }
}
