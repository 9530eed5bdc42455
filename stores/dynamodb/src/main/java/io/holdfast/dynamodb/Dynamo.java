package io.holdfast.dynamodb;

import io.holdfast.StoreUnavailableException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import software.amazon.awssdk.awscore.AwsServiceClientConfiguration;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Either client of the SDK, asked without blocking. Thread-safe. */
sealed interface Dynamo {
  /** Asks, by whichever client there is. What fails is what the SDK says, as it says it. */
  <T> CompletableFuture<T> ask(
      Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
      Function<DynamoDbClient, T> blocking);

  /** Where it asks, for people. */
  String place();

  private static String place(AwsServiceClientConfiguration configuration) {
    return configuration
        .endpointOverride()
        .map(Object::toString)
        .orElseGet(() -> configuration.region().id());
  }

  record Async(DynamoDbAsyncClient client) implements Dynamo {
    @Override
    public <T> CompletableFuture<T> ask(
        Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
        Function<DynamoDbClient, T> blocking) {
      return async.apply(client);
    }

    @Override
    public String place() {
      return Dynamo.place(client.serviceClientConfiguration());
    }
  }

  record Blocking(DynamoDbClient client, Executor executor) implements Dynamo {
    @Override
    public <T> CompletableFuture<T> ask(
        Function<DynamoDbAsyncClient, CompletableFuture<T>> async,
        Function<DynamoDbClient, T> blocking) {
      try {
        return CompletableFuture.supplyAsync(() -> blocking.apply(client), executor);
      } catch (RejectedExecutionException e) {
        return CompletableFuture.failedFuture(
            new StoreUnavailableException("the executor for requests takes no more", e));
      }
    }

    @Override
    public String place() {
      return Dynamo.place(client.serviceClientConfiguration());
    }
  }
}
