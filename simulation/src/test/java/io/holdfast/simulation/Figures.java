package io.holdfast.simulation;

import com.google.errorprone.annotations.FormatMethod;

/** Prints figures for the README, if {@code -Dholdfast.figures=true} asks for them. */
final class Figures {
  private static final boolean WANTED = Boolean.getBoolean("holdfast.figures");

  private Figures() {}

  @FormatMethod
  static void print(String format, Object... arguments) {
    if (WANTED) {
      System.out.printf(format, arguments);
    }
  }
}
