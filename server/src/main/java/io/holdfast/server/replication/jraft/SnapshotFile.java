package io.holdfast.server.replication.jraft;

import io.holdfast.server.replication.ReplicatedMachine;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;

/**
 * The file of a snapshot: the machine's bytes between a head that says what it is and a checksum. The checksum finds broken
 * disks, not forgers.
 */
final class SnapshotFile {
  /** What the file is called inside a snapshot's folder. */
  static final String NAME = "state";

  private static final long MAGIC = 0x484f4c4446415354L; // "HOLDFAST"
  private static final int FORMAT = 1;
  private static final int HEAD_BYTES = Long.BYTES + Integer.BYTES;
  private static final int CHECKSUM_BYTES = Long.BYTES;
  private static final int BUFFER_BYTES = 1 << 16;

  private SnapshotFile() {}

  /** Writes the file; when this returns, it is on the disk. */
  static void write(Path file, ReplicatedMachine.SnapshotWriter state) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      CRC32C checksum = new CRC32C();
      OutputStream buffered =
          new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES);
      OutputStream checked = new CheckedOutputStream(buffered, checksum);
      DataOutputStream head = new DataOutputStream(checked);
      head.writeLong(MAGIC);
      head.writeInt(FORMAT);
      head.flush();
      state.write(checked);
      DataOutputStream foot = new DataOutputStream(buffered);
      foot.writeLong(checksum.getValue());
      foot.flush();
      channel.force(true);
    }
  }

  /** Hands the machine its bytes, if they are those that were written. */
  static void read(Path file, ReplicatedMachine machine) throws IOException {
    long length = Files.size(file) - HEAD_BYTES - CHECKSUM_BYTES;
    if (length < 0) {
      throw new IOException("the snapshot " + file + " is cut short");
    }
    check(file, HEAD_BYTES + length);
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES)) {
      in.skipNBytes(HEAD_BYTES);
      machine.restore(new FirstBytes(in, length));
    }
  }

  private static void check(Path file, long checkedBytes) throws IOException {
    CRC32C checksum = new CRC32C();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES)) {
      CheckedInputStream checked = new CheckedInputStream(in, checksum);
      DataInputStream head = new DataInputStream(checked);
      if (head.readLong() != MAGIC) {
        throw new IOException(file + " is no snapshot of a Holdfast server");
      }
      int format = head.readInt();
      if (format != FORMAT) {
        throw new IOException(
            "the snapshot "
                + file
                + " is of format "
                + format
                + "; this version reads format "
                + FORMAT);
      }
      checked.skipNBytes(checkedBytes - HEAD_BYTES);
      long found = checksum.getValue();
      if (new DataInputStream(in).readLong() != found) {
        throw new IOException("the snapshot " + file + " is broken: its checksum is another");
      }
    }
  }

  /** Ends before the checksum does begin. */
  private static final class FirstBytes extends InputStream {
    private final InputStream in;
    private long left;

    FirstBytes(InputStream in, long length) {
      this.in = in;
      this.left = length;
    }

    @Override
    public int read() throws IOException {
      if (left == 0) {
        return -1;
      }
      int read = in.read();
      if (read >= 0) {
        left--;
      }
      return read;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      if (left == 0) {
        return -1;
      }
      int read = in.read(bytes, offset, (int) Math.min(length, left));
      if (read > 0) {
        left -= read;
      }
      return read;
    }
  }
}
