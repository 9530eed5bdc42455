package io.holdfast.remote.internal;

import com.google.protobuf.ByteString;
import io.holdfast.protocol.v1.Target;
import java.util.List;

/**
 * What somebody wants to hold.
 *
 * @param targets as they go over the wire
 * @param mayWait whether to stand in line
 * @param impatientAtNanos when the asker's patience ends, on the client's ticker
 * @param maxHoldMillis how long it may be held once granted; {@link #UNLIMITED} without a limit
 * @param data to be shown
 */
public record Wish(
    List<Target> targets,
    boolean mayWait,
    long impatientAtNanos,
    long maxHoldMillis,
    ByteString data) {
  /** The {@link #maxHoldMillis} of a hold that time alone does not end. */
  public static final long UNLIMITED = 0;

  /** Copies the list. */
  public Wish {
    targets = List.copyOf(targets);
  }

  boolean isLimited() {
    return maxHoldMillis != UNLIMITED;
  }
}
