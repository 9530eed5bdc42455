package io.holdfast.server.replication.jraft;

import io.holdfast.server.replication.ReplicationException;
import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder of one server, for one process at a time. Knows whose it is, and refuses to be anybody else's.
 *
 * <p>Thread-safe.
 */
final class DataFolder implements AutoCloseable {
  /*
   * lock      held as long as a process uses the folder
   * meta      format, server, cluster; written before anything else
   * log/      the engine's entries
   * raft/     the engine's term and vote
   * snapshot/ the engine's snapshots
   *
   * The cluster is fixed when the folder is first used, so that members may come and go later while the settings still
   * name those that began. It is unknown, and absent in meta, while a server waits to be added.
   */
  /** What a cluster can be called: it stands in a file of properties, in headers and in the log. */
  static final Pattern CLUSTER_NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  private static final int FORMAT = 1;
  private static final String FORMAT_KEY = "format";
  private static final String SERVER_KEY = "server";
  private static final String CLUSTER_KEY = "cluster";
  private static final int CLUSTER_NAME_BYTES = 8;

  private final Path folder;
  private final String server;
  private final FileChannel lockChannel;
  private final ReentrantLock adopting = new ReentrantLock();
  private volatile Optional<String> cluster;

  private DataFolder(
      Path folder, String server, FileChannel lockChannel, Optional<String> cluster) {
    this.folder = folder;
    this.server = server;
    this.lockChannel = lockChannel;
    this.cluster = cluster;
  }

  /**
   * Opens the folder, or makes it.
   *
   * @throws ReplicationException if it cannot be written, is in use, or is another server's or cluster's
   */
  static DataFolder open(JRaftSettings settings) {
    Path folder = settings.dataFolder().toAbsolutePath();
    try {
      makePrivate(folder);
      FileChannel lockChannel = lock(folder);
      try {
        return opened(folder, settings, lockChannel);
      } catch (IOException | RuntimeException e) {
        lockChannel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new ReplicationException("data folder " + folder + " cannot be used: " + reason(e), e);
    }
  }

  private static DataFolder opened(Path folder, JRaftSettings settings, FileChannel lockChannel)
      throws IOException {
    Path meta = folder.resolve("meta");
    if (Files.exists(meta)) {
      Optional<String> cluster = checkedCluster(folder, meta, settings);
      return new DataFolder(folder, settings.self(), lockChannel, cluster);
    }
    if (!isEmpty(folder)) {
      throw new ReplicationException(
          "data folder " + folder + " holds something, but not the data of a Holdfast server");
    }
    Optional<String> cluster = settings.cluster().or(() -> namedAfter(settings));
    DataFolder opened = new DataFolder(folder, settings.self(), lockChannel, cluster);
    opened.writeMeta(cluster);
    return opened;
  }

  private static Optional<String> checkedCluster(Path folder, Path meta, JRaftSettings settings)
      throws IOException {
    Properties found = new Properties();
    try (Reader in = new StringReader(Files.readString(meta))) {
      found.load(in);
    }
    String format = found.getProperty(FORMAT_KEY, "?");
    if (!format.equals(Integer.toString(FORMAT))) {
      throw new ReplicationException(
          "data folder "
              + folder
              + " is of format "
              + format
              + "; this version reads format "
              + FORMAT);
    }
    String server = found.getProperty(SERVER_KEY, "?");
    if (!server.equals(settings.self())) {
      throw new ReplicationException(
          "data folder " + folder + " is that of server " + server + ", not of " + settings.self());
    }
    Optional<String> cluster = Optional.ofNullable(found.getProperty(CLUSTER_KEY));
    if (cluster.isPresent()
        && settings.cluster().isPresent()
        && !cluster.equals(settings.cluster())) {
      throw new ReplicationException(
          "data folder "
              + folder
              + " is of cluster "
              + cluster.get()
              + ", not of "
              + settings.cluster().get());
    }
    return cluster.or(settings::cluster);
  }

  private static Optional<String> namedAfter(JRaftSettings settings) {
    if (settings.initialMembers().isEmpty()) {
      return Optional.empty();
    }
    String members = String.join("\n", new TreeSet<>(settings.initialMembers()));
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(members.getBytes(StandardCharsets.UTF_8));
      return Optional.of(HexFormat.of().formatHex(digest, 0, CLUSTER_NAME_BYTES));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static FileChannel lock(Path folder) throws IOException {
    FileChannel channel =
        FileChannel.open(
            folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    @Nullable FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      channel.close();
      throw new ReplicationException("data folder " + folder + " is in use by another process");
    }
    return channel;
  }

  private static void makePrivate(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return;
    }
    if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.createDirectories(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } else {
      Files.createDirectories(folder);
    }
  }

  private static boolean isEmpty(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.allMatch(
          entry -> {
            String name = String.valueOf(entry.getFileName());
            return name.equals("lock") || name.equals("meta.new") || name.equals("lost+found");
          });
    }
  }

  /** Most exceptions of files have nothing but the file's name as message. */
  private static String reason(IOException e) {
    String message = String.valueOf(e.getMessage());
    boolean bare = e instanceof FileSystemException file && file.getReason() == null;
    return bare ? e.getClass().getSimpleName() + " " + message : message;
  }

  /** The cluster, once it is known. */
  Optional<String> cluster() {
    return cluster;
  }

  /**
   * Whether the folder is of that cluster. One that has none yet is from now on.
   *
   * @throws UncheckedIOException if that cannot be written down
   */
  boolean belongsTo(String name) {
    Optional<String> known = cluster;
    return known.map(name::equals).orElseGet(() -> adopt(name));
  }

  private boolean adopt(String name) {
    adopting.lock();
    try {
      if (cluster.isEmpty()) {
        writeMeta(Optional.of(name));
        cluster = Optional.of(name);
      }
      return cluster.get().equals(name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      adopting.unlock();
    }
  }

  private void writeMeta(Optional<String> name) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append(FORMAT_KEY).append('=').append(FORMAT).append('\n');
    text.append(SERVER_KEY).append('=').append(server.replace(":", "\\:")).append('\n');
    name.ifPresent(it -> text.append(CLUSTER_KEY).append('=').append(it).append('\n'));
    Path fresh = folder.resolve("meta.new");
    try (FileChannel out =
        FileChannel.open(
            fresh,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(text.toString());
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    }
    Files.move(fresh, folder.resolve("meta"), StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel directory = FileChannel.open(folder, StandardOpenOption.READ)) {
      directory.force(true);
    }
  }

  String part(String name) {
    return folder.resolve(name).toString();
  }

  /** Lets other processes have the folder. */
  @Override
  public void close() {
    try {
      lockChannel.close();
    } catch (IOException e) {
      throw new ReplicationException("data folder " + folder + " cannot be let go", e);
    }
  }
}
