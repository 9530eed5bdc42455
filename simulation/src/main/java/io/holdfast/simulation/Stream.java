package io.holdfast.simulation;

import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.ServerBatch;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.ErrorCode;
import io.holdfast.server.core.ClientLink;
import io.holdfast.server.core.Connection;
import io.holdfast.server.core.Problem;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A stream between a client and a server: what it delivers, it delivers in order, until it breaks. Then what is under way
 * is lost, and each side notices at a time of its own, or not at all.
 */
final class Stream implements ClientLink {
  /** Of those that break, so many are noticed by a side before it misses an answer. */
  private static final double NOTICED = 0.6;

  private final World world;
  private final SimulatedClient client;
  private final LockServer server;
  private final Ears ears;
  private final Lane there;
  private final Lane back;
  private @Nullable Connection connection;
  private boolean clientIsDead;

  /** What the server is telling at one go, and goes as one message. */
  private final ServerBatch.Builder batch = ServerBatch.newBuilder();

  /** What the server does when it has heard all that has come. */
  private final List<Runnable> afterThese = new ArrayList<>();

  /** The client's end of it. */
  interface Ears {
    void received(ServerMessage message);

    void broken(Error error);
  }

  Stream(World world, SimulatedClient client, LockServer server, Ears ears) {
    this.world = world;
    this.client = client;
    this.server = server;
    this.ears = ears;
    this.there = new Lane(server.process, () -> client.link().stalledUntil);
    this.back = new Lane(client.process(), () -> client.link().stalledBackUntil);
    server.approached(this);
    if (world.isStorm() && world.dice.chance(0.25)) {
      world.evidence.count(Fact.STREAM_LATE);
      there.lastArrival =
          world.time.now() + world.dice.between(Nanos.MILLI * 100, Nanos.SECOND * 4);
    }
    there.send(this::arrive);
  }

  // ------------------------------------------------------------------------------------------------- the client's end

  void say(ClientMessage message) {
    there.send(
        () -> {
          Connection open = connection;
          if (open != null && !open.receive(message)) {
            world.evidence.count(Fact.STREAM_HELD_UP);
            there.isHeldUp = true;
          }
        });
  }

  /** The client gives it up. What comes back all the same is of an old stream. */
  void giveUp() {
    if (world.dice.chance(0.5)) {
      back.isCut = true;
    }
    if (world.dice.chance(0.5)) {
      there.underWay.clear();
      there.arrived = 0;
    }
    there.isHeldUp = false;
    there.send(this::gone);
    there.isClosed = true;
  }

  /** The client's process was killed: what it has said arrives. */
  void clientDied() {
    clientIsDead = true;
    back.isCut = true;
    if (world.dice.chance(NOTICED)) {
      there.send(this::gone);
    }
    there.isClosed = true;
  }

  // ------------------------------------------------------------------------------------------------- faults

  /** Something between the two ends fails. */
  void breakOff() {
    if (!there.isCut || !back.isCut) {
      world.evidence.count(Fact.STREAM_BROKEN);
      there.isCut = true;
      back.isCut = true;
      if (world.dice.chance(NOTICED)) {
        server.process.at(world.time.now() + noticeTime(), this::gone);
      }
      clientNotices();
    }
  }

  /** The server's process was killed. */
  void serverDied() {
    there.isCut = true;
    back.isCut = true;
    clientNotices();
  }

  private void clientNotices() {
    if (clientIsDead) {
      return;
    }
    if (world.dice.chance(NOTICED)) {
      client
          .process()
          .at(world.time.now() + noticeTime(), () -> ears.broken(ErrorCode.unavailable("broken")));
    } else {
      world.evidence.count(Fact.STREAM_SILENT);
    }
  }

  private long noticeTime() {
    return world.dice.chance(0.8)
        ? world.dice.between(Nanos.MILLI, Nanos.MILLI * 50)
        : world.dice.between(Nanos.MILLI * 50, Nanos.SECOND * 5);
  }

  // ------------------------------------------------------------------------------------------------- the server's end

  private void arrive() {
    if (server.isUp()) {
      connection = server.connect(this).orElse(null);
    } else {
      there.isCut = true;
      back.isCut = true;
      server.left(this);
      world.evidence.count(Fact.STREAM_REFUSED);
      clientNotices();
    }
  }

  private void gone() {
    server.left(this);
    there.isCut = true;
    if (connection != null) {
      connection.gone();
    }
  }

  @Override
  public String subject() {
    return "";
  }

  @Override
  public boolean may(Action action, String namespace) {
    return true;
  }

  @Override
  public Optional<AuthReason> lapse() {
    return Optional.empty();
  }

  @Override
  public boolean isReady() {
    return true;
  }

  @Override
  public void send(ServerMessage message) {
    if (message.hasAlive()) {
      server.heartbeatAnswered();
    }
    if (ClientLink.mayBeInBatch(message)) {
      batch.addMessages(message);
    } else {
      flush();
      back.send(() -> ears.received(message));
    }
  }

  @Override
  public void flush() {
    int messages = batch.getMessagesCount();
    if (messages > 0) {
      ServerMessage told =
          messages == 1 ? batch.getMessages(0) : ServerMessage.newBuilder().setBatch(batch).build();
      if (messages > 1) {
        world.evidence.count(Fact.TOLD_TOGETHER);
      }
      batch.clear();
      back.send(() -> ears.received(told));
    }
  }

  @Override
  public boolean afterThese(Runnable task) {
    return there.isReading && afterThese.add(task);
  }

  @Override
  public void close() {
    end(ErrorCode.unavailable("the server has ended the stream"));
  }

  @Override
  public void close(Problem problem) {
    end(problem.toWire());
  }

  private void end(Error error) {
    flush();
    back.send(() -> ears.broken(error));
    back.isClosed = true;
    there.isCut = true;
    server.left(this);
  }

  @Override
  public void resume() {
    server.process.at(
        world.time.now(),
        () -> {
          there.isHeldUp = false;
          there.read();
        });
  }

  /** One direction: first in, first out. */
  private final class Lane {
    private final SimulatedProcess to;
    private final LongSupplier stalledUntil;
    private final Deque<Runnable> underWay = new ArrayDeque<>();
    private long lastArrival;

    /** So many of the first of those under way are there, and not read yet. */
    private int arrived;

    /** The receiver reads nothing for now. */
    private boolean isHeldUp;

    /** What has arrived is being received, one after the other. */
    private boolean isReading;

    /** Nothing more is sent. */
    private boolean isClosed;

    /** Nothing more arrives. */
    private boolean isCut;

    Lane(SimulatedProcess to, LongSupplier stalledUntil) {
      this.to = to;
      this.stalledUntil = stalledUntil;
    }

    void send(Runnable delivery) {
      if (isCut || isClosed) {
        return;
      }
      boolean breaks = world.network.breaksStream();
      underWay.add(breaks ? Stream.this::breakOff : delivery);
      long sent = Math.max(world.time.now(), stalledUntil.getAsLong());
      lastArrival = Math.max(lastArrival + 1, sent + world.network.delay());
      to.at(
          lastArrival,
          () -> {
            arrived++;
            read();
          });
    }

    void read() {
      if (isReading) {
        return; // whoever is at it goes on
      }
      isReading = true;
      while (arrived > 0 && !isCut && !isHeldUp && !underWay.isEmpty()) {
        arrived--;
        underWay.remove().run();
      }
      isReading = false;
      if (this == there && !afterThese.isEmpty()) {
        List<Runnable> due = List.copyOf(afterThese);
        afterThese.clear();
        due.forEach(Runnable::run);
      }
    }
  }
}
