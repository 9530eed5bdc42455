package io.holdfast.table;

import static io.holdfast.table.Requests.acquire;
import static io.holdfast.table.Requests.end;
import static io.holdfast.table.Requests.name;
import static io.holdfast.table.Requests.read;
import static io.holdfast.table.Requests.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.HoldData;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What takes more than a transcript to tell. */
class LockTableTest {
  private static final int CROWD = 100_000;

  private final LockTable table = Requests.table();

  @Test
  void firstTokenIsAboveTheGivenOne() {
    LockTable later = new LockTable(41);
    later.apply(new Command.OpenSession(0, 1, "one"));
    assertThat(later.lastToken()).isEqualTo(41);
    assertThat(later.apply(acquire(1, name("a"))))
        .containsExactly(new Event.Granted(1, 1, 42, Command.FOREVER));
  }

  @Test
  void tokensDoNotBeginBelowZero() {
    assertThatThrownBy(() -> new LockTable(-1))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("tokensAbove -1 < 0");
  }

  @Test
  void whatASessionHasIsFound() {
    table.apply(acquire(7, name("a")));
    table.apply(acquire(3, name("a")));
    assertThat(table.find(1, 7)).hasValueSatisfying(view -> assertThat(view.token()).isEqualTo(1));
    assertThat(table.find(1, 3)).hasValueSatisfying(view -> assertThat(view.granted()).isFalse());
    assertThat(table.requests(1)).extracting(RequestView::request).containsExactly(7L, 3L);
    assertThat(table.live(1)).isEqualTo(2);

    table.apply(end(7));
    assertThat(table.find(1, 7)).isEmpty();
    assertThat(table.requests(1)).extracting(RequestView::request).containsExactly(3L);
    assertThat(table.live(1)).isEqualTo(1);

    assertThat(table.find(2, 3)).isEmpty();
    assertThat(table.requests(2)).isEmpty();
    assertThat(table.live(2)).isZero();
  }

  @Test
  void aTableThatBeginsAgainHasNobodyAndLeavesOutWhatMayHaveBeenGiven() {
    table.apply(new Command.OpenSession(0, 2, "two"));
    table.apply(acquire(1, name("a")));
    table.apply(
        new Command.Acquire(
            0, 2, 1, 0, true, List.of(name("a")), HoldData.empty(), Command.FOREVER));
    table.apply(acquire(2, name("a"), write("/b")));
    long above = 1L << 40;
    table.beginAgain(above);
    assertThat(table.size()).isEqualTo(new TableSize(0, 0, 0, 0, 0));
    assertThat(table.apply(acquire(3, name("a"))))
        .containsExactly(new Event.Refused(1, 3, Refusal.UNKNOWN_SESSION));
    assertThat(table.apply(new Command.OpenSession(0, above, "late")))
        .containsExactly(new Event.SessionRefused(above, Refusal.UNKNOWN_SESSION));
    table.apply(new Command.OpenSession(0, above + 1, "new"));
    Command.Acquire acquire =
        new Command.Acquire(
            0, above + 1, 1, 0, true, List.of(name("a")), HoldData.empty(), Command.FOREVER);
    assertThat(table.apply(acquire))
        .containsExactly(new Event.Granted(above + 1, 1, above + 1, Command.FOREVER));

    table.beginAgain(7);
    assertThat(table.lastToken()).isEqualTo(above + 1 + LockTable.LEFT_OUT);
    assertThat(table.lastSession()).isEqualTo(above + 1 + LockTable.LEFT_OUT);
    assertThat(LockTable.restore(table.snapshot()).snapshot()).isEqualTo(table.snapshot());
  }

  /** Everybody in a crowd is found again, while it grows and while it goes, and nothing is left of it. */
  @Test
  void growsAndShrinks() {
    List<Long> crowd = new ArrayList<>();
    for (long i = 1; i <= 5000; i++) {
      table.apply(acquire(i, name("n" + i), write("/" + i % 50 + "/" + i)));
      crowd.add(i);
    }
    assertThat(table.size()).isEqualTo(new TableSize(1, 5000, 0, 5000 + 1 + 50 + 5000, 0));

    Collections.shuffle(crowd, new Random(7));
    while (!crowd.isEmpty()) {
      long leaver = crowd.remove(crowd.size() - 1);
      assertThat(table.apply(end(leaver)).get(0)).isEqualTo(new Event.Released(1, leaver, leaver));
      if (crowd.size() % 500 == 0) {
        for (long i : crowd) {
          Event again = table.apply(acquire(i, name("other"))).get(0);
          assertThat(again).isEqualTo(new Event.Granted(1, i, i, Command.FOREVER));
        }
      }
    }
    assertThat(table.size()).isEqualTo(new TableSize(1, 0, 0, 0, 5000));
    assertThat(table.apply(acquire(9999, write("/")))).hasSize(1);
  }

  /** Says nothing about cost, but that nothing else is touched, and nothing kept for anybody else. */
  @Test
  void aLongLineChangesNothingForItsHead() {
    for (long i = 1; i <= CROWD; i++) {
      table.apply(acquire(i, name("a")));
    }
    assertThat(table.size().nodes()).isEqualTo(1);
    for (long i = 1; i <= 3; i++) {
      assertThat(table.apply(end(i)))
          .containsExactly(
              new Event.Released(1, i, i), new Event.Granted(1, i + 1, i + 1, Command.FOREVER));
    }
    // Somebody in the middle gives up: nobody else hears of it.
    assertThat(table.apply(end(CROWD / 2))).containsExactly(new Event.Cancelled(1, CROWD / 2));
  }

  @Test
  void manySiblingsAreNothingToTheNextOne() {
    for (long i = 1; i <= CROWD; i++) {
      table.apply(acquire(i, write("/a/" + i)));
    }
    assertThat(table.size().nodes()).isEqualTo(CROWD + 2);
    assertThat(table.apply(acquire(CROWD + 1, write("/b"))))
        .containsExactly(new Event.Granted(1, CROWD + 1, CROWD + 1, Command.FOREVER));
    assertThat(table.size().nodes()).isEqualTo(CROWD + 3);
    assertThat(table.apply(end(CROWD + 1))).hasSize(1);
    assertThat(table.size().nodes()).isEqualTo(CROWD + 2);

    // Who wants all of it waits for the very last of them.
    assertThat(table.apply(acquire(CROWD + 2, read("/"))))
        .containsExactly(new Event.Queued(1, CROWD + 2, 1));
    for (long i = CROWD; i > 1; i--) {
      assertThat(table.apply(end(i)).size()).isEqualTo(1);
    }
    assertThat(table.apply(end(1)))
        .containsExactly(
            new Event.Released(1, 1, 1),
            new Event.Granted(1, CROWD + 2, CROWD + 2, Command.FOREVER));
    assertThat(table.size().nodes()).isEqualTo(1);
  }
}
