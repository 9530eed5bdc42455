package io.holdfast.dynamodb;

import static io.holdfast.dynamodb.Expression.n;
import static io.holdfast.dynamodb.Expression.s;

import io.holdfast.HoldData;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.Take;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;

/** The items of {@code python_dynamodb_lock} 0.9. Leases are whole seconds there, rounded up. Immutable. */
final class PythonRows extends ForeignRows {
  static final String KEY = "lock_key";
  static final String SORT_KEY = "sort_key";
  static final String SORT_VALUE = "-";
  static final String EXPIRY = "expiry_time";
  static final Duration EXPIRES_AFTER = Duration.ofHours(1);
  static final String OWNER = "owner_name";
  private static final String LEASE = "lease_duration";
  private static final String VERSION = "record_version_number";

  static final List<String> RESERVED = List.of(OWNER, LEASE, VERSION, TOKEN, SINCE);

  private static final String EXISTS = "attribute_exists(#pk) AND attribute_exists(#sk)";

  private final String expiry;
  private final Duration expiresAfter;

  /**
   * @param expiry the attribute by which DynamoDB deletes items that nobody has written for long. It decides nothing else
   * @param expiresAfter how long that is
   */
  PythonRows(
      String table,
      Keys keys,
      Map<String, AttributeValue> attributes,
      boolean counts,
      Supplier<String> newVersion,
      String expiry,
      Duration expiresAfter) {
    super(table, keys, attributes, counts, newVersion);
    this.expiry = expiry;
    this.expiresAfter = expiresAfter;
  }

  @Override
  public boolean keepsData() {
    return false;
  }

  @Override
  public TransactWriteItem take(Take take, Take.Wanted wanted, OptionalLong token, Instant now) {
    Map<String, AttributeValue> item = new LinkedHashMap<>(attributes);
    item.putAll(key(wanted.name()));
    item.put(OWNER, s(owner(take.client(), take.grant())));
    item.put(LEASE, n(take.leaseDuration().plusNanos(999_999_999).toSeconds()));
    item.put(VERSION, s(newVersion.get()));
    item.put(expiry, n(expiryAt(now)));
    addOurs(item, now, token);
    Expression on = keyNames();
    if (wanted.expired().isEmpty()) {
      return put(item, "NOT(" + EXISTS + ")", on);
    }
    on.name("#rvn", VERSION).text(":old_rvn", wanted.expired().get().version());
    return put(item, EXISTS + " AND #rvn = :old_rvn", on);
  }

  @Override
  public TransactWriteItem renew(LeaseRecord mine, Instant now) {
    Expression on =
        keyNames()
            .name("#rvn", VERSION)
            .name("#et", expiry)
            .name("#on", OWNER)
            .text(":new_rvn", newVersion.get())
            .number(":new_et", expiryAt(now))
            .text(":on", owner(mine));
    return update(mine.name(), "SET #rvn = :new_rvn, #et = :new_et", EXISTS + " AND #on = :on", on);
  }

  @Override
  public TransactWriteItem release(LeaseRecord held) {
    Expression on = keyNames().name("#on", OWNER).text(":on", owner(held));
    return delete(held.name(), EXISTS + " AND #on = :on", on);
  }

  @Override
  public LeaseRecord record(String name, Map<String, AttributeValue> item) {
    Row row = new Row(table, name, item);
    if (row.isMissing()) {
      return LeaseRecord.free(name, "", 0);
    }
    String owner = row.text(OWNER);
    return new LeaseRecord(
        name,
        row.text(VERSION),
        grant(owner),
        client(owner),
        row.seconds(LEASE),
        token(row, owner),
        since(row, owner),
        HoldData.empty());
  }

  @Override
  public Filter held(String prefix) {
    Expression on = new Expression().name("#on", OWNER);
    String expression = keys.held(on, prefix, "attribute_exists(#on)");
    return new Filter(expression, on.names(), on.values());
  }

  private Expression keyNames() {
    return new Expression()
        .name("#pk", keys.attribute())
        .name("#sk", keys.sort().orElseThrow().attribute());
  }

  private long expiryAt(Instant now) {
    return now.plus(expiresAfter).getEpochSecond();
  }
}
