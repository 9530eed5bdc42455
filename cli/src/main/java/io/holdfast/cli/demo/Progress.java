package io.holdfast.cli.demo;

import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.Waiter;
import io.holdfast.cli.output.Terminal;
import io.holdfast.spi.Ticker;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the demo shows while it runs: who holds what and who waits, as an {@link Onlooker} sees it. On a terminal it is
 * drawn in place; elsewhere it is one line a second.
 */
final class Progress {
  private static final String BOLD = "\033[1m";
  private static final String DIM = "\033[2m";
  private static final String RED = "\033[31m";
  private static final String PLAIN = "\033[0m";
  private static final String CLEAR_LINE = "\033[K";
  private static final String CLEAR_BELOW = "\033[J";

  private static final int LOCK_COLUMNS = 28;
  private static final String ROW = "  %-" + LOCK_COLUMNS + "s %-9s %-8s %7s %7s  %s";

  private static final Duration DRAW_EVERY = Duration.ofMillis(150);
  private static final Duration PRINT_EVERY = Duration.ofSeconds(1);

  /** Who holds for longer is pointed out. */
  private static final Duration LONG = Duration.ofMillis(100);

  private final DemoSettings settings;
  private final Log log;
  private final Ticker ticker;
  private final PrintWriter out;
  private final Terminal terminal;

  private long nextNanos;
  private long lastNanos;
  private long lastGranted;
  private long rate;
  private int drawnLines;

  Progress(DemoSettings settings, Log log, Ticker ticker, PrintWriter out, Terminal terminal) {
    this.settings = settings;
    this.log = log;
    this.ticker = ticker;
    this.out = out;
    this.terminal = terminal;
    this.nextNanos = ticker.nanos();
  }

  /** Shows how things are, unless that was a moment ago. */
  void updateIfDue(Onlooker.Sight now) {
    long nowNanos = ticker.nanos();
    if (nowNanos - nextNanos < 0) {
      return;
    }
    nextNanos = nowNanos + (terminal.drawable() ? DRAW_EVERY : PRINT_EVERY).toNanos();
    measureRate();

    if (settings.json()) {
      log.emit(
          log.line("progress")
              .field("granted", log.granted.sum())
              .field("granted_per_second", rate)
              .field("holders", now.holders().size())
              .field("waiters", now.waiters().size())
              .field("damage", log.damages.sum()));
    } else if (terminal.drawable()) {
      draw(picture(now));
    } else {
      out.println(seconds() + "  " + counts(now));
      out.flush();
    }
  }

  /** Takes the picture away again, to make room for what remains. */
  void clear() {
    if (drawnLines > 0) {
      out.print("\033[" + drawnLines + "A\r" + CLEAR_BELOW);
      out.flush();
      drawnLines = 0;
    }
  }

  private void measureRate() {
    if (lastGranted == 0) {
      lastNanos = log.originNanos();
    }
    long now = ticker.nanos();
    long granted = log.granted.sum();
    if (now - lastNanos >= 500_000_000) {
      rate = Math.round((granted - lastGranted) * 1e9 / (now - lastNanos));
      lastNanos = now;
      lastGranted = granted;
    }
  }

  private List<String> picture(Onlooker.Sight now) {
    List<String> lines = new ArrayList<>();
    lines.add(
        style(BOLD, "holdfast demo")
            + "  "
            + bar()
            + "  "
            + seconds()
            + " of "
            + settings.duration().toMillis() / 1000.0
            + " s, "
            + settings.workers()
            + " workers, seed "
            + settings.seed());
    if (settings.sabotage()) {
      lines.add(style(RED, "SABOTAGE: each process has locks of its own"));
    }
    lines.add(counts(now));
    lines.add("");
    lines.add(
        style(DIM, String.format(ROW, "LOCK", "MODE", "BY", "TOKEN", "FOR", "WAITING FOR IT")));
    int room = Math.max(0, terminal.rows() - lines.size() - 3);
    List<String> rows = rows(now);
    lines.addAll(rows.subList(0, Math.min(room, rows.size())));
    if (rows.size() > room) {
      lines.add("  and " + (rows.size() - room) + " more");
    }
    return lines;
  }

  private List<String> rows(Onlooker.Sight now) {
    Instant instant = ticker.instant();
    return now.holders().values().stream()
        .map(holder -> row(holder, now.locks(), instant))
        .toList();
  }

  private String row(Holder holder, List<LockDescription> locks, Instant now) {
    Set<LockKey> keys = holder.targets().stream().map(LockTarget::key).collect(Collectors.toSet());
    boolean exclusive =
        holder.targets().stream().anyMatch(target -> target.mode() == LockMode.EXCLUSIVE);
    String waiters =
        locks.stream()
            .filter(lock -> keys.contains(lock.key()))
            .flatMap(lock -> lock.waiters().stream().map(Waiter::client))
            .distinct()
            .collect(Collectors.joining(" "));
    Duration held = Duration.between(holder.since(), now);
    String row =
        String.format(
            ROW,
            cut(name(holder.targets()), LOCK_COLUMNS),
            exclusive ? "exclusive" : "shared",
            holder.client(),
            holder.token().orElseThrow(),
            Math.max(0, held.toMillis()) + " ms",
            waiters);
    return held.compareTo(LONG) > 0 ? style(BOLD, row) : row;
  }

  private static String name(List<LockTarget> targets) {
    return targets.stream()
        .map(target -> target.key().toString())
        .collect(Collectors.joining(" + "));
  }

  private String counts(Onlooker.Sight now) {
    String text =
        String.format(
            Locale.ROOT,
            "%,d granted, %,d a second; %d hold, %d wait; %d timed out, %d cancelled, %d interrupted, %d busy",
            log.granted.sum(),
            rate,
            now.holders().size(),
            now.waiters().size(),
            log.timedOut.sum(),
            log.cancelled.sum(),
            log.interrupted.sum(),
            log.busy.sum());
    long damage = log.damages.sum();
    return damage == 0 ? text : text + "; " + style(RED, "DAMAGE: " + damage);
  }

  private String seconds() {
    return String.format(Locale.ROOT, "%.1f s", (ticker.nanos() - log.originNanos()) / 1e9);
  }

  private String bar() {
    int width = 16;
    double share = (ticker.nanos() - log.originNanos()) / (double) settings.duration().toNanos();
    int full = (int) Math.min(width, Math.round(share * width));
    return "[" + "#".repeat(full) + ".".repeat(width - full) + "]";
  }

  private void draw(List<String> lines) {
    StringBuilder frame = new StringBuilder();
    if (drawnLines > 0) {
      frame.append("\033[").append(drawnLines).append("A\r");
    }
    for (String line : lines) {
      frame
          .append(cut(line, terminal.columns() - 1 + escapes(line)))
          .append(CLEAR_LINE)
          .append('\n');
    }
    frame.append(CLEAR_BELOW);
    out.print(frame);
    out.flush();
    drawnLines = lines.size();
  }

  private String style(String how, String text) {
    return terminal.colors() ? how + text + PLAIN : text;
  }

  /** How many characters of a line are not seen. */
  private static int escapes(String line) {
    return line.length() - line.replaceAll("\033\\[[0-9;]*[a-zA-Z]", "").length();
  }

  private static String cut(String text, int length) {
    return text.length() <= length ? text : text.substring(0, Math.max(0, length - 2)) + "..";
  }
}
