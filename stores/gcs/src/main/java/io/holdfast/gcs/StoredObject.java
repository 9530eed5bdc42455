package io.holdfast.gcs;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the store says of an object, as far as locks are concerned.
 *
 * @param name with the prefix
 * @param isRetained whether a hold or a retention policy keeps it from being deleted
 * @param metadata the custom part
 */
record StoredObject(
    String name,
    String generation,
    String metageneration,
    Instant updated,
    String md5,
    boolean isRetained,
    Map<String, String> metadata) {
  /** The fields that requests ask for: nothing else is sent back. */
  static final String FIELDS =
      "name,generation,metageneration,updated,md5Hash,metadata,"
          + "temporaryHold,eventBasedHold,retentionExpirationTime,retention";

  /**
   * Reads an answer.
   *
   * @throws IllegalArgumentException if it is none
   */
  static StoredObject of(JsonObject json) {
    Map<String, String> metadata = new TreeMap<>();
    if (json.get("metadata") instanceof JsonObject custom) {
      for (Map.Entry<String, JsonElement> entry : custom.entrySet()) {
        if (entry.getValue().isJsonPrimitive()) {
          metadata.put(entry.getKey(), entry.getValue().getAsString());
        }
      }
    }
    boolean isRetained =
        isTrue(json, "temporaryHold")
            || isTrue(json, "eventBasedHold")
            || json.has("retentionExpirationTime")
            || json.has("retention");
    return new StoredObject(
        text(json, "name"),
        text(json, "generation"),
        text(json, "metageneration"),
        instant(text(json, "updated")),
        json.has("md5Hash") ? text(json, "md5Hash") : "",
        isRetained,
        metadata);
  }

  private static String text(JsonObject json, String field) {
    if (json.get(field) instanceof JsonPrimitive value) {
      return value.getAsString();
    }
    throw new IllegalArgumentException("the answer has no field " + field);
  }

  private static boolean isTrue(JsonObject json, String field) {
    return json.get(field) instanceof JsonPrimitive value && value.getAsBoolean();
  }

  private static Instant instant(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException("the answer has an odd time", e);
    }
  }
}
