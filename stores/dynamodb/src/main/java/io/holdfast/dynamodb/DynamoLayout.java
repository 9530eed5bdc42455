package io.holdfast.dynamodb;

import io.holdfast.InvalidRequestException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * How locks lie in a table: in Holdfast's own way, or in that of another lock client whose processes share the locks.
 * Immutable; each method that changes something returns a new one.
 */
public final class DynamoLayout {
  /** Names of attributes have at most so many bytes where they are keys; the others are held to it, too. */
  static final int MAX_ATTRIBUTE_BYTES = 255;

  /** Of a sort key. */
  static final int MAX_SORT_VALUE_BYTES = 1024;

  /** Additional attributes have at most so many bytes; an item of DynamoDB 400 KB. */
  static final int MAX_ATTRIBUTES_BYTES = 300_000;

  enum Dialect {
    NATIVE,
    AWS,
    PYTHON
  }

  private final Dialect dialect;
  private final Keys keys;
  private final boolean counts;
  private final boolean keepsReleased;
  private final boolean isConsistent;
  private final Map<String, AttributeValue> attributes;
  private final String expiry;
  private final Duration expiresAfter;

  private DynamoLayout(
      Dialect dialect,
      Keys keys,
      boolean counts,
      boolean keepsReleased,
      boolean isConsistent,
      Map<String, AttributeValue> attributes,
      String expiry,
      Duration expiresAfter) {
    this.dialect = dialect;
    this.keys = keys;
    this.counts = counts;
    this.keepsReleased = keepsReleased;
    this.isConsistent = isConsistent;
    this.attributes = attributes;
    this.expiry = expiry;
    this.expiresAfter = expiresAfter;
  }

  private static DynamoLayout of(Dialect dialect, Keys keys) {
    return new DynamoLayout(
        dialect, keys, false, false, false, Map.of(), PythonRows.EXPIRY, PythonRows.EXPIRES_AFTER);
  }

  /** Holdfast's own: one item a lock, never deleted, with the fencing token in it; the key is {@code lock}. */
  public static DynamoLayout holdfast() {
    return of(Dialect.NATIVE, new Keys(NativeRows.KEY, Optional.empty()));
  }

  /**
   * That of Amazon's {@code dynamodb-lock-client} 1.0 to 1.4; the key is {@code key}. No fencing tokens, but see {@link
   * #tokens}.
   */
  public static DynamoLayout aws() {
    return of(Dialect.AWS, new Keys(AwsRows.KEY, Optional.empty()));
  }

  /**
   * That of {@code python_dynamodb_lock} 0.9; the key is {@code lock_key} with the sort key {@code sort_key} and the value
   * {@code -}. Leases are whole seconds, rounded up. No data with holds, and no fencing tokens, but see {@link #tokens}.
   */
  public static DynamoLayout python() {
    return of(
        Dialect.PYTHON,
        new Keys(
            PythonRows.KEY,
            Optional.of(new Keys.SortKey(PythonRows.SORT_KEY, PythonRows.SORT_VALUE))));
  }

  /** The table's partition key, which has the locks' names. */
  public DynamoLayout keyAttribute(String attribute) {
    return with(new Keys(attributeName("key attribute", attribute), keys.sort()));
  }

  /** The table's sort key, and its value in all locks of this client. */
  public DynamoLayout sortKey(String attribute, String value) {
    int bytes = value.getBytes(StandardCharsets.UTF_8).length;
    if (bytes < 1 || bytes > MAX_SORT_VALUE_BYTES) {
      throw new InvalidRequestException(
          "SORT_VALUE_LENGTH",
          "sort value has " + bytes + " bytes, not 1 to " + MAX_SORT_VALUE_BYTES);
    }
    return with(
        new Keys(
            keys.attribute(),
            Optional.of(new Keys.SortKey(attributeName("sort key attribute", attribute), value))));
  }

  /**
   * In a layout of another client: counts fencing tokens in an item of its own for each lock. An acquire is a transaction then.
   * Grants of the other client have none.
   */
  public DynamoLayout tokens() {
    return new DynamoLayout(
        dialect,
        keys,
        dialect != Dialect.NATIVE,
        keepsReleased,
        isConsistent,
        attributes,
        expiry,
        expiresAfter);
  }

  /** In that of the AWS client: a released item stays, marked as released. */
  public DynamoLayout keepReleased() {
    refuseUnless(Dialect.AWS, "keepReleased");
    return new DynamoLayout(
        dialect, keys, counts, true, isConsistent, attributes, expiry, expiresAfter);
  }

  /**
   * In that of the AWS client: a released item is taken only in the version that was seen, as with its option {@code
   * acquireReleasedLocksConsistently}. Costs a second request where such an item was not seen before.
   */
  public DynamoLayout consistent() {
    refuseUnless(Dialect.AWS, "consistent");
    return new DynamoLayout(
        dialect, keys, counts, keepsReleased, true, attributes, expiry, expiresAfter);
  }

  /**
   * In a layout of another client: more attributes, which are written with each grant.
   *
   * @throws InvalidRequestException if one has a name that the layout uses itself, or all are too large
   */
  public DynamoLayout attributes(Map<String, AttributeValue> more) {
    if (dialect == Dialect.NATIVE && !more.isEmpty()) {
      throw new InvalidRequestException(
          "OPTION_USELESS", "attributes go with the dialects aws and python; use data of the hold");
    }
    long bytes = 0;
    for (Map.Entry<String, AttributeValue> attribute : more.entrySet()) {
      String name = attributeName("attribute", attribute.getKey());
      if (isReserved(name)) {
        throw new InvalidRequestException(
            "ATTRIBUTE_RESERVED",
            "attribute " + InvalidRequestException.show(name) + " is the layout's own");
      }
      bytes += name.length() + attribute.getValue().toString().length();
    }
    if (bytes > MAX_ATTRIBUTES_BYTES) {
      throw new InvalidRequestException(
          "ATTRIBUTES_TOO_LARGE",
          "attributes have " + bytes + " bytes, at most " + MAX_ATTRIBUTES_BYTES);
    }
    return new DynamoLayout(
        dialect, keys, counts, keepsReleased, isConsistent, Map.copyOf(more), expiry, expiresAfter);
  }

  /**
   * In that of the Python client: by which attribute, and how long after its last write, DynamoDB may delete an item. Must be
   * far longer than any lease.
   */
  public DynamoLayout expiry(String attribute, Duration after) {
    refuseUnless(Dialect.PYTHON, "expiry");
    if (after.compareTo(Duration.ofMinutes(1)) < 0 || after.compareTo(Duration.ofDays(3_650)) > 0) {
      throw new InvalidRequestException(
          "EXPIRY_RANGE", "expiry " + after + " is not 1 minute to 3650 days");
    }
    return new DynamoLayout(
        dialect,
        keys,
        counts,
        keepsReleased,
        isConsistent,
        attributes,
        attributeName("expiry attribute", attribute),
        after);
  }

  Keys keys() {
    return keys;
  }

  /** The attribute by which DynamoDB may delete items; none in most layouts. */
  Optional<String> expiryAttribute() {
    return dialect == Dialect.PYTHON ? Optional.of(expiry) : Optional.empty();
  }

  /** What DynamoDB must not delete items by. */
  List<String> lasting() {
    return switch (dialect) {
      case NATIVE -> NativeRows.ATTRIBUTES;
      case AWS -> withCounted(AwsRows.RESERVED);
      case PYTHON -> withCounted(PythonRows.RESERVED);
    };
  }

  private List<String> withCounted(List<String> attributes) {
    List<String> all = new ArrayList<>(attributes);
    if (counts) {
      all.add(ForeignRows.COUNTED);
    }
    return all;
  }

  /** How the table's key should be, for people. */
  String schema() {
    return "the partition key "
        + keys.attribute()
        + " (S) and "
        + keys.sort()
            .map(sort -> "the sort key " + sort.attribute() + " (S)")
            .orElse("no sort key");
  }

  /** Tells the place of its locks from those of other layouts in one table. */
  String mark() {
    return dialect + "/" + keys;
  }

  RowFormat rows(String table) {
    return rows(table, () -> UUID.randomUUID().toString());
  }

  RowFormat rows(String table, Supplier<String> newVersion) {
    return switch (dialect) {
      case NATIVE -> new NativeRows(table, keys);
      case AWS ->
          new AwsRows(table, keys, attributes, counts, newVersion, keepsReleased, isConsistent);
      case PYTHON ->
          new PythonRows(table, keys, attributes, counts, newVersion, expiry, expiresAfter);
    };
  }

  private DynamoLayout with(Keys other) {
    for (String attribute : lasting()) {
      if (other.isReserved(attribute)) {
        throw new InvalidRequestException(
            "ATTRIBUTE_RESERVED",
            "key attribute " + InvalidRequestException.show(attribute) + " is the layout's own");
      }
    }
    return new DynamoLayout(
        dialect, other, counts, keepsReleased, isConsistent, attributes, expiry, expiresAfter);
  }

  private boolean isReserved(String attribute) {
    return lasting().contains(attribute)
        || keys.isReserved(attribute)
        || expiryAttribute().filter(attribute::equals).isPresent();
  }

  private void refuseUnless(Dialect wanted, String option) {
    if (dialect != wanted) {
      throw new InvalidRequestException(
          "OPTION_USELESS",
          option + " goes with the layout " + wanted + ", and this one is " + dialect);
    }
  }

  private static String attributeName(String field, String name) {
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (bytes < 1 || bytes > MAX_ATTRIBUTE_BYTES) {
      throw new InvalidRequestException(
          "ATTRIBUTE_NAME_LENGTH",
          field
              + " "
              + InvalidRequestException.show(name)
              + " has "
              + bytes
              + " bytes, not 1 to "
              + MAX_ATTRIBUTE_BYTES);
    }
    return name;
  }
}
