package io.holdfast.cli;

import java.io.ByteArrayOutputStream;
import java.nio.charset.Charset;

/** One command line, run in this process, and all that came of it. */
record CommandRun(int exitCode, String out, String err) {
  static CommandRun of(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode = Main.run(out, err, args);
    return new CommandRun(exitCode, text(out), text(err));
  }

  private static String text(ByteArrayOutputStream stream) {
    return stream.toString(Charset.defaultCharset());
  }
}
