package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MainTest {
  @Test
  void helpAndVersionGoToStdout() {
    assertThat(CommandRun.of("--help").out()).contains("Usage: holdfast", "demo");
    assertThat(CommandRun.of("demo", "--help").out())
        .contains("--seed", "--sabotage", "Exit codes");
    assertThat(CommandRun.of("run", "--help").out())
        .contains(
            "holdfast run [OPTIONS] NAME -- COMMAND [ARGUMENT...]",
            "--max-wait",
            "79 the lock was lost");
    assertThat(CommandRun.of("--version").out()).startsWith("holdfast ");
    assertThat(CommandRun.of("--help"))
        .extracting(CommandRun::exitCode, CommandRun::err)
        .containsExactly(0, "");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "                           | holdfast: no command given; try: holdfast demo",
        "demos                      | holdfast: Unmatched argument at index 0: 'demos' (did you mean demo or members or describe?)",
        "demo --sed                 | holdfast demo: Unknown option: '--sed' (did you mean --seed?)",
        "demo --duration 10         | holdfast demo: Invalid value for option '--duration': '10' has no unit: write 10s or 10ms",
        "demo --duration 10ms       | holdfast demo: --duration is 10ms, but a demo lasts 4s to 60s",
        "demo --duration 2h         | holdfast demo: --duration is 7200s, but a demo lasts 4s to 60s",
        "demo --processes 1         | holdfast demo: --processes is 1, but it takes 2 to 32",
        "demo --processes many      | holdfast demo: Invalid value for option '--processes': 'many' is not an int",
        "demo --report /no/where.html | holdfast demo: --report is /no/where.html, but there is no folder /no",
        "run                        | holdfast run: Missing required parameter: 'NAME'",
        "run a                      | holdfast run: no command given; write: holdfast run NAME -- COMMAND",
        "run a true                 | holdfast run: no command given; write: holdfast run NAME -- COMMAND",
        "run a --                   | holdfast run: no command given; write: holdfast run NAME -- COMMAND",
        "run a b -- true            | holdfast run: no command given; write: holdfast run NAME -- COMMAND",
        "run a --max-wiat 1s -- x   | holdfast run: Unknown option: '--max-wiat' (did you mean --max-wait?)",
        "run a --max-wait 10 -- x   | holdfast run: Invalid value for option '--max-wait': '10' has no unit: write 10s or 10ms",
        "run a --on-lost wait -- x  | holdfast run: Invalid value for option '--on-lost': 'wait' is neither kill nor notify",
        "run a --lease 1s -- x      | holdfast run: LEASE_TOO_SHORT: leaseDuration 1000 ms < 2000 ms",
        "run a --lease 5s -- x      | holdfast run: --lease is 5s, but to stop the command in time with --grace 5s takes a lease of 12s or more",
        "run a --lease 2s --grace 1ms -- x | holdfast run: --lease is 2s, but to stop the command in time with --grace 1ms takes a lease of 2002ms or more",
        "run $sys/a -- x            | holdfast run: NAME_RESERVED: name \"$sys/a\" starts with $sys/, which is reserved",
        "force-release a            | holdfast force-release: Missing required option: '--token=N'",
        "force-release a --token 1  | holdfast force-release: why is it taken away? the servers write it down: --reason TEXT",
        "force-release a --token 0 --reason x | holdfast force-release: --token is 0, but tokens count from 1",
        "describe                   | holdfast describe: Missing required parameter: 'NAME'",
        "describe a --tree-path b   | holdfast describe: PATH_NOT_ABSOLUTE: path \"b\" does not start with /",
        "list a --tree b            | holdfast list: a PREFIX is of plain names: it does not go with --tree",
        "watch --interval 1ms       | holdfast watch: --interval is 1ms, but it takes 100ms to 3600s",
        "bench --threads 0          | holdfast bench: --threads is 0, but it takes 1 to 1000",
        "bench --duration 1ms       | holdfast bench: --duration is 1ms, but a round lasts 100ms to 3600s",
        "demo --report /            | holdfast demo: --report is /, which is a folder",
      })
  void mistakesOnTheCommandLineAreOneLineAnd64(String line, String message) {
    CommandRun run = CommandRun.of(line == null ? new String[0] : line.split(" "));
    assertThat(run.err()).isEqualTo(message + System.lineSeparator());
    assertThat(run.out()).isEmpty();
    assertThat(run.exitCode()).isEqualTo(64);
  }

  @Test
  void aStoreThatCannotBeUsedIsAMistakeOfTheConfiguration() {
    assertThat(CommandRun.of("list", "--store", "nonsense:"))
        .extracting(CommandRun::exitCode, CommandRun::err)
        .satisfies(
            codeAndLine ->
                assertThat(codeAndLine.get(1).toString())
                    .startsWith(
                        "holdfast list: --store: STORE_UNKNOWN: url starts with \"nonsense\"")
                    .hasLineCount(1))
        .first()
        .isEqualTo(78);
  }

  @Test
  void whatDidNotArriveAsItWasTypedIsRefused() {
    // What Java makes of a name that the locale cannot read.
    CommandRun run = CommandRun.of("run", "--store", "in-process:", "invoice/\uFFFD", "--", "true");
    assertThat(run.err())
        .startsWith("holdfast run: NAME cannot be read in this locale: set LC_ALL=C.UTF-8");
    assertThat(run.exitCode()).isEqualTo(64);
  }

  @Test
  void programsGetTheSameAsAnObject() {
    CommandRun run = CommandRun.of("demo", "--json", "--duration", "10");
    assertThat(run.exitCode()).isEqualTo(64);
    assertThat(JsonReader.readObject(run.err()))
        .isEqualTo(
            Map.of(
                "error",
                    "Invalid value for option '--duration': '10' has no unit: write 10s or 10ms",
                "command", "holdfast demo",
                "code", 64.0));
  }
}
