package io.holdfast.simulation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * What consensus gives to the servers, without its inner workings: one order of entries, that only the leader of the
 * latest term can add to. When a leader is deposed, some first part of what it had proposed goes into the log all the
 * same, the rest is lost, and its proposer never learns which.
 */
final class ReplicatedLog {
  static final int NOBODY = -1;

  private final VirtualTime time;
  private final Dice dice;
  private final Evidence evidence;

  /** Index 1 is the first. */
  private final List<Proposal> entries = new ArrayList<>();

  private final Deque<Proposal> inFlight = new ArrayDeque<>();

  /** Of a deposed leader; they come before whatever the next one proposes. */
  private final List<Proposal> survivors = new ArrayList<>();

  private long term;
  private int leader = NOBODY;
  private long lastCommitAt;

  /** The disk or the network between the servers is having a bad time. */
  private boolean isSlow;

  /** An entry, on its way into the log or in it, with what its proposer wants to have back. */
  static final class Proposal {
    final byte[] entry;
    final Object local;

    /** It will not come into the log, though those around it do. */
    boolean isLost;

    Proposal(byte[] entry, Object local) {
      this.entry = entry;
      this.local = local;
    }
  }

  ReplicatedLog(VirtualTime time, Dice dice, Evidence evidence) {
    this.time = time;
    this.dice = dice;
    this.evidence = evidence;
  }

  long lastIndex() {
    return entries.size();
  }

  Proposal proposal(long index) {
    return entries.get((int) index - 1);
  }

  int leader() {
    return leader;
  }

  long term() {
    return term;
  }

  /** Whether a server is leader at this very moment: what a majority would confirm. */
  boolean isLedBy(int server, long inTerm) {
    return server == leader && inTerm == term;
  }

  /**
   * Takes a proposal of the leader's.
   *
   * @param committed is called when it is in the log; never if the proposer is deposed before
   */
  void propose(Proposal proposal, Runnable committed) {
    inFlight.add(proposal);
    lastCommitAt = Math.max(lastCommitAt, time.now() + roundTrip());
    time.at(lastCommitAt, () -> commit(proposal, committed));
  }

  /** How long it takes to hear of a majority. */
  long roundTrip() {
    return isSlow
        ? dice.between(Nanos.MILLI * 10, Nanos.MILLI * 400)
        : dice.between(Nanos.MILLI / 2, Nanos.MILLI * 4);
  }

  void setSlow(boolean slow) {
    isSlow = slow;
  }

  void depose() {
    leader = NOBODY;
    int surviving = dice.below(inFlight.size() + 1);
    for (int i = 0; !inFlight.isEmpty(); i++) {
      Proposal proposal = inFlight.remove();
      if (i < surviving && !proposal.isLost) {
        survivors.add(proposal);
        evidence.count(Fact.PROPOSAL_OUTLIVED_ITS_LEADER);
      } else {
        evidence.count(Fact.PROPOSAL_LOST);
      }
    }
  }

  void elect(int server) {
    term++;
    leader = server;
    entries.addAll(survivors);
    survivors.clear();
    lastCommitAt = time.now();
  }

  /** The disks that had the rest are lost. */
  void forgetAfter(long index) {
    entries.subList((int) index, entries.size()).clear();
    survivors.clear();
  }

  private void commit(Proposal proposal, Runnable committed) {
    if (inFlight.peek() == proposal) { // else its leader was deposed meanwhile
      inFlight.remove();
      if (!proposal.isLost) {
        entries.add(proposal);
        committed.run();
      }
    }
  }
}
