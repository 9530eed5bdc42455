package io.holdfast.gcs;

import io.holdfast.Capability;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockKey;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Records of locks as objects of a bucket, one each, in gcslock's format ({@link LockFormat}). Thread-safe.
 *
 * <p>An object is created by the first take of its name, and never deleted by us: a release marks it free, so the counter of
 * tokens stays.
 */
final class GcsLeaseStore implements LeaseStore {
  /*
   * Requests of a take:
   *
   *   nothing known     create -------------------------------------------> taken
   *                          '-- there is one: look, and if free: change -> taken
   *   known to be free  change -------------------------------------------> taken
   *   its holder dead   change -------------------------------------------> taken
   *                          '-- it has changed: look ...
   *   known to be held  look ...
   *
   * Every change names generation and metageneration. One that changes nothing says so (412), and one whose answer is lost
   * may be sent again: it finds its own grant in the object.
   */

  /** Google promises about one write a second to an object. */
  static final Duration WRITES_APART = Duration.ofSeconds(1);

  /** A lock that is found free, and then is not, is looked at again so often in one call. */
  static final int MOST_TRIES = 3;

  /** A name with its prefix has at most so many UTF-8 bytes, by the store's rules. */
  static final int MAX_OBJECT_NAME_BYTES = 1024;

  /** Objects looked at for one list, held or free. */
  static final int MAX_LISTED_OBJECTS = 100_000;

  private static final int OBJECTS_IN_A_PAGE = 500;

  private static final Set<Capability> CAPABILITIES =
      Set.copyOf(
          EnumSet.of(
              Capability.DATA, Capability.LIST, Capability.FENCING, Capability.DURABLE_TOKENS));

  private final StorageApi api;
  private final RequestHeaders headers;
  private final String place;
  private final String prefix;

  /**
   * Over a bucket.
   *
   * @param place where its locks are, as users know it
   * @param prefix of the names of objects
   */
  GcsLeaseStore(StorageApi api, RequestHeaders headers, String place, String prefix) {
    this.api = api;
    this.headers = headers;
    this.place = place;
    this.prefix = prefix;
  }

  @Override
  public String name() {
    return "gcs";
  }

  @Override
  public String place() {
    return place;
  }

  @Override
  public Set<Capability> capabilities() {
    return CAPABILITIES;
  }

  @Override
  public Duration writesApart() {
    return WRITES_APART;
  }

  // ------------------------------------------------------------ taking

  @Override
  public CompletableFuture<TakeAnswer> take(Take take) {
    if (take.leaseDuration().compareTo(GcsLocks.MIN_LEASE) < 0) {
      return CompletableFuture.failedFuture(
          new InvalidRequestException(
              "LEASE_TOO_SHORT",
              "leaseDuration "
                  + take.leaseDuration().toMillis()
                  + " ms < "
                  + GcsLocks.MIN_LEASE.toMillis()
                  + " ms: Google Cloud Storage allows one write per second and object"));
    }
    return new Taking(take).begin().exceptionally(GcsLeaseStore::tooSoon);
  }

  /** Another write to the object a moment ago is no trouble of the store's. */
  private static TakeAnswer tooSoon(Throwable failure) {
    Throwable cause = StorageApi.cause(failure);
    if (cause.getCause() instanceof StorageApi.TurnedAway) {
      return new TakeAnswer.TooSoon();
    }
    throw new CompletionException(cause);
  }

  /** One take, from the first request to the answer. */
  private final class Taking {
    private final Take take;
    private final Take.Wanted wanted;
    private int tries;

    private Taking(Take take) {
      this.take = take;
      this.wanted = take.wanted().get(0); // one at a time: the store has no capability ALL
    }

    private CompletableFuture<TakeAnswer> begin() {
      if (wanted.expired().isPresent()) {
        return over(wanted.expired().get());
      }
      LeaseRecord last = wanted.last().orElse(LeaseRecord.free(wanted.name(), "", 0));
      if (!last.isFree()) {
        return look(lastToken(last));
      }
      return last.version().isEmpty() ? anew(last.token()) : over(last);
    }

    /** Creates the object. */
    private CompletableFuture<TakeAnswer> anew(long lastToken) {
      return about(
              wanted.name(), object -> api.create(object, LockFormat.taken(take, lastToken + 1)))
          .thenCompose(
              answer ->
                  answer instanceof ObjectAnswer.Done done
                      ? taken(done.object())
                      : look(lastToken));
    }

    /** Takes a record that is free, or whose holder is dead, if it is still as it was seen. */
    private CompletableFuture<TakeAnswer> over(LeaseRecord seen) {
      long lastToken = lastToken(seen);
      return change(seen, LockFormat.taken(take, lastToken + 1))
          .thenCompose(
              answer ->
                  answer instanceof ObjectAnswer.Done done
                      ? taken(done.object())
                      : look(lastToken));
    }

    /** @param lastToken what this process has seen; a name whose object was deleted goes on from it */
    private CompletableFuture<TakeAnswer> look(long lastToken) {
      if (tries++ == MOST_TRIES) {
        return CompletableFuture.failedFuture(
            new StoreUnavailableException(
                "lock "
                    + InvalidRequestException.show(wanted.name())
                    + " changes faster than it can be taken",
                new IllegalStateException(MOST_TRIES + " tries")));
      }
      return read(wanted.name())
          .thenCompose(
              found -> {
                if (found.version().isEmpty()) {
                  return anew(lastToken);
                }
                boolean isExpired =
                    wanted.expired().map(LeaseRecord::version).equals(Optional.of(found.version()));
                return found.isFree() || isExpired
                    ? over(found)
                    : CompletableFuture.completedFuture(new TakeAnswer.InTheWay(List.of(found)));
              });
    }

    private CompletableFuture<TakeAnswer> taken(StoredObject object) {
      LeaseRecord record = LockFormat.record(wanted.name(), object);
      if (!object.isRetained()) {
        return CompletableFuture.completedFuture(new TakeAnswer.Taken(List.of(record)));
      }
      String why =
          "a hold or a retention policy keeps objects of "
              + place
              + " from being deleted: use a bucket without";
      return change(record, LockFormat.freed())
          .handle(
              (freed, failure) -> {
                throw new LockRefusedException(
                    "BUCKET_RETAINS",
                    failure == null ? why : why + "; the lock stays held for a lease");
              });
    }
  }

  // ------------------------------------------------------------ the rest

  @Override
  public CompletableFuture<LeaseRecord> read(String name) {
    return about(name, api::look)
        .thenApply(
            answer ->
                answer instanceof ObjectAnswer.Done done
                    ? LockFormat.record(name, done.object())
                    : LeaseRecord.free(name, "", 0));
  }

  @Override
  public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
    return change(mine, LockFormat.renewed(mine))
        .thenCompose(
            answer ->
                answer instanceof ObjectAnswer.Done done
                    ? CompletableFuture.completedFuture(
                        new RenewAnswer.Renewed(LockFormat.record(mine.name(), done.object())))
                    : read(mine.name())
                        .thenApply(found -> new RenewAnswer.Changed(known(found, mine))));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
    return release(held, MOST_TRIES);
  }

  private CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held, int tries) {
    return change(held, LockFormat.freed())
        .thenCompose(
            answer ->
                answer instanceof ObjectAnswer.Done done
                    ? CompletableFuture.completedFuture(
                        Optional.of(LockFormat.record(held.name(), done.object())))
                    : read(held.name()).thenCompose(found -> releaseFound(held, found, tries)));
  }

  /** Its version had changed: by a renewal of this grant, or because another has the lock. */
  private CompletableFuture<Optional<LeaseRecord>> releaseFound(
      LeaseRecord held, LeaseRecord found, int tries) {
    if (!found.grant().equals(held.grant())) {
      return CompletableFuture.completedFuture(Optional.empty());
    }
    return tries > 1
        ? release(found, tries - 1)
        : CompletableFuture.failedFuture(
            new StoreUnavailableException(
                "lock "
                    + InvalidRequestException.show(held.name())
                    + " changes faster than it can be released",
                new IllegalStateException(MOST_TRIES + " tries")));
  }

  @Override
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    return list(prefix, most, null, new ArrayList<>(), 0);
  }

  private CompletableFuture<List<LeaseRecord>> list(
      String start, int most, @Nullable String page, List<LeaseRecord> found, int looked) {
    if (looked >= MAX_LISTED_OBJECTS) {
      return CompletableFuture.failedFuture(
          new LockRefusedException(
              "TOO_MANY_OBJECTS",
              "more than "
                  + MAX_LISTED_OBJECTS
                  + " objects start with "
                  + InvalidRequestException.show(start)
                  + ": ask with a longer prefix"));
    }
    return api.list(prefix + start, OBJECTS_IN_A_PAGE, page)
        .thenCompose(
            answer -> {
              answer.objects().forEach(object -> held(object).ifPresent(found::add));
              if (answer.nextToken().isEmpty() || found.size() >= most) {
                return CompletableFuture.completedFuture(
                    found.stream()
                        .limit(most)
                        .sorted(Comparator.comparing(LeaseRecord::name))
                        .toList());
              }
              return list(
                  start, most, answer.nextToken().get(), found, looked + answer.objects().size());
            });
  }

  /** The lock that an object is, if it is one and held. */
  private Optional<LeaseRecord> held(StoredObject object) {
    String name = object.name().substring(prefix.length());
    try {
      LeaseRecord record = LockFormat.record(new LockKey.Name(name).name(), object);
      return record.isFree() ? Optional.empty() : Optional.of(record);
    } catch (LockRefusedException | InvalidRequestException e) {
      return Optional.empty(); // some other object, which nobody can lock here
    }
  }

  @Override
  public void close() {
    headers.close();
  }

  @Override
  public String toString() {
    return place;
  }

  private CompletableFuture<ObjectAnswer> change(
      LeaseRecord seen, Map<String, Optional<String>> metadata) {
    if (seen.version().isEmpty()) {
      return CompletableFuture.completedFuture(new ObjectAnswer.Missing());
    }
    LockFormat.Version version = LockFormat.Version.of(seen);
    return about(
        seen.name(),
        object -> api.change(object, version.generation(), version.metageneration(), metadata));
  }

  private CompletableFuture<ObjectAnswer> about(
      String name, Function<String, CompletableFuture<ObjectAnswer>> request) {
    String object = prefix + name;
    boolean isReserved =
        object.equals(".")
            || object.equals("..")
            || object.startsWith(".well-known/acme-challenge/");
    if (isReserved) {
      return CompletableFuture.failedFuture(
          new InvalidRequestException(
              "NAME_RESERVED",
              "name "
                  + InvalidRequestException.show(name)
                  + " cannot be an object of Google Cloud Storage: use a prefix"));
    }
    return request.apply(object);
  }

  private static long lastToken(LeaseRecord seen) {
    return seen.version().isEmpty() ? seen.token() : LockFormat.Version.of(seen).lastToken();
  }

  /** A record whose object somebody has deleted goes on from the token that its holder had. */
  private static LeaseRecord known(LeaseRecord found, LeaseRecord mine) {
    return found.version().isEmpty() ? LeaseRecord.free(mine.name(), "", mine.token()) : found;
  }
}
