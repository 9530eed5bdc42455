package io.holdfast.table;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/** A table as bytes, and back. */
final class Snapshot {
  /*
   * Format 2, big-endian (1 was without the terms of sessions, and in no release):
   *
   *   int magic, int format
   *   long now, lastSession, lastArrival, lastToken
   *   int count, then each session by id:
   *     long id, utf client, long lease, nonce (two), utf subject, long renewals, acknowledged
   *     int count, then each remembered ending by request: long request, byte kind, then what the kind has
   *   int count, then each live request by arrival:
   *     long session, request, arrival, maxHold, since, token (0: waits), until
   *     int length, data; int count, targets: byte kind (0 name, 1 node) + 2 if exclusive, utf name or tree, utf path
   *   int CRC-32C of all before
   *
   * Claims and lines are not written: adding the requests again in the order of arrival makes them, and that each granted
   * one comes out free, and each waiting one blocked, is checked.
   */
  private static final int MAGIC = 0x48464C54; // HFLT
  private static final int FORMAT = 2;
  private static final int CHECKSUM_BYTES = Integer.BYTES;

  private static final int BUSY = 0;
  private static final int RELEASED = 1;
  private static final int CANCELLED = 2;
  private static final int LOST = 3;

  private Snapshot() {}

  static byte[] write(LockTable table) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(MAGIC);
      out.writeInt(FORMAT);
      out.writeLong(table.now);
      out.writeLong(table.lastSession);
      out.writeLong(table.lastArrival);
      out.writeLong(table.lastToken);
      List<Long> ids = table.sessions();
      out.writeInt(ids.size());
      for (Long id : ids) {
        writeSession(out, table.session(id));
      }
      List<Request> requests = table.requestsByArrival();
      out.writeInt(requests.size());
      for (Request request : requests) {
        writeRequest(out, request);
      }
      out.writeInt(checksum(bytes.toByteArray(), bytes.size()));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
    return bytes.toByteArray();
  }

  static LockTable read(byte[] snapshot) {
    int length = snapshot.length - CHECKSUM_BYTES;
    if (length < 2 * Integer.BYTES || ByteBuffer.wrap(snapshot).getInt() != MAGIC) {
      throw new IllegalArgumentException(
          "not a snapshot of a lock table: " + snapshot.length + " bytes");
    }
    int format = ByteBuffer.wrap(snapshot).getInt(Integer.BYTES);
    if (format != FORMAT) {
      throw new IllegalArgumentException(
          "snapshot has format " + format + ", this version reads " + FORMAT);
    }
    if (ByteBuffer.wrap(snapshot).getInt(length) != checksum(snapshot, length)) {
      throw new IllegalArgumentException("snapshot is damaged: its checksum does not match");
    }
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(snapshot, 0, length))) {
      in.readInt();
      in.readInt();
      LockTable table = new LockTable(0);
      table.now = in.readLong();
      table.lastSession = in.readLong();
      table.lastArrival = in.readLong();
      table.lastToken = in.readLong();
      for (int sessions = in.readInt(); sessions > 0; sessions--) {
        table.restore(readSession(in));
      }
      long arrival = 0;
      for (int requests = in.readInt(); requests > 0; requests--) {
        Request request = readRequest(in, table);
        table.restore(request, arrival);
        arrival = request.arrival;
      }
      if (in.available() > 0) {
        throw new IllegalArgumentException("snapshot goes on after its end");
      }
      return table;
    } catch (IOException e) {
      throw new IllegalArgumentException("snapshot ends too early", e);
    }
  }

  private static int checksum(byte[] bytes, int length) {
    CRC32C checksum = new CRC32C();
    checksum.update(bytes, 0, length);
    return (int) checksum.getValue();
  }

  private static void writeSession(DataOutputStream out, Session session) throws IOException {
    out.writeLong(session.id);
    out.writeUTF(session.client);
    out.writeLong(session.terms.leaseNanos());
    out.writeLong(session.terms.nonceHigh());
    out.writeLong(session.terms.nonceLow());
    out.writeUTF(session.terms.subject());
    out.writeLong(session.renewals);
    out.writeLong(session.acknowledged);
    out.writeInt(session.remembered().size());
    for (Map.Entry<Long, Event> ended : session.remembered().entrySet()) {
      out.writeLong(ended.getKey());
      if (ended.getValue() instanceof Event.Released released) {
        out.writeByte(RELEASED);
        out.writeLong(released.token());
      } else if (ended.getValue() instanceof Event.Cancelled) {
        out.writeByte(CANCELLED);
      } else if (ended.getValue() instanceof Event.Lost lost) {
        out.writeByte(LOST);
        out.writeLong(lost.token());
        out.writeUTF(lost.reason().name());
      } else {
        out.writeByte(BUSY);
      }
    }
  }

  private static Session readSession(DataInputStream in) throws IOException {
    long id = in.readLong();
    String client = in.readUTF();
    SessionTerms terms =
        new SessionTerms(in.readLong(), in.readLong(), in.readLong(), in.readUTF());
    Session session = new Session(id, client, terms);
    session.renewals = in.readLong();
    session.acknowledged = in.readLong();
    for (int ended = in.readInt(); ended > 0; ended--) {
      long request = in.readLong();
      int kind = in.readByte();
      session.remember(
          request,
          switch (kind) {
            case BUSY -> new Event.Busy(session.id, request, List.of());
            case RELEASED -> new Event.Released(session.id, request, in.readLong());
            case CANCELLED -> new Event.Cancelled(session.id, request);
            case LOST ->
                new Event.Lost(
                    session.id, request, in.readLong(), LossReason.valueOf(in.readUTF()));
            default -> throw new IllegalArgumentException("snapshot has an ending of kind " + kind);
          });
    }
    return session;
  }

  private static void writeRequest(DataOutputStream out, Request request) throws IOException {
    out.writeLong(request.session.id);
    out.writeLong(request.id);
    out.writeLong(request.arrival);
    out.writeLong(request.maxHoldNanos);
    out.writeLong(request.since);
    out.writeLong(request.token);
    out.writeLong(request.until);
    byte[] data = request.data.bytes();
    out.writeInt(data.length);
    out.write(data);
    out.writeInt(request.targets.size());
    for (LockTarget target : request.targets) {
      int exclusive = target.mode() == LockMode.EXCLUSIVE ? 2 : 0;
      if (target.key() instanceof LockKey.Node node) {
        out.writeByte(1 + exclusive);
        out.writeUTF(node.tree());
        out.writeUTF(node.path().toString());
      } else {
        out.writeByte(exclusive);
        out.writeUTF(((LockKey.Name) target.key()).name());
      }
    }
  }

  private static Request readRequest(DataInputStream in, LockTable table) throws IOException {
    Session session = table.session(in.readLong());
    long id = in.readLong();
    long arrival = in.readLong();
    long maxHoldNanos = in.readLong();
    long since = in.readLong();
    long token = in.readLong();
    long until = in.readLong();
    HoldData data = HoldData.of(in.readNBytes(in.readInt()));
    List<LockTarget> targets = new ArrayList<>();
    for (int count = in.readInt(); count > 0; count--) {
      int kind = in.readByte();
      LockMode mode = (kind & 2) == 0 ? LockMode.SHARED : LockMode.EXCLUSIVE;
      String name = in.readUTF();
      LockKey key =
          (kind & 1) == 0
              ? new LockKey.Name(name)
              : new LockKey.Node(name, TreePath.parse(in.readUTF()));
      targets.add(new LockTarget(key, mode));
    }
    Request request =
        new Request(session, id, arrival, List.copyOf(targets), data, maxHoldNanos, since);
    request.token = token;
    request.until = until;
    return request;
  }
}
