package io.holdfast.gcs;

import io.holdfast.HoldData;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.Take;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How a lock stands in an object's metadata: gcslock's two keys, as it reads and writes them, and five of ours beside them. */
final class LockFormat {
  /*
   * gcslock's reader: held until the object's "updated" plus expires_sec, by the machine's own clock; without expires_sec,
   * or with a negative one, free. Its writer sets expires_sec and lock_owner and leaves other keys alone.
   *
   * So our grant counts only as long as lock_owner ends with its id: once gcslock has taken over, lock_owner is another,
   * whatever our own keys still say. And a free lock is an object with expires_sec 0 that keeps the counter of tokens.
   *
   * A version is generation/metageneration/counter. Generations are unique but not said to grow, so they are no token; the
   * counter rides along because a grant of gcslock's has no token of its own, and the next grant of ours must have one
   * larger than the last.
   */
  static final String EXPIRES_SEC = "expires_sec";

  static final String LOCK_OWNER = "lock_owner";
  static final String GRANT = "holdfast_grant";
  static final String TOKEN = "holdfast_token";
  static final String LEASE_MS = "holdfast_lease_ms";
  static final String SINCE = "holdfast_since";
  static final String DATA = "holdfast_data";

  /** Between a client's name and its grant's id in {@link #LOCK_OWNER}. */
  private static final String GRANT_MARK = "#";

  /** A lease of gcslock's is taken to be no longer than this. */
  private static final Duration LONGEST_LEASE = Duration.ofDays(365);

  /** Of {@link StorageApi#CONTENT}, in Base64, as the store tells it. */
  private static final String CONTENT_MD5 = "3OfEF0zpMjkEqTSkhsQSiA==";

  private static final Pattern DECIMAL = Pattern.compile("-?\\d{1,18}(\\.\\d{1,9})?");

  private LockFormat() {}

  /** A state of an object: what a write names as its condition, and the token of the last grant that had one. */
  record Version(String generation, String metageneration, long lastToken) {
    static Version of(LeaseRecord record) {
      String[] parts = record.version().split("/", -1);
      return new Version(parts[0], parts[1], Long.parseLong(parts[2]));
    }

    @Override
    public String toString() {
      return generation + "/" + metageneration + "/" + lastToken;
    }
  }

  /**
   * Reads an object.
   *
   * @param name the lock's
   * @throws LockRefusedException if neither gcslock nor Holdfast has written it
   */
  static LeaseRecord record(String name, StoredObject object) {
    Map<String, String> metadata = object.metadata();
    String owner = metadata.getOrDefault(LOCK_OWNER, "");
    if (!metadata.containsKey(EXPIRES_SEC)
        && !metadata.containsKey(LOCK_OWNER)
        && !object.md5().equals(CONTENT_MD5)) {
      throw foreign(
          name,
          "has no metadata " + EXPIRES_SEC + " or " + LOCK_OWNER + ", nor the content of a lock");
    }
    Duration expires = expires(name, metadata.get(EXPIRES_SEC));
    long lastToken = number(name, TOKEN, metadata.getOrDefault(TOKEN, "0"));
    String version =
        new Version(object.generation(), object.metageneration(), lastToken).toString();
    if (expires.isZero()) {
      return LeaseRecord.free(name, version, lastToken);
    }
    String grant = metadata.getOrDefault(GRANT, "");
    if (grant.isEmpty() || !owner.endsWith(GRANT_MARK + grant)) {
      return new LeaseRecord(
          name,
          version,
          "gcslock/" + object.generation() + "/" + owner,
          owner.isEmpty() ? "gcslock" : owner,
          expires,
          0,
          object.updated(),
          HoldData.empty());
    }
    return new LeaseRecord(
        name,
        version,
        grant,
        owner.substring(0, owner.length() - grant.length() - GRANT_MARK.length()),
        Duration.ofMillis(number(name, LEASE_MS, metadata.getOrDefault(LEASE_MS, "none"))),
        lastToken,
        since(name, metadata.get(SINCE), object.updated()),
        data(name, metadata.get(DATA)));
  }

  /** What a take writes. The time of the grant is that of the write; the first renewal keeps it. */
  static Map<String, Optional<String>> taken(Take take, long token) {
    long millis = take.leaseDuration().toMillis();
    Map<String, Optional<String>> metadata = new LinkedHashMap<>();
    metadata.put(EXPIRES_SEC, Optional.of(Long.toString((millis + 999) / 1000)));
    metadata.put(LOCK_OWNER, Optional.of(take.client() + GRANT_MARK + take.grant()));
    metadata.put(GRANT, Optional.of(take.grant()));
    metadata.put(TOKEN, Optional.of(Long.toString(token)));
    metadata.put(LEASE_MS, Optional.of(Long.toString(millis)));
    metadata.put(SINCE, Optional.empty());
    metadata.put(
        DATA,
        take.data().isEmpty()
            ? Optional.empty()
            : Optional.of(Base64.getEncoder().encodeToString(take.data().bytes())));
    return metadata;
  }

  /** What a renewal writes. Any write moves the object's "updated", from which gcslock counts. */
  static Map<String, Optional<String>> renewed(LeaseRecord mine) {
    return Map.of(SINCE, Optional.of(mine.since().toString()));
  }

  /** What a release writes. {@link #LOCK_OWNER} stays, as it does when a lock of gcslock's runs out. */
  static Map<String, Optional<String>> freed() {
    Map<String, Optional<String>> metadata = new LinkedHashMap<>();
    metadata.put(EXPIRES_SEC, Optional.of("0"));
    metadata.put(GRANT, Optional.empty());
    metadata.put(LEASE_MS, Optional.empty());
    metadata.put(SINCE, Optional.empty());
    metadata.put(DATA, Optional.empty());
    return metadata;
  }

  private static Duration expires(String name, @Nullable String text) {
    if (text == null) {
      return Duration.ZERO;
    }
    if (!DECIMAL.matcher(text).matches()) {
      throw foreign(name, EXPIRES_SEC, text, "is not a number of seconds");
    }
    BigDecimal seconds = new BigDecimal(text).setScale(0, RoundingMode.CEILING);
    if (seconds.signum() <= 0) {
      return Duration.ZERO;
    }
    long most = LONGEST_LEASE.toSeconds();
    return Duration.ofSeconds(seconds.min(BigDecimal.valueOf(most)).longValueExact());
  }

  /** Up to 18 digits: the next token is a long too. */
  private static long number(String name, String key, String text) {
    if (!text.matches("\\d{1,18}")) {
      throw foreign(name, key, text, "is not a number of at most 18 digits");
    }
    return Long.parseLong(text);
  }

  private static Instant since(String name, @Nullable String text, Instant updated) {
    if (text == null) {
      return updated;
    }
    try {
      return Instant.parse(text);
    } catch (DateTimeException e) {
      throw foreign(name, SINCE, text, "is not a time");
    }
  }

  private static HoldData data(String name, @Nullable String text) {
    if (text == null) {
      return HoldData.empty();
    }
    try {
      return HoldData.of(Base64.getDecoder().decode(text));
    } catch (IllegalArgumentException e) {
      throw foreign(name, DATA, text, "is not the Base64 of at most " + HoldData.MAX_BYTES);
    }
  }

  private static LockRefusedException foreign(String name, String key, String text, String why) {
    return foreign(
        name, "has metadata " + key + " " + InvalidRequestException.show(text) + ", which " + why);
  }

  private static LockRefusedException foreign(String name, String why) {
    return new LockRefusedException(
        "FOREIGN_OBJECT", "the object of lock " + InvalidRequestException.show(name) + " " + why);
  }
}
