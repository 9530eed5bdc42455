package io.holdfast;

/**
 * What is locked: a plain name, or a node of a tree. Plain names and each tree are spaces of their own: {@code
 * lock("a/b")} has nothing to do with {@code lock("a")}, nor with any tree.
 */
public sealed interface LockKey {
  /** A name has at most so many UTF-8 bytes. */
  int MAX_NAME_BYTES = 512;

  /** Names that start so are kept for Holdfast itself. */
  String RESERVED_PREFIX = "$sys/";

  /**
   * A plain name: 1 to {@value LockKey#MAX_NAME_BYTES} UTF-8 bytes of any text without control characters. It neither
   * starts nor ends with white space, for two names that look the same must be the same lock. Compared exactly: upper and
   * lower case differ, and so do different Unicode spellings of one character.
   *
   * @param name the text
   */
  record Name(String name) implements LockKey {
    /** Checks the name. */
    public Name {
      checkName("name", name);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /**
   * A node of a tree, standing for all that is below it.
   *
   * @param tree the tree's name, under the rules of a plain {@linkplain Name name}
   * @param path where in the tree
   */
  record Node(String tree, TreePath path) implements LockKey {
    /** Checks the tree's name. */
    public Node {
      checkName("tree", tree);
    }

    @Override
    public String toString() {
      return tree + ":" + path;
    }
  }

  private static void checkName(String field, String name) {
    TextRules.check(field, name, MAX_NAME_BYTES);
    if (isSpace(name.charAt(0)) || isSpace(name.charAt(name.length() - 1))) {
      throw TextRules.invalid(field, "EDGE_SPACE", name, "starts or ends with a space");
    }
    if (name.startsWith(RESERVED_PREFIX)) {
      throw TextRules.invalid(
          field, "RESERVED", name, "starts with " + RESERVED_PREFIX + ", which is reserved");
    }
  }

  private static boolean isSpace(char c) {
    // Of ASCII nothing else is left by then. Of the rest each of the two knows some that the other
    // does not.
    return c == ' ' || (c >= 0x80 && (Character.isWhitespace(c) || Character.isSpaceChar(c)));
  }
}
