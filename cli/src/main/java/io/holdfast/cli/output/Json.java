package io.holdfast.cli.output;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;

/**
 * Writes JSON, front to back, on one line.
 *
 * <pre>{@code
 * new Json().object().field("event", "granted").field("token", 7).end().toString()
 * }</pre>
 *
 * <p>The text is plain ASCII and has neither {@code <} nor {@code &}: it can stand on any terminal and inside a page's {@code
 * script} element as it is. Numbers that have no place in JSON become {@code null}.
 */
public final class Json {
  private final StringBuilder text = new StringBuilder();

  /** What closes the objects and arrays that are open, the innermost first. */
  private final Deque<Character> open = new ArrayDeque<>();

  private boolean first = true;

  /** Opens an object: the whole, or the next element of an array. */
  public Json object() {
    separate();
    return open('{', '}');
  }

  /** Opens an object as a member of one. */
  public Json object(String name) {
    name(name);
    return open('{', '}');
  }

  /** Opens an array: the whole, or the next element of an array. */
  public Json array() {
    separate();
    return open('[', ']');
  }

  /** Opens an array as a member of an object. */
  public Json array(String name) {
    name(name);
    return open('[', ']');
  }

  /** Closes what was opened last. */
  public Json end() {
    text.append(open.pop());
    first = false;
    return this;
  }

  /** A member of an object. */
  public Json field(String name, String value) {
    name(name);
    quote(value);
    return this;
  }

  /** A member of an object. */
  public Json field(String name, long value) {
    name(name);
    text.append(value);
    return this;
  }

  /** A member of an object, with three decimals. */
  public Json field(String name, double value) {
    name(name);
    text.append(Double.isFinite(value) ? String.format(Locale.ROOT, "%.3f", value) : "null");
    return this;
  }

  /** A member of an object. */
  public Json field(String name, boolean value) {
    name(name);
    text.append(value);
    return this;
  }

  /** An element of an array. */
  public Json value(String value) {
    separate();
    quote(value);
    return this;
  }

  /** An element of an array. */
  public Json value(long value) {
    separate();
    text.append(value);
    return this;
  }

  /** What was written so far. */
  @Override
  public String toString() {
    return text.toString();
  }

  private Json open(char opening, char closing) {
    text.append(opening);
    open.push(closing);
    first = true;
    return this;
  }

  private void name(String name) {
    separate();
    quote(name);
    text.append(':');
  }

  private void separate() {
    if (!first) {
      text.append(',');
    }
    first = false;
  }

  private void quote(String value) {
    text.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"', '\\' -> text.append('\\').append(c);
        case '\n' -> text.append("\\n");
        case '\r' -> text.append("\\r");
        case '\t' -> text.append("\\t");
        default -> {
          if (c < 0x20 || c >= 0x7F || c == '<' || c == '>' || c == '&') {
            text.append(String.format("\\u%04x", (int) c));
          } else {
            text.append(c);
          }
        }
      }
    }
    text.append('"');
  }
}
