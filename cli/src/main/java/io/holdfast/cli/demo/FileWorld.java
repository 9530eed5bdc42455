package io.holdfast.cli.demo;

import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.TreePath;
import io.holdfast.testkit.history.History;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The file tree that the workers fight over, corner by corner. */
final class FileWorld {
  /** Whoever still works makes new files while the old ones go; not for ever, for the folders go too. */
  private static final int MAX_DELETIONS = 50;

  private final Path root;
  private final NoticeBoard noticeBoard;

  /** The corners, each with how often, of a hundred jobs, one is done there. */
  private final Map<Corner, Integer> corners = new LinkedHashMap<>();

  /** The tree as one process sees it; whether it is there yet or not. */
  FileWorld(Path root, Diary diary) {
    this.root = root;
    this.noticeBoard = new NoticeBoard(root.resolve("notice"), diary);
    Path books = root.resolve("books");
    corners.put(new Counters(root.resolve("counters"), books), 12);
    corners.put(new Accounts(root.resolve("accounts")), 17);
    corners.put(new SettingsFiles(root.resolve("settings"), books), 14);
    corners.put(new Journal(root.resolve("journal"), books), 6);
    corners.put(new Folders(root.resolve("folders"), books), 49);
    corners.put(noticeBoard, 2);
  }

  /** Makes the tree. */
  void setUp() throws IOException {
    Files.createDirectory(root);
    for (Corner corner : corners.keySet()) {
      corner.setUp();
    }
  }

  /** Something to do, somewhere in the tree. */
  Job job(LockClient locks, SplittableRandom random) {
    int dice = random.nextInt(100);
    for (Map.Entry<Corner, Integer> corner : corners.entrySet()) {
      dice -= corner.getValue();
      if (dice < 0) {
        return corner.getKey().job(locks, random);
      }
    }
    throw new IllegalStateException("the corners' shares are not a hundred in all");
  }

  /** All that anybody locks: names first, then the nodes of the tree, each before what is below it. */
  static List<LockKey> keys() {
    List<LockKey> keys = new ArrayList<>();
    keys.add(new LockKey.Name(NoticeBoard.LOCK_NAME));
    keys.add(new LockKey.Name(SettingsFiles.LOCK_NAME));
    keys.add(new LockKey.Name(Journal.LOCK_NAME));
    for (int i = 0; i < Counters.COUNT; i++) {
      keys.add(new LockKey.Name(Counters.lockName(i)));
    }
    for (int i = 0; i < Accounts.COUNT; i++) {
      keys.add(new LockKey.Name(Accounts.lockName(i)));
    }
    Folders.nodes().forEach(node -> keys.add(new LockKey.Node(Folders.TREE, TreePath.parse(node))));
    return keys;
  }

  /** What is true of the files as long as the locks work. */
  List<String> promises() {
    return corners.keySet().stream().map(Corner::promise).toList();
  }

  NoticeBoard noticeBoard() {
    return noticeBoard;
  }

  /** All that is wrong with the files, now that nobody works on them; empty if they are whole. */
  List<String> damage(History history) {
    List<String> damage = new ArrayList<>();
    for (Corner corner : corners.keySet()) {
      try {
        damage.addAll(corner.damage(history));
      } catch (IOException | UncheckedIOException e) {
        damage.add("cannot be read: " + e);
      }
    }
    return damage;
  }

  long fileCount() throws IOException {
    try (Stream<Path> all = Files.walk(root)) {
      return all.filter(Files::isRegularFile).count();
    }
  }

  /** Removes the tree, even if somebody still works in it; harmless if it is not there. */
  static void delete(Path tree) throws IOException {
    for (int tries = 1; Files.exists(tree); tries++) {
      try {
        Files.walkFileTree(tree, new Deletion());
      } catch (DirectoryNotEmptyException | NoSuchFileException e) {
        if (tries == MAX_DELETIONS) {
          throw e;
        }
      }
    }
  }

  private static final class Deletion extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      Files.deleteIfExists(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e)
        throws IOException {
      if (e != null) {
        throw e;
      }
      Files.deleteIfExists(folder);
      return FileVisitResult.CONTINUE;
    }
  }
}
