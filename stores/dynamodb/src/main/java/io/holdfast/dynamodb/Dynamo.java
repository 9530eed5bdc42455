package io.holdfast.dynamodb;

import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbServiceClientConfiguration;

/** Either client of the SDK, asked without blocking. Thread-safe. */
sealed interface Dynamo {
  /*
   * Even the asynchronous client may block whoever asks: it fetches credentials in that thread when the old ones have run out,
   * from the instance's service, say. So it is asked in a thread of its own. Whoever asks may be the one thread of all timers.
   */

  /** A request that has waited for a thread for longer is not sent: the engine has given it up. */
  Duration WAITS_WITHIN = Duration.ofSeconds(5);

  /** So many wait for the thread that asks; what comes beyond is turned away. */
  int MOST_WAITING = 20_000;

  /** The thread that asks ends when it has had nothing to do for so long, and starts with the next request. */
  Duration IDLE = Duration.ofSeconds(2);

  /** Asks, by whichever client there is. What fails is what the SDK says, as it says it. */
  <T> CompletableFuture<T> ask(
      Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
      Function<DynamoDbClient, T> blocking);

  /**
   * The same by a thread that waits for the answer and for nothing else: it may be blocked for {@link
   * LeaseStore#BLOCKS_WITHIN}. As by default it is not.
   */
  default <T> CompletableFuture<T> askHere(
      Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
      Function<DynamoDbClient, T> blocking) {
    return ask(async, blocking);
  }

  /** What the client was made with. */
  DynamoDbServiceClientConfiguration configuration();

  /** Where it asks, for people. */
  default String place() {
    DynamoDbServiceClientConfiguration configuration = configuration();
    return configuration
        .endpointOverride()
        .map(Object::toString)
        .orElseGet(() -> configuration.region().id());
  }

  /** Over a client that does not block, or only for credentials. */
  static Dynamo of(DynamoDbAsyncClient client, Ticker ticker) {
    ThreadPoolExecutor asking =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE.toMillis(),
            TimeUnit.MILLISECONDS,
            new ArrayBlockingQueue<>(MOST_WAITING),
            task -> {
              Thread thread = new Thread(task, "holdfast-dynamodb-asks");
              thread.setDaemon(true);
              return thread;
            });
    asking.allowCoreThreadTimeOut(true);
    return new Async(client, asking, ticker);
  }

  record Async(DynamoDbAsyncClient client, Executor executor, Ticker ticker) implements Dynamo {
    @Override
    public <T> CompletableFuture<T> ask(
        Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
        Function<DynamoDbClient, T> blocking) {
      return inTime(executor, ticker, () -> async.apply(client)).thenCompose(answer -> answer);
    }

    @Override
    public DynamoDbServiceClientConfiguration configuration() {
      return client.serviceClientConfiguration();
    }
  }

  /**
   * Two clients of one table: one that does not block, and one that answers or fails within {@link
   * LeaseStore#BLOCKS_WITHIN}, for threads that wait anyway.
   *
   * @param room for so many threads at a time; the others do not block
   */
  record Both(Dynamo usual, DynamoDbClient quick, Semaphore room) implements Dynamo {
    /** So many threads may be blocked at a time. */
    static final int MOST_BLOCKED = 128;

    Both(Dynamo usual, DynamoDbClient quick) {
      this(usual, quick, new Semaphore(MOST_BLOCKED));
    }

    @Override
    public <T> CompletableFuture<T> ask(
        Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
        Function<DynamoDbClient, T> blocking) {
      return usual.ask(async, blocking);
    }

    @Override
    public <T> CompletableFuture<T> askHere(
        Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
        Function<DynamoDbClient, T> blocking) {
      if (!room.tryAcquire()) {
        return usual.ask(async, blocking);
      }
      try {
        return CompletableFuture.completedFuture(blocking.apply(quick));
      } catch (AbortedException e) {
        Thread.currentThread().interrupt(); // which the SDK may have forgotten
        return CompletableFuture.failedFuture(e);
      } catch (RuntimeException e) {
        return CompletableFuture.failedFuture(e);
      } finally {
        room.release();
      }
    }

    @Override
    public DynamoDbServiceClientConfiguration configuration() {
      return usual.configuration();
    }
  }

  record Blocking(DynamoDbClient client, Executor executor, Ticker ticker) implements Dynamo {
    @Override
    public <T> CompletableFuture<T> ask(
        Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
        Function<DynamoDbClient, T> blocking) {
      return inTime(executor, ticker, () -> blocking.apply(client));
    }

    @Override
    public DynamoDbServiceClientConfiguration configuration() {
      return client.serviceClientConfiguration();
    }
  }

  private static <A> CompletableFuture<A> inTime(
      Executor executor, Ticker ticker, Supplier<A> request) {
    long uselessAtNanos = ticker.nanosIn(WAITS_WITHIN);
    try {
      return CompletableFuture.supplyAsync(
          () -> {
            if (ticker.nanos() - uselessAtNanos >= 0) {
              String what = "the request was not sent: it waited too long for those before it";
              throw new StoreUnavailableException(what, new TimeoutException(what));
            }
            return request.get();
          },
          executor);
    } catch (RejectedExecutionException e) {
      return CompletableFuture.failedFuture(
          new StoreUnavailableException("the executor for requests takes no more", e));
    }
  }
}
