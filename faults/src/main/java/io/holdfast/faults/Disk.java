package io.holdfast.faults;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A server's disk: a file system of its own in a file, that can lose power and fill up; or, where that cannot be had, a
 * mere folder.
 */
final class Disk {
  /** XFS wants 300. The file has holes where nothing was written. */
  private static final long MEGABYTES = 400;

  private final Path image;
  private final Path folder;
  private final boolean own;

  private Disk(Path image, Path folder, boolean own) {
    this.image = image;
    this.folder = folder;
    this.own = own;
  }

  /** Why there can be no file systems in files here; empty if there can. */
  static Optional<String> impossible() {
    for (String tool : new String[] {"mkfs.xfs", "xfs_io"}) {
      if (Shell.ask(tool, "-V").exit() == 127) {
        return Optional.of("needs the command " + tool + " (package xfsprogs)");
      }
    }
    return Files.exists(Path.of("/dev/loop-control"))
        ? Optional.empty()
        : Optional.of("needs loop devices");
  }

  /** Makes a file system in a folder's file {@code NAME.xfs}, mounted on {@code NAME}. */
  static Disk make(Remains remains, Path parent, String name) throws IOException {
    Path folder = parent.resolve(name).toAbsolutePath();
    Path image = parent.resolve(name + ".xfs").toAbsolutePath();
    Files.createDirectories(folder);
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(MEGABYTES << 20);
    }
    Shell.run("mkfs.xfs", "-q", image.toString());
    remains.note(Remains.Kind.MOUNT, folder.toString());
    Disk disk = new Disk(image, folder, true);
    disk.mount();
    return disk;
  }

  /** A folder on the disk that all share. */
  static Disk folder(Path parent, String name) throws IOException {
    Path folder = parent.resolve(name).toAbsolutePath();
    Files.createDirectories(folder);
    return new Disk(folder, folder, false);
  }

  /** Where the server's data goes. */
  Path data() {
    return folder.resolve("data");
  }

  /** Whether it can lose power, and fill up, without others noticing. */
  boolean isOwn() {
    return own;
  }

  /**
   * The power goes. Whatever was not made durable is lost, and nothing can be written from now on.
   *
   * @return whether the disk is dead, as a write of ours shows
   */
  boolean losePower() throws IOException {
    // Written but not made durable: must be gone when the power is back.
    Files.writeString(canary(), "unsaved");
    Shell.run("xfs_io", "-x", "-c", "shutdown", folder.toString());
    try {
      Files.writeString(folder.resolve("probe"), "x");
      return false;
    } catch (IOException dead) {
      return true;
    }
  }

  /**
   * The power is back. Nothing may have files open on the disk.
   *
   * @return whether something that was written but not made durable was lost, as it should be
   */
  boolean regainPower() throws IOException {
    Shell.run("umount", folder.toString());
    mount();
    boolean lost = !Files.exists(canary()) || Files.size(canary()) == 0;
    Files.deleteIfExists(canary());
    return lost;
  }

  /** Leaves no room for another block. */
  void fill() throws IOException {
    long size = folder.toFile().getUsableSpace();
    // The last blocks go one by one: what is left after a large piece may be in small ones.
    for (long piece = size; piece >= 4096; piece /= 2) {
      for (int i = 0;
          Shell.ask("fallocate", "-l", String.valueOf(piece), filler(piece, i).toString()).isGood();
          i++) {}
    }
  }

  /** Makes room again. */
  void clear() throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (file.getFileName().toString().startsWith("filler-")) {
          Files.delete(file);
        }
      }
    }
  }

  /** So many bytes are left. */
  long room() {
    return folder.toFile().getUsableSpace();
  }

  /** Leaves nothing of the server's data. */
  void erase() {
    Shell.run("rm", "-rf", data().toString());
  }

  private void mount() {
    Shell.run("mount", "-o", "loop", image.toString(), folder.toString());
  }

  private Path filler(long size, int number) {
    return folder.resolve("filler-" + size + "-" + number);
  }

  private Path canary() {
    return folder.resolve("canary");
  }
}
