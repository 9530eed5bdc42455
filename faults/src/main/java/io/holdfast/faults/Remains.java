package io.holdfast.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What a run has put into the machine and must take out again: processes, mounts, network links and namespaces. Each is
 * noted in a file before it is made, so that a later run can clean up after one that was killed. Thread-safe.
 */
final class Remains {
  /** In the order in which they are removed. */
  enum Kind {
    /** Its pid and the moment of its start, so that a later process with the same pid is left alone. */
    PROCESS,
    /** The folder it is mounted on. */
    MOUNT,
    /** The name of a namespace; what is in it goes with it. */
    NAMESPACE,
    /** The name of a link. */
    LINK
  }

  private record Remain(Kind kind, String name) {
    @Override
    public String toString() {
      return kind + " " + name;
    }
  }

  private final Path list;
  private final ReentrantLock mutex = new ReentrantLock();
  private boolean closed;

  /**
   * Of this list.
   *
   * @param list a file; need not exist
   */
  Remains(Path list) {
    this.list = list;
  }

  /** That of the machine. The folder is emptied when the machine starts, as all that is listed in it is. */
  static Remains ofMachine() {
    return new Remains(Path.of("/run/holdfast-faults/remains"));
  }

  /** Something is about to be made. */
  void note(Kind kind, String name) {
    mutex.lock();
    try {
      if (closed) {
        throw new RigException("the run is being cleaned up");
      }
      Path folder = list.toAbsolutePath().getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      Files.writeString(
          list,
          new Remain(kind, name) + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      mutex.unlock();
    }
  }

  /** A process that has just been started. */
  void note(ProcessHandle process) {
    note(Kind.PROCESS, process.pid() + ":" + startOf(process.pid()));
  }

  /** Nothing more is made from now on: what is about to be, fails. */
  void close() {
    mutex.lock();
    try {
      closed = true;
    } finally {
      mutex.unlock();
    }
  }

  /**
   * Removes everything that is listed and still there, the latest first.
   *
   * @return what could not be removed, and why; the list keeps it
   */
  List<String> sweep() {
    mutex.lock();
    try {
      if (!Files.exists(list)) {
        return List.of();
      }
      List<Remain> remains = new ArrayList<>();
      for (String line : Files.readAllLines(list)) {
        String[] parts = line.split(" ", 2);
        remains.add(new Remain(Kind.valueOf(parts[0]), parts[1]));
      }
      Collections.reverse(remains);
      List<String> failures = new ArrayList<>();
      List<String> left = new ArrayList<>();
      for (Kind kind : Kind.values()) {
        for (Remain remain : remains) {
          if (remain.kind == kind) {
            String failure = remove(remain);
            if (!failure.isEmpty()) {
              failures.add(remain + ": " + failure);
              left.add(0, remain.toString());
            }
          }
        }
      }
      if (left.isEmpty()) {
        Files.delete(list);
      } else {
        Files.write(list, left);
      }
      return failures;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      mutex.unlock();
    }
  }

  /** Returns why it could not be done, empty if it is gone. */
  private static String remove(Remain remain) {
    String name = remain.name;
    return switch (remain.kind) {
      case PROCESS -> kill(name);
      case MOUNT -> isMounted(name) ? unmount(name) : "";
      case NAMESPACE ->
          Files.exists(Path.of("/run/netns", name)) ? failure("ip", "netns", "del", name) : "";
      case LINK -> isLinked(name) ? unlink(name) : "";
    };
  }

  private static String kill(String name) {
    String[] parts = name.split(":", -1);
    long pid = Long.parseLong(parts[0]);
    if (!startOf(pid).equals(parts[1])) {
      return "";
    }
    String failure = failure("kill", "-KILL", parts[0]);
    // Until it is gone its files keep their mount busy.
    for (int i = 0; failure.isEmpty() && i < 200 && startOf(pid).equals(parts[1]); i++) {
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    return failure;
  }

  private static String unmount(String folder) {
    return Shell.ask("umount", folder).isGood() ? "" : failure("umount", "-l", folder);
  }

  /** It may be going by itself just now, with the namespace of its other end. */
  private static String unlink(String name) {
    String failure = failure("ip", "link", "del", name);
    return isLinked(name) ? failure : "";
  }

  private static boolean isLinked(String name) {
    return Files.exists(Path.of("/sys/class/net", name));
  }

  private static String failure(String... command) {
    Shell.Answer answer = Shell.ask(command);
    return answer.isGood() ? "" : answer.output().strip();
  }

  private static boolean isMounted(String folder) {
    try {
      return Files.readAllLines(Path.of("/proc/self/mounts")).stream()
          .anyMatch(line -> line.split(" ", -1)[1].equals(folder));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** When a process was started, in ticks since the machine was; "gone" if it does not run. */
  private static String startOf(long pid) {
    String[] fields = ProcessState.fields(pid);
    return fields.length == 0 || fields[0].equals("Z") ? "gone" : fields[19];
  }
}
