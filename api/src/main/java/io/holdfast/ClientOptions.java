package io.holdfast;

import io.holdfast.spi.Ticker;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;

/** What one client of a store is called and runs on. Immutable; each method that changes something returns a new one. */
public final class ClientOptions {
  /** A client's name has at most so many UTF-8 bytes. */
  public static final int MAX_NAME_BYTES = 128;

  private static final ClientOptions DEFAULTS =
      new ClientOptions(
          "pid-" + ProcessHandle.current().pid(),
          HoldOptions.defaults(),
          Ticker.system(),
          Optional.empty());

  private final String name;
  private final HoldOptions holds;
  private final Ticker ticker;
  private final Optional<Executor> executor;

  private ClientOptions(
      String name, HoldOptions holds, Ticker ticker, Optional<Executor> executor) {
    this.name = name;
    this.holds = holds;
    this.ticker = ticker;
    this.executor = executor;
  }

  /** Named after the process, with {@link HoldOptions#defaults}, the system's clocks and a small executor of its own. */
  public static ClientOptions defaults() {
    return DEFAULTS;
  }

  /**
   * What others see as the holder or waiter; need not be unique, and is never compared to decide who holds a lock.
   *
   * @throws InvalidRequestException if empty, longer than {@value #MAX_NAME_BYTES} UTF-8 bytes or with control characters
   */
  public ClientOptions name(String name) {
    TextRules.check("client name", name, MAX_NAME_BYTES);
    return new ClientOptions(name, holds, ticker, executor);
  }

  /** How locks of this client are held unless {@link DistributedLock#with} says otherwise. */
  public ClientOptions holds(HoldOptions holds) {
    return new ClientOptions(name, Objects.requireNonNull(holds, "holds"), ticker, executor);
  }

  /** The clock and timers of this client; for tests, which turn time by hand. */
  public ClientOptions ticker(Ticker ticker) {
    return new ClientOptions(name, holds, Objects.requireNonNull(ticker, "ticker"), executor);
  }

  /**
   * Runs callbacks ({@link Hold#onLost}, {@link Hold#onAtRisk}) and completes the futures of {@link
   * DistributedLock#acquireAsync} and {@link Hold#closeAsync}. It must not run them in the calling thread, which may be
   * the one that releases somebody else's lock. The client does not shut it down.
   */
  public ClientOptions executor(Executor executor) {
    return new ClientOptions(name, holds, ticker, Optional.of(executor));
  }

  /** What others see as the holder or waiter. */
  public String name() {
    return name;
  }

  /** How locks of this client are held unless told otherwise. */
  public HoldOptions holds() {
    return holds;
  }

  /** The clock and timers of this client. */
  public Ticker ticker() {
    return ticker;
  }

  /** The executor handed in; empty for the client's own daemon threads, see {@link LockClient#CALLBACK_THREADS}. */
  public Optional<Executor> executor() {
    return executor;
  }
}
