package io.holdfast.dynamodb;

import static io.holdfast.dynamodb.Expression.n;
import static software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure.ALL_OLD;

import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.Take;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.Delete;
import software.amazon.awssdk.services.dynamodb.model.Put;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.Update;

/** What the layouts of other lock clients have in common. Immutable, as its subclasses are. */
abstract class ForeignRows implements RowFormat {
  /*
   * The others tell holders apart by the text of an owner. Ours is new with each grant: the client's name, '#', the grant's
   * id. So renewal and release are conditional on it, where the others compare the number of the record's version: what was
   * carried out and not answered is not in the way of the next.
   *
   * The others put and delete whole items. So a token is counted in an item of its own, in one transaction with the lock, and
   * stands in the lock's item for as long as that is ours.
   */
  static final String TOKEN = "fencingToken";

  /** Milliseconds since 1970 by our clock, for people; the others take it for one more attribute of a user's. */
  static final String SINCE = "grantedAt";

  static final String COUNTED = "token";
  private static final Pattern OURS = Pattern.compile("(.+)#([0-9a-f]{32})", Pattern.DOTALL);
  private static final String OTHERS = "~";

  final String table;
  final Keys keys;
  final Map<String, AttributeValue> attributes;
  final Supplier<String> newVersion;
  private final boolean counts;

  ForeignRows(
      String table,
      Keys keys,
      Map<String, AttributeValue> attributes,
      boolean counts,
      Supplier<String> newVersion) {
    this.table = table;
    this.keys = keys;
    this.attributes = attributes;
    this.counts = counts;
    this.newVersion = newVersion;
  }

  @Override
  public final boolean keepsTokens() {
    return counts;
  }

  @Override
  public final boolean countsInPlace() {
    return false;
  }

  @Override
  public final Map<String, AttributeValue> key(String name) {
    return keys.of(name);
  }

  @Override
  public final Map<String, AttributeValue> tokenKey(String name) {
    return keys.ofCounter(name);
  }

  @Override
  public final long token(String name, Map<String, AttributeValue> counter) {
    return counter.isEmpty() ? 0 : new Row(table, keys.name(counter), counter).number(COUNTED, 1);
  }

  /** A record of somebody else's, or none, says nothing of the counter. */
  @Override
  public final OptionalLong knownToken(Take.Wanted wanted) {
    long known = wanted.last().map(LeaseRecord::token).orElse(0L);
    return known > 0 ? OptionalLong.of(known) : OptionalLong.empty();
  }

  @Override
  public final List<TransactWriteItem> count(String name, long token) {
    if (!counts) {
      return List.of();
    }
    Expression on = new Expression().name("#t", COUNTED).number(":t", token);
    return List.of(
        TransactWriteItem.builder()
            .update(
                Update.builder()
                    .tableName(table)
                    .key(tokenKey(name))
                    .updateExpression("SET #t = :t")
                    .conditionExpression("attribute_not_exists(#t) OR #t < :t")
                    .expressionAttributeNames(on.names())
                    .expressionAttributeValues(on.values())
                    .returnValuesOnConditionCheckFailure(ALL_OLD)
                    .build())
            .build());
  }

  @Override
  public final LeaseRecord taken(
      Take take, Take.Wanted wanted, TransactWriteItem written, long token, Instant now) {
    return record(wanted.name(), written.put().item());
  }

  @Override
  public final String name(Map<String, AttributeValue> item) {
    return keys.name(item);
  }

  final void addOurs(Map<String, AttributeValue> item, Instant now, OptionalLong token) {
    item.put(SINCE, n(now.toEpochMilli()));
    if (counts && token.isPresent()) {
      item.put(TOKEN, n(token.getAsLong()));
    }
  }

  /**
   * Others do not write down when; and one that updates items may have left what stood there of an
   * earlier grant of ours.
   */
  static Instant since(Row row, String owner) {
    return isOurs(owner) && row.has(SINCE)
        ? Instant.ofEpochMilli(row.number(SINCE, Long.MIN_VALUE))
        : Instant.EPOCH;
  }

  final long token(Row row, String owner) {
    return counts && isOurs(owner) && row.has(TOKEN) ? row.number(TOKEN, 1) : 0;
  }

  private static boolean isOurs(String owner) {
    return OURS.matcher(owner).matches();
  }

  /** The name of a grant's owner. */
  static String owner(String client, String grant) {
    return grant.startsWith(OTHERS) ? grant.substring(OTHERS.length()) : client + "#" + grant;
  }

  static String owner(LeaseRecord record) {
    return owner(record.client(), record.grant());
  }

  /** The grant's id: of an owner of another kind, something that is no grant's of ours. */
  static String grant(String owner) {
    Matcher ours = OURS.matcher(owner);
    return ours.matches() ? ours.group(2) : OTHERS + owner;
  }

  static String client(String owner) {
    Matcher ours = OURS.matcher(owner);
    return ours.matches() ? ours.group(1) : owner;
  }

  final TransactWriteItem put(Map<String, AttributeValue> item, String condition, Expression on) {
    return TransactWriteItem.builder()
        .put(
            Put.builder()
                .tableName(table)
                .item(item)
                .conditionExpression(condition)
                .expressionAttributeNames(on.names())
                .expressionAttributeValues(on.values().isEmpty() ? null : on.values())
                .returnValuesOnConditionCheckFailure(ALL_OLD)
                .build())
        .build();
  }

  final TransactWriteItem update(String name, String set, String condition, Expression on) {
    return TransactWriteItem.builder()
        .update(
            Update.builder()
                .tableName(table)
                .key(key(name))
                .updateExpression(set)
                .conditionExpression(condition)
                .expressionAttributeNames(on.names())
                .expressionAttributeValues(on.values())
                .returnValuesOnConditionCheckFailure(ALL_OLD)
                .build())
        .build();
  }

  final TransactWriteItem delete(String name, String condition, Expression on) {
    return TransactWriteItem.builder()
        .delete(
            Delete.builder()
                .tableName(table)
                .key(key(name))
                .conditionExpression(condition)
                .expressionAttributeNames(on.names())
                .expressionAttributeValues(on.values())
                .returnValuesOnConditionCheckFailure(ALL_OLD)
                .build())
        .build();
  }
}
