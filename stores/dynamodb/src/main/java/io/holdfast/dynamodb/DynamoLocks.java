package io.holdfast.dynamodb;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.Ticker;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Locks in a table of DynamoDB, over a client of the AWS SDK that the application has already.
 *
 * <pre>{@code
 * DynamoLocks table = DynamoLocks.in("locks", dynamoDbAsyncClient);
 * try (LockClient locks = table.client(ClientOptions.defaults())) {
 *   ...
 * }
 * }</pre>
 *
 * <p>The SDK's client is not closed with the locks. Its own retries do no harm and no good: what fails is asked again by the
 * locks, which know for how long that makes sense. It is asked in a thread of its own, so its credentials may block while they
 * are renewed; but all requests wait for that, so let it take no more than a second or two.
 *
 * <p>Immutable; each method that changes something returns a new one. Thread-safe.
 */
public final class DynamoLocks {
  private static final Pattern TABLE =
      Pattern.compile("[A-Za-z0-9_.-]{3,255}|arn:[A-Za-z0-9_.:/-]{1,1000}");

  /** Whether two tables that nobody has looked at are one cannot be told. */
  private static final AtomicLong UNCHECKED = new AtomicLong();

  private final Dynamo dynamo;
  private final String table;
  private final DynamoLayout layout;
  private final boolean isChecked;
  private final boolean oneRegion;

  private DynamoLocks(
      Dynamo dynamo, String table, DynamoLayout layout, boolean isChecked, boolean oneRegion) {
    checkTable(table);
    this.dynamo = dynamo;
    this.table = table;
    this.layout = layout;
    this.isChecked = isChecked;
    this.oneRegion = oneRegion;
  }

  static void checkTable(String table) {
    if (!TABLE.matcher(table).matches()) {
      throw new InvalidRequestException(
          "TABLE_BAD",
          "table "
              + InvalidRequestException.show(table)
              + " is not 3 to 255 of letters, digits, '_', '-' and '.', nor a table's ARN");
    }
  }

  /** Locks in a table, in the layout {@link DynamoLayout#holdfast}. Asks nothing yet. */
  public static DynamoLocks in(String table, DynamoDbAsyncClient client) {
    return new DynamoLocks(
        Dynamo.of(Objects.requireNonNull(client, "client"), Ticker.system()),
        table,
        DynamoLayout.holdfast(),
        true,
        false);
  }

  /**
   * The same over a client that blocks.
   *
   * @param executor each request blocks one of its threads, renewals included: let it have as many as requests may be under way
   *     at a time
   */
  public static DynamoLocks in(String table, DynamoDbClient client, Executor executor) {
    return new DynamoLocks(
        new Dynamo.Blocking(
            Objects.requireNonNull(client, "client"),
            Objects.requireNonNull(executor, "executor"),
            Ticker.system()),
        table,
        DynamoLayout.holdfast(),
        true,
        false);
  }

  /** The same for who has more than a client. */
  static DynamoLocks in(String table, Dynamo dynamo) {
    return new DynamoLocks(dynamo, table, DynamoLayout.holdfast(), true, false);
  }

  /** How the locks lie in the table. */
  public DynamoLocks layout(DynamoLayout layout) {
    return new DynamoLocks(dynamo, table, layout, isChecked, oneRegion);
  }

  /**
   * Does not look at the table first. Spares the permissions {@code DescribeTable} and {@code DescribeTimeToLive}, and the
   * refusal of a table in which the locks would not be safe. Each {@link #client} has a line of its own then.
   */
  public DynamoLocks unchecked() {
    return new DynamoLocks(dynamo, table, layout, false, oneRegion);
  }

  /**
   * All clients of these locks, in whatever process, ask the region that this one asks. Then a global table may be used whose
   * other regions follow in time.
   */
  public DynamoLocks oneRegion() {
    return new DynamoLocks(dynamo, table, layout, isChecked, true);
  }

  /**
   * A client, after a look at the table, for which this waits.
   *
   * @throws io.holdfast.LockRefusedException if there is no such table, it has another key, a permission is missing, it is a
   *     global table without strong consistency, or it deletes items by an attribute of the locks'
   * @throws io.holdfast.StoreUnavailableException if DynamoDB does not answer
   */
  public LockClient client(ClientOptions options) {
    return LockClient.over(LeaseLocks.over(store(options, () -> {}), options), options);
  }

  /** Refuses a table in which locks would not be safe. */
  void check() {
    look(new Failures(table, layout.schema()));
  }

  private String look(Failures failures) {
    return new TableCheck(dynamo, table, layout, failures, Ticker.system()).look(oneRegion);
  }

  /** The same without the engine. */
  LeaseStore store(ClientOptions options, Runnable closing) {
    Failures failures = new Failures(table, layout.schema());
    String where = isChecked ? look(failures) : "unchecked-" + UNCHECKED.incrementAndGet();
    return new DynamoLeaseStore(
        dynamo,
        table,
        layout.rows(table),
        failures,
        "dynamodb/" + dynamo.place() + "/" + where + "/" + layout.mark(),
        options.ticker()::instant,
        closing);
  }
}
