package io.holdfast.gcs;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Instant;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The requests that a process with gcslock sends, letter by letter, and how it reads the answers: by its own wall clock. */
final class GcslockProcess {
  private static final String TYPE = "multipart/related; boundary=\"===============123==\"";

  private final HttpClient http;
  private final String objects;
  private final String uploads;
  private final Supplier<Instant> clock;

  /** Of the lock that was acquired last. */
  private String generation = "";

  private String metageneration = "";

  GcslockProcess(HttpClient http, String bucket, Supplier<Instant> clock) {
    this.http = http;
    this.clock = clock;
    this.objects = "http://127.0.0.1/storage/v1/b/" + bucket + "/o/";
    this.uploads = "http://127.0.0.1/upload/storage/v1/b/" + bucket + "/o";
  }

  /** Creates the object, or takes over one whose time is up. */
  boolean tryAcquire(String name, String owner, long seconds) {
    if (create(name, owner, Long.toString(seconds))) {
      return true;
    }
    JsonObject found = json(send(request(name, "").GET())); // as it reads before it decides
    JsonObject metadata =
        found.has("metadata") ? found.getAsJsonObject("metadata") : new JsonObject();
    long expires =
        metadata.has("expires_sec")
            ? Math.max(0, Long.parseLong(metadata.get("expires_sec").getAsString()))
            : 0;
    Instant updated = Instant.parse(found.get("updated").getAsString());
    if (clock.get().isBefore(updated.plusSeconds(expires))) {
      return false;
    }
    return keeps(
        send(
            request(name, "?ifMetagenerationMatch=" + found.get("metageneration").getAsString())
                .method(
                    "PATCH",
                    BodyPublishers.ofString(
                        String.format(
                            Locale.ROOT,
                            "{\"metadata\": {\"expires_sec\": \"%d\", \"lock_owner\": \"%s\"}}",
                            seconds,
                            owner)))));
  }

  boolean create(String name, String owner, long seconds) {
    return create(name, owner, Long.toString(seconds));
  }

  boolean create(String name, String owner, String expiresSec) {
    JsonObject metadata = new JsonObject();
    metadata.addProperty("expires_sec", expiresSec);
    metadata.addProperty("lock_owner", owner);
    JsonObject resource = new JsonObject();
    resource.addProperty("name", name);
    resource.add("metadata", metadata);
    return keeps(upload(resource, "lock"));
  }

  /** An object without metadata. */
  void createBare(String name, String content) {
    JsonObject resource = new JsonObject();
    resource.addProperty("name", name);
    upload(resource, content);
  }

  private HttpResponse<String> upload(JsonObject resource, String content) {
    String body =
        "--===============123==\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n"
            + resource
            + "\r\n--===============123==\r\ncontent-type: text/plain\r\n\r\n"
            + content
            + "\r\n--===============123==--";
    return send(
        HttpRequest.newBuilder(URI.create(uploads + "?uploadType=multipart&ifGenerationMatch=0"))
            .header("content-type", TYPE)
            .POST(BodyPublishers.ofString(body)));
  }

  /** Renews the lock that was acquired last. */
  boolean refresh(String name, long seconds) {
    return keeps(
        send(
            request(name, "?ifMetagenerationMatch=" + metageneration)
                .method(
                    "PATCH",
                    BodyPublishers.ofString(
                        "{\"metadata\": {\"expires_sec\": \"" + seconds + "\"}}"))));
  }

  /** Deletes the object of the lock that was acquired last. */
  boolean release(String name) {
    String query = "?ifGenerationMatch=" + generation + "&ifMetagenerationMatch=" + metageneration;
    return send(request(name, query).DELETE()).statusCode() == 204;
  }

  /** Deletes the object, whoever has it. */
  void delete(String name) {
    send(request(name, "").DELETE());
  }

  String content(String name) {
    return send(request(name, "?alt=media").GET()).body();
  }

  /** Sets a key of the metadata, or removes it. */
  void patch(String name, String key, @Nullable String value) {
    JsonObject metadata = new JsonObject();
    metadata.addProperty(key, value);
    JsonObject resource = new JsonObject();
    resource.add("metadata", metadata);
    send(request(name, "").method("PATCH", BodyPublishers.ofString(resource.toString())));
  }

  private boolean keeps(HttpResponse<String> response) {
    if (response.statusCode() != 200) {
      return false;
    }
    generation = json(response).get("generation").getAsString();
    metageneration = json(response).get("metageneration").getAsString();
    return true;
  }

  private HttpRequest.Builder request(String name, String query) {
    return HttpRequest.newBuilder(URI.create(objects + StorageUri.escape(name) + query))
        .header("content-type", "application/json");
  }

  private HttpResponse<String> send(HttpRequest.Builder request) {
    return http.sendAsync(request.build(), BodyHandlers.ofString()).join();
  }

  private static JsonObject json(HttpResponse<String> response) {
    return JsonParser.parseString(response.body()).getAsJsonObject();
  }
}
