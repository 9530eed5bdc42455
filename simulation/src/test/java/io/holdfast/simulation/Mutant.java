package io.holdfast.simulation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A bug, as a change of one source file: what stands there exactly once is replaced by something
 * else. Spaces and line breaks do not count, so that a formatter cannot hide it.
 *
 * @param bug what is wrong with it, in a few words
 * @param file the source file, below the root of the repository
 */
record Mutant(String bug, String file, List<Edit> edits) {
  private static final String TABLE = "table/src/main/java/io/holdfast/table/";
  private static final String SERVER = "server/src/main/java/io/holdfast/server/core/";
  private static final String CLIENT = "stores/remote/src/main/java/io/holdfast/remote/internal/";
  private static final String ENGINE = "core/src/main/java/io/holdfast/core/";
  private static final String SIMULATION = "simulation/src/main/java/io/holdfast/simulation/";

  /** In the lock table. */
  static Mutant ofTable(String bug, String type, String was, String becomes) {
    return of(bug, TABLE + type, was, becomes);
  }

  /** In the server's core. */
  static Mutant ofServer(String bug, String type, String was, String becomes) {
    return of(bug, SERVER + type, was, becomes);
  }

  /** In the client's core. */
  static Mutant ofClient(String bug, String type, String was, String becomes) {
    return of(bug, CLIENT + type, was, becomes);
  }

  /** In the lease engine. */
  static Mutant ofEngine(String bug, String type, String was, String becomes) {
    return of(bug, ENGINE + type, was, becomes);
  }

  /** In what stands for the log, or for what the locks guard. */
  static Mutant ofSimulation(String bug, String type, String was, String becomes) {
    return of(bug, SIMULATION + type, was, becomes);
  }

  private static Mutant of(String bug, String type, String was, String becomes) {
    return new Mutant(bug, type + ".java", List.of(new Edit(was, becomes)));
  }

  /** The same bug in one more place of the file. */
  Mutant and(String was, String becomes) {
    List<Edit> more = new ArrayList<>(edits);
    more.add(new Edit(was, becomes));
    return new Mutant(bug, file, more);
  }

  /** What stands in the source once, and what stands there instead. */
  record Edit(String was, String becomes) {}

  boolean isOfTable() {
    return file.startsWith(TABLE);
  }

  boolean isOfEngine() {
    return file.startsWith(ENGINE);
  }

  /** The name of the class that the file has, with its package. */
  String className() {
    return file.substring(file.indexOf("io/holdfast"), file.length() - ".java".length())
        .replace('/', '.');
  }

  /** The source with the bug in it. */
  String source(Path repository) throws IOException {
    String source = words(Files.readString(repository.resolve(file)));
    for (Edit edit : edits) {
      source = edited(source, edit);
    }
    return source;
  }

  private String edited(String source, Edit edit) {
    String from = words(edit.was);
    int at = source.indexOf(from);
    if (at < 0 || source.indexOf(from, at + 1) >= 0) {
      throw new IllegalStateException(
          "The mutant \""
              + bug
              + "\" fits "
              + file
              + (at < 0 ? " nowhere" : " in two places")
              + ": the code has changed, and Mutants must follow. It looks for: "
              + from);
    }
    return source.substring(0, at) + edit.becomes + source.substring(at + from.length());
  }

  /** Comments are left out, for with them on one line everything behind would be one. */
  private static String words(String code) {
    return code.replaceAll("(?s)/\\*.*?\\*/", " ")
        .replaceAll("(?m)//.*$", " ")
        .replaceAll("\\s+", " ")
        .strip();
  }

  @Override
  public String toString() {
    return bug;
  }
}
