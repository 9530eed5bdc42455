package io.holdfast.table;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The two tables of Gray et al., 1976. */
class ModeTest {
  private static final List<Mode> MODES = List.of(Mode.IS, Mode.IX, Mode.S, Mode.SIX, Mode.X);

  @ParameterizedTest
  @CsvSource({
    //   IS IX S SIX X
    "IS,  + + + + -",
    "IX,  + + - - -",
    "S,   + - + - -",
    "SIX, + - - - -",
    "X,   - - - - -"
  })
  void compatibility(Mode mode, String compatible) {
    for (Mode other : MODES) {
      boolean conflicts = compatible.charAt(2 * MODES.indexOf(other)) == '-';
      assertThat(mode.conflictsWith(other)).as("%s with %s", mode, other).isEqualTo(conflicts);
    }
  }

  @ParameterizedTest
  @CsvSource({
    //   IS  IX  S   SIX X
    "IS,  IS  IX  S   SIX X",
    "IX,  IX  IX  SIX SIX X",
    "S,   S   SIX S   SIX X",
    "SIX, SIX SIX SIX SIX X",
    "X,   X   X   X   X   X"
  })
  void combination(Mode mode, String combined) {
    for (Mode other : MODES) {
      int column = 4 * MODES.indexOf(other);
      Mode both = Mode.valueOf((combined + "   ").substring(column, column + 4).trim());
      assertThat(mode.and(other)).as("%s and %s", mode, other).isEqualTo(both);
    }
  }

  @ParameterizedTest
  @CsvSource({"IS, false", "IX, false", "S, true", "SIX, true", "X, true"})
  void anIntentionIsNotInEarnest(Mode mode, boolean earnest) {
    assertThat(mode.isEarnest()).isEqualTo(earnest);
  }
}
