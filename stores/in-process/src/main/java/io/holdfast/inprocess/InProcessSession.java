package io.holdfast.inprocess;

import io.holdfast.Capability;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.LockStore;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** One client's view of the locks. */
final class InProcessSession implements LockStore {
  private static final Set<Capability> CAPABILITIES =
      Collections.unmodifiableSet(
          EnumSet.of(
              Capability.SHARED,
              Capability.ALL,
              Capability.TREE,
              Capability.DATA,
              Capability.DESCRIBE,
              Capability.WAITERS,
              Capability.LIST,
              Capability.FORCE_RELEASE,
              Capability.FENCING,
              Capability.FAIR,
              Capability.PUSH));

  private final InProcessLocks locks;
  private final long id;
  private final String client;
  private volatile boolean closed;

  InProcessSession(InProcessLocks locks, long id, String client) {
    this.locks = locks;
    this.id = id;
    this.client = client;
  }

  long id() {
    return id;
  }

  /** What whoever asks this session for something after its end is told. */
  IllegalStateException closed() {
    return new IllegalStateException("client " + client + " is closed");
  }

  @Override
  public String name() {
    return "in-process";
  }

  @Override
  public Set<Capability> capabilities() {
    return CAPABILITIES;
  }

  @Override
  public CompletableFuture<AcquireOutcome> acquire(AcquireRequest request) {
    InProcessRequest made = new InProcessRequest(locks, this, request);
    locks.acquire(made);
    return made;
  }

  @Override
  public LockDescription describe(LockKey key) {
    requireOpen();
    return locks.describe(key);
  }

  @Override
  public LockList list(String prefix) {
    requireOpen();
    return locks.list(prefix);
  }

  @Override
  public LockList listTree(String tree) {
    requireOpen();
    return locks.listTree(tree);
  }

  @Override
  public boolean forceRelease(LockKey key, long token) {
    requireOpen();
    return locks.forceRelease(key, token);
  }

  @Override
  public void close() {
    closed = true;
    locks.close(this);
  }

  private void requireOpen() {
    if (closed) {
      throw closed();
    }
  }
}
