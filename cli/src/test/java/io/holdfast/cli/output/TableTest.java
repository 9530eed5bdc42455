package io.holdfast.cli.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TableTest {
  @Test
  void columnsAreAsWideAsTheirWidestCellAndLinesEndWithoutSpaces() {
    assertThat(new Table("LOCK", "BY").row("invoice/42", "ann").row("a", "-").lines())
        .containsExactly("LOCK        BY", "invoice/42  ann", "a           -");
  }

  @Test
  void aCellCannotBreakOutOfItsLine() {
    assertThat(new Table("LOCK").row("a\nb\u001b[2J").lines())
        .containsExactly("LOCK", "a\\nb\\u001B[2J");
  }

  @Test
  void aRowHasACellForEachHeader() {
    assertThatThrownBy(() -> new Table("A", "B").row("only one"))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
