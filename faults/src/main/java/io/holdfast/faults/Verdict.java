package io.holdfast.faults;

import java.util.ArrayList;
import java.util.List;

/** What a run proved: promises that were broken, and reasons why it proves nothing. */
final class Verdict {
  static final int GOOD = 0;
  static final int VIOLATION = 1;
  static final int INVALID = 2;

  private final List<String> violations = new ArrayList<>();
  private final List<String> gaps = new ArrayList<>();

  /** A promise was broken. */
  void broken(String what) {
    violations.add(what);
  }

  /** Without this the run is worth nothing. */
  void lacks(String what) {
    gaps.add(what);
  }

  List<String> violations() {
    return violations;
  }

  List<String> gaps() {
    return gaps;
  }

  /** What the command ends with. A promise that was broken is broken, whatever else the run lacks. */
  int exitCode() {
    return !violations.isEmpty() ? VIOLATION : gaps.isEmpty() ? GOOD : INVALID;
  }
}
