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
   */
  static CommandSession start(
      List<String> command, Map<String, String> environment, List<String> without, Guard guard)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("setsid", "--"));
    arguments.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(arguments).inheritIO();
    builder.environment().keySet().removeAll(without);
    builder.environment().putAll(environment);
    Process leader = builder.start();
    guard.watch(leader.pid());
    CommandSession session = new CommandSession(leader, guard);
    session.awaitSession();
    return session;
  }

  /** A signal that comes before the session is made would reach nobody. */
  private void awaitSession() throws InterruptedException {
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
  void tell(String signal) throws IOException {
    if (leader.isAlive()) {
      guard.signal(signal, leader.pid());
    }
  }

  /** Sends a signal to the whole session, group by group. */
  void signal(String signal) throws IOException {
    for (long group :
        ProcessTable.session(leader.pid()).stream()
            .map(ProcessTable.Entry::group)
            .distinct()
            .toList()) {
      guard.signal(signal, -group);
    }
  }
}
