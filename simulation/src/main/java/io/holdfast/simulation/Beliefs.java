package io.holdfast.simulation;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who believes to hold what, at each moment of true time, which no client can see. No two whose requests conflict ever
 * do at once (P3), and nobody does whose hold the table has ended, but by an operator: of that it must be told within a
 * lease (P12).
 */
final class Beliefs {
  private final World world;
  private final List<Held> believed = new ArrayList<>();
  private final Set<Long> revoked = new HashSet<>();

  /** A request that its client was told is granted. */
  private record Held(ClientCore client, ClientRequest request) {
    boolean isBelieved() {
      return client.isHeld(request);
    }

    @Override
    public String toString() {
      return client.name() + " its " + request;
    }
  }

  Beliefs(World world) {
    this.world = world;
  }

  /** A client begins to believe. */
  void began(ClientCore client, ClientRequest request) {
    believed.removeIf(each -> !each.isBelieved());
    Held begun = new Held(client, request);
    if (!begun.isBelieved()) {
      return;
    }
    for (Held each : believed) {
      if (!isRevoked(each)
          && !isRevoked(begun)
          && NaiveTable.conflict(each.request.targets(), request.targets())) {
        throw new Breach("P3", begun + " is held while " + each + " is");
      }
    }
    believed.add(begun);
    if (isRevoked(begun)) {
      checkToldSoon(begun);
    }
  }

  /** The client is dead: it believes nothing. */
  void died(ClientCore client) {
    believed.removeIf(each -> each.client == client);
  }

  /** The table has ended a hold that was released, or whose time was over. */
  void ended(long session, long request, String how) {
    Held held = find(session, request);
    if (held != null) {
      throw new Breach("P3", held + " is believed to be held, but was " + how);
    }
  }

  /** The table has ended a hold at an operator's wish. */
  void revoked(long session, long request, long token) {
    revoked.add(token);
    Held held = find(session, request);
    if (held != null) {
      checkToldSoon(held);
    }
  }

  private @Nullable Held find(long session, long request) {
    for (Held each : believed) {
      if (each.client.session() == session && each.request.id() == request && each.isBelieved()) {
        return each;
      }
    }
    return null;
  }

  private void checkToldSoon(Held held) {
    world.time.after(
        world.leaseNanos,
        () -> {
          if (believed.contains(held) && held.isBelieved()) {
            throw new Breach("P12", held + " was revoked a lease ago and is still believed in");
          }
        });
  }

  private boolean isRevoked(Held held) {
    return revoked.contains(held.request.token());
  }
}
