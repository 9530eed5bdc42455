package io.holdfast.cli.demo;

import io.holdfast.cli.demo.Attempt.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The page with what happened, in one file that needs nothing else: what {@code report.html} says, with the figures and the
 * timeline of this run in place of its {@code {{words}}}.
 */
final class Report {
  private static final String TEMPLATE = "report.html";
  private static final Pattern WORD = Pattern.compile("\\{\\{(\\w+)}}");

  /** So many violations are listed. */
  private static final int MAX_LISTED = 100;

  private final DemoSettings settings;
  private final Summary summary;
  private final Aftermath aftermath;
  private final List<Finding> findings;
  private final List<Attempt> attempts;
  private final List<String> promises;
  private final Log log;

  Report(
      DemoSettings settings,
      Summary summary,
      Aftermath aftermath,
      List<Finding> findings,
      List<Attempt> attempts,
      List<String> promises,
      Log log) {
    this.settings = settings;
    this.summary = summary;
    this.aftermath = aftermath;
    this.findings = findings.subList(0, Math.min(MAX_LISTED, findings.size()));
    this.attempts = attempts;
    this.promises = promises;
    this.log = log;
  }

  void write(Path file) throws IOException {
    Map<String, String> words =
        Map.of(
            "verdict", summary.violations() == 0 ? "whole" : "broken",
            "headline", escape(headline()),
            "lead", escape(lead()),
            "when", escape(when()),
            "figures", figures(),
            "violations", violations(),
            "promises",
                promises.stream()
                    .map(p -> "<li>" + escape(p) + "</li>")
                    .collect(Collectors.joining("\n")),
            "data",
                new Timeline(log, attempts, aftermath)
                    .toJson(Moment.of(attempts, log, findings, aftermath), findings));
    String page =
        WORD.matcher(template())
            .replaceAll(word -> Matcher.quoteReplacement(words.get(word.group(1))));
    try {
      Files.writeString(file, page);
    } catch (IOException e) {
      throw new IOException("cannot write the report: " + e, e);
    }
  }

  private String headline() {
    String violations =
        Summary.count(summary.violations())
            + (summary.violations() == 1 ? " violation" : " violations");
    if (settings.sabotage()) {
      return "Each process had locks of its own: " + violations;
    }
    return Summary.count(summary.granted())
        + " grants, "
        + (summary.violations() == 0 ? "nothing broken" : violations);
  }

  private String lead() {
    String work =
        String.format(
            Locale.ROOT,
            "%d workers in %d processes renamed, moved, copied, wrote, read and deleted %d files that they share, and the folders they are in, for %.1f seconds",
            settings.workers(),
            settings.processes(),
            summary.files(),
            summary.seconds());
    if (settings.sabotage()) {
      return work
          + ". Each process locked in a namespace of its own, which kept out nobody in the others: on purpose, to see that the "
          + "checks notice. This is what the checks found.";
    }
    return work
        + ", each under its lock. One process was killed while it held one, and the lock server was killed and started "
        + "again. Then the files were checked, and the history of all that anybody saw of the locks.";
  }

  private String when() {
    return "Seed "
        + settings.seed()
        + " \u00b7 "
        + ZonedDateTime.now(ZoneOffset.UTC)
            .format(DateTimeFormatter.ofPattern("d MMMM yyyy, HH:mm 'UTC'", Locale.ROOT));
  }

  private String figures() {
    Map<String, String> figures = new LinkedHashMap<>();
    figures.put("granted", Summary.count(summary.granted()));
    figures.put(
        "a second",
        Summary.count(Math.round(summary.granted() / Math.max(summary.seconds(), 0.001))));
    figures.put("wait, p50", Summary.millis(summary.waitP50Nanos()));
    figures.put("wait, p99", Summary.millis(summary.waitP99Nanos()));
    figures.put("longest wait", Summary.millis(summary.waitLongestNanos()));
    figures.put("timed out", outcome(Outcome.TIMED_OUT));
    figures.put("cancelled", outcome(Outcome.CANCELLED));
    figures.put("interrupted", outcome(Outcome.INTERRUPTED));
    figures.put("would not wait", outcome(Outcome.BUSY));
    figures.put("revoked", outcome(Outcome.REVOKED));
    figures.put("expired", outcome(Outcome.EXPIRED));
    figures.put("killed with its process", outcome(Outcome.KILLED));
    figures.put("not answered", outcome(Outcome.UNANSWERED));
    figures.put("late writes refused", Summary.count(summary.refusedWrites()));
    figures.put("violations", Summary.count(summary.violations()));
    return figures.entrySet().stream()
        .map(
            figure ->
                "<div><dt>"
                    + escape(figure.getKey())
                    + "</dt><dd>"
                    + escape(figure.getValue())
                    + "</dd></div>\n")
        .collect(Collectors.joining());
  }

  private String outcome(Outcome outcome) {
    return Summary.count(summary.count(outcome));
  }

  private String violations() {
    if (findings.isEmpty()) {
      return "";
    }
    StringBuilder list =
        new StringBuilder("<section id=\"violations\"><h2>Violations</h2>\n<ol>\n");
    for (int i = 0; i < findings.size(); i++) {
      Finding finding = findings.get(i);
      list.append(
          String.format(
              Locale.ROOT,
              "<li><button type=\"button\" class=\"link\" data-finding=\"%d\">%.3f s</button> <b>%s</b> %s</li>\n",
              i,
              (finding.atNanos() - log.originNanos()) / 1e9,
              escape(finding.rule()),
              escape(finding.what())));
    }
    list.append("</ol>\n");
    if (summary.violations() > findings.size()) {
      list.append("<p>And ")
          .append(Summary.count(summary.violations() - findings.size()))
          .append(" more.</p>\n");
    }
    return list.append("</section>\n").toString();
  }

  private static String template() throws IOException {
    try (InputStream in = Report.class.getResourceAsStream(TEMPLATE)) {
      if (in == null) {
        throw new IOException("the jar is not complete: " + TEMPLATE + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
