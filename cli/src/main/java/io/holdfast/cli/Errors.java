package io.holdfast.cli;

import io.holdfast.cli.output.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Every failure as one line on stderr: text for people, an object for programs that said {@code --json}. */
final class Errors implements IParameterExceptionHandler, IExecutionExceptionHandler {
  private final PrintWriter err;
  private final boolean json;

  Errors(PrintWriter err, boolean json) {
    this.err = err;
    this.json = json;
  }

  @Override
  public int handleParseException(ParameterException mistake, String[] args) {
    String command = mistake.getCommandLine().getCommandSpec().qualifiedName();
    return report(command, ExitCode.USAGE, message(mistake) + suggestion(mistake));
  }

  @Override
  public int handleExecutionException(Exception failure, CommandLine line, ParseResult parsed) {
    String command = line.getCommandSpec().qualifiedName();
    return report(
        command,
        ExitCode.INTERNAL,
        failure instanceof IOException ? message(failure) : whereabouts(failure));
  }

  private int report(String command, int code, String message) {
    String line = message.strip().replaceAll("\\s*\\R\\s*", " ");
    if (json) {
      err.println(
          new Json()
              .object()
              .field("error", line)
              .field("command", command)
              .field("code", code)
              .end());
    } else {
      err.println(command + ": " + line);
    }
    err.flush();
    return code;
  }

  /** What a converter of ours said, without picocli's introduction of it. */
  private static String message(Exception e) {
    String type = e.getClass().getSimpleName();
    if (e.getMessage() == null) {
      return type;
    }
    return e instanceof FileSystemException
        ? type + ": " + e.getMessage()
        : e.getMessage(); // else only the path
  }

  private static String suggestion(ParameterException mistake) {
    if (mistake instanceof UnmatchedArgumentException unmatched) {
      List<String> suggestions = unmatched.getSuggestions();
      return suggestions.isEmpty()
          ? ""
          : " (did you mean " + String.join(" or ", suggestions) + "?)";
    }
    return "";
  }

  /** A bug report in one line. */
  private static String whereabouts(Exception failure) {
    StackTraceElement[] trace = failure.getStackTrace();
    return "internal error, please report: "
        + failure
        + (trace.length == 0 ? "" : " at " + trace[0]);
  }
}
