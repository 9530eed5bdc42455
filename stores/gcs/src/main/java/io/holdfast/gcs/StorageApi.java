package io.holdfast.gcs;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The four requests of the JSON API that locks need: create, look, change, list. Each is sent once, and its failure is one
 * of the three kinds that {@link io.holdfast.core.spi.LeaseStore} tells apart. Thread-safe; nothing blocks.
 */
final class StorageApi {
  /*
   * Which failure is which. Turned away at the door (429, 403 for a rate) or never connected: nothing was changed. Any
   * other trouble of the servers (5xx, 408), a lost connection, an answer that is too late or makes no sense: a write may
   * have been carried out, a read has changed nothing. What is left (400, 401, 403, a missing bucket) would be refused
   * again.
   *
   * 404 has two meanings. To a creation it is a missing bucket. To anything else it is a missing object, unless the bucket
   * has never been heard of: then, once in this client's life, a listing of one object finds out.
   */

  /** What an object of ours holds, for gcslock's sake. */
  static final String CONTENT = "lock";

  private static final String JSON = "application/json; charset=UTF-8";
  private static final String BOUNDARY = "holdfast-boundary";
  private static final String FIELDS = "&fields=" + StorageUri.escape(StoredObject.FIELDS);
  private static final String LIST_FIELDS =
      "&fields=" + StorageUri.escape("nextPageToken,items(" + StoredObject.FIELDS + ")");

  private static final int PRECONDITION_FAILED = 412;
  private static final int NOT_FOUND = 404;

  private final HttpClient http;
  private final RequestHeaders headers;
  private final String bucket;
  private final Duration patience;
  private final String objects;
  private final String uploads;

  /** An answer has shown that there is such a bucket. */
  private volatile boolean bucketExists;

  /** @param patience how long one request may take, and how long it may wait for credentials before */
  StorageApi(
      HttpClient http, RequestHeaders headers, URI endpoint, String bucket, Duration patience) {
    this.http = http;
    this.headers = headers;
    this.bucket = bucket;
    this.patience = patience;
    String path = "storage/v1/b/" + StorageUri.escape(bucket) + "/o";
    this.objects = endpoint + "/" + path;
    this.uploads = endpoint + "/upload/" + path;
  }

  /** Creates the object, unless there is one: a mismatch. */
  CompletableFuture<ObjectAnswer> create(String name, Map<String, Optional<String>> metadata) {
    JsonObject resource = new JsonObject();
    resource.addProperty("name", name);
    resource.addProperty("contentType", "text/plain");
    resource.add("metadata", json(metadata));
    String body =
        part(JSON, resource.toString()) + part("text/plain", CONTENT) + "--" + BOUNDARY + "--\r\n";
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
                URI.create(uploads + "?uploadType=multipart&ifGenerationMatch=0" + FIELDS))
            .header("Content-Type", "multipart/related; boundary=" + BOUNDARY)
            .POST(BodyPublishers.ofString(body));
    return send(request, true).thenApply(answer -> answer.about(true));
  }

  /** The object as it is. */
  CompletableFuture<ObjectAnswer> look(String name) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(object(name) + "?" + FIELDS.substring(1))).GET();
    return send(request, false).thenCompose(answer -> missingOrNot(answer));
  }

  /**
   * Changes metadata, key by key, if the object is still in a state. Both numbers count: the generation alone does not see
   * changes of metadata, and the metageneration alone begins anew with each object of the name.
   *
   * @param metadata empty for a key to be removed; keys not named stay
   */
  CompletableFuture<ObjectAnswer> change(
      String name,
      String generation,
      String metageneration,
      Map<String, Optional<String>> metadata) {
    JsonObject resource = new JsonObject();
    resource.add("metadata", json(metadata));
    String uri =
        object(name)
            + "?ifGenerationMatch="
            + generation
            + "&ifMetagenerationMatch="
            + metageneration
            + FIELDS;
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(uri))
            .header("Content-Type", JSON)
            .method("PATCH", BodyPublishers.ofString(resource.toString()));
    return send(request, true).thenCompose(answer -> missingOrNot(answer));
  }

  /** A page of objects whose names start with a prefix, in the order of their UTF-8 bytes. */
  CompletableFuture<ObjectPage> list(String prefix, int most, @Nullable String pageToken) {
    String uri =
        objects
            + "?maxResults="
            + most
            + "&prefix="
            + StorageUri.escape(prefix)
            + (pageToken == null ? "" : "&pageToken=" + StorageUri.escape(pageToken))
            + LIST_FIELDS;
    return send(HttpRequest.newBuilder(URI.create(uri)).GET(), false).thenApply(Answer::page);
  }

  private String object(String name) {
    return objects + "/" + StorageUri.escape(name);
  }

  private CompletableFuture<ObjectAnswer> missingOrNot(Answer answer) {
    if (answer.status != NOT_FOUND || bucketExists) {
      return CompletableFuture.completedFuture(answer.about(false));
    }
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(objects + "?maxResults=1&fields=nextPageToken")).GET();
    return send(request, false)
        .thenApply(
            listed -> {
              if (listed.status == NOT_FOUND) {
                throw bucketMissing();
              }
              bucketExists = true;
              return answer.about(false);
            });
  }

  private LockRefusedException bucketMissing() {
    return new LockRefusedException(
        "BUCKET_MISSING",
        "there is no bucket "
            + ErrorText.shown(bucket)
            + ": make it first (holdfast setup --print)");
  }

  // ------------------------------------------------------------ sending

  private CompletableFuture<Answer> send(HttpRequest.Builder request, boolean isWrite) {
    return credentials()
        .thenCompose(
            shown -> {
              shown.forEach(request::setHeader);
              request.timeout(patience);
              return whole(
                  http.sendAsync(request.build(), BodyHandlers.ofString(StandardCharsets.UTF_8)));
            })
        .handle(
            (response, failure) -> {
              if (response == null) {
                throw lost(failure == null ? new IllegalStateException() : failure, isWrite);
              }
              Answer answer = new Answer(response, isWrite);
              answer.check();
              return answer;
            });
  }

  /** The request's own patience is over with the first line of the answer; a body may go on for ever. */
  private <T> CompletableFuture<T> whole(CompletableFuture<T> asked) {
    CompletableFuture<T> inTime =
        asked.copy().orTimeout(2 * patience.toNanos(), TimeUnit.NANOSECONDS);
    return inTime.whenComplete((answer, failure) -> asked.cancel(true)); // if it still runs
  }

  private CompletableFuture<Map<String, String>> credentials() {
    CompletableFuture<Map<String, String>> shown;
    try {
      shown = headers.next();
    } catch (RuntimeException e) { // too many wait for credentials
      shown = CompletableFuture.failedFuture(e);
    }
    // What waits for longer is not sent any more: the engine has given it up, and would not know
    // that it had a lock.
    return shown
        .orTimeout(patience.toNanos(), TimeUnit.NANOSECONDS)
        .exceptionally(
            failure -> {
              Throwable cause = cause(failure);
              String why =
                  cause instanceof TimeoutException
                      ? "none within " + patience.toMillis() + " ms"
                      : ErrorText.shown(String.valueOf(cause.getMessage()));
              throw new StoreUnavailableException(
                  "no credentials for Google Cloud Storage just now: " + why, cause);
            });
  }

  private static LockException lost(Throwable failure, boolean isWrite) {
    Throwable cause = cause(failure);
    if (cause instanceof LockException known) {
      return known;
    }
    boolean neverSent =
        cause instanceof ConnectException || cause instanceof HttpConnectTimeoutException;
    return trouble("no answer: " + ErrorText.shown(cause.toString()), cause, isWrite && !neverSent);
  }

  private static LockException trouble(
      String what, @Nullable Throwable cause, boolean mayHaveWritten) {
    String message = "Google Cloud Storage: " + what;
    // Causes are for logs; a failure without one is told whole by its message.
    Throwable origin = cause == null ? new IllegalStateException(message) : cause;
    return mayHaveWritten
        ? new UncertainOutcomeException(message, origin)
        : new StoreUnavailableException(message, origin);
  }

  static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }

  private static JsonObject json(Map<String, Optional<String>> metadata) {
    JsonObject json = new JsonObject();
    metadata.forEach(
        (key, value) -> {
          if (value.isPresent()) {
            json.addProperty(key, value.get());
          } else {
            json.add(key, JsonNull.INSTANCE);
          }
        });
    return json;
  }

  private static String part(String type, String content) {
    return "--" + BOUNDARY + "\r\nContent-Type: " + type + "\r\n\r\n" + content + "\r\n";
  }

  /** Why a request was not carried out: there were too many, of all or of writes to one object. */
  static final class TurnedAway extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    private TurnedAway(String what) {
      super(what);
    }
  }

  /** A page of a listing; no token if it is the last. */
  record ObjectPage(List<StoredObject> objects, Optional<String> nextToken) {}

  /** An answer of the servers, which is no failure once it is checked. */
  private final class Answer {
    private final int status;
    private final String body;
    private final boolean isWrite;

    private Answer(HttpResponse<String> response, boolean isWrite) {
      this.status = response.statusCode();
      this.body = response.body();
      this.isWrite = isWrite;
    }

    private boolean isGood() {
      return status >= 200 && status < 300;
    }

    private void check() {
      if (isGood() || status == PRECONDITION_FAILED) {
        bucketExists = true;
      } else if (status != NOT_FOUND) {
        throw failure();
      }
    }

    private LockException failure() {
      JsonObject error = error();
      String reason = reason(error);
      String told =
          "HTTP " + status + (reason.isEmpty() ? "" : " " + reason) + ": " + message(error);
      if (status == 429
          || (status == 403 && reason.toLowerCase(Locale.ROOT).contains("ratelimit"))) {
        String what = "turned away, too many requests, " + told;
        return trouble(what, new TurnedAway(what), false);
      }
      if (status == 408 || status >= 500) {
        return trouble(told, null, isWrite);
      }
      if (reason.equals("retentionPolicyNotMet") || reason.equals("objectUnderActiveHold")) {
        return new LockRefusedException("BUCKET_RETAINS", told);
      }
      return new LockRefusedException(
          switch (status) {
            case 401 -> "CREDENTIALS_REFUSED";
            case 403 -> "PERMISSION_MISSING";
            default -> "REQUEST_REFUSED";
          },
          "bucket " + bucket + ", " + told);
    }

    private ObjectAnswer about(boolean isCreation) {
      if (status == PRECONDITION_FAILED) {
        return new ObjectAnswer.Mismatch();
      }
      if (status == NOT_FOUND) {
        if (isCreation) {
          throw bucketMissing();
        }
        return new ObjectAnswer.Missing();
      }
      return read(json -> new ObjectAnswer.Done(StoredObject.of(json)));
    }

    private ObjectPage page() {
      if (status == NOT_FOUND) {
        throw bucketMissing();
      }
      return read(
          json -> {
            List<StoredObject> found = new ArrayList<>();
            if (json.get("items") instanceof JsonArray items) {
              items.forEach(item -> found.add(StoredObject.of(item.getAsJsonObject())));
            }
            return new ObjectPage(
                List.copyOf(found),
                json.has("nextPageToken")
                    ? Optional.of(json.get("nextPageToken").getAsString())
                    : Optional.empty());
          });
    }

    private <T> T read(Function<JsonObject, T> reading) {
      try {
        return reading.apply(JsonParser.parseString(body).getAsJsonObject());
      } catch (JsonParseException | IllegalArgumentException | IllegalStateException e) {
        throw trouble(
            "HTTP " + status + " with an answer that makes no sense: " + ErrorText.shown(body),
            e,
            isWrite);
      }
    }

    /** The error's own part of the answer, empty if it has none. */
    private JsonObject error() {
      try {
        return JsonParser.parseString(body) instanceof JsonObject json
                && json.get("error") instanceof JsonObject error
            ? error
            : new JsonObject();
      } catch (JsonParseException e) {
        return new JsonObject(); // a proxy's page, say
      }
    }

    private String message(JsonObject error) {
      return ErrorText.shown(
          error.get("message") instanceof JsonPrimitive message ? message.getAsString() : body);
    }

    private static String reason(JsonObject error) {
      return error.get("errors") instanceof JsonArray errors
              && !errors.isEmpty()
              && errors.get(0) instanceof JsonObject first
              && first.get("reason") instanceof JsonPrimitive reason
          ? reason.getAsString()
          : "";
    }
  }
}
