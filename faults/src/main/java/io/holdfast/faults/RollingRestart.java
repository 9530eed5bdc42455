package io.holdfast.faults;

import java.time.Duration;

/** Each server in turn is asked to end, and started again, as for an upgrade. The leader hands its leadership over first. */
final class RollingRestart implements Nemesis {
  private static final Duration TO_END = Duration.ofSeconds(20);

  @Override
  public String name() {
    return "rolling-restart";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    for (LockServer server : field.cluster().servers()) {
      server.process().terminate();
      if (!server.process().awaitEnd(TO_END)) {
        field.promiseBroken(
            server + " did not end within " + TO_END.toSeconds() + " s of being asked");
        server.process().kill();
      }
      evidence.saw("server ended", !server.isRunning());
      field.cluster().start(server);
      field.cluster().awaitHealth();
    }
  }
}
