package io.holdfast.cli.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * How often something was done, by all processes together, without any lock: a file that grows by one byte each time. The
 * kernel adds each byte to the end, whoever writes. So what was done under locks can be checked against it.
 */
final class Tally {
  private static final byte[] ONE = {'|'};

  private final Path file;

  Tally(Path file) {
    this.file = file;
  }

  void setUp() throws IOException {
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.createFile(file);
  }

  void add() throws IOException {
    Files.write(file, ONE, StandardOpenOption.APPEND);
  }

  long count() throws IOException {
    return Files.size(file);
  }
}
