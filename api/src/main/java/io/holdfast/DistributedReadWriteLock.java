package io.holdfast;

/**
 * A name that many may read, or one write. Both sides are locks of their own to acquire; neither can be turned into the
 * other.
 */
public final class DistributedReadWriteLock {
  private final DistributedLock read;
  private final DistributedLock write;

  DistributedReadWriteLock(DistributedLock read, DistributedLock write) {
    this.read = read;
    this.write = write;
  }

  /** The shared side. Where the store is {@link Capability#FAIR}, a reader does not overtake a writer that came first. */
  public DistributedLock read() {
    return read;
  }

  /** The exclusive side; the same lock as {@code lock(name)}. */
  public DistributedLock write() {
    return write;
  }
}
