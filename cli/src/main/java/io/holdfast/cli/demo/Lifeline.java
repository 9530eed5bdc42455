package io.holdfast.cli.demo;

import java.io.BufferedReader;
import java.io.IOException;

/**
 * Lets a process end with the one that started it, however that ends: the other end of a pipe is closed by the kernel if by
 * nobody else.
 */
public final class Lifeline {
  /** Killed for want of a parent; nobody is there to read it. */
  private static final int ORPHANED = 1;

  private Lifeline() {}

  /** From now on, the end of this input is the end of this process. */
  public static void endWith(BufferedReader in) {
    Thread thread =
        new Thread(
            () -> {
              try {
                while (in.read() >= 0) {}
              } catch (IOException e) {
                // as good as its end
              }
              Runtime.getRuntime().halt(ORPHANED);
            },
            "lifeline");
    thread.setDaemon(true);
    thread.start();
  }
}
