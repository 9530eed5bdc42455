package io.holdfast.testkit.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** For each property a history that breaks it, and next to it one that comes as close as it may. */
class HistoryCheckerTest {
  private static final HistoryChecker FAIR = HistoryChecker.fair();
  private static final HistoryChecker LEASED = HistoryChecker.fair().lease(Duration.ofSeconds(1));

  @Nested
  class Tokens {
    @Test
    void twoGrantsOfAKeyWithOneTokenBreakP1() {
      broken(
          "P1",
          """
          0 ann asks 1 for r x
          1 1 acquired 7
          0 bob asks 2 for r x
          1 2 acquired 7
          """);
    }

    @Test
    void readersMayAnswerOutOfOrderWhenTheirCallsOverlap() {
      fine(
          """
          0 ann asks 1 for r x
          0 bob asks 2 for r x
          1 2 acquired 8
          2 1 acquired 7
          """);
    }

    @Test
    void aTokenLowerThanOneAcquiredBeforeTheCallBreaksP1() {
      broken(
          "P1",
          """
          0 ann asks 1 for r x
          1 1 acquired 7
          2 bob asks 2 for r x
          3 2 acquired 6
          """);
    }

    @Test
    void tokensOfDifferentNamesAreNotCompared() {
      fine(
          """
          0 ann asks 1 for x
          1 1 acquired 7
          2 bob asks 2 for y
          3 2 acquired 7
          """);
    }

    @Test
    void tokensGrowAlongAPathForWhoeverConflicts() {
      broken(
          "P1",
          """
          0 ann asks 1 for t:/a/b
          1 1 acquired 7
          2 1 releasing
          3 1 released
          4 bob asks 2 for t:/a
          5 2 acquired 6
          """);
      fine(
          """
          0 ann asks 1 for r t:/a/b
          1 1 acquired 7
          4 bob asks 2 for r t:/a
          5 2 acquired 6
          """);
    }
  }

  @Nested
  class Exclusion {
    @Test
    void aGrantWhileAnotherHasItBreaksP2() {
      broken(
          "P2",
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 bob asks 2 for x
          3 2 acquired 2
          """);
    }

    @Test
    void aGrantIsFineOnceTheReleaseHasBeenAskedFor() {
      fine(
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 bob asks 2 for x
          3 1 releasing
          4 2 acquired 2
          5 1 released
          """);
    }

    @Test
    void theLowerTokenMustHaveBeenFreedThoughItsAnswerCameLater() {
      broken(
          "P2",
          """
          0 ann asks 1 for x
          0 bob asks 2 for x
          2 2 acquired 2
          3 2 releasing
          4 2 released
          5 1 acquired 1
          """);
    }

    @Test
    void anAnswerMayComeLateIfTheGrantWasRevokedInBetween() {
      fine(
          """
          0 ann asks 1 for x
          0 bob asks 2 for x
          1 revoking x 1
          2 2 acquired 2
          2 revoked x 1
          5 1 acquired 1
          6 1 lost REVOKED
          """);
    }

    @Test
    void aSessionGivenUpBeforeItsLeaseIsOverBreaksP2() {
      broken(
          LEASED,
          "P2",
          """
          0    ann renewed
          400  ann renewed
          500  ann died
          1399 ann expired
          """);
    }

    @Test
    void aSessionMayBeGivenUpWhenItsLeaseIsOver() {
      fine(
          LEASED,
          """
          0    ann renewed
          10   ann asks 1 for x
          11   1 acquired 1
          400  ann renewed
          500  ann died
          1300 bob asks 2 for x
          1400 ann expired
          1400 2 acquired 2
          """);
    }

    @Test
    void aDeadHoldersLockGrantedBeforeItsLeaseIsOverBreaksP2() {
      broken(
          LEASED,
          "P2",
          """
          0    ann renewed
          10   ann asks 1 for x
          11   1 acquired 1
          400  ann renewed
          500  ann died
          1300 bob asks 2 for x
          1399 2 acquired 2
          """);
    }

    @Test
    void askingRenewsALeaseUnlessHeartbeatsAloneDo() {
      String text =
          """
          0    ann renewed
          900  ann asks 1 for x
          901  1 acquired 1
          950  1 lost EXPIRED
          1000 ann expired
          1001 bob asks 2 for x
          1002 2 acquired 2
          """;
      broken(LEASED, "P12", text);
      fine(LEASED.renewedByHeartbeatsAlone(), text);
      broken(
          LEASED.renewedByHeartbeatsAlone(),
          "P12",
          text.replace("0    ann renewed", "0    ann renewed \n 300 ann renewed"));
      broken(LEASED.renewedByHeartbeatsAlone(), "P2", text.replace("1000 ann", "999 ann"));
    }

    @Test
    void slowClocksStretchTheLeaseByTheirBound() {
      String text =
          """
          0    ann asks 1 for x
          1    1 acquired 1
          500  ann died
          600  bob asks 2 for x
          995  2 acquired 2
          """;
      broken(LEASED, "P2", text);
      fine(LEASED.clockRateBound(0.01), text);
    }

    @Test
    void maxHoldFreesALockByItself() {
      String text =
          """
          0    ann asks 1 for x holding 100
          1    1 acquired 1
          50   bob asks 2 for x
          %d   2 acquired 2
          """;
      broken("P2", text.formatted(99));
      fine(text.formatted(100));
    }

    @Test
    void maxHoldCountsFromTheGrantNotFromTheAsking() {
      String text =
          """
          0   ann asks 1 for x
          1   1 acquired 1
          2   bob asks 2 for x holding 100
          500 1 releasing
          501 1 released
          502 2 acquired 2
          503 cid asks 3 for x
          %d  3 acquired 3
          """;
      broken("P2", text.formatted(599));
      fine(text.formatted(600));
      broken("P12", text.formatted(600) + "580 2 lost EXPIRED");
      fine(text.formatted(600) + "595 2 lost EXPIRED");
    }

    @Test
    void whoKnowsThatItsTimeIsOverMayGiveBackBeforeTheStoreWouldEndIt() {
      String text =
          """
          0    ann asks 1 for x holding 100
          1    1 acquired 1
          80   1 used
          82   bob asks 2 for x
          %d   2 acquired 2
          96   1 lost EXPIRED
          """;
      fine(text.formatted(95)); // it gave back before it told
      fine(text.formatted(97));
      broken("P2", text.formatted(95).replace("EXPIRED", "SESSION_ENDED"));
      broken("P3", text.formatted(95) + "98 1 used");
      broken("P12", text.replace("82 ", "50 ").formatted(82).replace("96 ", "85 "));
    }

    @Test
    void whatAFaultTookIsExcusedOnlyWhileItIsGotOver() {
      String text =
          """
          0     fault unplugged
          1000  over unplugged
          %1$d  ann asks 1 for x
          %1$d  1 acquired 1
          %1$d  bob asks 2 for x
          %2$d  2 acquired 2
          %2$d  1 lost CONNECTION_LOST
          """;
      fine(text.formatted(10_000, 10_001));
      broken("P2", text.formatted(12_000, 12_001));
      broken("P12", text.formatted(12_000, 12_001));
    }

    @Test
    void aWriterBesideAReaderBreaksP7() {
      broken(
          "P7",
          """
          0 ann asks 1 for r x
          1 1 acquired 1
          2 bob asks 2 for x
          3 2 acquired 2
          """);
      fine(
          """
          0 ann asks 1 for r x
          1 1 acquired 1
          2 bob asks 2 for r x
          3 2 acquired 2
          """);
    }

    @Test
    void anAncestorBesideItsSubtreeBreaksP8() {
      broken(
          "P8",
          """
          0 ann asks 1 for t:/a/b
          1 1 acquired 1
          2 bob asks 2 for r t:/
          3 2 acquired 2
          """);
      broken(
          "P8",
          """
          0 ann asks 1 for t:/a
          1 1 acquired 1
          2 bob asks 2 for r t:/a/b/c
          3 2 acquired 2
          """);
    }

    @Test
    void siblingsReadersAndOtherSpacesGoTogether() {
      fine(
          """
          0 ann asks 1 for t:/a/b
          1 1 acquired 1
          2 bob asks 2 for t:/a/bc, t:/a/c
          3 2 acquired 2
          2 cid asks 3 for u:/a, a, /a
          3 3 acquired 3
          4 dan asks 4 for r t:/d, r t:/d/e
          5 4 acquired 4
          6 eve asks 5 for r t:/d/e/f
          7 5 acquired 5
          """);
    }

    @Test
    void aReadAndAWriteBelowItInOneRequestKeepOtherReadersOut() {
      broken(
          "P8",
          """
          0 ann asks 1 for r t:/a, t:/a/b
          1 1 acquired 1
          2 bob asks 2 for r t:/a
          3 2 acquired 2
          """);
    }
  }

  @Nested
  class Belief {
    @Test
    void twoWhoBelieveAtOnceBreakP3() {
      broken(
          LEASED,
          "P3",
          """
          0    ann asks 1 for x
          1    1 acquired 1
          1001 bob asks 2 for x
          1002 2 acquired 2
          1003 1 used
          1004 1 lost EXPIRED
          """);
    }

    @Test
    void whoHearsOfTheLossLateButHasNotLookedBelievesNothing() {
      fine(
          LEASED,
          """
          0    ann asks 1 for x
          1    1 acquired 1
          999  1 used
          1001 bob asks 2 for x
          1002 2 acquired 2
          1003 1 lost EXPIRED
          """);
    }

    @Test
    void releasingWhatAnotherHoldsByNowIsBeliefUnlessClientsArePaused() {
      String text =
          """
          0    ann asks 1 for x
          1    1 acquired 1
          1001 bob asks 2 for x
          1002 2 acquired 2
          1003 1 releasing
          1004 1 released
          """;
      broken(LEASED, "P3", text);
      fine(LEASED.withPauses(), text);
    }

    @Test
    void aRevokedHolderMayGoOnUntilItIsTold() {
      fine(
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 bob asks 2 for x
          3 revoking x 1
          4 2 acquired 2
          5 1 used
          6 1 lost REVOKED
          7 revoked x 1
          """);
    }

    @Test
    void believingInWhatWasReleasedOrLostOrExpiredBreaksP3() {
      broken(
          "P3",
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 1 releasing
          3 1 released
          4 1 used
          """);
      broken(
          "P3",
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 revoking x 1
          3 1 lost REVOKED
          4 1 used
          """);
      broken(
          LEASED,
          "P3",
          """
          0    ann renewed
          1    ann asks 1 for x
          2    1 acquired 1
          1000 ann expired
          1001 1 used
          1002 1 lost SESSION_ENDED
          """);
    }

    @Test
    void lookingWhileTheReleaseIsUnderWayIsFine() {
      fine(
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 1 releasing
          2.5 1 used
          3 1 released
          """);
    }
  }

  @Nested
  class Fencing {
    private static final String TWO_HOLDERS =
        """
        0 ann asks 1 for x
        1 1 acquired 1
        2 revoking x 1
        3 revoked x 1
        4 1 lost REVOKED
        4 bob asks 2 for x
        5 2 acquired 2
        """;

    @Test
    void anOlderTokenTakenAfterANewerOneBreaksP4() {
      broken("P4", TWO_HOLDERS + "6 2 wrote db 2 \n 7 1 wrote db 1");
    }

    @Test
    void anOlderTokenMayWriteUntilANewerOneHas() {
      fine(
          TWO_HOLDERS
              + "6 1 wrote db 1 \n 7 2 wrote db 2 \n 8 2 wrote db 2 \n 9 1 wrote db 1 refused");
    }

    @Test
    void refusingTheHighestTokenBreaksP4() {
      broken("P4", TWO_HOLDERS + "6 1 wrote db 1 \n 7 2 wrote db 2 refused");
    }

    @Test
    void writingWithSomebodyElsesTokenBreaksP4() {
      broken("P4", TWO_HOLDERS + "6 1 wrote db 2");
    }
  }

  @Nested
  class Order {
    private static final String THREE =
        """
        0  ann asks 1 for x
        1  1 acquired 1
        2  bob asks 2 for x
        3  2 queued
        4  cid asks 3 for x
        5  3 queued
        6  1 releasing
        7  1 released
        """;

    @Test
    void overtakingOneWhoStoodInLineBreaksP5() {
      broken("P5", THREE + "8 3 acquired 2");
    }

    @Test
    void theFirstInLineComesFirst() {
      fine(THREE + "8 2 acquired 2 \n 9 2 releasing \n 10 2 released \n 11 3 acquired 3");
    }

    @Test
    void whoIsLeavingMayBeOvertaken() {
      fine(THREE + "7 2 cancelling \n 8 3 acquired 2 \n 9 2 gave up CANCELLED");
      fine(THREE + "7 bob closing \n 8 3 acquired 2 \n 9 bob closed \n 10 2 gave up CLIENT_CLOSED");
      fine(
          THREE.replace("2 for x", "2 for x waiting 6")
              + "8 3 acquired 2 \n 9 2 gave up TIMED_OUT");
    }

    @Test
    void whoseCallsOverlapHaveNoOrder() {
      fine(THREE.replace("3  2 queued", "5  2 queued") + "8 3 acquired 2");
    }

    @Test
    void aStoreWithoutOrderMayPickAnyone() {
      fine(HistoryChecker.unfair(), THREE + "8 3 acquired 2");
    }

    @Test
    void aReaderThatOvertakesAWriterBreaksP7() {
      broken(
          "P7",
          """
          0  ann asks 1 for r x
          1  1 acquired 1
          2  bob asks 2 for x
          3  2 queued
          4  cid asks 3 for r x
          5  3 acquired 2
          """);
    }

    @Test
    void whoseGrantWasTakenAwayBeforeItHeardOfItWasNotOvertaken() {
      String text = THREE + "7 %s x 2 \n 8 3 acquired 3 \n 9 2 acquired 2";
      fine(text.formatted("revoking") + "\n 9 revoked x 2 \n 10 2 lost REVOKED");
      broken("P5", text.formatted("happened"));
    }

    @Test
    void thatAReaderOvertookIsToldFromAReaderBesideAWriter() {
      String overtook =
          """
          0  ann asks 1 for r x
          1  1 acquired 1
          2  bob asks 2 for x
          3  2 queued
          4  cid asks 3 for r x
          5  3 acquired 2
          """;
      String beside =
          """
          0  ann asks 1 for r x
          1  1 acquired 1
          2  bob asks 2 for x
          3  2 acquired 2
          """;
      assertThat(FAIR.check(Transcript.read(overtook)))
          .singleElement()
          .matches(violation -> violation.property().equals("P7") && violation.aboutOrder());
      assertThat(FAIR.check(Transcript.read(beside)))
          .isNotEmpty()
          .noneMatch(violation -> violation.property().equals("P7") && violation.aboutOrder());
    }

    @Test
    void readersWhoCameBeforeTheWriterMayStillEnter() {
      fine(
          """
          0  ann asks 1 for r x
          1  1 acquired 1
          2  bob asks 2 for x
          2  cid asks 3 for r x
          3  2 queued
          5  3 acquired 2
          """);
    }

    @Test
    void aRequestForSeveralWaitsForAllWhoStandBeforeAnyOfThem() {
      String text =
          """
          0  ann asks 1 for x
          1  1 acquired 1
          2  bob asks 2 for x, y
          3  2 queued
          4  cid asks 3 for %s, z
          5  3 acquired 2
          """;
      broken("P5", text.formatted("y"));
      fine(text.formatted("v"));
    }

    @Test
    void aTreeHasOneLineForAllWhoConflict() {
      String text =
          """
          0  ann asks 1 for t:/a/b
          1  1 acquired 1
          2  bob asks 2 for t:/a
          3  2 queued
          4  cid asks 3 for t:%s
          5  3 acquired 2
          """;
      broken("P5", text.formatted("/a/c"));
      broken("P5", text.formatted("/a/c/d"));
      fine(text.formatted("/c"));
    }
  }

  @Nested
  class Liveness {
    @Test
    void aFreeLockWithheldBreaksP6() {
      broken(
          "P6",
          """
          0     ann asks 1 for x
          1     1 acquired 1
          2     bob asks 2 for x
          3     2 queued
          10    1 releasing
          11    1 released
          3100  2 acquired 2
          """);
    }

    @Test
    void aFreeLockGrantedWithinTheBoundIsFine() {
      fine(
          """
          0     ann asks 1 for x
          1     1 acquired 1
          2     bob asks 2 for x
          3     2 queued
          5000  1 releasing
          5001  1 released
          6900  2 acquired 2
          """);
    }

    @Test
    void whoWaitsBehindOneWhoRightlyWaitsHasAReason() {
      String text =
          """
          0     ann asks 1 for x
          1     1 acquired 1
          2     bob asks 2 for x, y
          3     2 queued
          4     cid asks 3 for y
          5     3 queued
          9000  happened end
          """;
      fine(text);
      broken("P6", text.replace("2 for x, y", "2 for v, y"));
    }

    @Test
    void whoWaitsForThoseBehindHimHasNone() {
      broken(
          "P6",
          """
          0     ann asks 1 for x
          1     1 acquired 1
          2     bob asks 2 for y
          3     2 queued
          4     cid asks 3 for x, y
          5     3 queued
          9000  happened end
          """);
    }

    @Test
    void aWaiterThatGivesUpLetsThoseBehindItPass() {
      broken(
          "P6",
          """
          0     ann asks 1 for r x
          1     1 acquired 1
          2     bob asks 2 for x
          3     2 queued
          4     cid asks 3 for r x
          5     3 queued
          6     2 cancelling
          7     2 gave up CANCELLED
          9000  happened end
          """);
    }

    @Test
    void siblingsDoNotHoldEachOtherUp() {
      String text =
          """
          0     ann asks 1 for t:/a
          1     1 acquired 1
          2     bob asks 2 for t:%s
          9000  happened end
          """;
      broken("P8", text.formatted("/b"));
      fine(text.formatted("/a/b"));
    }

    @Test
    void nobodyIsBlamedWhileTheRunDoesHarm() {
      String text =
          """
          0      ann asks 1 for x waiting 100
          %d     fault netsplit
          %d     over netsplit
          30000  1 gave up TIMED_OUT
          """;
      fine(text.formatted(50, 19000));
      broken("P14", text.formatted(50, 17000));
      broken("P14", text.formatted(5000, 29000));
    }

    @Test
    void ofTwoFaultsOfOneNameTheLastToEndCounts() {
      String text =
          """
          0      ann asks 1 for x waiting 100
          50     fault cut
          60     fault cut
          70     over cut
          %d     over cut
          30000  1 gave up TIMED_OUT
          """;
      fine(text.formatted(19000));
      broken("P14", text.formatted(17000));
    }

    @Test
    void aHoldWhoseTimeIsLongOverIsNoReasonToWait() {
      String text =
          """
          0     ann asks 1 for x holding 100
          1     1 acquired 1
          50    bob asks 2 for x
          %d    2 acquired 2
          """;
      fine(text.formatted(2000));
      broken("P6", text.formatted(6000));
      broken(
          "P16",
          """
          0     ann asks 1 for x holding 100
          1     1 acquired 1
          2200  bob asks 2 for x waiting 0
          2201  2 gave up BUSY
          """);
    }

    @Test
    void anAnswerLongAfterPatienceIsOverBreaksP14() {
      String text =
          """
          0     ann asks 1 for x
          1     1 acquired 1
          2     bob asks 2 for x waiting 500
          %d    2 gave up TIMED_OUT
          """;
      broken("P14", text.formatted(2600));
      fine(text.formatted(2400));
      broken("P14", text.formatted(400));
    }

    @Test
    void anAcquireThatIsNeverAnsweredBreaksP14() {
      broken("P14", "0 ann asks 1 for x waiting 500 \n 9000 happened end");
      fine("0 ann asks 1 for x waiting 500 \n 50 ann died \n 9000 happened end");
    }

    @Test
    void aReleaseThatIsNeverAnsweredBreaksP14() {
      String text = "0 ann asks 1 for x \n 1 1 acquired 1 \n 2 1 releasing \n";
      broken("P14", text + "9000 happened end");
      fine(text + "1000 1 unknown \n 9000 happened end");
    }
  }

  @Nested
  class Lifecycle {
    private static final String HELD = "0 ann asks 1 for x waiting 90 \n 1 1 acquired 1 \n";

    @Test
    void twoTokensForOneRequestBreakP9() {
      broken("P9", HELD + "2 1 acquired 2");
      fine(HELD + "2 1 acquired 1");
    }

    @Test
    void twoEndsOfOneWaitBreakP10() {
      broken("P10", HELD + "2 1 gave up TIMED_OUT");
      broken("P10", "0 ann asks 1 for x \n 1 1 unknown \n 2 1 acquired 1");
      broken(
          "P10",
          "0 ann asks 1 for x \n 1 1 cancelling \n 2 1 gave up CANCELLED \n 3 1 gave up BUSY");
      fine("0 ann asks 1 for x \n 1 1 cancelling \n 2 1 acquired 1");
    }

    @Test
    void anEndOfAWaitThatNothingBroughtAboutBreaksP10() {
      String asked = "0 ann asks 1 for x \n 0 bob asks 2 for x \n";
      broken("P10", asked + "1 1 gave up CANCELLED");
      broken("P10", asked + "1 2 cancelling \n 2 1 gave up CANCELLED");
      fine(asked + "1 1 cancelling \n 2 1 gave up CANCELLED");
      broken("P10", asked + "1 1 gave up CLIENT_CLOSED \n 2 ann closing");
      broken("P10", asked + "1 bob closing \n 2 1 gave up CLIENT_CLOSED");
      fine(asked + "1 ann closing \n 2 1 gave up CLIENT_CLOSED");
      broken("P10", asked + "1 1 gave up REFUSED");
      fine(asked + "1 fault unplugged \n 2 1 gave up REFUSED");
      fine(asked + "1 revoking x 1 \n 2 revoked x 1 \n 3 1 gave up REFUSED");
      broken("P10", HELD + "1 bob asks 2 for x waiting 10 \n 2 2 gave up BUSY");
      fine(HELD + "1 bob asks 2 for x waiting 0 \n 2 2 gave up BUSY");
    }

    @Test
    void twoEndsOfOneHoldBreakP10() {
      String lost = HELD + "2 revoking x 1 \n 3 1 releasing \n 4 1 lost REVOKED \n";
      fine(lost);
      broken("P10", lost + "5 1 released");
      String released = HELD + "2 1 releasing \n 3 1 released \n";
      fine(released);
      broken("P10", released + "4 1 released");
    }

    @Test
    void aTryThatStandsInLineBreaksP10() {
      broken("P10", HELD + "1 bob asks 2 for x waiting 0 \n 2 2 queued \n 3 2 gave up BUSY");
      fine(HELD + "1 bob asks 2 for x waiting 1 \n 2 2 queued \n 3 2 gave up TIMED_OUT");
    }

    @Test
    void aRequestWithoutABeginningBreaksP10() {
      broken("P10", "0 7 acquired 1");
      broken("P10", "0 ann asks 1 for x \n 1 1 releasing");
      broken("P10", "0 ann asks 1 for x \n 1 ann asks 1 for y");
    }

    @Test
    void aWaitThatOutlivesItsClientBreaksP10() {
      String text = "0 ann asks 1 for x \n 1 ann closing \n 2 ann closed \n";
      broken("P10", text + "9000 happened end");
      fine(text + "3 1 gave up CLIENT_CLOSED \n 9000 happened end");
    }

    @Test
    void aGrantToAClosedClientBreaksP11() {
      broken("P11", "0 ann asks 1 for x \n 1 ann closing \n 2 ann closed \n 3 1 acquired 1");
      broken("P11", "0 ann closing \n 1 ann asks 1 for x \n 2 1 acquired 1 \n 3 ann closed");
      fine("0 ann asks 1 for x \n 1 ann closing \n 2 1 acquired 1 \n 3 ann closed");
    }

    @Test
    void aGrantToAClientGivenUpBreaksP11() {
      broken(
          LEASED,
          "P11",
          "0 ann renewed \n 1000 ann expired \n 1001 ann asks 1 for x \n 1002 1 acquired 1");
      broken(
          LEASED,
          "P11",
          "0 ann renewed \n 999 ann asks 1 for x \n 1000 ann expired \n 3001 1 acquired 1");
      broken(LEASED, "P11", "0 ann renewed \n 1000 ann expired \n 1001 ann renewed");
      fine(
          LEASED,
          "0 ann renewed \n 999 ann asks 1 for x \n 1000 ann expired \n 1001 1 acquired 1 \n 1002 1 lost SESSION_ENDED");
    }

    @Test
    void believingAfterTheClientWasClosedBreaksP11() {
      broken("P11", HELD + "2 ann closing \n 3 ann closed \n 4 1 used \n 5 1 lost SESSION_ENDED");
      fine(HELD + "2 ann closing \n 2.5 1 used \n 3 ann closed \n 5 1 lost SESSION_ENDED");
    }

    @Test
    void aLossToldTooLateBreaksP12() {
      String text = HELD + "2 revoking x 1 \n 3 revoked x 1 \n";
      broken("P12", text + "9000 happened end");
      broken("P12", text + "3000 1 lost REVOKED");
      fine(text + "1900 1 lost REVOKED \n 9000 happened end");
      fine(text + "1900 1 releasing \n 1901 1 released \n 9000 happened end");
      fine(text + "50 ann died \n 9000 happened end");
      fine(HELD + "2 revoking x 7 \n 3 revoked x 7 \n 9000 happened end");
    }

    @Test
    void aLossWithoutACauseBreaksP12() {
      broken("P12", HELD + "2 1 lost REVOKED");
      broken("P12", HELD + "2 1 lost EXPIRED");
      broken("P12", HELD + "2 1 lost SESSION_ENDED");
      broken("P12", HELD + "2 1 lost CONNECTION_LOST");
      broken("P12", HELD + "2 revoking x 2 \n 3 1 lost REVOKED");
      broken(LEASED, "P12", "0 ann renewed \n" + HELD + "100 ann renewed \n 950 1 lost EXPIRED");
      fine(LEASED, "0 ann renewed \n" + HELD + "950 1 lost EXPIRED");
      fine(HELD + "2 fault unplugged \n 3 1 lost CONNECTION_LOST");
      fine("0 ann asks 1 for x holding 100 \n 1 1 acquired 1 \n 100 1 lost EXPIRED");
    }

    @Test
    void aLossToldTwiceOrAfterTheReleaseBreaksP12() {
      broken("P12", HELD + "2 revoking x 1 \n 3 1 lost REVOKED \n 4 1 lost REVOKED");
      broken("P12", HELD + "2 revoking x 1 \n 3 1 releasing \n 4 1 released \n 5 1 lost REVOKED");
      fine(HELD + "2 revoking x 1 \n 3 1 releasing \n 4 1 lost REVOKED");
    }
  }

  @Nested
  class Evidence {
    @Test
    void aRunWithoutTheEventsItNeedsBreaksP15() {
      HistoryChecker checker =
          FAIR.requires(2, HistoryEvent.Lost.class).requires(1, "election").requires(1, "netsplit");
      String text =
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 ann closing
          3 1 lost SESSION_ENDED
          3 ann asks 2 for y
          4 fault netsplit
          5 happened election
          """;
      broken(checker, "P15", text);
      fine(checker.requires(1, HistoryEvent.Lost.class), text);
    }
  }

  @Nested
  class Busy {
    @Test
    void busyWithNobodyThereBreaksP16() {
      broken("P16", "0 ann asks 1 for x waiting 0 \n 1 1 gave up BUSY");
      broken(
          "P16",
          """
          0 ann asks 1 for x
          1 1 acquired 1
          2 1 releasing
          3 1 released
          4 bob asks 2 for x waiting 0
          5 2 gave up BUSY
          """);
    }

    @Test
    void twoTriesMayNotBothBeBusyForEachOther() {
      broken(
          "P16",
          "0 ann asks 1 for x waiting 0 \n 0 bob asks 2 for x waiting 0 \n 1 1 gave up BUSY \n 1 2 gave up BUSY");
    }

    @Test
    void tokensTellThatAGrantCameTooLateToBeTheReason() {
      String text =
          """
          0  ann asks 1 for x waiting 0
          %d bob asks 2 for x waiting 0
          %d 2 gave up BUSY
          3  cid asks 3 for x waiting 0
          4  3 acquired 1
          5  3 releasing
          6  3 released
          9  1 acquired 2
          """;
      broken("P16", text.formatted(1, 2));
      fine(text.formatted(1, 4));
      fine(text.formatted(7, 8));
    }

    @Test
    void whoWaitsIsAReasonOnlyWhereThereIsALine() {
      String text =
          """
          0  ann asks 1 for x
          1  bob asks 2 for x waiting 0
          2  2 gave up BUSY
          3  cid asks 3 for x waiting 0
          4  3 acquired 1
          5  3 releasing
          6  3 released
          9  1 acquired 2
          """;
      fine(text);
      broken(HistoryChecker.unfair(), "P16", text);
    }

    @Test
    void aHolderIsToldOfItsClientsCloseBeforeTheStoreFreesTheLock() {
      String text =
          """
          0  ann asks 1 for x
          1  1 acquired 1
          4  ann closing
          5  1 lost SESSION_ENDED
          %d bob asks 2 for x waiting 0
          %d 2 gave up BUSY
          9  ann closed
          """;
      fine(text.formatted(6, 7));
      broken("P16", text.formatted(10, 11));
    }

    @Test
    void aHolderKnowsThatItsTimeIsOverBeforeTheStoreFreesTheLock() {
      String text =
          """
          0  ann asks 1 for x holding 100
          1  1 acquired 1
          95 1 lost EXPIRED
          %d bob asks 2 for x waiting 0
          %d 2 gave up BUSY
          """;
      fine(text.formatted(96, 97));
      broken("P16", text.formatted(2100, 2101));
    }

    @Test
    void whatWasTakenAwayWasFreeBeforeItsHolderHeardOfIt() {
      broken(
          "P16",
          """
          0  ann asks 1 for x
          1  1 acquired 1
          2  revoking x 1
          3  1 lost REVOKED
          4  bob asks 2 for x waiting 0
          5  2 gave up BUSY
          6  revoked x 1
          """);
    }

    @Test
    void whatWasGrantedWithItOutlivesItWhereLocksAreTakenAwayOneByOne() {
      String text =
          """
          0  ann asks 1 for x, y
          1  1 acquired 1
          2  revoking x 1
          3  revoked x 1
          4  bob asks 2 for y waiting 0
          5  2 gave up BUSY
          6  1 releasing
          7  1 lost REVOKED
          """;
      HistoryChecker oneByOne = HistoryChecker.fair().revokesOneByOne();
      broken("P16", text);
      fine(oneByOne, text);
      broken(oneByOne, "P16", text.replace("x, y", "y").replace(" x 1", " y 1"));
    }

    @Test
    void busyBecauseOfAHolderOrAWaiterIsFine() {
      fine(
          """
          0 ann asks 1 for r x
          1 1 acquired 1
          2 1 releasing
          4 bob asks 2 for x waiting 0
          5 1 released
          6 2 gave up BUSY
          """);
      fine(
          """
          0 ann asks 1 for r x
          1 1 acquired 1
          2 bob asks 2 for x
          4 cid asks 3 for r x waiting 0
          6 3 gave up BUSY
          """);
    }
  }

  @Test
  void anEmptyHistoryIsFine() {
    fine("");
  }

  @Test
  void ofManyBreachesTheFirstAreTold() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 1000; i++) {
      text.append("0 ann asks ")
          .append(i)
          .append(" for x waiting 0 \n 1 ")
          .append(i)
          .append(" gave up BUSY\n");
    }
    assertThat(FAIR.check(Transcript.read(text.toString())))
        .hasSize(Report.MAX_PER_PROPERTY + 1)
        .last()
        .hasToString("P16: and 900 more");
  }

  private static void broken(String property, String text) {
    broken(FAIR, property, text);
  }

  private static void broken(HistoryChecker checker, String property, String text) {
    History history = Transcript.read(text);
    Set<String> properties = new TreeSet<>();
    for (Violation violation : checker.check(history)) {
      properties.add(violation.property());
      assertThat(violation.message()).isNotBlank().doesNotContain("\n");
      assertThat(history.events()).containsAll(violation.evidence());
    }
    assertThat(properties).as("broken by%n%s", history).contains(property);
  }

  private static void fine(String text) {
    fine(FAIR, text);
  }

  private static void fine(HistoryChecker checker, String text) {
    History history = Transcript.read(text);
    assertThat(checker.check(history)).as("found in%n%s", history).isEmpty();
  }
}
