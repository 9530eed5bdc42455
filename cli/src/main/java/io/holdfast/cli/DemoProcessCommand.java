package io.holdfast.cli;

import io.holdfast.cli.demo.Lifeline;
import io.holdfast.cli.demo.WorkerProcess;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What the processes of {@code holdfast demo} are started as. Each ends with its stdin, and so with the demo. */
@Command(name = "demo-process", hidden = true, description = "A process of a demo.")
final class DemoProcessCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Parameters(
      arity = "1..*",
      description = "workers and what they are told, or server and its options.")
  private List<String> what = List.of();

  @Override
  public Integer call() throws IOException, InterruptedException {
    switch (what.get(0)) {
      case "workers" -> {
        // Not System.out, which has a buffer and a mutex of its own.
        try (FileOutputStream out = new FileOutputStream(FileDescriptor.out)) {
          return WorkerProcess.run(what.subList(1, what.size()), System.in, out);
        }
      }
      case "server" -> {
        Lifeline.endWith(
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII)));
        return Main.run(System.out, System.err, what.toArray(String[]::new));
      }
      default ->
          throw new ParameterException(
              spec.commandLine(), "a demo has no process called " + what.get(0));
    }
  }
}
