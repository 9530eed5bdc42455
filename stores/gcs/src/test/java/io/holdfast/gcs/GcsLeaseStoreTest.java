package io.holdfast.gcs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.gson.JsonObject;
import io.holdfast.HoldData;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the records do, request by request, and what gcslock's processes see of them. */
class GcsLeaseStoreTest {
  private static final Duration LEASE = Duration.ofMillis(10_500);
  private static final String NAME = "invoice/42";

  private final ManualTicker ticker = new ManualTicker();
  private final EmulatedStorage storage = new EmulatedStorage(ticker::instant);
  private final EmulatedHttp http = new EmulatedHttp(storage);
  private final LeaseStore store = store("bucket");
  private final GcslockProcess gcslock = new GcslockProcess(http, "bucket", ticker::instant);

  @BeforeEach
  void createBucket() {
    storage.createBucket("bucket");
  }

  private LeaseStore store(String bucket) {
    return GcsLocks.bucket(bucket).http(http).anonymous().build(null).records();
  }

  // ------------------------------------------------------------ what a lock costs

  @Test
  void acquireAndReleaseOfANewNameAreOneRequestEach() {
    LeaseRecord held = taken(take("g1"));
    assertThat(storage.calls()).hasSize(1);
    store.release(held).join();
    assertThat(storage.calls()).hasSize(2);
  }

  @Test
  void acquireAndReleaseOfAKnownNameAreOneRequestEach() {
    LeaseRecord free = store.release(taken(take("g1"))).join().orElseThrow();
    storage.forgetCalls();
    LeaseRecord held = taken(take("g2", Optional.empty(), Optional.of(free)));
    assertThat(storage.calls()).hasSize(1);
    store.release(held).join();
    assertThat(storage.calls()).hasSize(2);
  }

  @Test
  void aFreeLockThatThisProcessDoesNotKnowCostsThreeRequests() {
    store.release(taken(take("g1"))).join();
    storage.forgetCalls();
    taken(take("g2"));
    assertThat(storage.calls())
        .extracting(EmulatedStorage.Call::method)
        .containsExactly("POST", "GET", "PATCH");
  }

  @Test
  void whatIsKnownToBeHeldIsLookedAtInsteadOfWritten() {
    LeaseRecord held = taken(take("g1"));
    storage.forgetCalls();
    assertThat(inTheWay(take("g2", Optional.empty(), Optional.of(held)))).isEqualTo(held);
    assertThat(storage.calls()).extracting(EmulatedStorage.Call::method).containsExactly("GET");
  }

  @Test
  void aRenewalIsOneRequest() {
    LeaseRecord held = taken(take("g1"));
    storage.forgetCalls();
    assertThat(store.renew(held).join()).isInstanceOf(RenewAnswer.Renewed.class);
    assertThat(storage.calls()).hasSize(1);
  }

  // ------------------------------------------------------------ what is on record

  @Test
  void aTakeIsReadBackAsItWas() {
    LeaseRecord held = taken(take("g1"));
    assertThat(held.token()).isEqualTo(1);
    assertThat(held.client()).isEqualTo("ann");
    assertThat(held.grant()).isEqualTo("g1");
    assertThat(held.leaseDuration()).isEqualTo(LEASE);
    assertThat(held.data().text()).isEqualTo("what for");
    assertThat(held.since()).isEqualTo(ticker.instant());
    assertThat(store.read(NAME).join()).isEqualTo(held);
  }

  @Test
  void aRenewalChangesTheVersionAndKeepsTheTimeOfTheGrant() {
    LeaseRecord held = taken(take("g1"));
    ticker.advance(Duration.ofSeconds(5));
    RenewAnswer.Renewed renewed = (RenewAnswer.Renewed) store.renew(held).join();
    assertThat(renewed.record().version()).isNotEqualTo(held.version());
    assertThat(renewed.record().since()).isEqualTo(held.since());
    assertThat(renewed.record().data()).isEqualTo(held.data());
    assertThat(store.read(NAME).join()).isEqualTo(renewed.record());
  }

  @Test
  void theLargestDataAndTheLongestNamesFit() {
    HoldData most = HoldData.of(new byte[HoldData.MAX_BYTES]);
    String name = "ü".repeat(256);
    Take take =
        new Take(
            List.of(new Take.Wanted(name, Optional.empty(), Optional.empty())),
            "0".repeat(32),
            "c".repeat(128),
            LEASE,
            most);
    taken(take);
    assertThat(store.read(name).join().data()).isEqualTo(most);
    long metadata =
        metadata(name).entrySet().stream()
            .mapToLong(entry -> entry.getKey().length() + entry.getValue().getAsString().length())
            .sum();
    assertThat(metadata).as("Google allows 8 KiB").isLessThan(8 * 1024);
  }

  /** G2. */
  @ParameterizedTest
  @ValueSource(
      strings = {"a#b", "a?b", "a%41", "a b", "a+b", "a&b=c", "a/../b", "ü/😀", "a;b", "[a]*"})
  void anyNameIsItsVeryOwnObject(String name) {
    LeaseRecord held = taken(takeOf(name, "g1"));
    assertThat(storage.object("bucket", name)).isPresent();
    assertThat(store.read(name).join()).isEqualTo(held);
    assertThat(store.list("", 10).join()).containsExactly(held);
    assertThat(store.release(held).join()).isPresent();
    assertThat(store.list("", 10).join()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {".", "..", ".well-known/acme-challenge/x"})
  void namesThatGoogleKeepsForItselfAreRefused(String name) {
    assertThat(failure(() -> store.take(takeOf(name, "g1"))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("NAME_RESERVED: name \"" + name);
    assertThat(storage.calls()).isEmpty();
  }

  @Test
  void locksBelowAPrefixAreApartFromOthers() {
    LeaseStore below =
        GcsLocks.bucket("bucket").prefix("team").http(http).anonymous().build(null).records();
    LeaseRecord held = ((TakeAnswer.Taken) below.take(take("g1")).join()).records().get(0);
    assertThat(storage.object("bucket", "team/" + NAME)).isPresent();
    assertThat(store.read(NAME).join().isFree()).isTrue();
    assertThat(below.list("inv", 10).join()).containsExactly(held);
    assertThat(store.list("inv", 10).join()).isEmpty();
  }

  @Test
  void listsHeldLocksOverManyPagesSortedAndNoMoreThanAsked() {
    for (int i = 0; i < 1_200; i++) {
      LeaseRecord held = taken(takeOf("many/" + i, "g" + i));
      if (i % 2 == 0) {
        store.release(held).join();
      }
    }
    taken(takeOf("other", "g"));
    List<LeaseRecord> held = store.list("many/", 10_000).join();
    assertThat(held).hasSize(600).extracting(LeaseRecord::name).isSorted();
    assertThat(store.list("many/", 7).join()).hasSize(7);
  }

  // ------------------------------------------------------------ tokens

  /** F1. */
  @Test
  void theCounterOutlivesReleaseExpiryAndProcess() {
    LeaseRecord first = taken(take("g1"));
    LeaseRecord free = store.release(first).join().orElseThrow();
    assertThat(free.isFree()).isTrue();
    assertThat(free.token()).isEqualTo(1);
    LeaseRecord second = taken(take("g2", Optional.empty(), Optional.of(free)));
    assertThat(second.token()).isEqualTo(2);
    LeaseRecord third = taken(take("g3", Optional.of(second), Optional.of(second)));
    assertThat(third.token()).isEqualTo(3);
    store.release(third).join();
    LeaseRecord fourth =
        ((TakeAnswer.Taken) store("bucket").take(take("g4")).join()).records().get(0);
    assertThat(fourth.token()).isEqualTo(4);
  }

  @Test
  void aProcessThatKnewADeletedObjectGoesOnFromItsToken() {
    LeaseRecord free = store.release(taken(take("g1"))).join().orElseThrow();
    gcslock.delete(NAME);
    assertThat(taken(take("g2", Optional.empty(), Optional.of(free))).token()).isEqualTo(2);
  }

  // ------------------------------------------------------------ one holder

  @Test
  void oneOfTwoTakesWins() {
    LeaseRecord held = taken(take("g1"));
    assertThat(inTheWay(take("g2"))).isEqualTo(held);
    LeaseRecord free = store.release(held).join().orElseThrow();
    taken(take("g3", Optional.empty(), Optional.of(free)));
    assertThat(inTheWay(take("g4", Optional.empty(), Optional.of(free))).grant()).isEqualTo("g3");
  }

  @Test
  void aHolderThatHasRenewedIsNotTakenForDead() {
    LeaseRecord held = taken(take("g1"));
    RenewAnswer.Renewed renewed = (RenewAnswer.Renewed) store.renew(held).join();
    assertThat(inTheWay(take("g2", Optional.of(held), Optional.of(held))))
        .isEqualTo(renewed.record());
  }

  /** G1: the object of a new life has the metageneration of the old one, and another generation. */
  @Test
  void aTakeOverSeesThatTheObjectIsAnother() {
    gcslock.create(NAME, "theirs", 30);
    LeaseRecord seen = store.read(NAME).join();
    gcslock.delete(NAME);
    LeaseRecord held = taken(take("g1"));
    assertThat(version(held).metageneration()).isEqualTo(version(seen).metageneration());
    assertThat(inTheWay(take("g2", Optional.of(seen), Optional.of(seen)))).isEqualTo(held);
  }

  @Test
  void everyChangeNamesGenerationAndMetageneration() {
    LeaseRecord held = taken(take("g1"));
    RenewAnswer.Renewed renewed = (RenewAnswer.Renewed) store.renew(held).join();
    LeaseRecord free = store.release(renewed.record()).join().orElseThrow();
    taken(take("g2", Optional.empty(), Optional.of(free)));
    assertThat(storage.calls().get(0).parameters()).containsEntry("ifGenerationMatch", "0");
    assertThat(storage.calls().subList(1, 4))
        .allSatisfy(
            call ->
                assertThat(call.parameters())
                    .containsKeys("ifGenerationMatch", "ifMetagenerationMatch"));
  }

  /** R31: the generation stays when a lock is taken over, so it alone would let the old holder free the new one's lock. */
  @Test
  void aReleaseThatComesAfterATakeOverLeavesTheNewHolderAlone() {
    LeaseRecord dead = taken(take("g1"));
    LeaseRecord held = taken(take("g2", Optional.of(dead), Optional.of(dead)));
    assertThat(version(held).generation()).isEqualTo(version(dead).generation());
    assertThat(store.release(dead).join()).isEmpty();
    assertThat(store.read(NAME).join()).isEqualTo(held);
  }

  /** G3. */
  @Test
  void releasingALostLockSaysSoAndNoObjectIsLeftHeld() {
    LeaseRecord held = taken(take("g1"));
    gcslock.delete(NAME);
    assertThat(store.release(held).join()).isEmpty();
    assertThat(storage.object("bucket", NAME)).isEmpty();
  }

  @Test
  void aReleaseFindsItsGrantInALaterVersion() {
    LeaseRecord held = taken(take("g1"));
    store.renew(held).join();
    assertThat(store.release(held).join()).get().matches(LeaseRecord::isFree);
  }

  /** F7: two processes of one host and one name are two. */
  @Test
  void clientsOfOneNameAreToldApartByTheirGrants() {
    LeaseRecord dead = taken(take("g1"));
    LeaseRecord held = taken(take("g2", Optional.of(dead), Optional.of(dead)));
    assertThat(held.client()).isEqualTo(dead.client());
    RenewAnswer.Changed changed = (RenewAnswer.Changed) store.renew(dead).join();
    assertThat(changed.found()).isEqualTo(held);
    assertThat(store.release(dead).join()).isEmpty();
  }

  // ------------------------------------------------------------ gcslock beside us

  @Test
  void gcslockFindsOurLockHeldAndOurReleasedOneFree() {
    LeaseRecord held = taken(take("g1"));
    assertThat(gcslock.tryAcquire(NAME, "theirs", 30)).isFalse();
    ticker.advance(Duration.ofSeconds(10));
    assertThat(gcslock.tryAcquire(NAME, "theirs", 30)).isFalse();
    store.release(held).join();
    assertThat(gcslock.tryAcquire(NAME, "theirs", 30)).isTrue();
  }

  @Test
  void ourObjectIsOneOfGcslocks() {
    taken(take("g1"));
    JsonObject object = storage.object("bucket", NAME).orElseThrow();
    assertThat(object.get("contentType").getAsString()).isEqualTo("text/plain");
    assertThat(object.get("size").getAsString()).isEqualTo("4");
    assertThat(gcslock.content(NAME)).isEqualTo("lock");
    assertThat(metadata(NAME).get("expires_sec").getAsString()).isEqualTo("11");
    assertThat(metadata(NAME).get("lock_owner").getAsString()).isEqualTo("ann#g1");
  }

  @Test
  void ourRenewalsKeepGcslockAway() {
    LeaseRecord held = taken(take("g1"));
    ticker.advance(Duration.ofSeconds(9));
    store.renew(held).join();
    ticker.advance(Duration.ofSeconds(9));
    assertThat(gcslock.tryAcquire(NAME, "theirs", 30)).isFalse();
    ticker.advance(Duration.ofSeconds(3));
    assertThat(gcslock.tryAcquire(NAME, "theirs", 30)).isTrue();
  }

  @Test
  void gcslocksLockIsHeldForItsOwnTime() {
    assertThat(gcslock.tryAcquire(NAME, "theirs", 30)).isTrue();
    LeaseRecord found = inTheWay(take("g1"));
    assertThat(found.isFree()).isFalse();
    assertThat(found.client()).isEqualTo("theirs");
    assertThat(found.leaseDuration()).isEqualTo(Duration.ofSeconds(30));
    assertThat(found.token()).as("it has none").isZero();
    gcslock.refresh(NAME, 30);
    assertThat(inTheWay(take("g1", Optional.of(found), Optional.of(found))).version())
        .isNotEqualTo(found.version());
    LeaseRecord refreshed = store.read(NAME).join();
    assertThat(refreshed.grant()).isEqualTo(found.grant());
    assertThat(taken(take("g1", Optional.of(refreshed), Optional.of(refreshed))).token())
        .isEqualTo(1);
    assertThat(gcslock.refresh(NAME, 30)).as("it is no longer theirs").isFalse();
  }

  /** Our keys are still there when gcslock has taken over; they must not be believed. */
  @Test
  void aTakeOverByGcslockEndsOurGrantAndKeepsTheCounter() {
    LeaseRecord held = taken(take("g1"));
    ticker.advance(Duration.ofSeconds(12));
    assertThat(gcslock.tryAcquire(NAME, "theirs", 30)).isTrue();
    RenewAnswer.Changed changed = (RenewAnswer.Changed) store.renew(held).join();
    assertThat(changed.found().grant()).isNotEqualTo(held.grant());
    assertThat(changed.found().client()).isEqualTo("theirs");
    assertThat(changed.found().data()).isEqualTo(HoldData.empty());
    assertThat(store.release(held).join()).isEmpty();
    LeaseRecord theirs = store.read(NAME).join();
    assertThat(taken(take("g2", Optional.of(theirs), Optional.of(theirs))).token()).isEqualTo(2);
  }

  @Test
  void gcslocksReleaseDeletesAndTheNameIsNew() {
    gcslock.tryAcquire(NAME, "theirs", 30);
    assertThat(gcslock.release(NAME)).isTrue();
    assertThat(taken(take("g1")).token()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "-30.5", "0.0"})
  void gcslocksLockWithoutTimeIsFree(String expiresSec) {
    gcslock.create(NAME, "theirs", expiresSec);
    taken(take("g1"));
  }

  @Test
  void gcslocksLockWithoutMetadataIsFree() {
    gcslock.createBare(NAME, "lock");
    assertThat(store.read(NAME).join().isFree()).isTrue();
    taken(take("g1"));
  }

  @Test
  void gcslocksTimesAreRoundedUpAndBounded() {
    gcslock.create(NAME, "theirs", "1.2");
    assertThat(store.read(NAME).join().leaseDuration()).isEqualTo(Duration.ofSeconds(2));
    gcslock.create("other", "theirs", "999999999999999999");
    assertThat(store.read("other").join().leaseDuration()).isEqualTo(Duration.ofDays(365));
  }

  // ------------------------------------------------------------ what goes wrong

  @Test
  void bucketMissingForbiddenAndUnauthorizedAreThreeDifferentRefusals() {
    LeaseStore nowhere = store("no-such-bucket");
    assertThat(failure(() -> nowhere.take(take("g1"))))
        .isInstanceOf(LockRefusedException.class)
        .hasMessage(
            "BUCKET_MISSING: there is no bucket no-such-bucket: make it first (holdfast setup"
                + " --print)");
    assertThat(failure(() -> store("no-such-bucket").read(NAME)))
        .hasMessageStartingWith("BUCKET_MISSING");
    assertThat(failure(() -> store("no-such-bucket").list("", 10)))
        .hasMessageStartingWith("BUCKET_MISSING");
    storage.failAlways(
        call -> true, 403, "forbidden", "ann does not have storage.objects.create access");
    assertThat(failure(() -> store.take(take("g1"))))
        .isInstanceOf(LockRefusedException.class)
        .hasMessage(
            "PERMISSION_MISSING: bucket bucket, HTTP 403 forbidden: "
                + "ann does not have storage.objects.create access");
    storage.heal();
    storage.failAlways(call -> true, 401, "required", "Login\r\nrequired");
    assertThat(failure(() -> store.take(take("g1"))))
        .isInstanceOf(LockRefusedException.class)
        .hasMessage("CREDENTIALS_REFUSED: bucket bucket, HTTP 401 required: Login required");
  }

  @Test
  void theBucketIsAskedForOnceAtMost() {
    store.read(NAME).join();
    store.read(NAME).join();
    store.read("other").join();
    assertThat(storage.calls()).filteredOn(call -> call.path().endsWith("/o")).hasSize(1);
    assertThat(storage.calls()).hasSize(4);
  }

  @Test
  void aBucketThatRetainsItsObjectsAndCannotBeChangedBackIsSaidToKeepTheLockForALease() {
    storage.createBucket("kept", Optional.of(Duration.ofDays(1)), false);
    storage.failAlways(call -> call.method().equals("PATCH"), 503, "backendError", "down");
    assertThat(failure(() -> store("kept").take(take("g1"))))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("BUCKET_RETAINS")
        .hasMessageEndingWith("stays held for a lease");
  }

  @Test
  void aBucketThatRetainsItsObjectsIsRefusedAndNothingIsLeftHeld() {
    storage.createBucket("kept", Optional.of(Duration.ofDays(1)), false);
    storage.createBucket("on-hold", Optional.empty(), true);
    for (String bucket : List.of("kept", "on-hold")) {
      LeaseStore retaining = store(bucket);
      assertThat(failure(() -> retaining.take(take("g1"))))
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("BUCKET_RETAINS")
          .hasMessageContaining("gs://" + bucket + "/");
      assertThat(retaining.read(NAME).join().isFree()).isTrue();
    }
  }

  @Test
  void anObjectThatIsNoLockIsRefusedAndLeftAlone() {
    gcslock.createBare(NAME, "a picture");
    JsonObject before = storage.object("bucket", NAME).orElseThrow();
    for (Supplier<CompletableFuture<?>> request :
        List.<Supplier<CompletableFuture<?>>>of(
            () -> store.take(take("g1")), () -> store.read(NAME))) {
      assertThat(failure(request))
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("FOREIGN_OBJECT: the object of lock \"invoice/42\" has no");
    }
    assertThat(storage.object("bucket", NAME)).contains(before);
    assertThat(store.list("", 10).join()).isEmpty();
  }

  @Test
  void brokenMetadataIsRefusedByTheNameOfTheKey() {
    gcslock.create(NAME, "theirs", "soon\n");
    assertThat(failure(() -> store.read(NAME)))
        .isInstanceOf(LockRefusedException.class)
        .hasMessage(
            "FOREIGN_OBJECT: the object of lock \"invoice/42\" has metadata expires_sec "
                + "\"soon\\n\", which is not a number of seconds");
    LeaseRecord held = taken(takeOf("other", "g1"));
    for (String key :
        List.of("holdfast_token", "holdfast_lease_ms", "holdfast_since", "holdfast_data")) {
      String good =
          Optional.ofNullable(metadata("other").get(key)).map(it -> it.getAsString()).orElse(null);
      gcslock.patch("other", key, "~");
      assertThat(failure(() -> store.read("other"))).hasMessageContaining("metadata " + key);
      gcslock.patch("other", key, good);
    }
    assertThat(store.read("other").join().grant()).isEqualTo(held.grant());
  }

  @Test
  void aLeaseThatWouldNeedRenewalsFasterThanOneASecondIsRefused() {
    Take brief =
        new Take(take("g1").wanted(), "g1", "ann", Duration.ofMillis(4_999), HoldData.empty());
    assertThat(failure(() -> store.take(brief)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("LEASE_TOO_SHORT: leaseDuration 4999 ms < 5000 ms");
    assertThat(storage.calls()).isEmpty();
    assertThat(store.writesApart()).isEqualTo(Duration.ofSeconds(1));
  }

  /** Turned away is not carried out; a server in trouble may have done it. */
  @Test
  void whatWasTurnedAwayIsUnavailableAndWhatFailedInsideIsUncertain() {
    for (String reason : List.of("rateLimitExceeded", "userRateLimitExceeded")) {
      int status = reason.startsWith("user") ? 403 : 429;
      storage.fail(call -> true, status, reason);
      assertThat(store.take(take("g1")).join()).isEqualTo(new TakeAnswer.TooSoon());
      storage.fail(call -> true, status, reason);
      assertThat(failure(() -> store.read(NAME))).isInstanceOf(StoreUnavailableException.class);
    }
    for (int status : new int[] {408, 500, 502, 503, 504}) {
      storage.fail(call -> true, status, "backendError");
      assertThat(failure(() -> store.take(take("g1"))))
          .isInstanceOf(UncertainOutcomeException.class);
      storage.fail(call -> true, status, "backendError");
      assertThat(failure(() -> store.read(NAME))).isInstanceOf(StoreUnavailableException.class);
    }
    storage.drop(call -> true, false);
    assertThat(failure(() -> store.take(take("g1")))).isInstanceOf(UncertainOutcomeException.class);
    storage.drop(call -> true, false);
    assertThat(failure(() -> store.read(NAME))).isInstanceOf(StoreUnavailableException.class);
    storage.answer(call -> true, 200, "<html>");
    assertThat(failure(() -> store.take(take("g1")))).isInstanceOf(UncertainOutcomeException.class);
    storage.answer(call -> true, 200, "{}");
    assertThat(failure(() -> store.read(NAME))).isInstanceOf(StoreUnavailableException.class);
    storage.answer(call -> true, 418, "a proxy\u001b[31m says no");
    assertThat(failure(() -> store.take(take("g1"))))
        .isInstanceOf(LockRefusedException.class)
        .hasMessage("REQUEST_REFUSED: bucket bucket, HTTP 418: a proxy [31m says no");
    assertThat(storage.object("bucket", NAME)).isEmpty();
  }

  @Test
  void aThrottledWriteIsNotLost() {
    storage.limitWrites();
    LeaseRecord held = taken(take("g1"));
    assertThat(failure(() -> store.renew(held))).isInstanceOf(StoreUnavailableException.class);
    ticker.advance(store.writesApart());
    assertThat(store.renew(held).join()).isInstanceOf(RenewAnswer.Renewed.class);
  }

  @Test
  void aRenewalThatFindsAnotherHolderTellsWhom() {
    LeaseRecord dead = taken(take("g1"));
    LeaseRecord held = taken(take("g2", Optional.of(dead), Optional.of(dead)));
    assertThat(store.renew(dead).join()).isEqualTo(new RenewAnswer.Changed(held));
    gcslock.delete(NAME);
    RenewAnswer.Changed gone = (RenewAnswer.Changed) store.renew(held).join();
    assertThat(gone.found().isFree()).isTrue();
    assertThat(gone.found().token()).isEqualTo(held.token());
  }

  @Test
  void aTakeWhoseAnswerWasLostFindsItsOwnGrant() {
    storage.drop(EmulatedStorage.Call::isWrite, true);
    assertThat(failure(() -> store.take(take("g1")))).isInstanceOf(UncertainOutcomeException.class);
    assertThat(store.read(NAME).join().grant()).isEqualTo("g1");
    assertThat(inTheWay(take("g1")).grant()).isEqualTo("g1");
    assertThat(inTheWay(take("g1")).token()).as("a retry is no second grant").isEqualTo(1);
  }

  @Test
  void aRenewalWhoseAnswerWasLostFindsItsOwnGrant() {
    LeaseRecord held = taken(take("g1"));
    storage.failAfterwards(EmulatedStorage.Call::isWrite, 503, "backendError");
    assertThat(failure(() -> store.renew(held))).isInstanceOf(UncertainOutcomeException.class);
    RenewAnswer.Changed changed = (RenewAnswer.Changed) store.renew(held).join();
    assertThat(changed.found().grant()).isEqualTo("g1");
    assertThat(store.renew(changed.found()).join()).isInstanceOf(RenewAnswer.Renewed.class);
  }

  @Test
  void aReleaseWhoseAnswerWasLostMayBeSentAgain() {
    LeaseRecord held = taken(take("g1"));
    storage.drop(EmulatedStorage.Call::isWrite, true);
    assertThat(failure(() -> store.release(held))).isInstanceOf(UncertainOutcomeException.class);
    assertThat(store.release(held).join()).isEmpty();
    assertThat(store.read(NAME).join().isFree()).isTrue();
  }

  @Test
  void aTakeThatComesLateFindsTheLockHeldByAnother() {
    EmulatedStorage.Gate gate = storage.delay(EmulatedStorage.Call::isWrite);
    CompletableFuture<TakeAnswer> late = store.take(take("g1"));
    LeaseRecord held = taken(take("g2"));
    assertThat(late).isNotDone();
    gate.opened().complete(null);
    assertThat(late.join()).isEqualTo(new TakeAnswer.InTheWay(List.of(held)));
  }

  // ------------------------------------------------------------ requests

  private static Take take(String grant) {
    return takeOf(NAME, grant);
  }

  private static Take takeOf(String name, String grant) {
    return take(new Take.Wanted(name, Optional.empty(), Optional.empty()), grant);
  }

  private static Take take(
      String grant, Optional<LeaseRecord> expired, Optional<LeaseRecord> last) {
    return take(new Take.Wanted(NAME, expired, last), grant);
  }

  private static Take take(Take.Wanted wanted, String grant) {
    return new Take(List.of(wanted), grant, "ann", LEASE, HoldData.of("what for"));
  }

  private LeaseRecord taken(Take take) {
    return ((TakeAnswer.Taken) store.take(take).join()).records().get(0);
  }

  private LeaseRecord inTheWay(Take take) {
    return ((TakeAnswer.InTheWay) store.take(take).join()).found().get(0);
  }

  private static LockFormat.Version version(LeaseRecord record) {
    return LockFormat.Version.of(record);
  }

  private JsonObject metadata(String name) {
    return storage.object("bucket", name).orElseThrow().getAsJsonObject("metadata");
  }

  private static Throwable failure(Supplier<CompletableFuture<?>> request) {
    Throwable failure = catchThrowable(() -> request.get().join());
    assertThat(failure).isInstanceOf(CompletionException.class);
    return failure.getCause();
  }
}
