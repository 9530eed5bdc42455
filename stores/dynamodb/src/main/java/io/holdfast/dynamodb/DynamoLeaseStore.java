package io.holdfast.dynamodb;

import io.holdfast.Capability;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BatchGetItemRequest;
import software.amazon.awssdk.services.dynamodb.model.BatchGetItemResponse;
import software.amazon.awssdk.services.dynamodb.model.CancellationReason;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DeleteItemRequest;
import software.amazon.awssdk.services.dynamodb.model.GetItemRequest;
import software.amazon.awssdk.services.dynamodb.model.KeysAndAttributes;
import software.amazon.awssdk.services.dynamodb.model.PutItemRequest;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ScanRequest;
import software.amazon.awssdk.services.dynamodb.model.ScanResponse;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItemsRequest;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;

/** Records of locks as items of a table: requests and answers; what they contain is the {@link RowFormat}'s. Thread-safe. */
final class DynamoLeaseStore implements LeaseStore {
  /*
   *   take     one lock: one conditional write. Several, or a token that is counted apart: one transaction, with a token above
   *            all last ones that are known; a batch of reads comes first for those that are not
   *   renew    one conditional write
   *   release  one conditional write
   *   read     one consistent read
   *   list     scans the table
   *
   * A condition that fails tells the item as it is, so nothing is ever read after a write.
   */

  /** A list reads at most so many pages, of a megabyte each. */
  static final int MOST_PAGES = 1_000;

  private static final String FAILED_CONDITION = "ConditionalCheckFailed";
  private static final Set<String> TURNED_AWAY =
      Set.of("TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError");

  private final Dynamo dynamo;
  private final String table;
  private final RowFormat rows;
  private final Failures failures;
  private final String place;
  private final Supplier<Instant> clock;
  private final Runnable closing;

  /**
   * @param clock shown as the time of grants; items of the Python client expire by it
   * @param closing what to do at the end
   */
  DynamoLeaseStore(
      Dynamo dynamo,
      String table,
      RowFormat rows,
      Failures failures,
      String place,
      Supplier<Instant> clock,
      Runnable closing) {
    this.dynamo = dynamo;
    this.table = table;
    this.rows = rows;
    this.failures = failures;
    this.place = place;
    this.clock = clock;
    this.closing = closing;
  }

  @Override
  public String name() {
    return "dynamodb";
  }

  @Override
  public String place() {
    return place;
  }

  @Override
  public Set<Capability> capabilities() {
    EnumSet<Capability> can = EnumSet.of(Capability.LIST);
    if (rows.countsInPlace() || !rows.keepsTokens()) {
      can.add(Capability.ALL); // as many writes as the api has targets fit, not twice as many
    }
    if (rows.keepsData()) {
      can.add(Capability.DATA);
    }
    if (rows.keepsTokens()) {
      can.add(Capability.FENCING);
      can.add(Capability.DURABLE_TOKENS);
    }
    return can;
  }

  // ------------------------------------------------------------ taking

  @Override
  public CompletableFuture<TakeAnswer> take(Take take) {
    return take(take, false);
  }

  @Override
  public CompletableFuture<TakeAnswer> takeHere(Take take) {
    return take(take, true);
  }

  private CompletableFuture<TakeAnswer> take(Take take, boolean isHere) {
    boolean isOne = take.wanted().size() == 1 && (rows.countsInPlace() || !rows.keepsTokens());
    return isOne ? takeOne(take, isHere) : takeTogether(take);
  }

  private CompletableFuture<TakeAnswer> takeOne(Take take, boolean isHere) {
    Take.Wanted wanted = take.wanted().get(0);
    Instant now = clock.get();
    TransactWriteItem write = rows.take(take, wanted, OptionalLong.empty(), now);
    return write(
        isHere,
        write,
        written -> {
          LeaseRecord taken =
              written.isEmpty()
                  ? rows.taken(take, wanted, write, 0, now)
                  : rows.record(wanted.name(), written);
          return new TakeAnswer.Taken(List.of(taken));
        },
        found -> new TakeAnswer.InTheWay(List.of(rows.record(wanted.name(), found))));
  }

  private CompletableFuture<TakeAnswer> takeTogether(Take take) {
    if (!rows.keepsTokens()) {
      return takeWith(take, 0);
    }
    long known = 0;
    List<String> unknown = new ArrayList<>();
    for (Take.Wanted wanted : take.wanted()) {
      OptionalLong last = rows.knownToken(wanted);
      known = Math.max(known, last.orElse(0));
      if (last.isEmpty()) {
        unknown.add(wanted.name());
      }
    }
    if (unknown.isEmpty()) {
      return takeWith(take, known + 1);
    }
    long atLeast = known;
    return highestToken(unknown)
        .thenCompose(highest -> takeWith(take, Math.max(atLeast, highest) + 1));
  }

  /** A token that is not read in vain is too low at worst, and then the condition fails. */
  private CompletableFuture<Long> highestToken(List<String> names) {
    KeysAndAttributes wanted =
        KeysAndAttributes.builder()
            .keys(names.stream().map(rows::tokenKey).toList())
            .consistentRead(true)
            .build();
    BatchGetItemRequest request =
        BatchGetItemRequest.builder().requestItems(Map.of(table, wanted)).build();
    return ask(
        "BatchGetItem",
        false,
        () ->
            dynamo.ask(
                client -> client.batchGetItem(request), client -> client.batchGetItem(request)),
        this::highestOf);
  }

  private long highestOf(BatchGetItemResponse response) {
    long highest = 0;
    for (Map<String, AttributeValue> counter :
        response.responses().getOrDefault(table, List.of())) {
      highest = Math.max(highest, rows.token(rows.name(counter), counter));
    }
    return highest;
  }

  private CompletableFuture<TakeAnswer> takeWith(Take take, long token) {
    Instant now = clock.get();
    OptionalLong counted = token == 0 ? OptionalLong.empty() : OptionalLong.of(token);
    List<TransactWriteItem> writes = new ArrayList<>();
    List<Take.Wanted> of = new ArrayList<>();
    List<LeaseRecord> taken = new ArrayList<>();
    Set<Integer> counters = new HashSet<>();
    for (Take.Wanted wanted : take.wanted()) {
      TransactWriteItem write = rows.take(take, wanted, counted, now);
      writes.add(write);
      of.add(wanted);
      taken.add(rows.taken(take, wanted, write, token, now));
      for (TransactWriteItem count : rows.count(wanted.name(), token)) {
        counters.add(writes.size());
        writes.add(count);
        of.add(wanted);
      }
    }
    TransactWriteItemsRequest request =
        TransactWriteItemsRequest.builder().transactItems(writes).build();
    return askOr(
        "TransactWriteItems",
        () ->
            dynamo.ask(
                client -> client.transactWriteItems(request),
                client -> client.transactWriteItems(request)),
        response -> new TakeAnswer.Taken(taken),
        failure ->
            failure instanceof TransactionCanceledException cancelled
                ? inTheWay(cancelled, of, counters)
                : null);
  }

  private TakeAnswer inTheWay(
      TransactionCanceledException cancelled, List<Take.Wanted> of, Set<Integer> counters) {
    Map<String, LeaseRecord> found = new LinkedHashMap<>();
    Map<String, Long> counted = new HashMap<>();
    List<CancellationReason> reasons = cancelled.cancellationReasons();
    for (int i = 0; i < Math.min(reasons.size(), of.size()); i++) {
      CancellationReason reason = reasons.get(i);
      Take.Wanted wanted = of.get(i);
      String name = wanted.name();
      if (!FAILED_CONDITION.equals(reason.code())) {
        continue;
      }
      if (counters.contains(i)) {
        counted.put(name, rows.token(name, reason.item()));
        found.computeIfAbsent(name, it -> wanted.expired().orElse(LeaseRecord.free(it, "", 0)));
      } else {
        found.put(name, rows.record(name, reason.item()));
      }
    }
    if (found.isEmpty()) {
      throw turnedAway(cancelled, reasons);
    }
    counted.forEach((name, token) -> found.computeIfPresent(name, (n, it) -> with(token, it)));
    return new TakeAnswer.InTheWay(List.copyOf(found.values()));
  }

  private RuntimeException turnedAway(
      TransactionCanceledException cancelled, List<CancellationReason> reasons) {
    for (CancellationReason reason : reasons) {
      if (reason.code() != null
          && !reason.code().equals("None")
          && !TURNED_AWAY.contains(reason.code())) {
        return new LockRefusedException(
            "REQUEST_REFUSED",
            "TransactWriteItems on table "
                + table
                + ": "
                + reason.code()
                + ", "
                + reason.message());
      }
    }
    return new StoreUnavailableException(
        "TransactWriteItems on table " + table + " was turned away: others are at these items",
        cancelled);
  }

  private static LeaseRecord with(long token, LeaseRecord record) {
    return new LeaseRecord(
        record.name(),
        record.version(),
        record.grant(),
        record.client(),
        record.leaseDuration(),
        token,
        record.since(),
        record.data());
  }

  // ------------------------------------------------------------ all else

  @Override
  public CompletableFuture<LeaseRecord> read(String name) {
    GetItemRequest request =
        GetItemRequest.builder().tableName(table).key(rows.key(name)).consistentRead(true).build();
    return ask(
        "GetItem",
        false,
        () -> dynamo.ask(client -> client.getItem(request), client -> client.getItem(request)),
        response -> rows.record(name, response.item()));
  }

  @Override
  public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
    return write(
        false,
        rows.renew(mine, clock.get()),
        written -> new RenewAnswer.Renewed(rows.record(mine.name(), written)),
        found -> new RenewAnswer.Changed(rows.record(mine.name(), found)));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
    return release(held, false);
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> releaseHere(LeaseRecord held) {
    return release(held, true);
  }

  private CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held, boolean isHere) {
    // What the SDK sent before by itself may have freed it: then this is no proof that somebody
    // else has.
    return writeOr(
        isHere,
        rows.release(held),
        written -> {
          LeaseRecord left = rows.record(held.name(), written);
          return Optional.of(left.token() == 0 ? with(held.token(), left) : left);
        },
        failed -> Failures.attempts(failed) > 1 ? null : Optional.empty());
  }

  @Override
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    RowFormat.Filter held = rows.held(prefix);
    ScanRequest request =
        ScanRequest.builder()
            .tableName(table)
            .consistentRead(true)
            .filterExpression(held.expression())
            .expressionAttributeNames(held.names())
            .expressionAttributeValues(held.values().isEmpty() ? null : held.values())
            .build();
    return scan(request, most, new TreeMap<>(), 1);
  }

  /** The items come in no order, so the last names are forgotten while more come. */
  private CompletableFuture<List<LeaseRecord>> scan(
      ScanRequest request, int most, NavigableMap<String, LeaseRecord> found, int page) {
    CompletableFuture<ScanResponse> asked =
        ask(
            "Scan",
            false,
            () -> dynamo.ask(client -> client.scan(request), client -> client.scan(request)),
            response -> response);
    return asked.thenCompose(
        response -> {
          for (Map<String, AttributeValue> item : response.items()) {
            add(item, found);
            if (found.size() > most) {
              found.pollLastEntry();
            }
          }
          if (!response.hasLastEvaluatedKey() || response.lastEvaluatedKey().isEmpty()) {
            return CompletableFuture.completedFuture(List.copyOf(found.values()));
          }
          if (page == MOST_PAGES) {
            return CompletableFuture.failedFuture(
                new LockRefusedException(
                    "TABLE_TOO_LARGE",
                    "table " + table + " has more than " + MOST_PAGES + " MB, too much to list"));
          }
          ScanRequest next =
              request.toBuilder().exclusiveStartKey(response.lastEvaluatedKey()).build();
          return scan(next, most, found, page + 1);
        });
  }

  /** One item that nobody can read does not hide the others; whoever asks for it is told. */
  private void add(Map<String, AttributeValue> item, Map<String, LeaseRecord> found) {
    String name = rows.name(item);
    try {
      LeaseRecord record = rows.record(name, item);
      if (!record.isFree()) {
        found.put(name, record);
      }
    } catch (LockRefusedException e) {
      // left out
    }
  }

  @Override
  public void close() {
    closing.run();
  }

  @Override
  public String toString() {
    return "locks in table " + table + " at " + dynamo.place();
  }

  // ------------------------------------------------------------ asking

  /** Sends one write of its own. An update tells the item as it left it, all else nothing. */
  private <T> CompletableFuture<T> write(
      boolean isHere,
      TransactWriteItem write,
      Function<Map<String, AttributeValue>, T> done,
      Function<Map<String, AttributeValue>, T> conditionFailed) {
    return writeOr(
        isHere,
        write,
        done,
        failed -> conditionFailed.apply(failed.hasItem() ? failed.item() : Map.of()));
  }

  /** The same where a condition that failed may be a failure, too: then the answer is null. */
  private <T> CompletableFuture<T> writeOr(
      boolean isHere,
      TransactWriteItem write,
      Function<Map<String, AttributeValue>, T> done,
      Function<ConditionalCheckFailedException, @Nullable T> conditionFailed) {
    Function<Throwable, @Nullable T> otherwise =
        failure ->
            failure instanceof ConditionalCheckFailedException failed
                ? conditionFailed.apply(failed)
                : null;
    if (write.put() != null) {
      PutItemRequest request = put(write);
      return askOr(
          "PutItem",
          () -> send(isHere, client -> client.putItem(request), client -> client.putItem(request)),
          response -> done.apply(Map.of()),
          otherwise);
    }
    if (write.delete() != null) {
      DeleteItemRequest request = delete(write);
      return askOr(
          "DeleteItem",
          () ->
              send(
                  isHere,
                  client -> client.deleteItem(request),
                  client -> client.deleteItem(request)),
          response -> done.apply(Map.of()),
          otherwise);
    }
    UpdateItemRequest request = update(write);
    return askOr(
        "UpdateItem",
        () ->
            send(
                isHere, client -> client.updateItem(request), client -> client.updateItem(request)),
        response -> done.apply(response.attributes()),
        otherwise);
  }

  private <A> CompletableFuture<A> send(
      boolean isHere,
      Function<DynamoDbAsyncClient, CompletableFuture<A>> async,
      Function<DynamoDbClient, A> blocking) {
    return isHere ? dynamo.askHere(async, blocking) : dynamo.ask(async, blocking);
  }

  private static PutItemRequest put(TransactWriteItem write) {
    return PutItemRequest.builder()
        .tableName(write.put().tableName())
        .item(write.put().item())
        .conditionExpression(write.put().conditionExpression())
        .expressionAttributeNames(write.put().expressionAttributeNames())
        .expressionAttributeValues(
            write.put().hasExpressionAttributeValues()
                ? write.put().expressionAttributeValues()
                : null)
        .returnValuesOnConditionCheckFailure(write.put().returnValuesOnConditionCheckFailure())
        .build();
  }

  private static UpdateItemRequest update(TransactWriteItem write) {
    return UpdateItemRequest.builder()
        .tableName(write.update().tableName())
        .key(write.update().key())
        .updateExpression(write.update().updateExpression())
        .conditionExpression(write.update().conditionExpression())
        .expressionAttributeNames(write.update().expressionAttributeNames())
        .expressionAttributeValues(write.update().expressionAttributeValues())
        .returnValues(ReturnValue.ALL_NEW)
        .returnValuesOnConditionCheckFailure(write.update().returnValuesOnConditionCheckFailure())
        .build();
  }

  private static DeleteItemRequest delete(TransactWriteItem write) {
    return DeleteItemRequest.builder()
        .tableName(write.delete().tableName())
        .key(write.delete().key())
        .conditionExpression(write.delete().conditionExpression())
        .expressionAttributeNames(write.delete().expressionAttributeNames())
        .expressionAttributeValues(write.delete().expressionAttributeValues())
        .returnValuesOnConditionCheckFailure(write.delete().returnValuesOnConditionCheckFailure())
        .build();
  }

  private <A, T> CompletableFuture<T> ask(
      String action,
      boolean writes,
      Supplier<CompletableFuture<A>> request,
      Function<A, T> answer) {
    return asked(request)
        .handle(
            (told, failure) -> {
              if (told == null) {
                throw failures.of(nonNull(failure), action, writes);
              }
              return answer.apply(told);
            });
  }

  /** The same for a write; some failures are answers. */
  private <A, T> CompletableFuture<T> askOr(
      String action,
      Supplier<CompletableFuture<A>> request,
      Function<A, T> answer,
      Function<Throwable, @Nullable T> otherwise) {
    BiFunction<@Nullable A, @Nullable Throwable, T> hear =
        (told, failure) -> {
          if (told != null) {
            return answer.apply(told);
          }
          T instead = otherwise.apply(Failures.unwrap(nonNull(failure)));
          if (instead == null) {
            throw failures.of(nonNull(failure), action, true);
          }
          return instead;
        };
    return asked(request).handle(hear);
  }

  /** The SDK stumbles over a thread that is interrupted, which is nothing to the request, and takes the mark away. */
  private static <A> CompletableFuture<A> asked(Supplier<CompletableFuture<A>> request) {
    boolean isInterrupted = Thread.interrupted();
    try {
      return request.get();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    } finally {
      if (isInterrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static Throwable nonNull(@Nullable Throwable failure) {
    return failure == null ? new IllegalStateException("the SDK has answered null") : failure;
  }
}
