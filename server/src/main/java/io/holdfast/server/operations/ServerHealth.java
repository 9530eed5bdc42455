package io.holdfast.server.operations;

import io.grpc.BindableService;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * gRPC's health service. The server itself (the empty name) serves when it is ready; {@code holdfast.v1.Locks} serves where
 * locks are granted, on the leader. Looked at every {@link #PERIOD}. Thread-safe.
 */
public final class ServerHealth implements AutoCloseable {
  static final Duration PERIOD = Duration.ofSeconds(1);

  private final HealthStatusManager health = new HealthStatusManager();
  private final Ticker ticker;
  private final BooleanSupplier ready;
  private final BooleanSupplier leads;

  private final ReentrantLock mutex = new ReentrantLock();
  // Guarded by the mutex.
  private Ticker.@Nullable Alarm alarm;
  private boolean closed;

  /** Both are asked on the ticker's thread, and must not block. */
  public ServerHealth(Ticker ticker, BooleanSupplier ready, BooleanSupplier leads) {
    this.ticker = ticker;
    this.ready = ready;
    this.leads = leads;
    look();
  }

  /** For the server's builder. */
  public BindableService service() {
    return health.getHealthService();
  }

  private void look() {
    health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, status(ready));
    health.setStatus(LocksGrpc.SERVICE_NAME, status(leads));
    mutex.lock();
    try {
      if (!closed) {
        alarm = ticker.schedule(ticker.nanosIn(PERIOD), this::look);
      }
    } finally {
      mutex.unlock();
    }
  }

  private static ServingStatus status(BooleanSupplier fact) {
    boolean holds;
    try {
      holds = fact.getAsBoolean();
    } catch (RuntimeException e) {
      holds = false; // a server that ends cannot tell
    }
    return holds ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  /** From now on nothing serves. */
  @Override
  public void close() {
    mutex.lock();
    try {
      closed = true;
      if (alarm != null) {
        alarm.cancel();
      }
    } finally {
      mutex.unlock();
    }
    health.enterTerminalState();
  }
}
