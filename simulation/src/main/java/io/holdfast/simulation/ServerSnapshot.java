package io.holdfast.simulation;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Reads a server's snapshot by the description of its formats 2 and 3, and by nothing else. */
final class ServerSnapshot {
  private ServerSnapshot() {}

  /** The snapshot of the table of its only namespace; an empty one if there is none yet. */
  static byte[] table(byte[] snapshot) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(snapshot))) {
      in.readInt(); // magic
      int format = in.readInt();
      if (format == 3) {
        in.readLong(); // tokensAbove
      } else if (format != 2) {
        throw new Breach("P13", "the snapshot is of format " + format);
      }
      in.readLong(); // now
      for (int servers = in.readInt(); servers > 0; servers--) {
        in.readUTF();
        in.readUTF();
      }
      if (in.readInt() == 0) {
        return NaiveSnapshot.of(new NaiveTable());
      }
      in.readUTF();
      for (int created = in.readInt(); created > 0; created--) {
        in.readUTF();
        in.readLong();
      }
      for (int silent = in.readInt(); silent > 0; silent--) {
        in.readLong();
        in.readLong();
        in.readLong();
      }
      return in.readNBytes(in.readInt());
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
  }
}
