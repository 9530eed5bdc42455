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
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of one server, for one process at a time. Knows whose it is, and refuses to be anybody else's.
 *
 * <p>Thread-safe.
 */
final class DataFolder implements AutoCloseable {
  /*
   * lock      held as long as a process uses the folder
   * meta      format, server, cluster, identity, and those of others; written before anything else
   * log/      the engine's entries
   * raft/     the engine's term and vote
   * snapshot/ the engine's snapshots
   *
   * The cluster is fixed when the folder is first used, so that members may come and go later while the settings still
   * name those that began. It is unknown, and absent in meta, while a server waits to be added.
   *
   * The identity is made by chance when the folder is. So a server that has lost its folder has another one, and is kept out
   * until it is removed from the members and added again: it has forgotten for whom it has voted and what it has acknowledged,
   * and with it others could make a majority that knows nothing of what one with it has decided. (One that is given an old
   * copy of its folder has forgotten as much, and is not noticed.) Each server keeps, from before it believes another one's
   * first answer, that one's identity; with the last entry that it had applied then, so that it forgets whoever is removed later,
   * and not for an old removal that it meets again when it reads its log. Where nothing was applied between the removal and
   * that answer, both have the same number, and it forgets too much: then they meet again, within two seconds.
   *
   * Whoever was away while another one was replaced keeps the new one out, also when that one leads: it is told of the
   * removal by a leader that it knows, or by nobody. To take the entries of one whose votes are refused would not do: where a
   * majority has lost its disks and begins anew, who has kept its data would take theirs for it.
   */
  private static final Logger LOGGER = LoggerFactory.getLogger(DataFolder.class);

  /** What a cluster can be called: it stands in a file of properties, in headers and in the log. */
  static final Pattern CLUSTER_NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  private static final Pattern IDENTITY = Pattern.compile("[0-9a-f-]{36}");
  private static final int FORMAT = 2;

  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");

  private static final Set<PosixFilePermission> PRIVATE_TO_GROUP =
      PosixFilePermissions.fromString("rwxrwx---");

  /** What the parts of the folder are called that are the engine's. */
  static final String LOG = "log";

  static final String RAFT = "raft";
  static final String SNAPSHOT = "snapshot";

  private static final String FORMAT_KEY = "format";
  private static final String SERVER_KEY = "server";
  private static final String CLUSTER_KEY = "cluster";
  private static final String IDENTITY_KEY = "identity";
  private static final String OTHER_KEY_PREFIX = "other.";
  private static final int CLUSTER_NAME_BYTES = 8;

  private final Path folder;
  private final String server;
  private final FileChannel lockChannel;
  private final String identity;
  private final ReentrantLock writing = new ReentrantLock();

  // Changed only with writing held.
  private volatile Optional<String> cluster;
  private volatile Map<String, Other> others;

  /**
   * Another server.
   *
   * @param since the last entry that was applied here when it was met
   */
  private record Other(String identity, long since) {}

  private DataFolder(
      Path folder,
      String server,
      FileChannel lockChannel,
      Optional<String> cluster,
      String identity,
      Map<String, Other> others) {
    this.folder = folder;
    this.server = server;
    this.lockChannel = lockChannel;
    this.cluster = cluster;
    this.identity = identity;
    this.others = others;
  }

  /**
   * Opens the folder, or makes it.
   *
   * @throws ReplicationException if it cannot be written, is in use, or is another server's or cluster's
   */
  static DataFolder open(JRaftSettings settings) {
    Path folder = settings.dataFolder().toAbsolutePath();
    try {
      make(folder);
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
    boolean isKnown = Files.exists(meta);
    if (!isKnown && !isEmpty(folder)) {
      throw new ReplicationException(
          "data folder " + folder + " holds something, but not the data of a Holdfast server");
    }
    if (hasPermissions(folder)) {
      closeToOthers(folder, () -> Files.setPosixFilePermissions(folder, PRIVATE));
    }
    if (isKnown) {
      return known(folder, meta, settings, lockChannel);
    }
    Optional<String> cluster = settings.cluster().or(() -> namedAfter(settings));
    DataFolder opened =
        new DataFolder(
            folder, settings.self(), lockChannel, cluster, UUID.randomUUID().toString(), Map.of());
    opened.writeMeta(cluster, Map.of());
    return opened;
  }

  private static DataFolder known(
      Path folder, Path meta, JRaftSettings settings, FileChannel lockChannel) throws IOException {
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
    String identity = found.getProperty(IDENTITY_KEY, "");
    if (!IDENTITY.matcher(identity).matches()) {
      throw new ReplicationException(
          "data folder " + folder + " does not say whose it is: meta is damaged");
    }
    Map<String, Other> others = others(folder, found);
    for (String part : List.of(LOG, RAFT)) {
      if (!others.isEmpty() && !Files.isDirectory(folder.resolve(part))) {
        // The engine would begin anew, under an identity that says that nothing was lost.
        throw new ReplicationException(
            "data folder "
                + folder
                + " has lost its "
                + part
                + ": this server is to be removed from the members, and added again with an empty"
                + " folder");
      }
    }
    return new DataFolder(
        folder, server, lockChannel, cluster.or(settings::cluster), identity, others);
  }

  private static Map<String, Other> others(Path folder, Properties found) {
    Map<String, Other> others = new HashMap<>();
    for (String key : found.stringPropertyNames()) {
      if (key.startsWith(OTHER_KEY_PREFIX)) {
        String[] parts = found.getProperty(key).split(" ", -1);
        try {
          others.put(
              key.substring(OTHER_KEY_PREFIX.length()),
              new Other(parts[0], Long.parseLong(parts[1])));
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
          throw new ReplicationException(
              "data folder " + folder + " does not say who " + key + " is: meta is damaged", e);
        }
      }
    }
    return others;
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

  private static void make(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return;
    }
    if (hasPermissions(folder)) {
      Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PRIVATE));
    } else {
      Files.createDirectories(folder);
    }
  }

  /**
   * One that was there before may be open to others: what is in it, names, data and who may resume what, is for nobody else. One
   * that is not ours to close may be open to its group, as volumes are that an orchestrator makes for one service; not to everybody.
   */
  static void closeToOthers(Path folder, Closing closing) throws IOException {
    Set<PosixFilePermission> allowed = Files.getPosixFilePermissions(folder);
    if (PRIVATE.containsAll(allowed)) {
      return;
    }
    try {
      closing.close();
      LOGGER.warn(
          "Data folder {} was open to other users, and is closed to them from now on", folder);
    } catch (FileSystemException e) {
      if (!PRIVATE_TO_GROUP.containsAll(allowed)) {
        throw new ReplicationException(
            "data folder "
                + folder
                + " is open to other users and not this one's to close: name a folder in it, which is made"
                + " private",
            e);
      }
      LOGGER.warn(
          "Data folder {} is open to its group and not this user's to close: whoever is in it can"
              + " read and change what is locked",
          folder);
    }
  }

  /** Takes a folder's permissions from all but its owner. */
  interface Closing {
    void close() throws IOException;
  }

  private static boolean hasPermissions(Path folder) {
    return folder.getFileSystem().supportedFileAttributeViews().contains("posix");
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
    writing.lock();
    try {
      if (cluster.isEmpty()) {
        writeMeta(Optional.of(name), others);
        cluster = Optional.of(name);
      }
      return cluster.get().equals(name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      writing.unlock();
    }
  }

  /** Who this server is, as long as it has its data. */
  String identity() {
    return identity;
  }

  /** Who another server is; empty if it has never answered. */
  Optional<String> identityOf(String other) {
    return Optional.ofNullable(others.get(other)).map(Other::identity);
  }

  /** Whether a server may have this identity: it has, or it has never answered. */
  boolean mayBe(String other, String itsIdentity) {
    return identityOf(other).map(itsIdentity::equals).orElse(true);
  }

  /**
   * Whether a server that has answered is the one that it was before. If it had never answered, it is from now on.
   *
   * @param applied the last entry that was applied here
   * @throws UncheckedIOException if that cannot be written down
   */
  boolean recognizes(String other, String itsIdentity, long applied) {
    if (!others.containsKey(other) && IDENTITY.matcher(itsIdentity).matches()) {
      changeOthers(changed -> changed.putIfAbsent(other, new Other(itsIdentity, applied)));
    }
    return identityOf(other).filter(itsIdentity::equals).isPresent();
  }

  /**
   * Others than these are no members: somebody else may come under their names.
   *
   * @param applied the last entry before the one that says so
   * @return those that were known until now
   * @throws UncheckedIOException if that cannot be written down
   */
  Set<String> forgetAllBut(Set<String> members, long applied) {
    Set<String> forgotten = new HashSet<>();
    if (!members.containsAll(others.keySet())) {
      changeOthers(
          changed ->
              changed
                  .entrySet()
                  .removeIf(
                      each ->
                          !members.contains(each.getKey())
                              && each.getValue().since <= applied
                              && forgotten.add(each.getKey())));
    }
    return forgotten;
  }

  private void changeOthers(Consumer<Map<String, Other>> change) {
    writing.lock();
    try {
      Map<String, Other> changed = new HashMap<>(others);
      change.accept(changed);
      if (!changed.equals(others)) {
        writeMeta(cluster, changed);
        others = changed;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      writing.unlock();
    }
  }

  /** With {@code writing} held, also while it waits for the disk: what is in the file and in memory changes together. */
  private void writeMeta(Optional<String> name, Map<String, Other> known) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append(FORMAT_KEY).append('=').append(FORMAT).append('\n');
    text.append(SERVER_KEY).append('=').append(server.replace(":", "\\:")).append('\n');
    name.ifPresent(it -> text.append(CLUSTER_KEY).append('=').append(it).append('\n'));
    text.append(IDENTITY_KEY).append('=').append(identity).append('\n');
    new TreeMap<>(known)
        .forEach(
            (other, it) ->
                text.append(OTHER_KEY_PREFIX)
                    .append(other.replace(":", "\\:"))
                    .append('=')
                    .append(it.identity)
                    .append(' ')
                    .append(it.since)
                    .append('\n'));
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
