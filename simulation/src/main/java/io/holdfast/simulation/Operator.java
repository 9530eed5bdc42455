package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.remote.internal.Question;
import java.util.List;

/** Looks now and then who holds a lock, and takes it away; sometimes, by mistake, under a token that is not held. */
final class Operator {
  private final World world;
  private final SimulatedClient client;

  /** @param client whose process asks, beside what its applications do */
  Operator(World world, SimulatedClient client) {
    this.world = world;
    this.client = client;
  }

  void start() {
    world.time.after(
        world.dice.between(Nanos.SECOND * 2, Nanos.SECOND * 10),
        () -> {
          if (!world.isQuiet()) {
            LockKey key = world.dice.oneOf(Workload.KEYS);
            client.ask(core -> core.describe(WireForm.key(key), new Look()));
            start();
          }
        });
  }

  private void revoke(Holder hold) {
    LockKey key = WireForm.key(world.dice.oneOf(hold.getTargetsList()).getKey());
    long token = world.dice.chance(0.2) ? hold.getToken() + 1 : hold.getToken();
    world.recorder.revoking(key, token);
    client.ask(core -> core.forceRelease(WireForm.key(key), token, "", new Taking(key, token)));
  }

  private class Look implements Question.Asker {
    @Override
    public void told(List<LockState> locks, boolean truncated) {
      List<Holder> holders = locks.get(0).getHoldersList();
      if (!holders.isEmpty()) {
        // The one that has it for longest is who one would suspect.
        Holder suspect = world.dice.chance(0.7) ? holders.get(0) : world.dice.oneOf(holders);
        client.notice(() -> revoke(suspect));
      }
    }

    @Override
    public void taken(boolean released) {}

    @Override
    public void refused(Error error) {
      throw new Breach("P10", "an operator was refused: " + error);
    }

    @Override
    public void unanswered(boolean wasPerhapsDone) {}
  }

  private final class Taking extends Look {
    private final LockKey key;
    private final long token;

    Taking(LockKey key, long token) {
      this.key = key;
      this.token = token;
    }

    @Override
    public void taken(boolean released) {
      if (released) {
        world.recorder.revoked(key, token);
      }
    }
  }
}
