package io.holdfast.cli.run;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds programs as a shell does. */
final class Executables {
  private Executables() {}

  /** What is to be found by a word. */
  enum Found {
    /** A program. */
    YES,
    /** A file that is no program. */
    NOT_EXECUTABLE,
    /** Nothing. */
    NO
  }

  /** Looks a word up: a path if there is a slash in it, else a name in the folders of {@code path}. */
  static Found find(String word, String path) {
    if (word.indexOf('/') >= 0) {
      return look(Path.of(word));
    }
    Found best = Found.NO;
    if (!word.isEmpty()) {
      for (String folder : path.split(":", -1)) { // an empty one is the current folder
        Found here = look(Path.of(folder, word));
        if (here == Found.YES) {
          return here;
        }
        best = here == Found.NOT_EXECUTABLE ? here : best;
      }
    }
    return best;
  }

  private static Found look(Path file) {
    if (!Files.exists(file)) {
      return Found.NO;
    }
    return Files.isDirectory(file) || !Files.isExecutable(file) ? Found.NOT_EXECUTABLE : Found.YES;
  }
}
