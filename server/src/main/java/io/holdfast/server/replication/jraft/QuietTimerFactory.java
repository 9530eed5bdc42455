package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.util.SPI;
import com.alipay.sofa.jraft.util.timer.DefaultRaftTimerFactory;
import com.alipay.sofa.jraft.util.timer.Timeout;
import com.alipay.sofa.jraft.util.timer.Timer;
import com.alipay.sofa.jraft.util.timer.TimerTask;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Timers that sleep until something is due. The engine's own wake up a thousand times a second each, and there are five of
 * them. Public, since the engine makes it by reflection.
 */
@SPI(priority = 1)
public final class QuietTimerFactory extends DefaultRaftTimerFactory {
  private static final Logger LOG = LoggerFactory.getLogger(QuietTimerFactory.class);

  @Override
  public Timer createTimer(String name) {
    return new QuietTimer(name);
  }

  private static final class QuietTimer implements Timer {
    private final ScheduledThreadPoolExecutor thread;

    QuietTimer(String name) {
      thread = new ScheduledThreadPoolExecutor(1, new DaemonThreads(name));
      thread.setRemoveOnCancelPolicy(true);
    }

    @Override
    public Timeout newTimeout(TimerTask task, long delay, TimeUnit unit) {
      QuietTimeout timeout = new QuietTimeout(this, task);
      try {
        timeout.scheduled = thread.schedule(timeout, delay, unit);
      } catch (RejectedExecutionException e) {
        throw new IllegalStateException("the timer has been stopped", e);
      }
      return timeout;
    }

    @Override
    public Set<Timeout> stop() {
      thread.shutdownNow();
      return new HashSet<>();
    }
  }

  private static final class QuietTimeout implements Timeout, Runnable {
    private final Timer timer;
    private final TimerTask task;
    private volatile @Nullable Future<?> scheduled;
    private volatile boolean expired;

    QuietTimeout(Timer timer, TimerTask task) {
      this.timer = timer;
      this.task = task;
    }

    @Override
    public void run() {
      expired = true;
      try {
        task.run(this);
      } catch (Exception e) {
        LOG.error("A timer's task failed", e);
      }
    }

    @Override
    public Timer timer() {
      return timer;
    }

    @Override
    public TimerTask task() {
      return task;
    }

    @Override
    public boolean isExpired() {
      return expired;
    }

    @Override
    public boolean isCancelled() {
      Future<?> known = scheduled;
      return known != null && known.isCancelled();
    }

    @Override
    public boolean cancel() {
      Future<?> known = scheduled;
      return known != null && known.cancel(false);
    }
  }
}
