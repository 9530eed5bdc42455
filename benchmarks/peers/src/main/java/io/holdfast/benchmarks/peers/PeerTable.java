package io.holdfast.benchmarks.peers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collector;
import java.util.stream.Collectors;

/**
 * Makes a page's table, between its lines {@code <!-- figures: peers -->} and {@code <!-- end -->}, of what {@link PeerLoad}
 * wrote. {@code PeerTable LINES PAGE MACHINE}.
 *
 * <p>A figure is the middle one of all rounds; the spread is how far the outermost is from it.
 */
final class PeerTable {
  private static final String BEGIN = "<!-- figures: peers -->";
  private static final String END = "<!-- end -->";

  /** label, load → what each round gave: pairs a second, acquire 50 % and 99 %, hand-off 50 % and 99 %. */
  private final Map<String, Map<String, List<double[]>>> rounds = new LinkedHashMap<>();

  private final Set<String> loads = new LinkedHashSet<>();

  public static void main(String[] args) throws Exception {
    PeerTable table = new PeerTable();
    for (String line : Files.readAllLines(Path.of(args[0]))) {
      table.add(line.split(" ", -1));
    }
    Path page = Path.of(args[1]);
    String text = Files.readString(page);
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    int end = text.indexOf(END, begin);
    String rows = "\n_" + args[2] + "_\n\n" + String.join("\n", table.render()) + "\n";
    Files.writeString(page, text.substring(0, begin) + rows + text.substring(end));
    System.out.println(rows);
  }

  private void add(String[] fields) {
    double[] figures = new double[fields.length - 2];
    for (int i = 0; i < figures.length; i++) {
      figures[i] = Double.parseDouble(fields[i + 2]);
    }
    loads.add(fields[1]);
    rounds
        .computeIfAbsent(fields[0], label -> new LinkedHashMap<>())
        .computeIfAbsent(fields[1], load -> new ArrayList<>())
        .add(figures);
  }

  private List<String> render() {
    List<String> lines = new ArrayList<>();
    lines.add("| pairs a second | " + String.join(" | ", loads) + " | hand-off 50 % – 99 %, µs |");
    lines.add("|---|" + "--:|".repeat(loads.size() + 1));
    rounds.forEach(
        (label, byLoad) ->
            lines.add(
                "| "
                    + label.replace('_', ' ')
                    + " | "
                    + loads.stream()
                        .map(load -> rate(byLoad.getOrDefault(load, List.of())))
                        .collect(cells())
                    + " | "
                    + handOff(byLoad)
                    + " |"));
    return lines;
  }

  private static Collector<CharSequence, ?, String> cells() {
    return Collectors.joining(" | ");
  }

  private static String rate(List<double[]> measured) {
    if (measured.isEmpty()) {
      return "–";
    }
    double median = median(measured, 0);
    double spread =
        measured.stream().mapToDouble(figures -> Math.abs(figures[0] - median)).max().orElse(0);
    return String.format(Locale.ROOT, "%,.0f ± %.0f %%", median, 100 * spread / median)
        .replace(',', ' ');
  }

  private String handOff(Map<String, List<double[]>> byLoad) {
    return loads.stream()
        .filter(load -> load.startsWith("contended"))
        .map(load -> byLoad.getOrDefault(load, List.of()))
        .map(
            measured ->
                String.format(Locale.ROOT, "%.0f – %.0f", median(measured, 3), median(measured, 4)))
        .collect(Collectors.joining("; "));
  }

  private static double median(List<double[]> measured, int figure) {
    double[] sorted = measured.stream().mapToDouble(figures -> figures[figure]).sorted().toArray();
    return sorted[sorted.length / 2];
  }
}
