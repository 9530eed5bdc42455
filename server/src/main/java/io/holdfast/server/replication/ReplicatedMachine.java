package io.holdfast.server.replication;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What follows the log. Its methods are called one at a time, in the order of the log, but for {@link #dropped} and {@link
 * #failed}. They neither block nor throw: an exception from one of them means that this server can no longer know what the
 * others know, and it is stopped.
 */
public interface ReplicatedMachine {
  /**
   * An entry is in the log for good.
   *
   * @param local what came with the proposal, if it was this server's and of this run
   */
  void apply(long index, ByteBuffer entry, @Nullable Object local);

  /**
   * This server leads, and has applied all entries of earlier terms. Told again, for the same term, when it had begun to hand
   * the leadership over and nobody took it; what it had proposed before may still be applied then, with {@code local}.
   */
  void leads(long term);

  /**
   * This server does not lead, or no longer.
   *
   * @param leader the name of the one that does, if that is known
   */
  void follows(Optional<String> leader);

  /**
   * It is not known, and may never be here, whether the entry that this came with is in the log: the leadership ended, or the
   * engine had no room for it. On any thread.
   *
   * @param certainly it is certain that it is not in the log and will not be
   */
  void dropped(Object local, boolean certainly);

  /** The state as of now, to be written later, on another thread, while entries are applied. Quick. */
  SnapshotWriter freeze();

  /** Takes the state of a snapshot instead of its own. */
  void restore(InputStream snapshot) throws IOException;

  /**
   * The engine has failed and cannot go on: the disk, say. Nothing else is called from now on but {@link #dropped}. On
   * any thread.
   */
  void failed(Throwable cause);

  /** A state that no longer changes. */
  interface SnapshotWriter {
    void write(OutputStream out) throws IOException;
  }
}
