package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.LockClient;
import io.holdfast.LockTree;
import io.holdfast.testkit.history.History;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Folders of documents, under locks on sub-trees. Each folder has an index of what is in it; each document is in one folder
 * and is whole.
 *
 * <p>Who works in a folder locks the folder. Who moves a document writes both folders; who copies one reads the first and
 * writes the second; who renames folders, or makes, copies and deletes one, locks the cabinet they are in, and so everybody
 * out of it; who takes stock reads the root.
 */
final class Folders implements Corner {
  static final String TREE = "files";

  /** Cabinets, and the folders in each. */
  private static final List<List<String>> CABINETS =
      List.of(
          List.of("orders", "open", "packed", "shipped"),
          List.of("invoices", "draft", "sent", "paid"),
          List.of("letters", "in", "out", "kept"));

  private static final int FOLDERS_PER_CABINET = 3;
  private static final String INDEX = ".index";

  /** A folder with more documents than this loses one where a smaller one would get one. */
  private static final int PLENTY = 6;

  private final Path root;

  /** What was made and not deleted, as empty files. Changed only by who holds the folder that is changed. */
  private final Path register;

  Folders(Path root, Path books) {
    this.root = root;
    this.register = books.resolve("documents");
  }

  @Override
  public void setUp() throws IOException {
    Files.createDirectory(root);
    Files.createDirectories(register);
    int documents = 0;
    for (String folder : folderPaths()) {
      Files.createDirectories(at(folder));
      for (int i = 0; i < PLENTY / 2; i++) {
        create(folder, "doc-" + ++documents);
      }
      writeIndex(folder, namesIn(folder));
    }
  }

  /** All nodes that anybody locks, each before what is below it. */
  static List<String> nodes() {
    List<String> nodes = new ArrayList<>(List.of("/"));
    for (List<String> cabinet : CABINETS) {
      nodes.add("/" + cabinet.get(0));
      cabinet
          .subList(1, cabinet.size())
          .forEach(folder -> nodes.add("/" + cabinet.get(0) + "/" + folder));
    }
    return nodes;
  }

  @Override
  public Job job(LockClient locks, SplittableRandom random) {
    LockTree tree = locks.tree(TREE);
    List<String> folders = folderPaths();
    String folder = folders.get(random.nextInt(folders.size()));
    String other =
        folders.get(
            (folders.indexOf(folder) + 1 + random.nextInt(folders.size() - 1)) % folders.size());
    int dice = random.nextInt(100);
    if (dice < 35) {
      return new Job("read", tree.read(folder), turn -> read(folder, turn));
    } else if (dice < 58) {
      return new Job("write", tree.write(folder), turn -> write(folder, turn));
    } else if (dice < 75) {
      return new Job("move", tree.write(folder, other), turn -> move(folder, other, turn));
    } else if (dice < 88) {
      DistributedLock both = locks.all(tree.read(folder), tree.write(other));
      return new Job("copy", both, turn -> copy(folder, other, turn));
    } else if (dice < 93) {
      String cabinet = CABINETS.get(random.nextInt(CABINETS.size())).get(0);
      return new Job("rename", tree.write("/" + cabinet), turn -> swapTwoFolders(cabinet, turn));
    } else if (dice < 97) {
      return new Job("renew", tree.write(cabinetOf(folder)), turn -> renew(folder, turn));
    } else {
      return new Job("take stock", tree.read("/"), this::takeStock);
    }
  }

  private void read(String folder, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    Set<String> names = namesIn(folder);
    turn.pause();
    requireIndex(folder, names);
    for (String name : names) {
      requireWhole(folder, name);
    }
  }

  /** Makes a document, or deletes one where there are plenty. */
  private void write(String folder, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    Set<String> names = namesIn(folder);
    requireIndex(folder, names);
    if (names.size() > PLENTY) {
      String name = pick(names, turn);
      Files.delete(at(folder).resolve(name));
      Files.delete(register.resolve(name));
      names.remove(name);
    } else {
      names.add(create(folder, newName(turn)));
    }
    turn.pause();
    writeIndex(folder, names);
  }

  private void move(String from, String to, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    Set<String> source = namesIn(from);
    Set<String> target = namesIn(to);
    requireIndex(from, source);
    requireIndex(to, target);
    if (source.isEmpty()) {
      return;
    }
    String name = pick(source, turn);
    source.remove(name);
    target.add(name);
    writeIndex(from, source);
    turn.pause();
    Files.move(at(from).resolve(name), at(to).resolve(name));
    writeIndex(to, target);
  }

  private void copy(String from, String to, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    Set<String> source = namesIn(from);
    Set<String> target = namesIn(to);
    requireIndex(from, source);
    if (source.isEmpty() || target.size() > PLENTY) {
      return;
    }
    String text = Files.readString(at(from).resolve(pick(source, turn)));
    turn.pause();
    String name = newName(turn);
    Files.writeString(at(to).resolve(name), text);
    Files.createFile(register.resolve(name));
    target.add(name);
    writeIndex(to, target);
  }

  /** Three renames. Whoever is in one of the folders meanwhile finds it gone. */
  private void swapTwoFolders(String cabinet, Job.Turn turn)
      throws IOException, InterruptedException {
    List<String> names =
        CABINETS.stream().filter(c -> c.get(0).equals(cabinet)).findFirst().orElseThrow();
    int one = 1 + turn.random().nextInt(FOLDERS_PER_CABINET);
    int two = 1 + one % FOLDERS_PER_CABINET;
    Path first = root.resolve(cabinet).resolve(names.get(one));
    Path second = root.resolve(cabinet).resolve(names.get(two));
    Path aside = root.resolve(cabinet).resolve("aside");
    Files.move(first, aside);
    turn.pause();
    Files.move(second, first);
    Files.move(aside, second);
  }

  /** A folder is made and gets copies of all that is in an old one, which is deleted; the new one takes its name. */
  private void renew(String folder, Job.Turn turn)
      throws IOException, InterruptedException, DamageException {
    Set<String> names = namesIn(folder);
    requireIndex(folder, names);
    Path old = at(folder);
    Path made = at(cabinetOf(folder)).resolve("new");
    Files.createDirectory(made);
    names.add(INDEX);
    for (String name : names) {
      Files.copy(old.resolve(name), made.resolve(name));
    }
    turn.pause();
    for (String name : names) {
      Files.delete(old.resolve(name));
    }
    Files.delete(old); // it is empty, for nobody else was here
    Files.move(made, old);
  }

  private void takeStock(Job.Turn turn) throws IOException, InterruptedException, DamageException {
    Set<String> expected = documents();
    turn.pause();
    Set<String> found = new TreeSet<>();
    for (String folder : folderPaths()) {
      Set<String> names = namesIn(folder);
      requireIndex(folder, names);
      for (String name : names) {
        if (!found.add(name)) {
          throw new DamageException(name + " is in two folders");
        }
      }
    }
    if (!found.equals(expected)) {
      throw new DamageException("of the documents, " + difference(expected, found));
    }
  }

  @Override
  public String promise() {
    return "Each document is whole, is in exactly one folder, and that folder's index lists it.";
  }

  @Override
  public List<String> damage(History history) throws IOException {
    List<String> damage = new ArrayList<>();
    Set<String> found = new HashSet<>();
    for (String folder : folderPaths()) {
      try {
        Set<String> names = namesIn(folder);
        requireIndex(folder, names);
        for (String name : names) {
          requireWhole(folder, name);
          if (!found.add(name)) {
            damage.add(name + " is in two folders");
          }
        }
      } catch (DamageException e) {
        damage.add(e.what());
      } catch (NoSuchFileException e) {
        damage.add(folder + " lost " + root.relativize(Path.of(e.getFile())));
      }
    }
    if (!found.equals(documents())) {
      damage.add("of the documents, " + difference(documents(), found));
    }
    return damage;
  }

  private static List<String> folderPaths() {
    return nodes().stream().filter(node -> node.lastIndexOf('/') > 0).toList();
  }

  private static String cabinetOf(String folder) {
    return folder.substring(0, folder.lastIndexOf('/'));
  }

  private Path at(String folder) {
    return root.resolve(folder.substring(1));
  }

  /** Makes a document; a copy has a name of its own and the text of the other. */
  private String create(String folder, String name) throws IOException {
    Files.writeString(at(folder).resolve(name), textOf(name));
    Files.createFile(register.resolve(name));
    return name;
  }

  /** That nobody else comes upon, in whichever process. */
  private static String newName(Job.Turn turn) {
    return "doc-" + turn.request();
  }

  private Set<String> documents() throws IOException {
    try (Stream<Path> entries = Files.list(register)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private static String textOf(String name) {
    return name + "\n" + Integer.toHexString(name.hashCode()) + "\n";
  }

  private Set<String> namesIn(String folder) throws IOException {
    try (Stream<Path> entries = Files.list(at(folder))) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> !name.equals(INDEX))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private void writeIndex(String folder, Set<String> names) throws IOException {
    Files.write(at(folder).resolve(INDEX), new TreeSet<>(names));
  }

  private void requireIndex(String folder, Set<String> names) throws IOException, DamageException {
    Set<String> index = new TreeSet<>(Files.readAllLines(at(folder).resolve(INDEX)));
    if (!index.equals(names)) {
      throw new DamageException(
          "of what the index of " + folder + " lists, " + difference(index, names));
    }
  }

  private void requireWhole(String folder, String name) throws IOException, DamageException {
    List<String> lines = Files.readAllLines(at(folder).resolve(name));
    if (lines.size() != 2
        || !textOf(lines.get(0)).equals(lines.get(0) + "\n" + lines.get(1) + "\n")) {
      throw new DamageException(name + " in " + folder + " is not whole: " + lines);
    }
  }

  private static String pick(Set<String> names, Job.Turn turn) {
    return names.stream().skip(turn.random().nextInt(names.size())).findFirst().orElseThrow();
  }

  private static String difference(Set<String> expected, Set<String> found) {
    Set<String> missing = new TreeSet<>(expected);
    missing.removeAll(found);
    Set<String> extra = new TreeSet<>(found);
    extra.removeAll(expected);
    return (missing.isEmpty() ? "none is missing" : missing + " missing")
        + (extra.isEmpty() ? "" : ", " + extra + " too many");
  }
}
