package io.holdfast.cli.output;

import java.io.Console;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What stdout is: a person's terminal, that can be drawn on, or something that wants plain lines.
 *
 * @param drawable whether the cursor can be moved about
 * @param colors whether colours are welcome
 * @param columns its width
 * @param rows its height
 */
public record Terminal(boolean drawable, boolean colors, int columns, int rows) {
  /** A file, a pipe, a log of a build. */
  public static final Terminal NONE = new Terminal(false, false, 80, 24);

  /** The one this process was started on. */
  public static Terminal current() {
    String kind = System.getenv("TERM");
    if (!isTerminal(System.console()) || kind == null || kind.equals("dumb")) {
      return NONE;
    }
    String noColor = System.getenv("NO_COLOR"); // no-color.org: present and not empty
    int[] size = size();
    return new Terminal(true, noColor == null || noColor.isEmpty(), size[1], size[0]);
  }

  /** From Java 22 on there is a console even without a terminal, and a method that tells. */
  private static boolean isTerminal(@Nullable Console console) {
    if (console == null) {
      return false;
    }
    try {
      Method tells = Console.class.getMethod("isTerminal");
      return (Boolean) tells.invoke(console);
    } catch (NoSuchMethodException e) {
      return true;
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  /** Rows and columns, as {@code stty} knows them; 24 and 80 if it does not. */
  private static int[] size() {
    try {
      Process stty =
          new ProcessBuilder("stty", "size").redirectInput(ProcessBuilder.Redirect.INHERIT).start();
      String answer = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      if (stty.waitFor(1, TimeUnit.SECONDS)) {
        String[] numbers = answer.strip().split(" ", 2);
        int rows = Integer.parseInt(numbers[0]);
        int columns = Integer.parseInt(numbers[1]);
        if (rows > 0 && columns > 0) {
          return new int[] {rows, columns};
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException e) {
      // no such program, or no terminal after all: the usual size will do
    }
    return new int[] {NONE.rows, NONE.columns};
  }
}
