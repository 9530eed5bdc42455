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
        "demos                      | holdfast: Unmatched argument at index 0: 'demos' (did you mean demo?)",
        "demo --sed                 | holdfast demo: Unknown option: '--sed' (did you mean --seed?)",
        "demo --duration 10         | holdfast demo: Invalid value for option '--duration': '10' has no unit: write 10s or 10ms",
        "demo --duration 10ms       | holdfast demo: --duration is 10ms, but a demo lasts 1s to 60s",
        "demo --duration 2h         | holdfast demo: --duration is 7200s, but a demo lasts 1s to 60s",
        "demo --workers 1           | holdfast demo: --workers is 1, but it takes 2 to 200",
        "demo --workers many        | holdfast demo: Invalid value for option '--workers': 'many' is not an int",
        "demo --report /no/where.html | holdfast demo: --report is /no/where.html, but there is no folder /no",
        "demo --report /            | holdfast demo: --report is /, which is a folder",
      })
  void mistakesOnTheCommandLineAreOneLineAnd64(String line, String message) {
    CommandRun run = CommandRun.of(line == null ? new String[0] : line.split(" "));
    assertThat(run.err()).isEqualTo(message + System.lineSeparator());
    assertThat(run.out()).isEmpty();
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
