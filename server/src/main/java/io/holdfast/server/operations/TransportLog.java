package io.holdfast.server.operations;

import io.grpc.netty.shaded.io.netty.util.internal.logging.InternalLoggerFactory;
import io.grpc.netty.shaded.io.netty.util.internal.logging.JdkLoggerFactory;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.SimpleFormatter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What gRPC and its network library have to say, with the rest of the server's log. Whoever can connect decides how often they
 * say it, with a stack trace each time: so in a {@link #PERIOD} one warning is passed on, and the number of the others with the
 * first of the next. What is severe is counted apart, so that garbage does not hide it. Thread-safe.
 */
public final class TransportLog extends Handler {
  static final Duration PERIOD = Duration.ofMinutes(1);

  private static final Logger LOG = LoggerFactory.getLogger(TransportLog.class);

  /** Loggers are forgotten with what was set on them when nobody has them. */
  private static final java.util.logging.Logger GRPC =
      java.util.logging.Logger.getLogger("io.grpc");

  private static final AtomicBoolean INSTALLED = new AtomicBoolean();

  private final Ticker ticker;
  private final BiConsumer<String, @Nullable Throwable> told;
  private final SimpleFormatter formatter = new SimpleFormatter();

  private final ReentrantLock mutex = new ReentrantLock();
  // Guarded by the mutex.
  private final Budget warnings;
  private final Budget severe;

  TransportLog(Ticker ticker, BiConsumer<String, @Nullable Throwable> told) {
    this.ticker = ticker;
    this.told = told;
    this.warnings = new Budget(ticker.nanos());
    this.severe = new Budget(ticker.nanos());
  }

  /**
   * From now on, in all of this process: for a program that is a server and nothing else. Before anything of gRPC is used; twice is
   * harmless.
   */
  public static void install(Ticker ticker) {
    if (!INSTALLED.compareAndSet(false, true)) {
      return;
    }
    InternalLoggerFactory.setDefaultFactory(JdkLoggerFactory.INSTANCE);
    GRPC.setUseParentHandlers(false);
    GRPC.setLevel(Level.WARNING);
    GRPC.addHandler(new TransportLog(ticker, LOG::warn));
  }

  @Override
  public void publish(LogRecord said) {
    long before;
    mutex.lock();
    try {
      Budget budget = said.getLevel().intValue() < Level.SEVERE.intValue() ? warnings : severe;
      if (ticker.nanos() - budget.nextNanos < 0) {
        budget.untold++;
        return;
      }
      budget.nextNanos = ticker.nanosIn(PERIOD);
      before = budget.untold;
      budget.untold = 0;
    } finally {
      mutex.unlock();
    }
    told.accept(
        formatter.formatMessage(said)
            + (before == 0 ? "" : " (" + before + " such messages before this were left out)"),
        said.getThrown());
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}

  /** When the next may be passed on, and how many were not. */
  private static final class Budget {
    private long nextNanos;
    private long untold;

    Budget(long nextNanos) {
      this.nextNanos = nextNanos;
    }
  }
}
