package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.table.Event;
import io.holdfast.table.SessionTerms;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * The bytes that a lock table's snapshot should have, written from the description of format 2 and from a {@link
 * NaiveTable}.
 *
 * <p>So an equal snapshot says that the table remembers all that it should, and nothing else: also what no answer shows
 * yet.
 */
final class NaiveSnapshot {
  private NaiveSnapshot() {}

  static byte[] of(NaiveTable table) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeBytes("HFLT");
      out.writeInt(2);
      out.writeLong(table.now);
      out.writeLong(table.lastSession);
      out.writeLong(table.lastArrival);
      out.writeLong(table.lastToken);
      out.writeInt(table.sessions.size());
      for (Map.Entry<Long, NaiveTable.NaiveSession> session : table.sessions.entrySet()) {
        out.writeLong(session.getKey());
        out.writeUTF(session.getValue().client);
        SessionTerms terms = session.getValue().terms;
        out.writeLong(terms.leaseNanos());
        out.writeLong(terms.nonceHigh());
        out.writeLong(terms.nonceLow());
        out.writeUTF(terms.subject());
        out.writeLong(session.getValue().renewals);
        out.writeLong(session.getValue().acknowledged);
        out.writeInt(session.getValue().endings.size());
        for (Map.Entry<Long, Event> ending : session.getValue().endings.entrySet()) {
          out.writeLong(ending.getKey());
          write(ending.getValue(), out);
        }
      }
      out.writeInt(table.live.size());
      for (NaiveTable.Asked asked : table.live) {
        write(asked, out);
      }
      CRC32C checksum = new CRC32C();
      checksum.update(bytes.toByteArray());
      out.writeInt((int) checksum.getValue());
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
    return bytes.toByteArray();
  }

  private static void write(Event ending, DataOutputStream out) throws IOException {
    if (ending instanceof Event.Busy) {
      out.writeByte(0);
    } else if (ending instanceof Event.Released released) {
      out.writeByte(1);
      out.writeLong(released.token());
    } else if (ending instanceof Event.Cancelled) {
      out.writeByte(2);
    } else if (ending instanceof Event.Lost lost) {
      out.writeByte(3);
      out.writeLong(lost.token());
      out.writeUTF(lost.reason().name());
    } else {
      throw new IllegalStateException(ending + " is no ending");
    }
  }

  private static void write(NaiveTable.Asked asked, DataOutputStream out) throws IOException {
    out.writeLong(asked.session());
    out.writeLong(asked.request());
    out.writeLong(asked.arrival());
    out.writeLong(asked.maxHoldNanos());
    out.writeLong(asked.since());
    out.writeLong(asked.token());
    out.writeLong(asked.until());
    byte[] data = asked.data().bytes();
    out.writeInt(data.length);
    out.write(data);
    out.writeInt(asked.targets().size());
    for (LockTarget target : asked.targets()) {
      int exclusive = target.mode() == LockMode.EXCLUSIVE ? 2 : 0;
      if (target.key() instanceof LockKey.Node node) {
        out.writeByte(exclusive + 1);
        out.writeUTF(node.tree());
        out.writeUTF(node.path().toString());
      } else {
        out.writeByte(exclusive);
        out.writeUTF(((LockKey.Name) target.key()).name());
      }
    }
  }
}
