package io.holdfast.simulation;

import io.holdfast.LockTarget;
import io.holdfast.remote.internal.ClientRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who believes to hold what, at each moment of true time, which no client can see. No two whose requests conflict ever
 * do at once (P3), and nobody does whose hold the table has ended, but by an operator: of that it must be told within a
 * lease (P12). And whoever is answered heartbeats knows what it was granted (P14).
 */
final class Beliefs {
  /** So many heartbeats may be answered on one stream before the answer to a request that was sent before them. */
  private static final int ANSWERS_UNTIL_KNOWN = 4;

  private final World world;
  private final List<Held> known = new ArrayList<>();
  private final Set<ClientRequest> asking = new HashSet<>();
  private final List<Untold> untold = new ArrayList<>();
  private final Set<Long> revoked = new HashSet<>();

  /** A request that its client was told is granted. */
  private static final class Held {
    final ClientSession client;
    final ClientRequest request;
    final List<LockTarget> targets;

    /** How the table has ended it; null if it has not, or by an operator. */
    @Nullable String ended;

    Held(ClientSession client, ClientRequest request, List<LockTarget> targets) {
      this.client = client;
      this.request = request;
      this.targets = targets;
    }

    @Override
    public String toString() {
      return client + " its " + request + " of " + targets;
    }
  }

  /** A grant of which the client may not have heard. */
  private static final class Untold {
    final long session;
    final long request;
    final long grantedAt;
    int answers;

    Untold(long session, long request, long grantedAt) {
      this.session = session;
      this.request = request;
      this.grantedAt = grantedAt;
    }
  }

  Beliefs(World world) {
    this.world = world;
  }

  /** An application asks, and wants to hear of it. */
  void asks(ClientRequest request) {
    asking.add(request);
  }

  /** A client begins to believe. */
  void began(ClientSession client, ClientRequest request, List<LockTarget> targets) {
    knows(client, request);
    Held begun = new Held(client, request, targets);
    if (!isBelieved(begun)) {
      return;
    }
    known.add(begun);
    check();
    if (isRevoked(begun)) {
      checkToldSoon(begun);
    }
  }

  /** A client is done with a request: it has told its application so. */
  void over(ClientSession client, ClientRequest request) {
    knows(client, request);
    known.removeIf(each -> each.request == request);
  }

  /** The client is dead: it believes nothing. */
  void died(ClientSession client) {
    known.removeIf(each -> each.client == client);
    untold.removeIf(each -> each.session == client.core.id());
    asking.removeIf(each -> each.session() == client.core);
  }

  /**
   * A client has had an answer to a heartbeat, or to a resumption.
   *
   * @param sentAt true time at which the heartbeat was sent
   */
  void answered(ClientSession client, long sentAt, boolean isResumption) {
    check();
    for (Untold each : List.copyOf(untold)) {
      if (each.session == client.core.id() && each.grantedAt < sentAt) {
        each.answers = isResumption ? 0 : each.answers + 1;
        if (!world.referee.isGranted(each.session, each.request)) {
          untold.remove(each);
        } else if (each.answers > ANSWERS_UNTIL_KNOWN && isAskedFor(each)) {
          throw new Breach(
              "P14", client + " was answered, and never told that it holds " + each.request);
        }
      }
    }
  }

  /** The table has granted a request. */
  void granted(long session, long request) {
    untold.removeIf(each -> each.session == session && each.request == request);
    untold.add(new Untold(session, request, world.time.now()));
  }

  /** The table has ended a hold that was released, or whose time was over. */
  void ended(long session, long request, String how) {
    untold.removeIf(each -> each.session == session && each.request == request);
    Held held = find(session, request);
    if (held != null) {
      held.ended = how;
      check();
    }
  }

  /** The table has ended a hold at an operator's wish. */
  void revoked(long session, long request, long token) {
    untold.removeIf(each -> each.session == session && each.request == request);
    revoked.add(token);
    Held held = find(session, request);
    if (held != null && isBelieved(held)) {
      checkToldSoon(held);
    }
  }

  /** All beliefs of this moment; also one that had passed and came back. */
  private void check() {
    for (Held each : known) {
      if (!isBelieved(each)) {
        continue;
      }
      if (each.ended != null) {
        throw new Breach("P3", each + " is believed to be held, but was " + each.ended);
      }
      for (Held other : known) {
        if (other != each
            && isBelieved(other)
            && !isRevoked(each)
            && !isRevoked(other)
            && NaiveTable.conflict(each.targets, other.targets)) {
          throw new Breach("P3", each + " is held while " + other + " is");
        }
      }
    }
  }

  private boolean isAskedFor(Untold grant) {
    return asking.stream()
        .anyMatch(each -> each.session().id() == grant.session && each.id() == grant.request);
  }

  private void knows(ClientSession client, ClientRequest request) {
    asking.remove(request);
    untold.removeIf(each -> each.session == client.core.id() && each.request == request.id());
  }

  private @Nullable Held find(long session, long request) {
    for (Held each : known) {
      if (each.client.core.id() == session && each.request.id() == request) {
        return each;
      }
    }
    return null;
  }

  private void checkToldSoon(Held held) {
    world.time.after(
        world.leaseNanos,
        () -> {
          if (known.contains(held) && isBelieved(held)) {
            throw new Breach("P12", held + " was revoked a lease ago and is still believed in");
          }
        });
  }

  private static boolean isBelieved(Held held) {
    return held.client.believes(held.request);
  }

  private boolean isRevoked(Held held) {
    return revoked.contains(held.request.token());
  }
}
