package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.StoreUnavailableException;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.ListTablesResponse;

/** Who asks is not held up by credentials that are being renewed, and nothing is sent that was asked for too long ago. */
class DynamoTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final ManualTicker ticker = new ManualTicker();
  private final FaultyHttp http = new FaultyHttp();
  private final CountDownLatch isRenewing = new CountDownLatch(1);
  private final CountDownLatch isRenewed = new CountDownLatch(1);
  private final AwsCredentialsProvider slow =
      () -> {
        isRenewing.countDown();
        return whenRenewed();
      };
  private final DynamoDbAsyncClient client =
      LocalServer.client(http, AwsRetryStrategy.doNotRetry(), slow);
  private final Dynamo dynamo = Dynamo.of(client, ticker);

  @AfterEach
  void close() {
    isRenewed.countDown();
    client.close();
    http.close();
  }

  private AwsCredentials whenRenewed() {
    try {
      isRenewed.await();
      return LocalServer.credentials().resolveCredentials();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private CompletableFuture<ListTablesResponse> ask() {
    return dynamo.ask(DynamoDbAsyncClient::listTables, it -> it.listTables());
  }

  @Test
  void whoAsksIsNotHeldUpByCredentialsThatAreBeingRenewed() throws Exception {
    CompletableFuture<ListTablesResponse> first = ask(); // returns, or this test never ends
    isRenewing.await();
    CompletableFuture<ListTablesResponse> second = ask();
    assertThat(first).isNotDone();
    isRenewed.countDown();
    assertThat(first).succeedsWithin(PATIENCE);
    assertThat(second).succeedsWithin(PATIENCE);
  }

  @Test
  void whatWaitedTooLongForThatIsNotSent() throws Exception {
    CompletableFuture<ListTablesResponse> first = ask();
    isRenewing.await();
    CompletableFuture<ListTablesResponse> early = ask();
    ticker.advance(Duration.ofMillis(1));
    CompletableFuture<ListTablesResponse> late = ask();
    ticker.advance(Dynamo.WAITS_WITHIN.minusMillis(1));
    isRenewed.countDown();
    assertThat(first).succeedsWithin(PATIENCE);
    assertThat(late).succeedsWithin(PATIENCE);
    assertThat(early)
        .failsWithin(PATIENCE)
        .withThrowableThat()
        .withCauseInstanceOf(StoreUnavailableException.class);
    assertThat(http.count("ListTables")).isEqualTo(2);
  }
}
