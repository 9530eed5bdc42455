package io.holdfast.cli.demo;

import io.holdfast.LockClient;
import io.holdfast.testkit.history.History;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A part of the tree with a promise of its own, and with the jobs that would break it if the locks let two in at once.
 * Every process has an object for each corner; what they share is the files.
 */
interface Corner {
  /** Makes the files. Once a demo, before anybody works. */
  void setUp() throws IOException;

  /** Something to do here. */
  Job job(LockClient locks, SplittableRandom random);

  /** What is true of the files here whenever nobody works on them. */
  String promise();

  /**
   * How the promise is broken, when nobody works here any more; empty if it is kept.
   *
   * @param history all that anybody saw
   */
  List<String> damage(History history) throws IOException;

  /** The number that is all there is in a file. */
  static long readNumber(Path file) throws IOException, DamageException {
    String text = Files.readString(file).strip();
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new DamageException(file.getFileName() + " reads '" + text + "', half written");
    }
  }

  static void writeNumber(Path file, long number) throws IOException {
    Files.writeString(file, number + "\n");
  }
}
