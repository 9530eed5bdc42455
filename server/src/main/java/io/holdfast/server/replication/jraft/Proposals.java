package io.holdfast.server.replication.jraft;

import io.holdfast.server.replication.ReplicatedMachine;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** The proposals of this server that are not settled. There is a most. Thread-safe. */
final class Proposals {
  /** The ring of the engine has four times as many places. */
  static final int MOST = 4096;

  private final ReplicatedMachine machine;
  private final Set<Proposal> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger size = new AtomicInteger();

  Proposals(ReplicatedMachine machine) {
    this.machine = machine;
  }

  /** A new one, unless there are too many. */
  Optional<Proposal> add(long term, Object local) {
    if (size.incrementAndGet() > MOST) {
      size.decrementAndGet();
      return Optional.empty();
    }
    Proposal proposal = new Proposal(this, term, local);
    open.add(proposal);
    return Optional.of(proposal);
  }

  void remove(Proposal proposal) {
    if (open.remove(proposal)) {
      size.decrementAndGet();
    }
  }

  void tellDropped(Object local, boolean certainly) {
    machine.dropped(local, certainly);
  }

  /** Gives up what was proposed in earlier terms. */
  void dropBefore(long term) {
    for (Proposal proposal : open) {
      if (proposal.term() < term) {
        proposal.drop(false);
      }
    }
  }

  /** Gives up all that is not settled: the engine is gone, and will tell nothing more. */
  void dropAll() {
    List.copyOf(open).forEach(proposal -> proposal.drop(false));
  }
}
