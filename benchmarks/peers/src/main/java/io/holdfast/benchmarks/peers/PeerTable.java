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
    List<String> lines = new ArrayList<>(table.render());
    lines.add("");
    lines.addAll(table.ratios());
    Path page = Path.of(args[1]);
    String text = Files.readString(page);
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    int end = text.indexOf(END, begin);
    String rows = "\n_" + args[2] + "_\n\n" + String.join("\n", lines) + "\n";
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

  /** Holdfast against others, round by round, and what is wanted of it. */
  private List<String> ratios() {
    List<String> lines = new ArrayList<>();
    lines.add("| ratio | wanted | got | lowest – highest round |");
    lines.add("|---|--:|--:|--:|");
    for (String nodes : List.of("one", "three")) {
      String ours = "Holdfast,_" + nodes + (nodes.equals("one") ? "_server" : "_servers");
      String etcd = "etcd,_" + nodes + (nodes.equals("one") ? "_node" : "_nodes");
      String zooKeeper = etcd.replace("etcd", "ZooKeeper");
      boolean isOne = nodes.equals("one");
      List<String> both = List.of(etcd, zooKeeper);
      double least = isOne ? 1.2 : 1.1;
      ratio(lines, nodes + ": 1 worker", least, ours, "uncontended:1", both, "uncontended:1");
      least = isOne ? 1.2 : 2;
      ratio(lines, nodes + ": 16 workers", least, ours, "uncontended:16", both, "uncontended:16");
      for (String way : List.of("uncontended:256", "async:256")) {
        String what = nodes + ": 256 " + (way.startsWith("async") ? "futures" : "threads");
        if (isOne) {
          ratio(lines, what, 10, ours, way, List.of(zooKeeper), way);
          ratio(lines, what, 20, ours, way, List.of(etcd), way);
        } else {
          ratio(lines, what, 8, ours, way, both, way);
        }
      }
      ratio(
          lines,
          nodes + ": hand-off",
          2.5,
          ours,
          "contended:16",
          List.of(zooKeeper),
          "contended:16");
    }
    return lines;
  }

  /** Against the fastest of some; one that has no futures is asked by threads. */
  private void ratio(
      List<String> lines,
      String what,
      double wanted,
      String ours,
      String load,
      List<String> others,
      String theirLoad) {
    List<double[]> own = rounds(ours, load);
    Map<String, List<double[]>> theirs = new LinkedHashMap<>();
    for (String other : others) {
      List<double[]> measured = rounds(other, theirLoad);
      theirs.put(
          other,
          measured.isEmpty() ? rounds(other, theirLoad.replace("async", "uncontended")) : measured);
    }
    String best = "";
    List<double[]> its = List.of();
    for (Map.Entry<String, List<double[]>> each : theirs.entrySet()) {
      if (!each.getValue().isEmpty()
          && (its.isEmpty() || median(each.getValue(), 0) > median(its, 0))) {
        best = each.getKey();
        its = each.getValue();
      }
    }
    if (own.isEmpty() || its.isEmpty()) {
      return;
    }
    List<double[]> compared = new ArrayList<>();
    for (int round = 0; round < Math.min(own.size(), its.size()); round++) {
      compared.add(new double[] {own.get(round)[0] / its.get(round)[0]});
    }
    double[] sorted = compared.stream().mapToDouble(ratio -> ratio[0]).sorted().toArray();
    lines.add(
        String.format(
            Locale.ROOT,
            "| %s, against %s | %.1f | %s%.1f%s | %.1f – %.1f |",
            what,
            best.replaceAll(",.*", ""),
            wanted,
            median(compared, 0) >= wanted ? "**" : "",
            median(compared, 0),
            median(compared, 0) >= wanted ? "**" : "",
            sorted[0],
            sorted[sorted.length - 1]));
  }

  private List<double[]> rounds(String label, String load) {
    return rounds.getOrDefault(label, Map.of()).getOrDefault(load, List.of());
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
