package io.holdfast.dynamodb;

import java.util.LinkedHashMap;
import java.util.Map;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** Names and values that the expressions of one request stand on. For one thread. */
final class Expression {
  private final Map<String, String> names = new LinkedHashMap<>();
  private final Map<String, AttributeValue> values = new LinkedHashMap<>();

  Expression name(String placeholder, String attribute) {
    names.put(placeholder, attribute);
    return this;
  }

  Expression text(String placeholder, String value) {
    values.put(placeholder, s(value));
    return this;
  }

  Expression number(String placeholder, long value) {
    values.put(placeholder, n(value));
    return this;
  }

  Expression bytes(String placeholder, byte[] value) {
    values.put(placeholder, b(value));
    return this;
  }

  Map<String, String> names() {
    return names;
  }

  Map<String, AttributeValue> values() {
    return values;
  }

  static AttributeValue s(String value) {
    return AttributeValue.builder().s(value).build();
  }

  static AttributeValue n(long value) {
    return AttributeValue.builder().n(Long.toString(value)).build();
  }

  static AttributeValue b(byte[] value) {
    return AttributeValue.builder().b(SdkBytes.fromByteArray(value)).build();
  }
}
