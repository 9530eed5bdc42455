package io.holdfast.faults;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * What harm a run does, and what is left out because the machine does not allow it.
 *
 * @param harm what can be done
 * @param leftOut what cannot, and why, a line each
 * @param gaps why the run would prove nothing; empty if it may prove something
 */
record Plan(List<Nemesis> harm, List<String> leftOut, List<String> gaps) {
  /** Copies the lists. */
  Plan {
    harm = List.copyOf(harm);
    leftOut = List.copyOf(leftOut);
    gaps = List.copyOf(gaps);
  }

  /**
   * Of what is wanted.
   *
   * @param named whether each was asked for by its name: who does that is not content with less
   * @param impossible why one cannot be done; empty if it can
   */
  static Plan of(
      List<Nemesis> wanted, boolean named, Function<Nemesis, Optional<String>> impossible) {
    List<Nemesis> harm = new ArrayList<>();
    List<String> leftOut = new ArrayList<>();
    for (Nemesis nemesis : wanted) {
      Optional<String> why = impossible.apply(nemesis);
      if (why.isEmpty()) {
        harm.add(nemesis);
      } else {
        leftOut.add(nemesis.name() + " " + why.get());
      }
    }
    List<String> gaps = new ArrayList<>();
    if (named) {
      leftOut.forEach(what -> gaps.add("asked for, and cannot be done here: " + what));
    } else if (harm.isEmpty()) {
      gaps.add("no harm at all can be done here");
    }
    return new Plan(harm, leftOut, gaps);
  }
}
