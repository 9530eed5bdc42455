package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Capability;
import io.holdfast.HoldData;
import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What the engine relies on in every {@link LeaseStore}, asked of the records themselves. {@link
 * LockContract} sees a store through the engine, which rarely comes to where a broken rule shows. A store
 * passes with a subclass that says how to {@link #open} it; what it cannot do is skipped.
 *
 * <p>JUnit makes an instance for each fact. Facts use names of their own, so many may run against one table.
 */
public abstract class LeaseStoreContract {
  /*
   * The rules, as docs/lease-stores.md has them: a record is taken only if it is free or exactly as it was seen; no version of
   * a held record ever comes back; a release compares the grant and nothing else; tokens grow; all or none.
   *
   * A free record may show the version that it had when it was held, for nobody takes over what is free.
   */
  private static final int TAKERS = 8;

  /** Of what is free, as the engine tries again when a free record is in the way. */
  private static final int MOST_TAKES = 3;

  private static final int PATIENCE_SECONDS = 30;

  private final String prefix = "records/" + UUID.randomUUID() + "/";
  private final String name = prefix + "a";
  private LeaseStore store;

  /** For subclasses. */
  protected LeaseStoreContract() {}

  /** The store, over records that may have been used by other facts before. It is closed after the fact. */
  protected abstract LeaseStore open() throws Exception;

  /** The lease of all attempts; none is waited for. */
  protected Duration lease() {
    return Duration.ofSeconds(10);
  }

  @BeforeEach
  final void begin() throws Exception {
    store = open();
  }

  @AfterEach
  final void end() {
    store.close();
  }

  // ------------------------------------------------------------ what is on record

  @Test
  void lockThatWasNeverTakenIsFree() {
    LeaseRecord found = read(name);
    assertThat(found.isFree()).isTrue();
    assertThat(found.name()).isEqualTo(name);
    assertThat(found.token()).isZero();
  }

  @Test
  void whatIsTakenIsReadAsItWasAnswered() {
    String grant = newGrant();
    LeaseRecord taken = has(grant, free(name));
    assertThat(taken.name()).isEqualTo(name);
    assertThat(taken.grant()).isEqualTo(grant);
    assertThat(taken.client()).isEqualTo("ann");
    assertThat(taken.version()).isNotEmpty();
    assertThat(taken.leaseDuration()).isGreaterThanOrEqualTo(lease());
    isAs(read(name), taken);
  }

  @Test
  void dataBelongToOneGrantAndNotToTheNext() {
    assumeTrue(can(Capability.DATA));
    LeaseRecord first =
        taken(answer(store.take(attempt(newGrant(), HoldData.of("job 7"), free(name)))));
    assertThat(first.data()).isEqualTo(HoldData.of("job 7"));
    first = renewed(answer(store.renew(first)));
    assertThat(read(name).data()).isEqualTo(HoldData.of("job 7"));
    isAs(read(name), first);
    has(newGrant(), over(first));
    assertThat(read(name).data().isEmpty()).isTrue();
  }

  @Test
  void listHasWhatIsHeldOfAPrefixInOrderAndNoMoreThanAskedFor() {
    assumeTrue(can(Capability.LIST));
    for (String last : List.of("list/c", "list/a", "list/d", "list/b", "other")) {
      has(newGrant(), free(prefix + last));
    }
    answer(store.release(read(prefix + "list/b")));
    assertThat(answer(store.list(prefix + "list/", 10)))
        .extracting(LeaseRecord::name)
        .containsExactly(prefix + "list/a", prefix + "list/c", prefix + "list/d");
    assertThat(answer(store.list(prefix + "list/", 2))).hasSize(2);
  }

  // ------------------------------------------------------------ versions

  @Test
  void everyRenewalChangesTheVersion() {
    Set<String> versions = new HashSet<>();
    LeaseRecord mine = has(newGrant(), free(name));
    versions.add(mine.version());
    for (int i = 0; i < 4; i++) {
      mine = renewed(answer(store.renew(mine)));
      isAs(read(name), mine);
      assertThat(versions.add(mine.version())).as("%s is new", mine.version()).isTrue();
    }
  }

  /** A request keeps its grant's id for as long as it waits, so it may take, lose, and take again with one id. */
  @Test
  void noVersionComesBackThoughOneGrantTakesTheLockAgain() {
    String again = newGrant();
    Set<String> versions = new HashSet<>();
    for (int i = 0; i < 3; i++) {
      LeaseRecord taken = has(again, free(name));
      assertThat(versions.add(taken.version())).as("%s is new", taken.version()).isTrue();
      LeaseRecord renewed = renewed(answer(store.renew(taken)));
      assertThat(versions.add(renewed.version())).as("%s is new", renewed.version()).isTrue();
      LeaseRecord other = has(newGrant(), over(renewed));
      assertThat(versions.add(other.version())).as("%s is new", other.version()).isTrue();
      answer(store.release(other));
    }
  }

  @Test
  void whoSawTheFirstOfTwoTakesOfOneGrantCannotTakeOverTheSecond() {
    String again = newGrant();
    LeaseRecord seen = has(again, free(name));
    answer(store.release(has(newGrant(), over(seen))));
    LeaseRecord held = has(again, free(name));

    LeaseRecord found = inTheWay(take(newGrant(), over(seen)));
    isAs(found, held);
    isAs(read(name), held);
  }

  @Test
  void whoSawTheHolderBeforeItsRenewalCannotTakeOver() {
    LeaseRecord seen = has(newGrant(), free(name));
    LeaseRecord renewed = renewed(answer(store.renew(seen)));
    isAs(inTheWay(take(newGrant(), over(seen))), renewed);
    isAs(read(name), renewed);
  }

  @Test
  void whoSawTheHolderAsItIsTakesOver() {
    LeaseRecord seen = renewed(answer(store.renew(has(newGrant(), free(name)))));
    String grant = newGrant();
    LeaseRecord taken = has(grant, over(read(name)));
    isAs(read(name), taken);
    assertThat(read(name).grant()).isEqualTo(grant);
    assertThat(read(name).version()).isNotEqualTo(seen.version());
  }

  // ------------------------------------------------------------ one of many

  @Test
  void ofManyWhoAskForAFreeLockOneHasIt() {
    oneOf(free(name));
  }

  @Test
  void ofManyWhoSawTheSameDeadHolderOneHasItsLock() {
    oneOf(over(has(newGrant(), free(name))));
  }

  @Test
  void whoKnowsAnOldStateFindsTheHolderInTheWay() {
    LeaseRecord held = has(newGrant(), free(name));
    LeaseRecord left = answer(store.release(held)).orElseThrow();
    LeaseRecord next = has(newGrant(), free(name));
    isAs(inTheWay(take(newGrant(), knowing(left))), next);
    isAs(inTheWay(take(newGrant(), knowing(held))), next);
    isAs(inTheWay(take(newGrant(), free(name))), next);
  }

  @Test
  void whoKnowsOnlyThatItWasHeldTakesWhatIsFreeByNow() {
    LeaseRecord held = has(newGrant(), free(name));
    answer(store.release(held));
    LeaseRecord taken = has(newGrant(), knowing(held));
    isAs(read(name), taken);
  }

  /** The answer to the first sending was lost. */
  @Test
  void attemptThatIsSentAgainFindsItsOwnGrantInTheWay() {
    String grant = newGrant();
    LeaseRecord first = has(grant, free(name));
    isAs(inTheWay(take(grant, free(name))), first);
    isAs(read(name), first);
  }

  // ------------------------------------------------------------ renewal and release

  @Test
  void renewalThatIsSentAgainDoesNoHarm() {
    LeaseRecord mine = has(newGrant(), free(name));
    LeaseRecord once = renewed(answer(store.renew(mine)));
    RenewAnswer twice = answer(store.renew(mine));
    LeaseRecord found =
        twice instanceof RenewAnswer.Changed changed ? changed.found() : renewed(twice);
    assertThat(found.grant()).isEqualTo(mine.grant());
    isAs(read(name), found);
    LeaseRecord last = renewed(answer(store.renew(found)));
    isAs(read(name), last);
    assertThat(read(name).version()).isNotEqualTo(once.version());
  }

  @Test
  void renewalOfWhatAnotherHasChangesNothingAndSaysWhoHasIt() {
    LeaseRecord mine = has(newGrant(), free(name));
    LeaseRecord other = has(newGrant(), over(mine));
    isAs(changed(answer(store.renew(mine))), other);
    isAs(read(name), other);
  }

  @Test
  void renewalOfWhatWasReleasedTakesNothing() {
    LeaseRecord mine = has(newGrant(), free(name));
    answer(store.release(mine));
    assertThat(changed(answer(store.renew(mine))).isFree()).isTrue();
    assertThat(read(name).isFree()).isTrue();
  }

  @Test
  void releaseComparesTheGrantAndNotTheVersion() {
    LeaseRecord known = has(newGrant(), free(name));
    renewed(answer(store.renew(renewed(answer(store.renew(known))))));
    LeaseRecord left = answer(store.release(known)).orElseThrow();
    assertThat(left.isFree()).isTrue();
    assertThat(left.token()).isEqualTo(known.token());
    assertThat(read(name).isFree()).isTrue();
    LeaseRecord taken = has(newGrant(), knowing(left));
    isAs(read(name), taken);
  }

  @Test
  void releaseOfWhatAnotherHasFreesNothing() {
    LeaseRecord mine = has(newGrant(), free(name));
    LeaseRecord other = has(newGrant(), over(mine));
    assertThat(answer(store.release(mine))).isEmpty();
    isAs(read(name), other);
  }

  @Test
  void secondReleaseSaysThatThereWasNothingToRelease() {
    LeaseRecord mine = has(newGrant(), free(name));
    assertThat(answer(store.release(mine))).isPresent();
    assertThat(answer(store.release(mine))).isEmpty();
    assertThat(read(name).isFree()).isTrue();
  }

  // ------------------------------------------------------------ tokens

  @Test
  void tokensGrowWithEveryGrantWhateverTheAskerKnows() {
    assumeTrue(can(Capability.FENCING));
    LeaseRecord first = has(newGrant(), free(name));
    assertThat(first.token()).isPositive();
    LeaseRecord second = has(newGrant(), over(first));
    assertThat(second.token()).isGreaterThan(first.token());
    assertThat(renewed(answer(store.renew(second))).token()).isEqualTo(second.token());
    LeaseRecord left = answer(store.release(second)).orElseThrow();
    assertThat(left.token()).isEqualTo(second.token());

    LeaseRecord third = has(newGrant(), knowing(left));
    assertThat(third.token()).isGreaterThan(second.token());
    answer(store.release(third));
    LeaseRecord fourth = has(newGrant(), free(name));
    assertThat(fourth.token()).as("though nothing was known").isGreaterThan(third.token());
    answer(store.release(fourth));
    LeaseRecord fifth = has(newGrant(), knowing(left));
    assertThat(fifth.token()).as("though too little was known").isGreaterThan(fourth.token());
    assertThat(read(name).token()).isEqualTo(fifth.token());
  }

  // ------------------------------------------------------------ several at once

  @Test
  void severalAreTakenAsOneWithATokenAboveAllOfTheirs() {
    assumeTrue(can(Capability.ALL));
    String busy = prefix + "b";
    for (int i = 0; i < 3; i++) {
      answer(store.release(has(newGrant(), free(busy))));
    }
    long before = read(busy).token();
    String grant = newGrant();
    TakeAnswer answer = take(grant, free(prefix + "c"), free(busy), free(name));
    List<LeaseRecord> taken = ((TakeAnswer.Taken) answer).records();
    assertThat(taken)
        .extracting(LeaseRecord::name)
        .containsExactly(prefix + "c", busy, name); // in the order asked for
    for (LeaseRecord record : taken) {
      assertThat(record.grant()).isEqualTo(grant);
      isAs(read(record.name()), record);
      if (can(Capability.FENCING)) {
        assertThat(record.token()).isGreaterThan(before);
      }
    }
  }

  @Test
  void ofSeveralNoneIsTakenIfOneIsHeld() {
    assumeTrue(can(Capability.ALL));
    LeaseRecord held = has(newGrant(), free(prefix + "held"));
    LeaseRecord dead = has(newGrant(), free(prefix + "dead"));
    isAs(inTheWay(take(newGrant(), free(name), over(dead), free(prefix + "held"))), held);
    assertThat(read(name).isFree()).isTrue();
    isAs(read(prefix + "dead"), dead);
    isAs(read(prefix + "held"), held);
  }

  @Test
  void ofSeveralNoneIsTakenOverInAStateThatIsNoMore() {
    assumeTrue(can(Capability.ALL));
    String again = newGrant();
    LeaseRecord seen = has(again, free(name));
    answer(store.release(has(newGrant(), over(seen))));
    LeaseRecord held = has(again, free(name));
    isAs(inTheWay(take(newGrant(), free(prefix + "b"), over(seen))), held);
    assertThat(read(prefix + "b").isFree()).isTrue();
  }

  // ------------------------------------------------------------ asking

  private void oneOf(Take.Wanted wanted) {
    List<CompletableFuture<TakeAnswer>> asked = new ArrayList<>();
    for (int i = 0; i < TAKERS; i++) {
      asked.add(store.take(attempt(newGrant(), HoldData.empty(), wanted)));
    }
    List<LeaseRecord> taken = new ArrayList<>();
    for (CompletableFuture<TakeAnswer> one : asked) {
      try {
        if (answer(one) instanceof TakeAnswer.Taken won) {
          taken.addAll(won.records());
        }
      } catch (CompletionException e) {
        // turned away, for there were too many at once
        assertThat(e).hasCauseInstanceOf(LockException.class);
        assertThat(e.getCause()).isNotInstanceOf(LockRefusedException.class);
      }
    }
    assertThat(taken).hasSizeLessThanOrEqualTo(1);
    LeaseRecord found = read(name);
    if (taken.isEmpty()) {
      has(newGrant(), found.isFree() ? knowing(found) : over(found));
    } else {
      isAs(found, taken.get(0));
    }
  }

  private static void isAs(LeaseRecord found, LeaseRecord expected) {
    assertThat(found).isEqualTo(expected);
  }

  private boolean can(Capability capability) {
    return store.capabilities().contains(capability);
  }

  private static Take.Wanted free(String name) {
    return new Take.Wanted(name, Optional.empty(), Optional.empty());
  }

  private static Take.Wanted knowing(LeaseRecord last) {
    return new Take.Wanted(last.name(), Optional.empty(), Optional.of(last));
  }

  private static Take.Wanted over(LeaseRecord seen) {
    return new Take.Wanted(seen.name(), Optional.of(seen), Optional.of(seen));
  }

  private static String newGrant() {
    return UUID.randomUUID().toString().replace("-", "");
  }

  private Take attempt(String grant, HoldData data, Take.Wanted... wanted) {
    return new Take(List.of(wanted), grant, "ann", lease(), data);
  }

  private TakeAnswer take(String grant, Take.Wanted... wanted) {
    return answer(store.take(attempt(grant, HoldData.empty(), wanted)));
  }

  /** Has a lock that is free. A store may want to know first how it was left. */
  private LeaseRecord has(String grant, Take.Wanted wanted) {
    TakeAnswer answer = take(grant, wanted);
    for (int i = 1; i < MOST_TAKES && answer instanceof TakeAnswer.InTheWay it; i++) {
      LeaseRecord found = it.found().get(0);
      Optional<String> expired = wanted.expired().map(LeaseRecord::version);
      assertThat(found.isFree() || expired.equals(Optional.of(found.version())))
          .as("%s may be taken", found)
          .isTrue();
      answer = take(grant, found.isFree() ? knowing(found) : over(found));
    }
    return taken(answer);
  }

  private LeaseRecord read(String of) {
    return answer(store.read(of));
  }

  private static <T> T answer(CompletableFuture<T> asked) {
    return asked.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
  }

  private static LeaseRecord taken(TakeAnswer answer) {
    assertThat(answer).isInstanceOf(TakeAnswer.Taken.class);
    assertThat(((TakeAnswer.Taken) answer).records()).hasSize(1);
    return ((TakeAnswer.Taken) answer).records().get(0);
  }

  private static LeaseRecord inTheWay(TakeAnswer answer) {
    assertThat(answer).isInstanceOf(TakeAnswer.InTheWay.class);
    assertThat(((TakeAnswer.InTheWay) answer).found()).hasSize(1);
    return ((TakeAnswer.InTheWay) answer).found().get(0);
  }

  private static LeaseRecord renewed(RenewAnswer answer) {
    assertThat(answer).isInstanceOf(RenewAnswer.Renewed.class);
    return ((RenewAnswer.Renewed) answer).record();
  }

  private static LeaseRecord changed(RenewAnswer answer) {
    assertThat(answer).isInstanceOf(RenewAnswer.Changed.class);
    return ((RenewAnswer.Changed) answer).found();
  }
}
