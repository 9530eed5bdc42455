package io.holdfast.simulation;

import io.holdfast.table.Command;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * What consensus gives to the servers, without its inner workings: one order of commands, that only the leader of the
 * latest term can add to. When a leader is deposed, some first part of what it had proposed goes into the log all the
 * same, the rest is lost, and its proposer never learns which.
 */
final class ReplicatedLog {
  static final int NOBODY = -1;

  private final VirtualTime time;
  private final Dice dice;
  private final Evidence evidence;

  /** Index 1 is the first. */
  private final List<Command> entries = new ArrayList<>();

  private final Deque<Proposal> inFlight = new ArrayDeque<>();

  /** Of a deposed leader; they come before whatever the next one proposes. */
  private final List<Command> survivors = new ArrayList<>();

  private long term;
  private int leader = NOBODY;
  private long lastCommitAt;

  /** The disk or the network between the servers is having a bad time. */
  private boolean isSlow;

  private static final class Proposal {
    final Command command;
    final LongConsumer committed;

    Proposal(Command command, LongConsumer committed) {
      this.command = command;
      this.committed = committed;
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

  Command entry(long index) {
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

  /** @param committed is told the index, in this very order; never called if the proposer is deposed before */
  void propose(int server, long inTerm, Command command, LongConsumer committed) {
    if (!isLedBy(server, inTerm)) {
      evidence.count(Fact.PROPOSAL_OF_DEPOSED_LEADER);
      return;
    }
    Proposal proposal = new Proposal(command, committed);
    inFlight.add(proposal);
    long delay =
        isSlow
            ? dice.between(Nanos.MILLI * 10, Nanos.MILLI * 400)
            : dice.between(Nanos.MILLI / 2, Nanos.MILLI * 4);
    lastCommitAt = Math.max(lastCommitAt, time.now() + delay);
    time.at(lastCommitAt, () -> commit(proposal));
  }

  void setSlow(boolean slow) {
    isSlow = slow;
  }

  void depose() {
    leader = NOBODY;
    int surviving = dice.below(inFlight.size() + 1);
    for (int i = 0; !inFlight.isEmpty(); i++) {
      Proposal proposal = inFlight.remove();
      if (i < surviving) {
        survivors.add(proposal.command);
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

  private void commit(Proposal proposal) {
    if (inFlight.peek() == proposal) { // else its leader was deposed meanwhile
      inFlight.remove();
      entries.add(proposal.command);
      proposal.committed.accept(lastIndex());
    }
  }
}
