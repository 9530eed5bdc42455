package io.holdfast.gcs;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import java.util.zip.GZIPInputStream;

/**
 * Google Cloud Storage's JSON API in memory, as far as locks and Google's own client need it: buckets, objects, uploads of
 * three kinds, all four preconditions, holds and retention, the limit of one write a second to an object, and faults on
 * demand. Thread-safe. {@code EmulatorTest} checks it with Google's official client.
 */
final class EmulatedStorage {
  /*
   * A request is one critical section: preconditions are checked and the write is made with the mutex held. Faults and
   * gates stand outside it, so a request that is held up holds up no other.
   *
   * Objects are immutable; a write puts another one in its place.
   */
  static final int MAX_BODY_BYTES = 1 << 20;
  private static final int MAX_BUCKETS = 100;
  private static final int MAX_OBJECTS = 100_000;
  private static final int MAX_UPLOADS = 100;
  private static final int MAX_CALLS_KEPT = 100_000;
  private static final int MAX_PAGE = 1_000;
  private static final Duration WRITES_APART = Duration.ofSeconds(1);
  private static final Comparator<String> BY_BYTES =
      (one, other) ->
          Arrays.compareUnsigned(
              one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));

  /**
   * A request.
   *
   * @param path not decoded
   * @param headers names in lower case
   */
  record Call(String method, String path, String query, Map<String, String> headers, byte[] body) {
    Map<String, String> parameters() {
      Map<String, String> parameters = new HashMap<>();
      for (String part : query.split("&")) {
        int equals = part.indexOf('=');
        if (equals > 0) {
          parameters.put(decoded(part.substring(0, equals)), decoded(part.substring(equals + 1)));
        }
      }
      return parameters;
    }

    boolean isWrite() {
      return !method.equals("GET");
    }

    @Override
    public String toString() {
      return method + " " + path + (query.isEmpty() ? "" : "?" + query);
    }
  }

  /** An answer. */
  record Reply(int status, Map<String, String> headers, byte[] body) {}

  /** What is to happen to the next request that it meets. */
  record Fault(
      Predicate<Call> to, boolean isLasting, boolean isApplied, Optional<Reply> reply, Gate gate) {}

  /** Holds an answer up until it is opened. */
  record Gate(CompletableFuture<Void> opened, CompletableFuture<Void> reached) {
    static Gate open() {
      return new Gate(
          CompletableFuture.completedFuture(null), CompletableFuture.completedFuture(null));
    }

    static Gate shut() {
      return new Gate(new CompletableFuture<>(), new CompletableFuture<>());
    }
  }

  private record Stored(
      String bucket,
      String name,
      long generation,
      long metageneration,
      String contentType,
      byte[] content,
      NavigableMap<String, String> metadata,
      Instant created,
      Instant updated,
      boolean temporaryHold,
      boolean eventBasedHold,
      Optional<Instant> retainedUntil) {
    Stored patched(JsonObject patch, boolean replacesMetadata, Instant now) {
      NavigableMap<String, String> changed =
          new TreeMap<>(replacesMetadata ? new TreeMap<>() : metadata);
      if (patch.get("metadata") instanceof JsonNull) {
        changed.clear();
      } else if (patch.get("metadata") instanceof JsonObject custom) {
        custom
            .entrySet()
            .forEach(
                entry -> {
                  if (entry.getValue().isJsonNull()) {
                    changed.remove(entry.getKey());
                  } else {
                    changed.put(entry.getKey(), entry.getValue().getAsString());
                  }
                });
      }
      return new Stored(
          bucket,
          name,
          generation,
          metageneration + 1,
          patch.get("contentType") instanceof JsonPrimitive type ? type.getAsString() : contentType,
          content,
          changed,
          created,
          now,
          flag(patch, "temporaryHold", temporaryHold),
          flag(patch, "eventBasedHold", eventBasedHold),
          retainedUntil);
    }

    private static boolean flag(JsonObject patch, String field, boolean before) {
      return patch.get(field) instanceof JsonPrimitive value ? value.getAsBoolean() : before;
    }

    JsonObject json() {
      JsonObject json = new JsonObject();
      json.addProperty("kind", "storage#object");
      json.addProperty("id", bucket + "/" + name + "/" + generation);
      json.addProperty("name", name);
      json.addProperty("bucket", bucket);
      json.addProperty("generation", Long.toString(generation));
      json.addProperty("metageneration", Long.toString(metageneration));
      json.addProperty("contentType", contentType);
      json.addProperty("storageClass", "STANDARD");
      json.addProperty("size", Integer.toString(content.length));
      json.addProperty("md5Hash", md5(content));
      json.addProperty("crc32c", crc32c(content));
      json.addProperty("etag", generation + "-" + metageneration);
      json.addProperty("timeCreated", created.toString());
      json.addProperty("updated", updated.toString());
      if (temporaryHold) {
        json.addProperty("temporaryHold", true);
      }
      if (eventBasedHold) {
        json.addProperty("eventBasedHold", true);
      }
      retainedUntil.ifPresent(
          until -> json.addProperty("retentionExpirationTime", until.toString()));
      if (!metadata.isEmpty()) {
        JsonObject custom = new JsonObject();
        metadata.forEach(custom::addProperty);
        json.add("metadata", custom);
      }
      return json;
    }
  }

  private record Bucket(
      String name, Instant created, Optional<Duration> retention, boolean holdsByDefault) {
    JsonObject json() {
      JsonObject json = new JsonObject();
      json.addProperty("kind", "storage#bucket");
      json.addProperty("id", name);
      json.addProperty("name", name);
      json.addProperty("metageneration", "1");
      json.addProperty("location", "US");
      json.addProperty("storageClass", "STANDARD");
      json.addProperty("timeCreated", created.toString());
      json.addProperty("updated", created.toString());
      return json;
    }
  }

  /** A resumable upload; its preconditions were named at its start and are enforced at its end. */
  private record Upload(String bucket, Map<String, String> parameters, JsonObject resource) {}

  /** The answer that ends the handling of a request. */
  private static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient Reply reply;

    private Refusal(Reply reply) {
      super(null, null, false, false);
      this.reply = reply;
    }
  }

  private final Supplier<Instant> clock;
  private final ReentrantLock mutex = new ReentrantLock();

  // Guarded by the mutex.
  private final Map<String, Bucket> buckets = new TreeMap<>();
  private final Map<String, NavigableMap<String, Stored>> objects = new HashMap<>();
  private final Map<String, Upload> uploads = new HashMap<>();
  private final Map<String, Instant> lastWrites = new HashMap<>();
  private final Deque<Fault> faults = new ArrayDeque<>();
  private final List<Call> calls = new ArrayList<>();
  private final List<Instant> callTimes = new ArrayList<>(); // of the same
  private boolean limitsWrites;
  private long lastGeneration = 1_760_000_000_000_000L;
  private long lastUpload;

  /** Empty. The clock is that of the servers. */
  EmulatedStorage(Supplier<Instant> clock) {
    this.clock = clock;
  }

  // ------------------------------------------------------------ for tests

  /** From now on a second write to an object within a second is turned away. */
  void limitWrites() {
    within(() -> limitsWrites = true);
  }

  /** Does not carry out the next such request, and answers with an error. */
  void fail(Predicate<Call> to, int status, String reason) {
    add(new Fault(to, false, false, Optional.of(error(status, reason, "as told")), Gate.open()));
  }

  /** The same for all such requests. */
  void failAlways(Predicate<Call> to, int status, String reason, String message) {
    add(new Fault(to, true, false, Optional.of(error(status, reason, message)), Gate.open()));
  }

  /** Carries the next such request out, and answers with an error all the same. */
  void failAfterwards(Predicate<Call> to, int status, String reason) {
    add(new Fault(to, false, true, Optional.of(error(status, reason, "as told")), Gate.open()));
  }

  /** Answers the next such request with something else. */
  void answer(Predicate<Call> to, int status, String body) {
    Reply reply = new Reply(status, Map.of(), body.getBytes(StandardCharsets.UTF_8));
    add(new Fault(to, false, false, Optional.of(reply), Gate.open()));
  }

  /** Cuts the connection instead of answering the next such request, carried out or not. */
  void drop(Predicate<Call> to, boolean isApplied) {
    add(new Fault(to, false, isApplied, Optional.empty(), Gate.open()));
  }

  /** Carries the next such request out when the gate is opened, and answers then. */
  Gate delay(Predicate<Call> to) {
    Gate gate = Gate.shut();
    add(new Fault(to, false, false, Optional.empty(), gate));
    return gate;
  }

  private void add(Fault fault) {
    within(() -> faults.add(fault));
  }

  /** No faults from now on. */
  void heal() {
    within(faults::clear);
  }

  /** Requests so far, those that failed included. */
  List<Call> calls() {
    mutex.lock();
    try {
      return List.copyOf(calls);
    } finally {
      mutex.unlock();
    }
  }

  /** When each of {@link #calls} came. */
  List<Instant> callTimes() {
    mutex.lock();
    try {
      return List.copyOf(callTimes);
    } finally {
      mutex.unlock();
    }
  }

  void forgetCalls() {
    within(
        () -> {
          calls.clear();
          callTimes.clear();
        });
  }

  /** An object as a request would see it. */
  Optional<JsonObject> object(String bucket, String name) {
    mutex.lock();
    try {
      return Optional.ofNullable(objects.getOrDefault(bucket, new TreeMap<>()).get(name))
          .map(Stored::json);
    } finally {
      mutex.unlock();
    }
  }

  /** Makes an empty bucket. */
  void createBucket(String name) {
    createBucket(name, Optional.empty(), false);
  }

  void createBucket(String name, Optional<Duration> retention, boolean holdsByDefault) {
    within(
        () -> {
          bound(buckets.size(), MAX_BUCKETS, "buckets");
          buckets.put(name, new Bucket(name, clock.get(), retention, holdsByDefault));
          objects.put(name, new TreeMap<>(BY_BYTES));
        });
  }

  private void within(Runnable action) {
    mutex.lock();
    try {
      action.run();
    } finally {
      mutex.unlock();
    }
  }

  // ------------------------------------------------------------ serving

  /** Answers a request; with nothing if the connection is to be cut. */
  CompletableFuture<Optional<Reply>> serve(Call asked) {
    Optional<Fault> fault = next(asked);
    if (fault.isEmpty()) {
      return CompletableFuture.completedFuture(Optional.of(handle(asked)));
    }
    Fault it = fault.get();
    if (!it.gate.opened.isDone()) {
      it.gate.reached.complete(null);
      return it.gate.opened.thenApply(opened -> Optional.of(handle(asked)));
    }
    if (it.isApplied) {
      handle(asked);
    }
    return CompletableFuture.completedFuture(it.reply);
  }

  private Optional<Fault> next(Call asked) {
    mutex.lock();
    try {
      if (calls.size() < MAX_CALLS_KEPT) {
        calls.add(asked);
        callTimes.add(clock.get());
      }
      for (Iterator<Fault> all = faults.iterator(); all.hasNext(); ) {
        Fault fault = all.next();
        if (fault.to.test(asked)) {
          if (!fault.isLasting) {
            all.remove();
          }
          return Optional.of(fault);
        }
      }
      return Optional.empty();
    } finally {
      mutex.unlock();
    }
  }

  private Reply handle(Call call) {
    mutex.lock();
    try {
      return route(call);
    } catch (Refusal refusal) {
      return refusal.reply;
    } catch (IllegalArgumentException | IllegalStateException e) {
      return error(400, "invalid", String.valueOf(e.getMessage()));
    } finally {
      mutex.unlock();
    }
  }

  private Reply route(Call call) {
    String method = call.headers.getOrDefault("x-http-method-override", call.method);
    String path = call.path;
    if (path.startsWith("/upload/")) {
      return upload(call, method, path.substring("/upload".length()).split("/", -1));
    }
    if (path.startsWith("/download/")) {
      path = path.substring("/download".length());
    }
    String[] parts = path.split("/", -1); // "", storage, v1, b, bucket, o, object
    if (parts.length < 4 || !path.startsWith("/storage/v1/b")) {
      throw refuse(404, "notFound", "Not Found");
    }
    Map<String, String> parameters = call.parameters();
    return switch (parts.length) {
      case 4 -> method.equals("POST") ? newBucket(json(call)) : listBuckets();
      case 5 -> bucket(method, decoded(parts[4]));
      case 6 -> list(existing(decoded(parts[4])).name, parameters);
      case 7 ->
          object(call, method, existing(decoded(parts[4])).name, decoded(parts[6]), parameters);
      default -> throw refuse(404, "notFound", "Not Found");
    };
  }

  // ------------------------------------------------------------ buckets

  private Reply newBucket(JsonObject resource) {
    String name = resource.get("name").getAsString();
    if (buckets.containsKey(name)) {
      throw refuse(409, "conflict", "Your previous request to create the named bucket succeeded.");
    }
    Optional<Duration> retention =
        resource.get("retentionPolicy") instanceof JsonObject policy
            ? Optional.of(Duration.ofSeconds(policy.get("retentionPeriod").getAsLong()))
            : Optional.empty();
    createBucket(
        name,
        retention,
        resource.get("defaultEventBasedHold") instanceof JsonPrimitive held && held.getAsBoolean());
    return ok(existing(name).json());
  }

  private Reply listBuckets() {
    JsonObject answer = new JsonObject();
    JsonArray items = new JsonArray();
    buckets.values().forEach(bucket -> items.add(bucket.json()));
    answer.addProperty("kind", "storage#buckets");
    answer.add("items", items);
    return ok(answer);
  }

  private Reply bucket(String method, String name) {
    Bucket bucket = existing(name);
    if (method.equals("DELETE")) {
      if (!objects.get(name).isEmpty()) {
        throw refuse(409, "conflict", "The bucket you tried to delete is not empty.");
      }
      buckets.remove(name);
      objects.remove(name);
      return new Reply(204, Map.of(), new byte[0]);
    }
    return ok(bucket.json());
  }

  private Bucket existing(String name) {
    Bucket bucket = buckets.get(name);
    if (bucket == null) {
      throw refuse(404, "notFound", "The specified bucket does not exist.");
    }
    return bucket;
  }

  private Reply list(String bucket, Map<String, String> parameters) {
    String prefix = parameters.getOrDefault("prefix", "");
    String delimiter = parameters.getOrDefault("delimiter", "");
    String after =
        Optional.ofNullable(parameters.get("pageToken"))
            .map(token -> utf8(Base64.getUrlDecoder().decode(token)))
            .orElse("");
    int most = Math.min(MAX_PAGE, Integer.parseInt(parameters.getOrDefault("maxResults", "1000")));
    JsonArray items = new JsonArray();
    TreeSet<String> prefixes = new TreeSet<>(BY_BYTES);
    String last = "";
    boolean hasMore = false;
    for (Stored object : objects.get(bucket).tailMap(after, false).values()) {
      if (!object.name.startsWith(prefix)) {
        continue;
      }
      int end = delimiter.isEmpty() ? -1 : object.name.indexOf(delimiter, prefix.length());
      String folder = end < 0 ? "" : object.name.substring(0, end + delimiter.length());
      boolean isKnown =
          !folder.isEmpty() && (prefixes.contains(folder) || after.startsWith(folder));
      if (isKnown) {
        last = object.name;
        continue;
      }
      if (items.size() + prefixes.size() == most) {
        hasMore = true;
        break;
      }
      if (folder.isEmpty()) {
        items.add(object.json());
      } else {
        prefixes.add(folder);
      }
      last = object.name;
    }
    JsonObject answer = new JsonObject();
    answer.addProperty("kind", "storage#objects");
    if (!items.isEmpty()) {
      answer.add("items", items);
    }
    if (!prefixes.isEmpty()) {
      JsonArray folders = new JsonArray();
      prefixes.forEach(folders::add);
      answer.add("prefixes", folders);
    }
    if (hasMore) {
      answer.addProperty(
          "nextPageToken",
          Base64.getUrlEncoder()
              .withoutPadding()
              .encodeToString(last.getBytes(StandardCharsets.UTF_8)));
    }
    return ok(answer);
  }

  // ------------------------------------------------------------ objects

  private Reply object(
      Call call, String method, String bucket, String name, Map<String, String> parameters) {
    Stored found = objects.get(bucket).get(name);
    String generation = parameters.get("generation");
    boolean isOther =
        found != null && generation != null && Long.parseLong(generation) != found.generation;
    if (found == null || isOther) {
      throw refuse(404, "notFound", "No such object: " + bucket + "/" + name);
    }
    checkPreconditions(Optional.of(found), parameters, method.equals("GET") ? 304 : 412);
    switch (method) {
      case "GET":
        return "media".equals(parameters.get("alt"))
            ? new Reply(
                200,
                Map.of(
                    "Content-Type",
                    found.contentType,
                    "x-goog-generation",
                    Long.toString(found.generation),
                    "x-goog-hash",
                    "crc32c=" + crc32c(found.content) + ",md5=" + md5(found.content)),
                found.content)
            : ok(found.json());
      case "PATCH", "PUT":
        limit(bucket, name);
        Stored changed = found.patched(json(call), method.equals("PUT"), clock.get());
        objects.get(bucket).put(name, changed);
        return ok(changed.json());
      case "DELETE":
        checkNotRetained(found);
        limit(bucket, name);
        objects.get(bucket).remove(name);
        return new Reply(204, Map.of(), new byte[0]);
      default:
        throw refuse(405, "methodNotAllowed", method);
    }
  }

  private Reply upload(Call call, String method, String[] parts) {
    Map<String, String> parameters = call.parameters();
    String id = parameters.get("upload_id");
    if (id != null) {
      return finish(call, method, id);
    }
    String bucket = existing(decoded(parts[4])).name;
    String type = parameters.getOrDefault("uploadType", "");
    switch (type) {
      case "media":
        JsonObject named = new JsonObject();
        named.addProperty("contentType", call.headers.getOrDefault("content-type", ""));
        return insert(bucket, parameters, named, plain(call));
      case "multipart":
        List<Part> both = multipart(call);
        JsonObject resource = JsonParser.parseString(utf8(both.get(0).content)).getAsJsonObject();
        if (!resource.has("contentType")) {
          resource.addProperty("contentType", both.get(1).type);
        }
        return insert(bucket, parameters, resource, both.get(1).content);
      case "resumable":
        bound(uploads.size(), MAX_UPLOADS, "uploads");
        byte[] start = plain(call);
        String started = "upload-" + ++lastUpload;
        JsonObject begun =
            start.length == 0
                ? new JsonObject()
                : JsonParser.parseString(utf8(start)).getAsJsonObject();
        uploads.put(started, new Upload(bucket, parameters, begun));
        String host = call.headers.getOrDefault("host", "localhost");
        return new Reply(
            200,
            Map.of(
                "Location",
                "http://" + host + call.path + "?uploadType=resumable&upload_id=" + started),
            new byte[0]);
      default:
        throw refuse(400, "required", "Required parameter: uploadType");
    }
  }

  /** The content of a resumable upload, in one piece. */
  private Reply finish(Call call, String method, String id) {
    Upload upload = uploads.get(id);
    if (upload == null || !method.equals("PUT")) {
      throw refuse(404, "notFound", "no such upload");
    }
    uploads.remove(id);
    return insert(upload.bucket, upload.parameters, upload.resource, plain(call));
  }

  private Reply insert(
      String bucket, Map<String, String> parameters, JsonObject resource, byte[] content) {
    String name =
        resource.get("name") instanceof JsonPrimitive given
            ? given.getAsString()
            : parameters.getOrDefault("name", "");
    if (name.isEmpty()) {
      throw refuse(400, "required", "Required parameter: name");
    }
    if (name.getBytes(StandardCharsets.UTF_8).length > 1024
        || name.equals(".")
        || name.equals("..")
        || name.indexOf('\n') >= 0
        || name.indexOf('\r') >= 0) {
      throw refuse(400, "invalid", "Invalid object name");
    }
    Optional<Stored> found = Optional.ofNullable(objects.get(bucket).get(name));
    checkPreconditions(found, parameters, 412);
    found.ifPresent(this::checkNotRetained);
    limit(bucket, name);
    bound(objects.get(bucket).size(), MAX_OBJECTS, "objects");
    Instant now = clock.get();
    NavigableMap<String, String> metadata = new TreeMap<>();
    if (resource.get("metadata") instanceof JsonObject custom) {
      custom.entrySet().stream()
          .filter(entry -> !entry.getValue().isJsonNull())
          .forEach(entry -> metadata.put(entry.getKey(), entry.getValue().getAsString()));
    }
    Bucket its = existing(bucket);
    Stored made =
        new Stored(
            bucket,
            name,
            ++lastGeneration,
            1,
            resource.get("contentType") instanceof JsonPrimitive type ? type.getAsString() : "",
            content,
            metadata,
            now,
            now,
            false,
            its.holdsByDefault,
            its.retention.map(now::plus));
    objects.get(bucket).put(name, made);
    return ok(made.json());
  }

  private void checkNotRetained(Stored found) {
    if (found.temporaryHold || found.eventBasedHold) {
      throw refuse(403, "objectUnderActiveHold", "Object is under active hold");
    }
    if (found.retainedUntil.isPresent() && clock.get().isBefore(found.retainedUntil.get())) {
      throw refuse(
          403, "retentionPolicyNotMet", "Object is subject to the bucket's retention policy");
    }
  }

  private static void checkPreconditions(
      Optional<Stored> found, Map<String, String> parameters, int statusOfNotMatch) {
    long generation = found.map(Stored::generation).orElse(0L);
    long metageneration = found.map(Stored::metageneration).orElse(0L);
    check(parameters, "ifGenerationMatch", generation, true, 412);
    check(parameters, "ifGenerationNotMatch", generation, false, statusOfNotMatch);
    check(parameters, "ifMetagenerationMatch", metageneration, true, 412);
    check(parameters, "ifMetagenerationNotMatch", metageneration, false, statusOfNotMatch);
  }

  private static void check(
      Map<String, String> parameters, String field, long is, boolean matches, int status) {
    String wanted = parameters.get(field);
    if (wanted != null && (Long.parseLong(wanted) == is) != matches) {
      throw new Refusal(
          status == 304
              ? new Reply(304, Map.of(), new byte[0])
              : error(
                  412,
                  "conditionNotMet",
                  "At least one of the pre-conditions you specified did not hold.",
                  "header",
                  "If-Match"));
    }
  }

  private void limit(String bucket, String name) {
    if (!limitsWrites) {
      return;
    }
    Instant now = clock.get();
    Instant last = lastWrites.get(bucket + "/" + name);
    if (last != null && now.isBefore(last.plus(WRITES_APART))) {
      throw refuse(
          429,
          "rateLimitExceeded",
          "The object "
              + bucket
              + "/"
              + name
              + " exceeded the rate limit for object mutation operations.");
    }
    bound(lastWrites.size(), MAX_OBJECTS, "objects");
    lastWrites.put(bucket + "/" + name, now);
  }

  // ------------------------------------------------------------ bodies

  private record Part(String type, byte[] content) {}

  private static byte[] plain(Call call) {
    if (!"gzip".equals(call.headers.get("content-encoding"))) {
      return call.body;
    }
    try (GZIPInputStream unzipped = new GZIPInputStream(new ByteArrayInputStream(call.body))) {
      return unzipped.readNBytes(MAX_BODY_BYTES);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonObject json(Call call) {
    byte[] body = plain(call);
    return body.length == 0
        ? new JsonObject()
        : JsonParser.parseString(utf8(body)).getAsJsonObject();
  }

  private static List<Part> multipart(Call call) {
    String type = call.headers.getOrDefault("content-type", "");
    int at = type.indexOf("boundary=");
    if (!type.startsWith("multipart/related") || at < 0) {
      throw refuse(400, "invalid", "not multipart/related with a boundary");
    }
    String boundary =
        "--" + type.substring(at + "boundary=".length()).split(";", 2)[0].strip().replace("\"", "");
    // Latin-1 keeps every byte apart.
    String body = new String(plain(call), StandardCharsets.ISO_8859_1);
    List<Part> parts = new ArrayList<>();
    int from = body.indexOf(boundary);
    while (from >= 0) {
      int start = from + boundary.length();
      int next = body.indexOf(boundary, start);
      if (next < 0) {
        break;
      }
      String part = body.substring(start, next);
      int head = part.indexOf("\r\n\r\n");
      String content = part.substring(head + 4, part.length() - 2); // without the line's end
      String headers = part.substring(0, head);
      String contentType = "";
      for (String line : headers.split("\r\n")) {
        if (line.toLowerCase(Locale.ROOT).startsWith("content-type:")) {
          contentType = line.substring(line.indexOf(':') + 1).strip();
        }
      }
      parts.add(new Part(contentType, content.getBytes(StandardCharsets.ISO_8859_1)));
      from = next;
    }
    if (parts.size() != 2) {
      throw refuse(400, "invalid", "expected two parts, found " + parts.size());
    }
    return parts;
  }

  private static Reply ok(JsonElement json) {
    return new Reply(
        200,
        Map.of("Content-Type", "application/json; charset=UTF-8"),
        json.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static Refusal refuse(int code, String reason, String message) {
    return new Refusal(error(code, reason, message));
  }

  private static Reply error(int code, String reason, String message) {
    return error(code, reason, message, "", "");
  }

  private static Reply error(
      int code, String reason, String message, String locationType, String location) {
    JsonObject one = new JsonObject();
    one.addProperty("message", message);
    one.addProperty("domain", code == 429 ? "usageLimits" : "global");
    one.addProperty("reason", reason);
    if (!location.isEmpty()) {
      one.addProperty("locationType", locationType);
      one.addProperty("location", location);
    }
    JsonArray errors = new JsonArray();
    errors.add(one);
    JsonObject error = new JsonObject();
    error.addProperty("code", code);
    error.addProperty("message", message);
    error.add("errors", errors);
    JsonObject body = new JsonObject();
    body.add("error", error);
    return new Reply(
        code,
        Map.of("Content-Type", "application/json; charset=UTF-8"),
        body.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static void bound(int size, int most, String what) {
    if (size >= most) {
      throw new IllegalStateException("the emulator keeps at most " + most + " " + what);
    }
  }

  private static String decoded(String text) {
    // A plus is a plus in paths, and Google's clients write spaces as %20 in queries too.
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static String utf8(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static String md5(byte[] content) {
    try {
      return Base64.getEncoder().encodeToString(MessageDigest.getInstance("MD5").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static String crc32c(byte[] content) {
    CRC32C checksum = new CRC32C();
    checksum.update(content);
    return Base64.getEncoder()
        .encodeToString(ByteBuffer.allocate(4).putInt((int) checksum.getValue()).array());
  }
}
