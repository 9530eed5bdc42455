package io.holdfast.cli.run;

import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A command with all that it starts: a session of Linux's, led by the command. What leaves the session (a daemon that calls
 * {@code setsid}, a container that another process starts) is out of reach.
 *
 * <p>For one thread.
 */
final class CommandSession {
  /*
   * setsid(1) makes a session and becomes the command, so the pid of the one is the id of the other, and of its process group.
   * A signal to a group reaches all of it at once, though it forks meanwhile. A shell with job control puts its jobs into
   * groups of their own, but they stay in the session: so all groups of the session get each signal.
   */
  private static final Duration SETSID_PATIENCE = Duration.ofSeconds(5);

  private final Process leader;
  private final Guard guard;

  private CommandSession(Process leader, Guard guard) {
    this.leader = leader;
    this.guard = guard;
  }

  /**
   * Starts the command, without a shell, with this process's files and environment.
   *
   * @param environment what is to be added to it
   * @param without what is to be left out of it
   * @throws IOException if it was not started
   */
  static CommandSession start(
      List<String> command, Map<String, String> environment, List<String> without, Guard guard)
      throws IOException {
    List<String> arguments = new ArrayList<>(List.of("setsid", "--"));
    arguments.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(arguments).inheritIO();
    builder.environment().keySet().removeAll(without);
    builder.environment().putAll(environment);
    return new CommandSession(builder.start(), guard);
  }

  /** Names the session to the guard, and waits until it is made: a signal that comes before would reach nobody. */
  void guard() throws IOException, InterruptedException {
    guard.watch(leader.pid());
    Ticker ticker = Ticker.system();
    long deadline = ticker.nanosIn(SETSID_PATIENCE);
    while (ticker.nanos() - deadline < 0
        && ProcessTable.process(leader.pid()).filter(e -> e.session() != leader.pid()).isPresent()
        && !leader.waitFor(1, TimeUnit.MILLISECONDS)) {}
  }

  /** Runs something when the command has ended; what it started may still run. */
  void whenEnded(Runnable then) {
    leader.onExit().thenRun(then);
  }

  /** The exit code of a command that has ended; 128 + n if signal n ended it. */
  int exitCode() {
    return leader.exitValue();
  }

  /** Those of the session that run. */
  List<Long> living() throws IOException {
    return ProcessTable.session(leader.pid()).stream().map(ProcessTable.Entry::pid).toList();
  }

  /** Sends a signal to the command alone. */
  void tell(String signal) throws IOException, InterruptedException {
    if (leader.isAlive()) {
      guard.signal(signal, leader.pid());
    }
  }

  /** Sends a signal to the whole session, group by group. */
  void signal(String signal) throws IOException, InterruptedException {
    for (long group :
        ProcessTable.session(leader.pid()).stream()
            .map(ProcessTable.Entry::group)
            .distinct()
            .toList()) {
      guard.signal(signal, -group);
    }
  }

  /** Ends all that runs, without a word and without the guard. */
  void destroy() {
    leader.destroyForcibly();
    try {
      for (long pid : living()) {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
      }
    } catch (IOException e) {
      // nobody can be seen any more; the leader is gone, and what else there is was the guard's
    }
  }
}
