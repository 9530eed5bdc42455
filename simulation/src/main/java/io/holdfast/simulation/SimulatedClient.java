package io.holdfast.simulation;

import com.google.protobuf.ByteString;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.protocol.v1.ClientBatch;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.ClientCore;
import io.holdfast.remote.internal.ClientRequest;
import io.holdfast.remote.internal.SessionCore;
import io.holdfast.remote.internal.Wire;
import io.holdfast.remote.internal.Wish;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import io.holdfast.testkit.history.HistoryEvent.Why;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An application process: some tasks that ask for locks and write to what these guard, over one real {@link ClientCore}.
 * The process stands still now and then, closes its client and opens another, or is killed and started again.
 */
final class SimulatedClient {
  static final String NAMESPACE = "simulated";
  private static final int TASKS = 2;

  /** As long as the store that users get waits for the servers when it is closed. */
  private static final long CLOSE_PATIENCE = Nanos.SECOND;

  /**
   * Who died is gone after that, though the leader changes twice a lease: what was under way arrives for 5 s, and then it is
   * silent for a lease under leaders, of which each forgets an eighth, and the first one half.
   */
  private static final int GONE_AFTER_LEASES = 3;

  private final World world;
  private final int number;
  private final SimulatedProcess process;
  private final Link link = new Link();

  /** Those that are in use, and those that are still closing. */
  private final List<Client> clients = new ArrayList<>();

  /** What the core has said, for after it has returned. */
  private final Deque<Runnable> notices = new ArrayDeque<>();

  private @Nullable Client client;
  private List<Task> tasks = List.of();
  private int sessions;

  SimulatedClient(World world, int number) {
    this.world = world;
    this.number = number;
    this.process = world.process();
  }

  void start() {
    open();
    tasks = new ArrayList<>();
    for (int i = 0; i < TASKS; i++) {
      Task task = new Task();
      tasks.add(task);
      task.thinkThenAsk();
    }
  }

  SimulatedProcess process() {
    return process;
  }

  Link link() {
    return link;
  }

  void beginStorm() {
    world.againAndAgain(20, 60, this::standStill);
    world.againAndAgain(30, 100, this::stall);
    world.againAndAgain(10, 40, this::breakStreams);
    world.againAndAgain(60, 150, this::reopen);
    world.againAndAgain(60, 170, this::die);
  }

  /** Nothing is asked, held, or being given back. */
  boolean isIdle() {
    Client open = client;
    return open != null
        && open.session.isOpen
        && open.session.core.size() == 0
        && tasks.stream().allMatch(task -> task.phase == Phase.IDLE);
  }

  void close() {
    Client closing = client;
    client = null;
    if (closing != null) {
      closing.close();
    }
  }

  /** Has the client that there is now ask for something that needs no session. */
  void ask(Consumer<ClientCore> question) {
    Client asked = client;
    if (asked != null && !process.isPaused()) {
      within(() -> question.accept(asked.core));
    }
  }

  /** To be done when the core has returned. */
  void notice(Runnable notice) {
    notices.add(notice);
  }

  private void within(Runnable work) {
    work.run();
    for (Client each : List.copyOf(clients)) {
      each.flush();
      each.look();
    }
    while (!notices.isEmpty()) {
      notices.remove().run();
    }
  }

  private void open() {
    client = new Client();
    clients.add(client);
  }

  private void openLater() {
    client = null;
    process.after(world.dice.between(Nanos.MILLI * 10, Nanos.MILLI * 500), this::open);
  }

  private void standStill() {
    world.evidence.count(Fact.CLIENT_PAUSED);
    process.pause(world.time.now() + world.dice.between(Nanos.MILLI * 100, Nanos.SECOND * 9));
  }

  /**
   * One way or the other, or first answers do not come back and then questions do not get there. About as long as a
   * lease: what happens when that ends is what is interesting.
   */
  private void stall() {
    world.evidence.count(Fact.LINK_STALLED);
    switch (world.dice.below(3)) {
      case 0 -> stallBack(0.05, 1.5);
      case 1 -> stall(0.65, 1.05);
      default -> {
        stallBack(0.2, 0.8);
        world.time.after(world.dice.between(1, world.leaseNanos / 2), () -> stall(1.0, 1.5));
      }
    }
  }

  private void stall(double leastLeases, double mostLeases) {
    link.stalledUntil = world.time.now() + leases(leastLeases, mostLeases);
  }

  private void stallBack(double leastLeases, double mostLeases) {
    link.stalledBackUntil = world.time.now() + leases(leastLeases, mostLeases);
  }

  private long leases(double least, double most) {
    return (long) (world.leaseNanos * world.dice.between(least, most));
  }

  private void breakStreams() {
    clients.forEach(each -> List.copyOf(each.streams.values()).forEach(Stream::breakOff));
  }

  private void reopen() {
    if (client != null && !process.isPaused()) {
      close();
      openLater();
    }
  }

  private void die() {
    world.evidence.count(Fact.CLIENT_KILLED);
    world.trace("client process " + number + " killed");
    clients.forEach(Client::die);
    clients.clear();
    notices.clear();
    client = null;
    process.kill();
    world.time.after(world.dice.between(Nanos.SECOND, Nanos.SECOND * 12), this::start);
  }

  @Override
  public String toString() {
    return "client " + number;
  }

  /** The real core, with streams and a clock, and the session that it has. */
  private final class Client implements Wire, SessionCore.Listener {
    private final Map<Long, Stream> streams = new HashMap<>();
    private final Map<Long, Long> saidAtNanos = new HashMap<>();
    private final Map<Long, Boolean> resumptions = new HashMap<>();
    private final List<ClientSession> all = new ArrayList<>();
    private final Ticker ticker = new ClientTicker();
    private final ClientCore core;
    private ClientSession session;
    private long stream;
    private long openingSaidAtNanos;

    /** What is being said at one go, and goes as one message. */
    private final ClientBatch.Builder batch = ClientBatch.newBuilder();

    private boolean takesBatches;
    private boolean isClosing;

    Client() {
      core =
          new ClientCore(
              world.cluster.addresses(),
              NAMESPACE,
              "client " + number + "." + (sessions + 1),
              world.dice.another(),
              ticker,
              this,
              (server, error, isVerdict) -> failed(error, isVerdict));
      core.start();
      session = openSession();
    }

    private ClientSession openSession() {
      String name = "client " + number + "." + ++sessions;
      saidAtNanos.clear();
      resumptions.clear();
      SessionCore opened = core.openSession(world.leaseNanos / Nanos.MILLI, this);
      ClientSession made = new ClientSession(name, opened, ticker);
      all.add(made);
      return made;
    }

    void close() {
      isClosing = true;
      if (session.isOpen) {
        world.recorder.clientClosing(session.name);
      }
      within(core::close);
      process.after(CLOSE_PATIENCE, this::abandon);
    }

    /** Whether the servers have confirmed by now. */
    void look() {
      if (isClosing && core.isQuiet()) {
        if (session.isOpen) {
          notice(() -> world.recorder.clientClosed(session.name));
        }
        abandon();
      }
    }

    private void abandon() {
      if (clients.remove(this)) {
        within(core::abandon);
      }
    }

    void die() {
      for (ClientSession each : all) {
        world.beliefs.died(each);
        if (world.isRestless() && world.referee.isOpen(each.core.id())) {
          checkGoneSoon(each);
        }
      }
      if (session.isOpen) {
        world.recorder.clientDied(session.name);
      }
      streams.values().forEach(Stream::clientDied);
    }

    private void checkGoneSoon(ClientSession dead) {
      world.time.after(
          GONE_AFTER_LEASES * world.leaseNanos,
          () -> {
            if (world.referee.isOpen(dead.core.id())) {
              throw new Breach("R4", dead + " died long ago, and its session lives");
            }
            world.evidence.count(Fact.SESSION_EXPIRED_UNDER_MANY_LEADERS);
          });
    }

    private void failed(Error error, boolean isVerdict) {
      if (isVerdict) {
        throw new Breach("P10", "client " + number + " was refused: " + error);
      }
    }

    // ----------------------------------------------------------------------------------------------- streams

    @Override
    public void open(long opened, String address) {
      stream = opened;
      batch.clear();
      takesBatches = false;
      Stream.Ears ears =
          new Stream.Ears() {
            @Override
            public void received(ServerMessage message) {
              hear(opened, message);
            }

            @Override
            public void broken(Error error) {
              streams.remove(opened);
              within(() -> core.broken(opened, error, ""));
            }
          };
      streams.put(opened, new Stream(world, SimulatedClient.this, world.cluster.at(address), ears));
    }

    @Override
    public void say(long to, ClientMessage message) {
      world.trace(SimulatedClient.this + " says", to, message);
      switch (message.getMessageCase()) {
        case OPEN_SESSION -> openingSaidAtNanos = process.nanos();
        case RESUME_SESSION -> {
          world.evidence.count(Fact.SESSION_RESUMED);
          said(message.getResumeSession().getHeartbeat(), true);
        }
        case HEARTBEAT -> said(message.getHeartbeat().getNumber(), false);
        default -> {}
      }
      if (to == stream && takesBatches && Wire.mayBeInBatch(message)) {
        batch.addMessages(message);
      } else {
        flush();
        send(to, message);
      }
    }

    private void flush() {
      int messages = batch.getMessagesCount();
      if (messages == 1) {
        send(stream, batch.getMessages(0));
      } else if (messages > 1) {
        world.evidence.count(Fact.SAID_TOGETHER);
        send(stream, ClientMessage.newBuilder().setBatch(batch).build());
      }
      batch.clear();
    }

    private void send(long to, ClientMessage message) {
      Stream open = streams.get(to);
      if (open != null) {
        open.say(message);
      }
    }

    private void said(long heartbeat, boolean isResumption) {
      saidAtNanos.put(heartbeat, process.nanos());
      resumptions.put(heartbeat, isResumption);
      if (world.isStorm() && world.dice.chance(0.02)) {
        standStill(); // just now: from when does a lease count?
      }
    }

    @Override
    public void close(long closed) {
      if (closed == stream) {
        batch.clear();
      }
      Stream open = streams.remove(closed);
      if (open != null) {
        open.giveUp();
      }
    }

    private void hear(long from, ServerMessage message) {
      world.trace(SimulatedClient.this + " hears", from, message);
      List<ServerMessage> all =
          message.hasBatch() ? message.getBatch().getMessagesList() : List.of(message);
      if (from != stream || !streams.containsKey(from)) {
        world.evidence.count(Fact.OLD_STREAM_HEARD);
      } else {
        all.forEach(this::countEvidence);
        all.forEach(this::checkGone);
        takesBatches |= message.getWelcome().getBatch() > 1;
      }
      ClientSession heard = session;
      long before = heard.core.leaseDeadlineNanos();
      boolean wasOpen = heard.isOpen;
      within(() -> core.received(from, message));
      if (wasOpen && heard.core.leaseDeadlineNanos() != before && heard == session) {
        all.stream()
            .filter(each -> each.getAlive().getSession() == heard.core.id())
            .reduce((earlier, last) -> last)
            .ifPresent(last -> answered(heard, last.getAlive().getNumber()));
      }
    }

    /** A session is said to be gone on the stream that goes on with it only if it is. */
    private void checkGone(ServerMessage message) {
      long gone = message.getSessionGone().getSession();
      if (world.referee.isOpen(gone)) {
        throw new Breach(
            "P14", SimulatedClient.this + " is told that session " + gone + " is gone");
      }
    }

    private void answered(ClientSession heard, long number) {
      Long sentAt = saidAtNanos.get(number);
      if (sentAt != null && heard.core.isUsable()) {
        long sent = process.trueTime(sentAt);
        world.recorder.sessionRenewed(sent, heard.name);
        world.beliefs.answered(heard, sent, Boolean.TRUE.equals(resumptions.get(number)));
      }
    }

    // ----------------------------------------------------------------------------------------------- the session

    @Override
    public void opened(SessionCore opened) {
      session.isOpen = true;
      world.sessionOpened(opened.id(), session.name);
      world.recorder.sessionRenewed(process.trueTime(openingSaidAtNanos), session.name);
    }

    @Override
    public void ended(SessionCore ended, LossReason reason) {
      if (reason == LossReason.EXPIRED) {
        world.evidence.count(Fact.LEASE_LAPSED);
        // On its own clock it is over: it says so, and frees what it had.
        world.recorder.clientClosing(session.name);
      }
      if (!isClosing) {
        if (world.dice.chance(0.5)) {
          notice(() -> within(() -> session = openSession()));
        } else {
          notice(this::leave);
        }
      }
    }

    private void leave() {
      if (client == this) {
        isClosing = true;
        core.close();
        process.after(CLOSE_PATIENCE, this::abandon);
        openLater();
      }
    }

    @Override
    public void refused(SessionCore refused, Error error) {
      throw new Breach("P10", session + " was not opened: " + error);
    }

    /** Before the core hears it: what is about to happen to it. */
    private void countEvidence(ServerMessage message) {
      switch (message.getMessageCase()) {
        case NOT_LEADER -> world.evidence.count(Fact.SENT_AWAY);
        case GRANTED -> {
          if (!isIn(message.getGranted().getRequest(), Phase.ASKING, Phase.HOLDING)) {
            world.evidence.count(Fact.GRANT_TOLD_TOO_LATE);
          }
        }
        case ALIVE -> {
          for (Granted granted : message.getAlive().getGrantedList()) {
            if (isIn(granted.getRequest(), Phase.ASKING)) {
              world.evidence.count(Fact.GRANT_TOLD_BY_RESUMING);
            }
          }
          for (long ended : message.getAlive().getEndedList()) {
            if (isIn(ended, Phase.HOLDING)) {
              world.evidence.count(Fact.LOSS_TOLD_BY_RESUMING);
            }
          }
        }
        default -> {}
      }
    }

    private boolean isIn(long request, Phase... phases) {
      return tasks.stream()
          .anyMatch(
              task ->
                  task.request != null
                      && task.request.id() == request
                      && task.asked == session
                      && List.of(phases).contains(task.phase));
    }
  }

  /** The process's clock; what its alarms bring about is told when the core has returned. */
  private final class ClientTicker implements Ticker {
    @Override
    public long nanos() {
      return process.nanos();
    }

    @Override
    public Instant instant() {
      return process.instant();
    }

    @Override
    public Alarm schedule(long deadlineNanos, Runnable task) {
      return process.schedule(deadlineNanos, () -> within(task));
    }
  }

  private enum Phase {
    IDLE,
    ASKING,
    HOLDING,
    GIVING_BACK
  }

  /** Thinks, asks for locks, uses them, gives them back, and so on. */
  private final class Task {
    private Phase phase = Phase.IDLE;
    private @Nullable ClientSession asked;
    private @Nullable ClientRequest request;

    void thinkThenAsk() {
      phase = Phase.IDLE;
      asked = null;
      request = null;
      process.after(world.dice.between(Nanos.MILLI, Nanos.SECOND * 2), this::ask);
    }

    private void ask() {
      if (world.isQuiet()) {
        return;
      }
      Client open = client;
      if (open == null || !open.session.isOpen || !open.session.core.isUsable()) {
        thinkThenAsk();
        return;
      }
      phase = Phase.ASKING;
      Try made = new Try(this, open.session, Workload.wish(world.dice));
      asked = open.session;
      within(made::ask);
    }
  }

  /** One request of a task's, from the asking to the end. */
  private final class Try implements ClientRequest.Listener {
    private final Task task;
    private final ClientSession session;
    private final Workload.Wish wish;
    private long id;
    private @Nullable ClientRequest request;

    Try(Task task, ClientSession session, Workload.Wish wish) {
      this.task = task;
      this.session = session;
      this.wish = wish;
    }

    void ask() {
      boolean isLimited = wish.maxHoldNanos() != Command.FOREVER;
      long maxHoldMillis = isLimited ? wish.maxHoldNanos() / Nanos.MILLI : Wish.UNLIMITED;
      id =
          world.recorder.asked(
              session.name,
              wish.targets(),
              Duration.ofNanos(wish.maxWaitNanos()),
              isLimited ? Optional.of(Duration.ofMillis(maxHoldMillis)) : Optional.empty());
      boolean mayWait = wish.maxWaitNanos() > 0;
      long patience = mayWait ? wish.maxWaitNanos() : SessionCore.TRY_PATIENCE_NANOS;
      Wish said =
          new Wish(
              WireForm.targets(wish.targets()),
              mayWait,
              process.nanos() + patience,
              maxHoldMillis,
              ByteString.EMPTY);
      ClientRequest made = session.core.acquire(said, this);
      request = made;
      task.request = made;
      world.beliefs.asks(made);
      if (mayWait && world.dice.chance(0.05)) {
        process.after(world.dice.between(1, wish.maxWaitNanos()), () -> within(this::cancel));
      }
    }

    private void cancel() {
      if (isIn(Phase.ASKING)) {
        world.recorder.cancelling(id);
        session.core.cancel(made());
        if (isIn(Phase.ASKING)) {
          world.evidence.count(Fact.CANCELLED);
          over(() -> world.recorder.gaveUp(id, Why.CANCELLED));
        }
      }
    }

    @Override
    public void queued(List<ClientRequest.Listener> behindOwn) {
      world.evidence.count(Fact.QUEUED);
      world.recorder.queued(id);
    }

    @Override
    public void granted(ClientRequest hold) {
      notice(this::take);
    }

    private void take() {
      ClientRequest hold = made();
      if (!isIn(Phase.ASKING)) {
        return;
      }
      if (!session.believes(hold)) { // over before it was known
        over(() -> world.recorder.gaveUp(id, Why.REFUSED));
        return;
      }
      task.phase = Phase.HOLDING;
      world.recorder.acquired(id, hold.token());
      world.beliefs.began(session, hold, wish.targets());
      if (wish.targets().size() > 1) {
        world.evidence.count(Fact.GRANTED_TOGETHER);
      }
      if (wish.targets().stream().allMatch(target -> target.mode() == LockMode.SHARED)) {
        world.evidence.count(Fact.GRANTED_SHARED);
      }
      long nanos =
          world.isStorm() ? wish.holdNanos() : Math.min(wish.holdNanos(), Nanos.SECOND * 3);
      for (int uses = world.dice.below(3); uses > 0; uses--) {
        process.after(world.dice.between(0, nanos), this::use);
      }
      process.after(nanos, this::release);
    }

    private void use() {
      ClientRequest hold = made();
      if (!isIn(Phase.HOLDING) || !world.recorder.used(id, () -> session.believes(hold))) {
        return;
      }
      List<LockTarget> exclusive =
          wish.targets().stream().filter(target -> target.mode() == LockMode.EXCLUSIVE).toList();
      if (!exclusive.isEmpty()) {
        LockKey key = Workload.guarded(world.dice.oneOf(exclusive).key(), world.dice);
        Runnable write =
            () ->
                world.network.send(
                    0,
                    world.resource.process,
                    () -> world.resource.write(id, key.toString(), hold.token()));
        if (world.isStorm() && world.dice.chance(0.1)) {
          // Stopped between the check and the write: what tokens are for.
          process.after(world.dice.between(Nanos.SECOND, Nanos.SECOND * 12), write);
        } else {
          write.run();
        }
      }
    }

    private void release() {
      if (!isIn(Phase.HOLDING)) {
        return;
      }
      if (world.time.now() < link.stalledUntil && world.dice.chance(0.95)) {
        // Who holds while nobody hears of it is who should let go in time: let there be many of
        // them.
        process.after(Nanos.SECOND * 2, this::release);
      } else if (session.believes(made())) {
        world.recorder.releasing(id);
        task.phase = Phase.GIVING_BACK;
        within(() -> session.core.release(made()));
      }
    }

    @Override
    public void busy(List<Holder> holders) {
      boolean wasImpatient = wish.maxWaitNanos() > 0;
      notice(
          () ->
              over(
                  () -> {
                    world.evidence.count(wasImpatient ? Fact.TIMED_OUT : Fact.BUSY);
                    world.recorder.gaveUp(id, wasImpatient ? Why.TIMED_OUT : Why.BUSY);
                  }));
    }

    @Override
    public void refused(Error error) {
      throw new Breach("P10", session + " was refused " + wish + ": " + error);
    }

    @Override
    public void neverAsked() {
      notice(() -> over(() -> world.recorder.gaveUp(id, Why.REFUSED)));
    }

    @Override
    public void orphaned() {
      notice(() -> over(() -> world.recorder.gaveUp(id, Why.REFUSED)));
    }

    @Override
    public void uncertain(String why) {
      notice(() -> over(() -> world.recorder.unknown(id)));
    }

    @Override
    public void lost(LossReason reason) {
      // Not as a notice: who asks whether it holds is told no from here on.
      if (isIn(Phase.HOLDING) || isIn(Phase.GIVING_BACK)) {
        over(
            () -> {
              if (reason == LossReason.EXPIRED) {
                // Over on the client's own clock, which is early: it gives back what it had.
                world.recorder.releasing(id);
              }
              world.recorder.lost(id, reason);
            });
      }
    }

    @Override
    public void released() {
      notice(() -> over(() -> world.recorder.released(id)));
    }

    @Override
    public void closed() {
      notice(() -> over(() -> world.recorder.gaveUp(id, Why.CLIENT_CLOSED)));
    }

    private void over(Runnable told) {
      if (isIn(Phase.ASKING) || isIn(Phase.HOLDING) || isIn(Phase.GIVING_BACK)) {
        told.run();
        world.beliefs.over(session, made());
        task.thinkThenAsk();
      }
    }

    private boolean isIn(Phase phase) {
      return task.request == request && request != null && task.phase == phase;
    }

    private ClientRequest made() {
      ClientRequest made = request;
      if (made == null) {
        throw new Breach("P10", "told of what was not asked");
      }
      return made;
    }
  }
}
