package io.holdfast.cli;

import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Text;
import java.io.PrintWriter;

/** What a command has to say besides its result: a line each on stderr. */
final class Notes {
  private final PrintWriter err;
  private final String command;
  private final boolean json;

  Notes(PrintWriter err, String command, boolean json) {
    this.err = err;
    this.command = command;
    this.json = json;
  }

  void say(String note) {
    err.println(
        json
            ? new Json().object().field("note", note).field("command", command).end()
            : command + ": " + Text.shown(note));
    err.flush();
  }
}
