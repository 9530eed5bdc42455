package io.holdfast.cli.output;

import java.util.ArrayList;
import java.util.List;

/** Rows below a header, in columns as wide as they need to be. What stands in it is made safe to show. */
public final class Table {
  private static final String GAP = "  ";

  private final List<List<String>> rows = new ArrayList<>();

  /** A table with these headers. */
  public Table(String... headers) {
    rows.add(List.of(headers));
  }

  /** Adds a row, with a cell for each header. */
  public Table row(String... cells) {
    if (cells.length != rows.get(0).size()) {
      throw new IllegalArgumentException(
          cells.length + " cells below " + rows.get(0).size() + " headers");
    }
    rows.add(List.of(cells).stream().map(Text::shown).toList());
    return this;
  }

  /** Its lines. */
  public List<String> lines() {
    int[] widths = new int[rows.get(0).size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], width(row.get(i)));
      }
    }
    return rows.stream().map(row -> line(row, widths)).toList();
  }

  private static String line(List<String> row, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String cell = row.get(i);
      line.append(cell).append(" ".repeat(widths[i] - width(cell))).append(GAP);
    }
    return line.toString().stripTrailing();
  }

  private static int width(String cell) {
    return cell.codePointCount(0, cell.length());
  }
}
