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
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DemoTest {
  private static final Path TEMPORARY = Path.of(System.getProperty("java.io.tmpdir"));

  @TempDir Path folder;

  @Test
  void locksKeepTheFilesWholeAndTheReportShowsHow() throws IOException {
    Set<Path> before = demoFolders();
    Path report = folder.resolve("report.html");
    CommandRun run =
        CommandRun.of("demo", "--duration", "2s", "--seed", "42", "--report", report.toString());
    assertThat(run.exitCode()).as(run.out()).isZero();
    assertThat(run.err()).isEmpty();
    assertThat(run.out())
        .contains(
            "seed 42",
            "violations  0",
            "1 revoked, 1 expired; 2 late writes refused",
            report.toUri().getPath())
        .doesNotContain("\033");
    assertThat(demoFolders()).isEqualTo(before);

    String page = Files.readString(report);
    assertThat(page)
        .contains("grants, nothing broken", "Content-Security-Policy", "default-src 'none'");
    assertThat(page).doesNotContainPattern("(src|href)=|https?://|@import|url\\(|\\{\\{\\w+}}");
    Map<String, Object> data = data(page);
    assertThat(data.get("lanes").toString())
        .contains("counter/1", "account/5", "settings", "files:/orders/open");
    assertThat(list(data.get("attempts"))).hasSizeGreaterThan(300);
    assertThat(data.get("marks").toString()).contains("forceRelease", "late write refused");
    assertThat(data.get("moments").toString()).contains("Stuck, and thrown out", "maxHold is over");
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
  void everyEventIsALineForPrograms() {
    CommandRun run =
        CommandRun.of(
            "demo",
            "--json",
            "--duration",
            "1s",
            "--workers",
            "6",
            "--report",
            folder.resolve("r").toString());
    assertThat(run.exitCode()).as(run.out()).isZero();
    List<Map<String, Object>> events = run.out().lines().map(JsonReader::readObject).toList();
    Map<Object, Long> counts =
        events.stream().collect(Collectors.groupingBy(e -> e.get("event"), Collectors.counting()));
    assertThat(counts)
        .containsKeys("asked", "queued", "acquired", "released", "progress", "revoking", "wrote")
        .containsEntry("lost", 2L)
        .containsEntry("summary", 1L)
        .doesNotContainKeys("damage", "violation");
    Map<String, Object> summary = events.get(events.size() - 1);
    assertThat(summary).containsEntry("event", "summary").containsEntry("violations", 0.0);
    assertThat(summary.get("granted")).isEqualTo((double) counts.get("acquired"));
  }

  @Test
  void aTerminalIsDrawnOnInPlaceAndCleanedUp() throws Exception {
    DemoSettings settings =
        new DemoSettings(
            1,
            6,
            Duration.ofSeconds(1),
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

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void withoutLocksTheChecksNotice(long seed) throws IOException {
    Path report = folder.resolve("report.html");
    CommandRun run =
        CommandRun.of(
            "demo",
            "--sabotage",
            "--duration",
            "1s",
            "--seed",
            "" + seed,
            "--report",
            report.toString());
    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.out())
        .contains("SABOTAGE")
        .containsPattern("P[278]: ")
        .doesNotContain("violations  0");
    String page = Files.readString(report);
    assertThat(page).contains("Locks switched off", "<h2>Violations</h2>");
    assertThat(list(data(page).get("findings"))).hasSizeGreaterThan(10);
  }

  @Test
  void keptFilesStay() throws IOException {
    CommandRun run =
        CommandRun.of(
            "demo", "--keep", "--duration", "1s", "--report", folder.resolve("r.html").toString());
    Matcher where = Pattern.compile("files +(\\S+tree)").matcher(run.out());
    assertThat(where.find()).as(run.out()).isTrue();
    Path tree = Path.of(where.group(1));
    assertThat(tree.resolve("journal")).isNotEmptyFile();
    assertThat(tree.resolve("folders/orders/open/.index")).exists();
    try (Stream<Path> files = Files.walk(tree.getParent())) {
      files.sorted((a, b) -> b.compareTo(a)).forEach(file -> file.toFile().delete());
    }
  }

  private static Set<Path> demoFolders() throws IOException {
    try (Stream<Path> entries = Files.list(TEMPORARY)) {
      return entries
          .filter(e -> e.getFileName().toString().startsWith("holdfast-demo-"))
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
