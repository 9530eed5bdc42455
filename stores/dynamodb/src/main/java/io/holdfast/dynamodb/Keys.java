package io.holdfast.dynamodb;

import static io.holdfast.dynamodb.Expression.s;

import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * The key of the table: the attribute that has a lock's name, and in a table with a sort key one more with the same value for
 * all locks of a client.
 */
record Keys(String attribute, Optional<SortKey> sort) {
  /** Locks cannot be called so: such names are reserved in the api. */
  private static final String TOKEN_PREFIX = "$sys/token/";

  record SortKey(String attribute, String value) {}

  Map<String, AttributeValue> of(String name) {
    return sort.map(second -> Map.of(attribute, s(name), second.attribute(), s(second.value())))
        .orElseGet(() -> Map.of(attribute, s(name)));
  }

  Map<String, AttributeValue> ofCounter(String name) {
    return of(TOKEN_PREFIX + name);
  }

  String name(Map<String, AttributeValue> item) {
    AttributeValue value = item.get(attribute);
    return value == null || value.s() == null ? "" : value.s();
  }

  boolean isReserved(String attributeOfItem) {
    return attributeOfItem.equals(attribute)
        || sort.filter(it -> it.attribute().equals(attributeOfItem)).isPresent();
  }

  /** Adds the condition on the names of held locks. */
  String held(Expression on, String prefix, String condition) {
    String expression = condition;
    if (!prefix.isEmpty()) {
      on.name("#pk", attribute).text(":prefix", prefix);
      expression += " AND begins_with(#pk, :prefix)";
    }
    if (sort.isPresent()) {
      on.name("#sk", sort.get().attribute()).text(":sk", sort.get().value());
      expression += " AND #sk = :sk";
    }
    return expression;
  }
}
