package io.holdfast.faults;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;

/**
 * What stands between a server and the C library: a small library of C ({@code interposer.c}) that shifts the wall clock and
 * makes the disk slow or broken, switched while the server runs. It counts what it did.
 */
final class Interposer {
  private static final int CONTROL_BYTES = 4096;

  /** Where in the control file. */
  enum Word {
    WALL_OFFSET_NANOS(0),
    SYNC_DELAY_MILLIS(8),
    SYNC_ERRNO(16),
    WRITE_ERRNO(24),
    READINGS_SHIFTED(32),
    SYNCS_DELAYED(40),
    SYNCS_FAILED(48),
    WRITES_FAILED(56),
    WRITES_WITHOUT_SPACE(64),
    SYNCS(72),
    /** Not 0 if syncs are to say that they are done, and do nothing. */
    SYNC_LIES(80),
    LIES(88);

    private final int offset;

    Word(int offset) {
      this.offset = offset;
    }
  }

  /** Input/output error, as Linux numbers it. */
  static final int EIO = 5;

  private final Path library;
  private final Path control;
  private final Path dataFolder;
  private final MappedByteBuffer words;

  private Interposer(Path library, Path control, Path dataFolder) throws IOException {
    this.library = library;
    this.control = control;
    this.dataFolder = dataFolder;
    try (FileChannel channel =
        FileChannel.open(
            control,
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(CONTROL_BYTES), 0);
      words = channel.map(FileChannel.MapMode.READ_WRITE, 0, CONTROL_BYTES);
      words.order(ByteOrder.nativeOrder());
    }
  }

  /** Compiles the library into a folder; empty where there is no C compiler. */
  static Optional<Path> compile(Path folder) throws IOException {
    Path source = folder.resolve("interposer.c");
    Path library = folder.resolve("interposer.so");
    try (InputStream in = Interposer.class.getResourceAsStream("interposer.c")) {
      if (in == null) {
        throw new RigException("interposer.c is not on the class path");
      }
      Files.write(source, in.readAllBytes());
    }
    if (Shell.ask("cc", "--version").exit() == 127) {
      return Optional.empty();
    }
    Shell.run("cc", "-O2", "-shared", "-fPIC", "-o", library.toString(), source.toString(), "-ldl");
    return Optional.of(library);
  }

  /**
   * For one server.
   *
   * @param library as {@link #compile} made it
   * @param control a file of its own
   * @param dataFolder writes below it are those that can be made to fail
   */
  static Interposer of(Path library, Path control, Path dataFolder) throws IOException {
    return new Interposer(library, control, dataFolder);
  }

  /** What the server's environment must have in it. */
  Map<String, String> environment() {
    return Map.of(
        "LD_PRELOAD", library.toString(),
        "HOLDFAST_FAULTS_CONTROL", control.toString(),
        "HOLDFAST_FAULTS_FOLDER", dataFolder.toString());
  }

  void set(Word word, long value) {
    words.putLong(word.offset, value);
  }

  long get(Word word) {
    return words.getLong(word.offset);
  }
}
