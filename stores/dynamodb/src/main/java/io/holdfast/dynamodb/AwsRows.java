package io.holdfast.dynamodb;

import static io.holdfast.dynamodb.Expression.b;
import static io.holdfast.dynamodb.Expression.s;

import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.Take;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;

/** The items of Amazon's {@code dynamodb-lock-client}, versions 1.0 to 1.4. Immutable. */
final class AwsRows extends ForeignRows {
  static final String KEY = "key";
  static final String OWNER = "ownerName";
  private static final String LEASE = "leaseDuration";
  private static final String VERSION = "recordVersionNumber";
  private static final String DATA = "data";
  private static final String RELEASED = "isReleased";

  static final List<String> RESERVED = List.of(OWNER, LEASE, VERSION, DATA, RELEASED, TOKEN, SINCE);

  private final boolean keepsReleased;
  private final boolean isConsistent;

  /**
   * @param keepsReleased leaves the item behind, marked as released
   * @param isConsistent takes a released item only as it was seen
   */
  AwsRows(
      String table,
      Keys keys,
      Map<String, AttributeValue> attributes,
      boolean counts,
      Supplier<String> newVersion,
      boolean keepsReleased,
      boolean isConsistent) {
    super(table, keys, attributes, counts, newVersion);
    this.keepsReleased = keepsReleased;
    this.isConsistent = isConsistent;
  }

  @Override
  public boolean keepsData() {
    return true;
  }

  @Override
  public TransactWriteItem take(Take take, Take.Wanted wanted, OptionalLong token, Instant now) {
    Map<String, AttributeValue> item = new LinkedHashMap<>(attributes);
    item.putAll(key(wanted.name()));
    item.put(OWNER, s(owner(take.client(), take.grant())));
    item.put(LEASE, s(Long.toString(NativeRows.ceilMillis(take.leaseDuration()))));
    item.put(VERSION, s(newVersion.get()));
    if (!take.data().isEmpty()) {
      item.put(DATA, b(take.data().bytes()));
    }
    addOurs(item, now, token);
    Expression on = new Expression();
    return put(item, condition(wanted, on), on);
  }

  private String condition(Take.Wanted wanted, Expression on) {
    if (wanted.expired().isPresent()) {
      on.name("#rvn", VERSION).text(":rvn", wanted.expired().get().version());
      return exists(on) + " AND #rvn = :rvn";
    }
    if (!isConsistent) {
      on.name("#ir", RELEASED).text(":ir", "1");
      return isMissing(on) + " OR #ir = :ir";
    }
    String released =
        wanted.last().filter(LeaseRecord::isFree).map(LeaseRecord::version).orElse("");
    if (released.isEmpty()) {
      return isMissing(on);
    }
    on.name("#ir", RELEASED).text(":ir", "1").name("#rvn", VERSION).text(":rvn", released);
    return exists(on) + " AND #ir = :ir AND #rvn = :rvn";
  }

  @Override
  public TransactWriteItem renew(LeaseRecord mine, Instant now) {
    Expression on = new Expression();
    String condition = isHeldBy(mine, on);
    on.name("#ld", LEASE)
        .name("#rvn", VERSION)
        .text(":ld", Long.toString(mine.leaseDuration().toMillis()))
        .text(":newRvn", newVersion.get());
    return update(mine.name(), "SET #ld = :ld, #rvn = :newRvn", condition, on);
  }

  @Override
  public TransactWriteItem release(LeaseRecord held) {
    Expression on = new Expression();
    String condition = isHeldBy(held, on);
    return keepsReleased
        ? update(held.name(), "SET #ir = :ir", condition, on.text(":ir", "1"))
        : delete(held.name(), condition, on);
  }

  @Override
  public LeaseRecord record(String name, Map<String, AttributeValue> item) {
    Row row = new Row(table, name, item);
    if (row.isMissing()) {
      return LeaseRecord.free(name, "", 0);
    }
    String owner = row.text(OWNER);
    String version = row.text(VERSION);
    if (row.has(RELEASED)) {
      if (!row.text(RELEASED).equals("1")) {
        throw row.broken(RELEASED, "is not \"1\"");
      }
      return LeaseRecord.free(name, version, token(row, owner));
    }
    return new LeaseRecord(
        name,
        version,
        grant(owner),
        client(owner),
        row.millisInText(LEASE),
        token(row, owner),
        since(row, owner),
        row.data(DATA));
  }

  @Override
  public Filter held(String prefix) {
    Expression on = new Expression().name("#on", OWNER).name("#ir", RELEASED);
    String expression =
        keys.held(on, prefix, "attribute_exists(#on) AND attribute_not_exists(#ir)");
    return new Filter(expression, on.names(), on.values());
  }

  private String isHeldBy(LeaseRecord record, Expression on) {
    on.name("#on", OWNER).name("#ir", RELEASED).text(":on", owner(record));
    return exists(on) + " AND #on = :on AND attribute_not_exists(#ir)";
  }

  private String exists(Expression on) {
    return of("attribute_exists", on);
  }

  private String isMissing(Expression on) {
    return of("attribute_not_exists", on);
  }

  private String of(String test, Expression on) {
    on.name("#pk", keys.attribute());
    keys.sort().ifPresent(sort -> on.name("#sk", sort.attribute()));
    return test + "(#pk)" + (keys.sort().isPresent() ? " AND " + test + "(#sk)" : "");
  }
}
