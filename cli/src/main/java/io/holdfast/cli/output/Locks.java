package io.holdfast.cli.output;

import io.holdfast.Capability;
import io.holdfast.HoldData;
import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.Waiter;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** How locks, holders and waiters are written down, for people and for programs. */
public final class Locks {
  private static final String NOTHING = "-";

  private final boolean tokens;

  /** For a store that can do so much: where there are no tokens, none are shown. */
  public Locks(Set<Capability> capabilities) {
    this.tokens = capabilities.contains(Capability.FENCING);
  }

  /** A table of locks, a row for each holder. */
  public List<String> table(List<LockDescription> locks) {
    Table table = new Table("LOCK", "HOLDER", "MODE", "TOKEN", "SINCE", "UNTIL", "WAITERS");
    for (LockDescription lock : locks) {
      String waiters = lock.waiters().isEmpty() ? NOTHING : Integer.toString(lock.waiters().size());
      if (lock.holders().isEmpty()) {
        table.row(title(lock.key()), NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, waiters);
      }
      for (Holder holder : lock.holders()) {
        table.row(
            title(lock.key()),
            holder.client(),
            mode(lock.key(), holder.targets()),
            token(holder),
            since(holder),
            holder.until().map(Locks::time).orElse(NOTHING),
            waiters);
      }
    }
    return table.lines();
  }

  /** All about one lock. */
  public List<String> page(LockDescription lock) {
    List<String> lines = new ArrayList<>();
    lines.add(Text.shown(title(lock.key())) + ": " + state(lock));
    if (!lock.holders().isEmpty()) {
      Table table = new Table("HOLDER", "MODE", "TOKEN", "SINCE", "UNTIL", "DATA", "ALL OF IT");
      for (Holder holder : lock.holders()) {
        table.row(
            holder.client(),
            mode(lock.key(), holder.targets()),
            token(holder),
            since(holder),
            holder.until().map(Locks::time).orElse(NOTHING),
            data(holder.data()),
            all(lock.key(), holder.targets()));
      }
      lines.add("");
      lines.addAll(table.lines());
    }
    if (!lock.waiters().isEmpty()) {
      Table table = new Table("WAITER", "CLIENT", "MODE", "SINCE", "DATA", "ALL OF IT");
      int position = 0;
      for (Waiter waiter : lock.waiters()) {
        table.row(
            Integer.toString(++position),
            waiter.client(),
            mode(lock.key(), waiter.targets()),
            time(waiter.since()),
            data(waiter.data()),
            all(lock.key(), waiter.targets()));
      }
      lines.add("");
      lines.addAll(table.lines());
    }
    return lines;
  }

  /** Writes a lock as the members of an object that is open. */
  public Json write(Json json, LockDescription lock) {
    key(json, lock.key());
    json.field("complete", lock.complete()).array("holders");
    for (Holder holder : lock.holders()) {
      json.object();
      write(json, lock.key(), holder).end();
    }
    json.end().array("waiters");
    for (Waiter waiter : lock.waiters()) {
      json.object();
      write(json, lock.key(), waiter).end();
    }
    return json.end();
  }

  /** Writes a holder of a lock as members of an object that is open. */
  public Json write(Json json, LockKey key, Holder holder) {
    json.field("client", holder.client()).field("mode", mode(key, holder.targets()));
    if (tokens) {
      holder.token().ifPresent(token -> json.field("token", token));
    }
    json.field("since", holder.since().toString());
    holder.until().ifPresent(until -> json.field("until", until.toString()));
    data(json, holder.data());
    return targets(json, holder.targets());
  }

  /** Writes a waiter for a lock as members of an object that is open. */
  public Json write(Json json, LockKey key, Waiter waiter) {
    json.field("client", waiter.client())
        .field("mode", mode(key, waiter.targets()))
        .field("since", waiter.since().toString());
    data(json, waiter.data());
    return targets(json, waiter.targets());
  }

  /** Writes which lock it is as members of an object that is open. */
  public Json key(Json json, LockKey key) {
    if (key instanceof LockKey.Node node) {
      return json.field("tree", node.tree()).field("path", node.path().toString());
    }
    return json.field("name", ((LockKey.Name) key).name());
  }

  /** A lock in a line. */
  public String title(LockKey key) {
    return key.toString();
  }

  /** A holder in a line, after the lock. */
  public String line(LockKey key, Holder holder) {
    return Text.shown(holder.client())
        + " "
        + mode(key, holder.targets())
        + (tokens && holder.token().isPresent() ? " token=" + holder.token().getAsLong() : "");
  }

  /** A waiter in a line, after the lock. */
  public String line(LockKey key, Waiter waiter) {
    return Text.shown(waiter.client()) + " " + mode(key, waiter.targets());
  }

  /** A moment, to the millisecond. */
  public static String time(Instant time) {
    return time.truncatedTo(ChronoUnit.MILLIS).toString();
  }

  /** Clients of another kind that share the locks may not write it down. */
  private static String since(Holder holder) {
    return holder.since().equals(Instant.EPOCH) ? NOTHING : time(holder.since());
  }

  private String token(Holder holder) {
    return tokens && holder.token().isPresent()
        ? Long.toString(holder.token().getAsLong())
        : NOTHING;
  }

  private static String state(LockDescription lock) {
    String holders =
        switch (lock.holders().size()) {
          case 0 -> "free";
          case 1 -> "held";
          default -> "held by " + lock.holders().size();
        };
    String waiters =
        switch (lock.waiters().size()) {
          case 0 -> "";
          case 1 -> ", 1 waits";
          default -> ", " + lock.waiters().size() + " wait";
        };
    return holders + waiters + (lock.complete() ? "" : ", and there are more of them");
  }

  /** In which mode a request means this very lock; of a node of a tree it may mean one above or below it. */
  private static String mode(LockKey key, List<LockTarget> targets) {
    List<LockTarget> exact = targets.stream().filter(t -> t.key().equals(key)).toList();
    List<LockTarget> meant = exact.isEmpty() ? targets : exact;
    LockMode mode =
        meant.stream().allMatch(t -> t.mode() == LockMode.SHARED)
            ? LockMode.SHARED
            : LockMode.EXCLUSIVE;
    return mode.name().toLowerCase(Locale.ROOT);
  }

  /** What else was asked for as one with this lock. */
  private static String all(LockKey key, List<LockTarget> targets) {
    boolean alone = targets.size() == 1 && targets.get(0).key().equals(key);
    return alone ? NOTHING : String.join(", ", targets.stream().map(LockTarget::toString).toList());
  }

  private static String data(HoldData data) {
    if (data.isEmpty()) {
      return NOTHING;
    }
    return text(data).orElseGet(() -> "base64:" + Base64.getEncoder().encodeToString(data.bytes()));
  }

  private static void data(Json json, HoldData data) {
    Optional<String> text = text(data);
    if (text.isEmpty()) {
      json.field("dataBase64", Base64.getEncoder().encodeToString(data.bytes()));
    } else if (!data.isEmpty()) {
      json.field("data", text.get());
    }
  }

  /** The data if it is text. */
  private static Optional<String> text(HoldData data) {
    try {
      return Optional.of(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(data.bytes())).toString());
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }

  private Json targets(Json json, List<LockTarget> targets) {
    json.array("targets");
    for (LockTarget target : targets) {
      key(json.object(), target.key())
          .field("mode", target.mode().name().toLowerCase(Locale.ROOT))
          .end();
    }
    return json.end();
  }
}
