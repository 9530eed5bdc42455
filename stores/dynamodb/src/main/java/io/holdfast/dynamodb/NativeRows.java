package io.holdfast.dynamodb;

import static software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure.ALL_OLD;

import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.Take;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.Update;

/** Holdfast's own layout: one item a lock, which is never deleted, with the token in it. Immutable. */
final class NativeRows implements RowFormat {
  /*
   * lock        S  the lock's name, the key
   * token       N  of the last grant; stays when the lock is free
   * grant       S  id of the grant that has the lock; absent if it is free, as all that follows
   * client      S  the holder's name
   * leaseMillis N
   * renewals    N  counted by the holder, 0 with the grant
   * since       N  milliseconds since 1970, by the holder's clock, for people
   * data        B  absent if there is none
   *
   * Renewal and release are conditional on the grant alone. So a renewal that was carried out and not answered does not get
   * in the way of the next one, and one that comes late changes nothing of a later grant.
   *
   * A request that waits keeps the id of its grant, and a late sending of its take may bring that back after a release. So the
   * version has the token, too, which no two takes share.
   */
  static final String KEY = "lock";
  static final String TOKEN = "token";
  private static final String GRANT = "grant";
  private static final String CLIENT = "client";
  private static final String LEASE = "leaseMillis";
  private static final String RENEWALS = "renewals";
  private static final String SINCE = "since";
  private static final String DATA = "data";

  /** What a table must not delete items by, nor have as a key. */
  static final List<String> ATTRIBUTES =
      List.of(TOKEN, GRANT, CLIENT, LEASE, RENEWALS, SINCE, DATA);

  private static final String IS_OURS = "(attribute_not_exists(#pk) OR attribute_type(#t, :n))";

  private final String table;
  private final Keys keys;

  NativeRows(String table, Keys keys) {
    this.table = table;
    this.keys = keys;
  }

  @Override
  public boolean keepsData() {
    return true;
  }

  @Override
  public boolean keepsTokens() {
    return true;
  }

  @Override
  public boolean countsInPlace() {
    return true;
  }

  @Override
  public Map<String, AttributeValue> key(String name) {
    return keys.of(name);
  }

  @Override
  public Map<String, AttributeValue> tokenKey(String name) {
    return keys.of(name);
  }

  @Override
  public long token(String name, Map<String, AttributeValue> counter) {
    return record(name, counter).token();
  }

  @Override
  public OptionalLong knownToken(Take.Wanted wanted) {
    return wanted.last().map(last -> OptionalLong.of(last.token())).orElse(OptionalLong.empty());
  }

  @Override
  public TransactWriteItem take(Take take, Take.Wanted wanted, OptionalLong token, Instant now) {
    Expression on =
        new Expression()
            .name("#pk", keys.attribute())
            .name("#t", TOKEN)
            .name("#g", GRANT)
            .name("#c", CLIENT)
            .name("#l", LEASE)
            .name("#r", RENEWALS)
            .name("#s", SINCE)
            .name("#d", DATA)
            .text(":n", "N")
            .text(":g", take.grant())
            .text(":c", take.client())
            .number(":l", ceilMillis(take.leaseDuration()))
            .number(":zero", 0)
            .number(":s", now.toEpochMilli());
    String set = "SET #g = :g, #c = :c, #l = :l, #r = :zero, #s = :s, ";
    String condition = IS_OURS + " AND (attribute_not_exists(#g)";
    if (wanted.expired().isPresent()) {
      LeaseRecord seen = wanted.expired().get();
      on.text(":seen", seen.grant())
          .number(":renewals", renewals(seen))
          .number(":taken", seen.token());
      condition += " OR (#g = :seen AND #r = :renewals AND #t = :taken)";
    }
    condition += ")";
    if (token.isPresent()) {
      on.number(":t", token.getAsLong());
      set += "#t = :t";
      condition += " AND (attribute_not_exists(#t) OR #t < :t)";
    } else {
      on.number(":one", 1);
      set += "#t = if_not_exists(#t, :zero) + :one";
    }
    if (take.data().isEmpty()) {
      set += " REMOVE #d";
    } else {
      on.bytes(":d", take.data().bytes());
      set += ", #d = :d";
    }
    return write(wanted.name(), set, condition, on);
  }

  @Override
  public List<TransactWriteItem> count(String name, long token) {
    return List.of();
  }

  @Override
  public LeaseRecord taken(
      Take take, Take.Wanted wanted, TransactWriteItem written, long token, Instant now) {
    return new LeaseRecord(
        wanted.name(),
        version(take.grant(), token, 0),
        take.grant(),
        take.client(),
        Duration.ofMillis(ceilMillis(take.leaseDuration())),
        token,
        now.truncatedTo(ChronoUnit.MILLIS),
        take.data());
  }

  @Override
  public TransactWriteItem renew(LeaseRecord mine, Instant now) {
    Expression on =
        new Expression()
            .name("#g", GRANT)
            .name("#r", RENEWALS)
            .text(":g", mine.grant())
            .number(":one", 1);
    return write(mine.name(), "SET #r = #r + :one", "#g = :g", on);
  }

  @Override
  public TransactWriteItem release(LeaseRecord held) {
    Expression on =
        new Expression()
            .name("#g", GRANT)
            .name("#c", CLIENT)
            .name("#l", LEASE)
            .name("#r", RENEWALS)
            .name("#s", SINCE)
            .name("#d", DATA)
            .text(":g", held.grant());
    return write(held.name(), "REMOVE #g, #c, #l, #r, #s, #d", "#g = :g", on);
  }

  @Override
  public LeaseRecord record(String name, Map<String, AttributeValue> item) {
    Row row = new Row(table, name, item);
    if (row.isMissing()) {
      return LeaseRecord.free(name, "", 0);
    }
    long token = row.number(TOKEN, 1);
    if (!row.has(GRANT)) {
      return LeaseRecord.free(name, "free/" + token, token);
    }
    String grant = row.text(GRANT);
    return new LeaseRecord(
        name,
        version(grant, token, row.number(RENEWALS, 0)),
        grant,
        row.text(CLIENT),
        Duration.ofMillis(row.number(LEASE, 1)),
        token,
        Instant.ofEpochMilli(row.number(SINCE, Long.MIN_VALUE)),
        row.data(DATA));
  }

  @Override
  public Filter held(String prefix) {
    Expression on = new Expression().name("#t", TOKEN).name("#g", GRANT);
    String expression = keys.held(on, prefix, "attribute_exists(#t) AND attribute_exists(#g)");
    return new Filter(expression, on.names(), on.values());
  }

  @Override
  public String name(Map<String, AttributeValue> item) {
    return keys.name(item);
  }

  static long ceilMillis(Duration duration) {
    return duration.plusNanos(999_999).toMillis();
  }

  private static String version(String grant, long token, long renewals) {
    return grant + "/" + token + "/" + renewals;
  }

  private static long renewals(LeaseRecord record) {
    return Long.parseLong(record.version().substring(record.version().lastIndexOf('/') + 1));
  }

  private TransactWriteItem write(String name, String set, String condition, Expression on) {
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
}
