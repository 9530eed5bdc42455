package io.holdfast.server.core;

import io.holdfast.server.replication.ReplicatedMachine.SnapshotWriter;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.LockTable;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * All that the servers of a cluster agree on: the lock tables, one a namespace, and little else. It is decided by the log alone,
 * so two that were fed the same entries are equal, byte for byte in their snapshot.
 *
 * <p>Not thread-safe: the caller serializes.
 */
final class Namespaces {
  /*
   * A namespace comes to be with the first change that names it, and stays for good: its tokens and the ids of its sessions
   * must not begin again.
   *
   * Snapshot, big-endian. Format 2, or 3 once the state was restored from a copy (1 was without silent sessions, and in no
   * release):
   *
   *   int magic, int format
   *   format 3: long tokensAbove
   *   long now
   *   int count, then each server that led, sorted: utf name, utf address for clients
   *   int count, then each namespace, sorted:
   *     utf name; int count, then each created lock, sorted: utf name, long ttl
   *     int count, then each silent session, sorted: long session, renewals, nanos
   *     int length, the table's own snapshot
   *   int CRC-32C of all before
   */
  private static final int MAGIC = 0x48465356; // HFSV
  private static final int FORMAT = 2;
  private static final int FORMAT_RESTORED = 3;

  private final TreeMap<String, Namespace> namespaces = new TreeMap<>();
  private final TreeMap<String, String> addresses = new TreeMap<>();
  private long now;

  /** Above which a new namespace begins to count; 0 unless the state was restored from a copy. */
  private long tokensAbove;

  private static final class Namespace {
    final LockTable table;
    final TreeMap<String, Long> created = new TreeMap<>();

    /** By session: what was noted last, though the session may have been heard of since. */
    final TreeMap<Long, Change.Silence> silent = new TreeMap<>();

    Namespace(LockTable table) {
      this.table = table;
    }
  }

  /** Carries out a change: the table's events, none if it was about none. */
  List<Event> apply(long at, Change change) {
    now = Math.max(now, at);
    if (change instanceof Change.OfTable ofTable) {
      Namespace namespace = namespace(ofTable.namespace());
      List<Event> happened = namespace.table.apply(ofTable.command());
      if (!namespace.silent.isEmpty()) {
        forgetEnded(namespace.silent, happened);
      }
      return happened;
    } else if (change instanceof Change.Silent silent) {
      Namespace namespace = namespace(silent.namespace());
      for (Change.Silence each : silent.sessions()) {
        if (isTrue(each, namespace.table)) {
          namespace.silent.put(each.session(), each);
        }
      }
    } else if (change instanceof Change.CreateLock create) {
      namespace(create.namespace()).created.putIfAbsent(create.key().name(), create.ttlNanos());
    } else if (change instanceof Change.Lead lead) {
      addresses.put(lead.server(), lead.clientAddress());
    } else if (change instanceof Change.Restored restored) {
      restored(restored.tokensAbove());
    }
    return List.of();
  }

  private void restored(long above) {
    if (above > tokensAbove) {
      tokensAbove = above;
      for (Namespace namespace : namespaces.values()) {
        namespace.table.beginAgain(above);
        namespace.silent.clear();
      }
    }
  }

  /** The largest session id of a namespace so far, or above which it will begin. */
  long lastSession(String namespace) {
    Namespace known = namespaces.get(namespace);
    return known == null ? tokensAbove : known.table.lastSession();
  }

  /** The latest table time of any entry. */
  long now() {
    return now;
  }

  SortedSet<String> names() {
    return new TreeSet<>(namespaces.keySet());
  }

  int size() {
    return namespaces.size();
  }

  @Nullable LockTable table(String namespace) {
    Namespace known = namespaces.get(namespace);
    return known == null ? null : known.table;
  }

  /** What was made known of a lock: its ttl, {@link Command#FOREVER} if it has none; empty if the lock was not created. */
  OptionalLong created(String namespace, String lock) {
    Namespace known = namespaces.get(namespace);
    Long ttl = known == null ? null : known.created.get(lock);
    return ttl == null ? OptionalLong.empty() : OptionalLong.of(ttl);
  }

  /** For how long a session had not been heard of when a leader noted it last; 0 if it has been heard of since. */
  long silence(String namespace, long session) {
    Namespace known = namespaces.get(namespace);
    if (known == null) {
      return 0;
    }
    Change.Silence noted = known.silent.get(session);
    return noted != null && isTrue(noted, known.table) ? noted.nanos() : 0;
  }

  private static boolean isTrue(Change.Silence silence, LockTable table) {
    return table.renewals(silence.session()).orElse(-1) == silence.seenRenewals();
  }

  private static void forgetEnded(Map<Long, Change.Silence> silent, List<Event> happened) {
    for (Event event : happened) {
      if (event instanceof Event.SessionEnded ended) {
        silent.remove(ended.session());
      }
    }
  }

  int created(String namespace) {
    Namespace known = namespaces.get(namespace);
    return known == null ? 0 : known.created.size();
  }

  /** Where a server listens for clients; empty if it never led. */
  String address(String server) {
    return addresses.getOrDefault(server, "");
  }

  /** As of now, to be written later and by another thread. */
  SnapshotWriter freeze() {
    long frozenNow = now;
    SortedMap<String, String> frozenAddresses = new TreeMap<>(addresses);
    List<byte[]> parts = new ArrayList<>(namespaces.size());
    namespaces.forEach((name, namespace) -> parts.add(part(name, namespace)));
    long frozenTokensAbove = tokensAbove;
    return out -> write(out, frozenTokensAbove, frozenNow, frozenAddresses, parts);
  }

  /** Of all that is in a snapshot: equal for equal states. */
  static long hash(SnapshotWriter frozen) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      frozen.write(
          new OutputStream() {
            @Override
            public void write(int b) {
              digest.update((byte) b);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
              digest.update(bytes, offset, length);
            }
          });
      return ByteBuffer.wrap(digest.digest()).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
  }

  /** @throws IOException also if it is damaged, or of a format that this version does not know */
  static Namespaces restore(InputStream snapshot) throws IOException {
    CRC32C checksum = new CRC32C();
    DataInputStream in = new DataInputStream(new CheckedInputStream(snapshot, checksum));
    if (in.readInt() != MAGIC) {
      throw new IOException("not a snapshot of a lock server");
    }
    int format = in.readInt();
    if (format != FORMAT && format != FORMAT_RESTORED) {
      throw new IOException(
          "snapshot has format "
              + format
              + ", this version reads "
              + FORMAT
              + " and "
              + FORMAT_RESTORED);
    }
    Namespaces restored = new Namespaces();
    restored.tokensAbove = format == FORMAT_RESTORED ? in.readLong() : 0;
    restored.now = in.readLong();
    for (int servers = in.readInt(); servers > 0; servers--) {
      restored.addresses.put(in.readUTF(), in.readUTF());
    }
    try {
      for (int count = in.readInt(); count > 0; count--) {
        String name = in.readUTF();
        TreeMap<String, Long> created = new TreeMap<>();
        for (int locks = in.readInt(); locks > 0; locks--) {
          created.put(in.readUTF(), in.readLong());
        }
        TreeMap<Long, Change.Silence> silent = new TreeMap<>();
        for (int sessions = in.readInt(); sessions > 0; sessions--) {
          Change.Silence each = new Change.Silence(in.readLong(), in.readLong(), in.readLong());
          silent.put(each.session(), each);
        }
        int length = in.readInt();
        byte[] table = in.readNBytes(length);
        if (table.length < length) {
          throw new IOException("snapshot ends too early");
        }
        Namespace namespace = new Namespace(LockTable.restore(table));
        namespace.created.putAll(created);
        namespace.silent.putAll(silent);
        restored.namespaces.put(name, namespace);
      }
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
    int expected = (int) checksum.getValue();
    if (in.readInt() != expected) {
      throw new IOException("snapshot is damaged: its checksum does not match");
    }
    return restored;
  }

  private Namespace namespace(String name) {
    return namespaces.computeIfAbsent(
        name,
        first -> {
          LockTable table = new LockTable(0);
          if (tokensAbove > 0) {
            table.beginAgain(tokensAbove);
          }
          return new Namespace(table);
        });
  }

  private static byte[] part(String name, Namespace namespace) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(name);
      out.writeInt(namespace.created.size());
      for (Map.Entry<String, Long> lock : namespace.created.entrySet()) {
        out.writeUTF(lock.getKey());
        out.writeLong(lock.getValue());
      }
      out.writeInt(namespace.silent.size());
      for (Change.Silence each : namespace.silent.values()) {
        out.writeLong(each.session());
        out.writeLong(each.seenRenewals());
        out.writeLong(each.nanos());
      }
      byte[] table = namespace.table.snapshot();
      out.writeInt(table.length);
      out.write(table);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
    return bytes.toByteArray();
  }

  private static void write(
      OutputStream to,
      long tokensAbove,
      long now,
      SortedMap<String, String> addresses,
      List<byte[]> parts)
      throws IOException {
    CRC32C checksum = new CRC32C();
    DataOutputStream out = new DataOutputStream(new CheckedOutputStream(to, checksum));
    out.writeInt(MAGIC);
    if (tokensAbove == 0) {
      out.writeInt(FORMAT);
    } else {
      out.writeInt(FORMAT_RESTORED);
      out.writeLong(tokensAbove);
    }
    out.writeLong(now);
    out.writeInt(addresses.size());
    for (Map.Entry<String, String> server : addresses.entrySet()) {
      out.writeUTF(server.getKey());
      out.writeUTF(server.getValue());
    }
    out.writeInt(parts.size());
    for (byte[] part : parts) {
      out.write(part);
    }
    out.writeInt((int) checksum.getValue());
    out.flush();
  }
}
