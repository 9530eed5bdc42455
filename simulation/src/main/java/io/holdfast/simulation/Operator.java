package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.table.RequestView;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Looks now and then who holds a lock, and takes it away; sometimes, by mistake, under a token that is not held. */
final class Operator implements Endpoint {
  private static final long ATTEMPT_NANOS = Nanos.SECOND / 2;
  private static final int ATTEMPTS = 6;

  private final World world;
  private final SimulatedProcess process;
  private final Link link = new Link();
  private int server;
  private @Nullable ToServer unanswered;

  Operator(World world) {
    this.world = world;
    this.process = world.process();
  }

  void start() {
    process.after(
        world.dice.between(Nanos.SECOND * 2, Nanos.SECOND * 10),
        () -> {
          if (!world.isQuiet()) {
            ask(new ToServer.Describe(world.dice.oneOf(Workload.KEYS)), ATTEMPTS);
            start();
          }
        });
  }

  @Override
  public SimulatedProcess process() {
    return process;
  }

  @Override
  public Link link() {
    return link;
  }

  @Override
  public void receive(int from, ToClient message) {
    if (message instanceof ToClient.NotLeader notLeader) {
      server = notLeader.leader() >= 0 ? notLeader.leader() : (from + 1) % Cluster.SERVERS;
    } else if (message instanceof ToClient.Described described
        && unanswered instanceof ToServer.Describe) {
      unanswered = null;
      List<RequestView> holders = described.view().holders();
      if (!holders.isEmpty()) {
        // The one that has it for longest is who one would suspect.
        revoke(world.dice.chance(0.7) ? holders.get(0) : world.dice.oneOf(holders));
      }
    } else if (message instanceof ToClient.Revoked revoked
        && new ToServer.Revoke(revoked.key(), revoked.token()).equals(unanswered)) {
      unanswered = null;
      if (revoked.done()) {
        world.recorder.revoked(revoked.key(), revoked.token());
      }
    }
  }

  private void revoke(RequestView hold) {
    LockKey key = world.dice.oneOf(hold.targets()).key();
    long token = world.dice.chance(0.2) ? hold.token() + 1 : hold.token();
    world.recorder.revoking(key, token);
    ask(new ToServer.Revoke(key, token), ATTEMPTS);
  }

  private void ask(ToServer question, int attempts) {
    unanswered = question;
    world.cluster.send(server, this, question);
    process.after(
        ATTEMPT_NANOS,
        () -> {
          if (unanswered == question) {
            server = (server + 1) % Cluster.SERVERS;
            if (attempts > 1) {
              ask(question, attempts - 1);
            } else {
              unanswered = null;
            }
          }
        });
  }
}
