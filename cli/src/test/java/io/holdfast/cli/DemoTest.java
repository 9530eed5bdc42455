package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.cli.demo.Demo;
import io.holdfast.cli.demo.DemoSettings;
import io.holdfast.cli.output.Terminal;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real processes, really killed: a run takes a while. */
@Timeout(150)
class DemoTest {
  private static final Path TEMPORARY = Path.of(System.getProperty("java.io.tmpdir"));

  @TempDir Path folder;

  @Test
  void locksKeepTheFilesWholeAndTheReportShowsHow() throws IOException {
    Set<Path> before = demoFolders();
    Path report = folder.resolve("report.html");
    CommandRun run =
        CommandRun.of("demo", "--duration", "6s", "--seed", "42", "--report", report.toString());
    assertThat(run.exitCode()).as(run.out() + run.err()).isZero();
    assertThat(run.err()).isEmpty();
    assertThat(run.out())
        .contains(
            "24 workers in 8 processes",
            "seed 42",
            "violations  0",
            "1 revoked, 1 expired; 2 late writes refused",
            report.toUri().getPath())
        .containsPattern(
            "killed +p\\d at \\d+\\.\\d s, holding 1; the next had it [\\d,]+ ms later")
        .containsPattern("restarted +the server at \\d+\\.\\d s, away for [\\d,]+ ms")
        .doesNotContain("\033");
    assertThat(demoFolders()).isEqualTo(before);
    assertThat(demoProcesses()).isEmpty();

    String page = Files.readString(report);
    assertThat(page)
        .contains("grants, nothing broken", "Content-Security-Policy", "default-src 'none'");
    assertThat(page).doesNotContainPattern("(src|href)=|https?://|@import|url\\(|\\{\\{\\w+}}");
    Map<String, Object> data = data(page);
    assertThat(data.get("lanes").toString())
        .contains("counter/1", "account/5", "settings", "files:/orders/open");
    assertThat(list(data.get("attempts"))).hasSizeGreaterThan(100);
    assertThat(data.get("marks").toString()).contains("forceRelease", "late write refused");
    assertThat(data.get("moments").toString())
        .contains(
            "A process is killed",
            "The server is killed, and comes back",
            "Stuck, and thrown out",
            "maxHold is over");
    assertThat(data.get("bands").toString()).contains("kill -9 p", "kill -9 server");
    assertThat(list(data.get("findings"))).isEmpty();
    for (Object attempt : list(data.get("attempts"))) {
      List<Object> fields = list(attempt);
      assertThat((double) fields.get(1))
          .as("waited until")
          .isGreaterThanOrEqualTo((double) fields.get(0));
      assertThat(fields.subList(4, 8))
          .as("worker, job, outcome, request")
          .allMatch(number -> (double) number >= 0);
    }
  }

  @Test
  void everyEventIsALineForProgramsAndWhatIsToBeKeptStays() throws IOException {
    Path report = folder.resolve("r");
    CommandRun run =
        CommandRun.of(
            "demo",
            "--json",
            "--keep",
            "--duration",
            "4s",
            "--processes",
            "3",
            "--report",
            report.toString());
    assertThat(run.exitCode()).as(run.out() + run.err()).isZero();
    List<Map<String, Object>> events = run.out().lines().map(JsonReader::readObject).toList();
    Map<Object, Long> counts =
        events.stream().collect(Collectors.groupingBy(e -> e.get("event"), Collectors.counting()));
    assertThat(counts)
        .containsKeys("asked", "queued", "acquired", "released", "progress", "revoking", "wrote")
        .containsEntry("worker_killed", 1L)
        .containsEntry("server_killed", 1L)
        .containsEntry("server_back", 1L)
        .containsEntry("summary", 1L)
        .doesNotContainKeys("damage", "violation");
    Map<String, Object> summary = events.get(events.size() - 1);
    assertThat(summary).containsEntry("event", "summary").containsEntry("violations", 0.0);
    assertThat(summary.get("granted")).isEqualTo((double) counts.get("acquired"));
    Path tree = Path.of((String) summary.get("files_in"));
    assertThat(tree.resolve("journal")).isNotEmptyFile();
    assertThat(tree.resolve("folders/orders/open/.index")).exists();
    try (Stream<Path> files = Files.walk(tree.getParent())) {
      files.sorted((a, b) -> b.compareTo(a)).forEach(file -> file.toFile().delete());
    }
  }

  @Test
  void aTerminalIsDrawnOnInPlaceAndCleanedUp() throws Exception {
    DemoSettings settings =
        new DemoSettings(
            1,
            2,
            Duration.ofSeconds(4),
            Optional.of(folder.resolve("r.html")),
            false,
            false,
            false);
    StringWriter out = new StringWriter();
    assertThat(Demo.run(settings, new PrintWriter(out), new Terminal(true, false, 60, 12)))
        .isTrue();
    String[] frames = out.toString().split("\033\\[J");
    assertThat(frames).hasSizeGreaterThan(3);
    for (int i = 1; i < frames.length - 2; i++) {
      assertThat(frames[i]).contains("holdfast demo", "LOCK").doesNotContain("\033[1m");
      assertThat(frames[i].lines())
          .hasSizeLessThan(12)
          .allMatch(line -> line.replaceAll("\033\\[\\d*[A-Z]", "").length() < 60);
    }
    assertThat(frames[frames.length - 1]).contains("violations  0");
  }

  @Test
  void whereTheLocksOfAProcessMeanNothingToTheOthersTheChecksNotice() throws IOException {
    Path report = folder.resolve("report.html");
    CommandRun run =
        CommandRun.of(
            "demo",
            "--sabotage",
            "--duration",
            "4s",
            "--processes",
            "4",
            "--seed",
            "1",
            "--report",
            report.toString());
    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.out())
        .contains("SABOTAGE")
        .containsPattern("P[1-8]: ")
        .doesNotContain("violations  0");
    String page = Files.readString(report);
    assertThat(page).contains("Each process had locks of its own", "<h2>Violations</h2>");
    assertThat(list(data(page).get("findings"))).hasSizeGreaterThan(2);
  }

  /** Ours that still live. */
  private static List<ProcessHandle> demoProcesses() {
    return ProcessHandle.current()
        .descendants()
        .filter(
            process ->
                process
                    .info()
                    .arguments()
                    .map(arguments -> List.of(arguments).contains("demo-process"))
                    .orElse(false))
        .toList();
  }

  /** Those of this process; others may be at it as well. */
  private static Set<Path> demoFolders() throws IOException {
    try (Stream<Path> entries = Files.list(TEMPORARY)) {
      return entries
          .filter(
              e ->
                  e.getFileName()
                      .toString()
                      .startsWith("holdfast-demo-" + ProcessHandle.current().pid()))
          .collect(Collectors.toSet());
    }
  }

  private static Map<String, Object> data(String page) {
    Matcher data =
        Pattern.compile("<script type=\"application/json\" id=\"data\">(.*)</script>")
            .matcher(page);
    assertThat(data.find()).isTrue();
    return JsonReader.readObject(data.group(1));
  }

  @SuppressWarnings("unchecked") // JSON's lists hold anything
  private static List<Object> list(Object value) {
    return (List<Object>) value;
  }
}
