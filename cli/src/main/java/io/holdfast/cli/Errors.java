package io.holdfast.cli;

import io.holdfast.HoldLostException;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.LockTimeoutException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Text;
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
    return report(command, ExitCode.USAGE, ourWay(message(mistake)) + suggestion(mistake));
  }

  @Override
  public int handleExecutionException(Exception failure, CommandLine line, ParseResult parsed) {
    return report(line.getCommandSpec().qualifiedName(), code(failure), text(failure, line));
  }

  /** The exit code of a failure. */
  static int code(Exception failure) {
    if (failure instanceof CommandException ours) {
      return ours.exitCode();
    }
    if (failure instanceof LockTimeoutException) {
      return ExitCode.NOT_OBTAINED;
    }
    if (failure instanceof LockRefusedException) {
      return ExitCode.REFUSED;
    }
    if (failure instanceof StoreUnavailableException
        || failure instanceof UncertainOutcomeException) {
      return ExitCode.UNAVAILABLE;
    }
    if (failure instanceof HoldLostException) {
      return ExitCode.LOST;
    }
    return failure instanceof InvalidRequestException || cannot(failure)
        ? ExitCode.USAGE
        : ExitCode.INTERNAL;
  }

  private static String text(Exception failure, CommandLine line) {
    if (failure instanceof StoreUnavailableException) {
      return message(failure) + advice(line);
    }
    boolean expected =
        failure instanceof CommandException
            || failure instanceof LockException
            || failure instanceof InvalidRequestException
            || failure instanceof IOException
            || cannot(failure);
    return expected ? message(failure) : whereabouts(failure);
  }

  /** A store that cannot do it says so in words; the JDK's collections, which would be our bug, have none. */
  private static boolean cannot(Exception failure) {
    return failure instanceof UnsupportedOperationException && failure.getMessage() != null;
  }

  private static String advice(CommandLine line) {
    return line.getCommandSpec().mixins().values().stream()
        .filter(mixin -> mixin.userObject() instanceof StoreOptions)
        .map(mixin -> ((StoreOptions) mixin.userObject()).advice())
        .findFirst()
        .orElse("");
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
      err.println(command + ": " + printable(line));
    }
    err.flush();
    return code;
  }

  /** Messages of ours escape values already; this is for those of others. */
  private static String printable(String line) {
    return Text.shown(line).replace("\\\\", "\\");
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

  /** Of groups of options picocli says "Error: " first; nothing else does. */
  private static String ourWay(String message) {
    String prefix = "Error: ";
    return message.startsWith(prefix) ? message.substring(prefix.length()) : message;
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
