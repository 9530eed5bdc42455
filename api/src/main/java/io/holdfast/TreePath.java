package io.holdfast;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A node of a tree: the root, or a sequence of segments below it. Locking a node locks everything below it.
 *
 * <p>As text a path starts with a slash and does not end with one, {@code /reports/2026}; the root is {@code /}. There is
 * no second spelling: {@code reports}, {@code /reports/}, {@code /a//b}, {@code /a/./b} and {@code /a/../b} are refused.
 * Paths are compared segment by segment and exactly: upper and lower case differ.
 *
 * <p>Bounds: {@value #MAX_DEPTH} segments of {@value #MAX_SEGMENT_BYTES} UTF-8 bytes, {@value #MAX_BYTES} bytes in all. A
 * segment has no control characters, slashes or backslashes. Immutable.
 */
public final class TreePath implements Comparable<TreePath> {
  /** The deepest node has so many segments. */
  public static final int MAX_DEPTH = 64;

  /** A segment has at most so many UTF-8 bytes. */
  public static final int MAX_SEGMENT_BYTES = 255;

  /** A path as text has at most so many UTF-8 bytes. */
  public static final int MAX_BYTES = 4096;

  /*
   * Who acquires by a path as text parses it each time. Nearly every path is short and of plain characters, and is found to
   * be in order in one pass; about any other nothing is said but that it needs the closer look, which knows all rules and
   * gives all reasons.
   */

  /** So many characters are at most {@link #MAX_SEGMENT_BYTES}, whatever they are: none has more than three. */
  private static final int SURELY_SHORT = MAX_SEGMENT_BYTES / 3;

  private static final TreePath ROOT = new TreePath("/", new String[0]);

  private final String text;
  private final String[] segments;

  private TreePath(String text, String[] segments) {
    this.text = text;
    this.segments = segments;
  }

  /** The node that everything is below. */
  public static TreePath root() {
    return ROOT;
  }

  /**
   * Reads a path from text.
   *
   * @throws InvalidRequestException if the text is not a path, naming the segment at fault
   */
  public static TreePath parse(String text) {
    String @Nullable [] plain = plainSegments(text);
    return plain == null ? parseClosely(text) : new TreePath(text, plain);
  }

  private static TreePath parseClosely(String text) {
    TextRules.check("path", text, MAX_BYTES);
    if (text.equals("/")) {
      return ROOT;
    }
    if (text.charAt(0) != '/') {
      throw TextRules.invalid("path", "NOT_ABSOLUTE", text, "does not start with /");
    }
    if (text.endsWith("/")) {
      throw TextRules.invalid("path", "TRAILING_SLASH", text, "ends with /");
    }
    int depth = depth(text);
    if (depth > MAX_DEPTH) {
      throw TextRules.invalid(
          "path", "TOO_DEEP", text, "has " + depth + " segments, at most " + MAX_DEPTH);
    }
    String[] segments = new String[depth];
    int start = 1;
    for (int i = 0; i < depth; i++) {
      int slash = text.indexOf('/', start);
      int end = slash < 0 ? text.length() : slash;
      segments[i] = text.substring(start, end);
      checkSegment(segments[i], text, i + 1);
      // Its characters were looked at with the whole text: all that is left is its length.
      if (segments[i].length() > SURELY_SHORT) {
        TextRules.check("segment", segments[i], MAX_SEGMENT_BYTES);
      }
      start = end + 1;
    }
    return new TreePath(text, segments);
  }

  /**
   * The node of a file. A relative path is taken from the tree's root, so {@code Path.of("a/b")} and {@code
   * Path.of("/a/b")} are the same node, {@code /a/b}. Nothing is looked up in a file system.
   *
   * @throws InvalidRequestException if the path is not normalized ({@code .} or {@code ..}), or is absolute below a root
   *     other than {@code /} (relativize it first)
   */
  public static TreePath of(Path path) {
    Path root = path.getRoot();
    if (root != null && !root.toString().equals("/")) {
      throw TextRules.invalid(
          "path", "FOREIGN_ROOT", path.toString(), "is below the root " + root + ": relativize it");
    }
    StringBuilder text = new StringBuilder();
    for (Path name : path) {
      if (!name.toString().isEmpty()) { // the empty path has one empty name
        text.append('/').append(name);
      }
    }
    return parse(text.isEmpty() ? "/" : text.toString());
  }

  /**
   * The node one segment below this one.
   *
   * @throws InvalidRequestException if the segment cannot be one, or the path would be too deep or too long
   */
  public TreePath child(String segment) {
    if (segment.indexOf('/') >= 0) {
      throw badCharacter(segment, depth() + 1);
    }
    checkSegment(segment, segment, depth() + 1);
    TextRules.check("segment", segment, MAX_SEGMENT_BYTES);
    return parse(segments.length == 0 ? "/" + segment : text + "/" + segment);
  }

  /** The number of segments; 0 for the root. */
  public int depth() {
    return segments.length;
  }

  /**
   * One segment.
   *
   * @param index 0 is the one just below the root
   */
  public String segment(int index) {
    return segments[index];
  }

  /** All segments, the one just below the root first. */
  public List<String> segments() {
    return List.of(segments);
  }

  /** Whether the other path is this node or one below it: whether a lock on this node locks that one. */
  public boolean covers(TreePath other) {
    return depth() <= other.depth()
        && Arrays.equals(segments, 0, depth(), other.segments, 0, depth());
  }

  /** Segment by segment; a node comes before those below it. */
  @Override
  public int compareTo(TreePath other) {
    Iterator<String> mine = segments().iterator();
    for (String theirs : other.segments) {
      if (!mine.hasNext()) {
        return -1;
      }
      int order = mine.next().compareTo(theirs);
      if (order != 0) {
        return order;
      }
    }
    return mine.hasNext() ? 1 : 0;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TreePath path && text.equals(path.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  /** The path as text, as {@link #parse} reads it. */
  @Override
  public String toString() {
    return text;
  }

  /** The segments of a path that is surely one; null if it takes a closer look to know. */
  private static String @Nullable [] plainSegments(String text) {
    int length = text.length();
    if (length < 2 || length > MAX_SEGMENT_BYTES || text.charAt(0) != '/') {
      return null;
    }
    int depth = 0;
    char before = 'a';
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c < ' ' || c > '~' || c == '\\' || (before == '/' && (c == '/' || c == '.'))) {
        return null;
      }
      if (c == '/') {
        depth++;
      }
      before = c;
    }
    if (before == '/' || depth > MAX_DEPTH) {
      return null;
    }
    String[] segments = new String[depth];
    int start = 1;
    for (int i = 0; i < depth - 1; i++) {
      int slash = text.indexOf('/', start);
      segments[i] = text.substring(start, slash);
      start = slash + 1;
    }
    segments[depth - 1] = text.substring(start);
    return segments;
  }

  private static int depth(String text) {
    int depth = 0;
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '/') {
        depth++;
      }
    }
    return depth;
  }

  /** Checks what stands between two slashes, but for its length and for what no text may have. */
  private static void checkSegment(String segment, String path, int position) {
    if (segment.isEmpty()) {
      throw TextRules.invalid("segment", "EMPTY", path, "is empty in segment " + position);
    }
    if (segment.equals(".") || segment.equals("..")) {
      throw TextRules.invalid("segment", "RESERVED", path, "has . or .. in segment " + position);
    }
    if (segment.indexOf('\\') >= 0) {
      throw badCharacter(path, position);
    }
  }

  private static InvalidRequestException badCharacter(String path, int position) {
    return TextRules.invalid(
        "segment", "BAD_CHAR", path, "has a slash or backslash in segment " + position);
  }
}
