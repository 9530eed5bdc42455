package io.holdfast.simulation;

import io.holdfast.HoldData;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.KeyView;
import io.holdfast.table.LockTable;
import io.holdfast.table.Refusal;
import io.holdfast.table.RequestView;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a server knows and does from being elected to being deposed: it proposes what clients ask for, tells them what
 * came of it, and keeps the clocks. Nothing here outlives it.
 */
final class Leadership {
  /*
   * Leases. A session lives for a lease after it was last heard of. Commands raise its count of renewals in the table;
   * heartbeats do not reach the log, and only move the deadline here. A heartbeat is answered only once a majority has
   * confirmed that this server still leads: a deposed leader would promise time that its successor does not know of.
   * And not while the session's end is proposed already, for that is decided by the table, where heartbeats do not
   * count.
   *
   * A new leader knows of no heartbeat that its predecessor answered, so it gives every session a full lease.
   *
   * Table time is the time of the last command applied before this leadership, and what has passed since on this clock:
   * it never runs faster than a clock, and stands still while there is no leader.
   */
  private final LockServer server;
  private final LockTable table;
  private final SimulatedProcess clock;
  private final World world;
  private final ReplicatedLog log;
  private final long term;

  private final long sinceNanos;
  private final long tableTimeThen;
  private long lastSession;
  private final Map<Long, Desk> desks = new TreeMap<>();

  /** By index of the log: who gets the answer to an entry of ours. */
  private final Map<Long, Asker> askers = new HashMap<>();

  /** An open session. */
  private static final class Desk {
    final long session;

    /** Where it was last heard from; null if not by this leader. */
    @Nullable Endpoint client;

    long deadlineNanos;

    /** Its end is proposed, or about to be. */
    boolean expiring;

    Desk(long session) {
      this.session = session;
    }
  }

  /** Gets the answer to a proposal. */
  private interface Asker {
    void answered(Event answer);
  }

  Leadership(LockServer server, long term, World world, ReplicatedLog log) {
    this.server = server;
    this.table = server.table();
    this.clock = server.process;
    this.world = world;
    this.log = log;
    this.term = term;
    this.sinceNanos = clock.nanos();
    this.tableTimeThen = table.now();
    this.lastSession = table.lastSession();
    table.sessions().forEach(this::openDesk);
    Stream.concat(table.list("", 1_000).stream(), table.listTree(World.TREE, 1_000).stream())
        .flatMap(view -> view.holders().stream())
        .distinct()
        .forEach(hold -> endInTime(hold.session(), hold.request(), hold.until()));
  }

  void receive(Endpoint from, ToServer message) {
    if (message instanceof ToServer.OfSession ofSession) {
      Desk desk = desks.get(ofSession.session());
      if (desk != null) {
        desk.client = from;
      }
    }
    if (message instanceof ToServer.Open open) {
      propose(
          new Command.OpenSession(tableNow(), ++lastSession, open.client()),
          answer -> {
            if (answer instanceof Event.SessionOpened opened) {
              send(from, new ToClient.Opened(open.nonce(), opened.session(), tableNow()));
            }
          });
    } else if (message instanceof ToServer.Heartbeat heartbeat) {
      confirm(() -> heard(from, heartbeat));
    } else if (message instanceof ToServer.Acquire acquire) {
      propose(
          new Command.Acquire(
              tableNow(),
              acquire.session(),
              acquire.request(),
              acquire.acknowledged(),
              acquire.mayWait(),
              acquire.targets(),
              HoldData.empty(),
              acquire.maxHoldNanos()),
          answer -> tell(from, answer));
    } else if (message instanceof ToServer.Cancel cancel) {
      propose(
          new Command.Cancel(tableNow(), cancel.session(), cancel.request()),
          answer -> tell(from, answer));
    } else if (message instanceof ToServer.Release release) {
      propose(
          new Command.Release(tableNow(), release.session(), release.request(), release.token()),
          answer -> tell(from, answer));
    } else if (message instanceof ToServer.Close close) {
      propose(
          new Command.CloseSession(tableNow(), close.session()),
          answer -> send(from, new ToClient.Gone(close.session())));
    } else if (message instanceof ToServer.Describe describe) {
      confirm(() -> send(from, new ToClient.Described(table.describe(describe.key()))));
    } else if (message instanceof ToServer.Revoke revoke) {
      propose(
          new Command.Revoke(tableNow(), revoke.key(), revoke.token()),
          answer ->
              send(
                  from,
                  new ToClient.Revoked(
                      revoke.key(), revoke.token(), answer instanceof Event.Lost)));
    }
  }

  /** An entry of the log was applied: whom it concerns is told. */
  void applied(long index, Command command, List<Event> events) {
    Asker asker = askers.remove(index);
    if (asker != null) {
      asker.answered(events.get(0));
    }
    for (Event event : events) {
      if (event instanceof Event.SessionOpened opened) {
        openDesk(opened.session());
      } else if (event instanceof Event.SessionEnded ended) {
        Desk closed = desks.remove(ended.session());
        if (closed != null && closed.client != null) {
          send(closed.client, new ToClient.Gone(ended.session()));
        }
      } else if (event.request() != 0) {
        if (event instanceof Event.Granted granted) {
          endInTime(granted.session(), granted.request(), granted.until());
        }
        boolean isAnswer = asker != null && event == events.get(0) && sessionOf(command) != 0;
        Desk desk = desks.get(event.session());
        if (!isAnswer && desk != null && desk.client != null) {
          send(desk.client, new ToClient.Told(event));
        }
      }
    }
    Desk heardOf = desks.get(sessionOf(command));
    if (heardOf != null) {
      renew(heardOf);
    }
  }

  private long tableNow() {
    return Math.max(table.now(), tableTimeThen + (clock.nanos() - sinceNanos));
  }

  private void propose(Command command, Asker asker) {
    log.propose(
        server.number,
        term,
        command,
        index -> {
          askers.put(index, asker);
          world.cluster.committed(server);
        });
  }

  /** Runs a task if it is certain, after the question was asked, that this server leads. */
  private void confirm(Runnable task) {
    clock.after(
        world.dice.between(Nanos.MILLI / 3, Nanos.MILLI * 3),
        () -> {
          if (log.isLedBy(server.number, term)) {
            server.catchUp();
            task.run();
          } else {
            world.evidence.count(Fact.HEARTBEAT_UNANSWERED_BY_DEPOSED_LEADER);
          }
        });
  }

  private void heard(Endpoint from, ToServer.Heartbeat heartbeat) {
    Desk desk = desks.get(heartbeat.session());

    if (desk == null) {
      send(from, new ToClient.Gone(heartbeat.session()));
    } else if (desk.expiring) {
      world.evidence.count(Fact.HEARTBEAT_DURING_EXPIRY);
    } else {
      renew(desk);
      List<Event.Granted> granted = new ArrayList<>();
      List<Long> ended = new ArrayList<>();
      for (ToServer.Named named : heartbeat.requests()) {
        RequestView live = find(heartbeat.session(), named);
        if (live == null) {
          ended.add(named.request());
        } else if (live.granted()) {
          granted.add(
              new Event.Granted(live.session(), live.request(), live.token(), live.until()));
        }
      }
      send(
          from,
          new ToClient.Alive(heartbeat.session(), heartbeat.number(), tableNow(), granted, ended));
    }
  }

  private @Nullable RequestView find(long session, ToServer.Named named) {
    KeyView key = table.describe(named.key());
    return Stream.concat(key.holders().stream(), key.waiters().stream())
        .filter(each -> each.session() == session && each.request() == named.request())
        .findFirst()
        .orElse(null);
  }

  private void openDesk(long session) {
    if (!desks.containsKey(session)) {
      Desk desk = new Desk(session);
      desks.put(session, desk);
      renew(desk);
      expireInTime(desk);
    }
  }

  private void renew(Desk desk) {
    desk.deadlineNanos = clock.nanos() + world.leaseNanos;
  }

  private void expireInTime(Desk desk) {
    clock.schedule(
        desk.deadlineNanos,
        () -> {
          if (desks.get(desk.session) != desk) {
            return;
          }
          if (clock.nanos() < desk.deadlineNanos) {
            expireInTime(desk);
            return;
          }
          desk.expiring = true;
          long seenRenewals = table.renewals(desk.session).orElse(0);
          // Many may be due at once, and then are proposed little by little. Commands overtake
          // them, and are seen by the table.
          clock.after(
              world.dice.between(0, Nanos.MILLI * 300), () -> proposeExpiry(desk, seenRenewals));
        });
  }

  private void proposeExpiry(Desk desk, long seenRenewals) {
    propose(
        new Command.ExpireSession(tableNow(), desk.session, seenRenewals),
        answer -> {
          desk.expiring = false;
          if (answer instanceof Event.SessionRefused refused
              && refused.reason() == Refusal.RENEWED_SINCE) {
            world.evidence.count(Fact.SESSION_RENEWED_IN_TIME);
            renew(desk);
            expireInTime(desk);
          }
        });
  }

  /** Ends a hold when its {@code maxHold} is over, if it has not ended by then. */
  private void endInTime(long session, long request, long until) {
    if (until != Command.FOREVER) {
      clock.schedule(
          sinceNanos + (until - tableTimeThen),
          () -> propose(new Command.ExpireHold(tableNow(), session, request), answer -> {}));
    }
  }

  private void tell(Endpoint to, Event answer) {
    if (answer instanceof Event.Refused refused && refused.reason() == Refusal.UNKNOWN_SESSION) {
      send(to, new ToClient.Gone(refused.session()));
    } else if (answer.request() != 0) {
      send(to, new ToClient.Told(answer));
    }
  }

  private void send(Endpoint to, ToClient message) {
    server.send(to, message);
  }

  /** The session that a command shows to be alive, 0 if none. */
  private static long sessionOf(Command command) {
    if (command instanceof Command.OpenSession open) {
      return open.session();
    } else if (command instanceof Command.Acquire acquire) {
      return acquire.session();
    } else if (command instanceof Command.Cancel cancel) {
      return cancel.session();
    }
    return command instanceof Command.Release release ? release.session() : 0;
  }

  @Override
  public String toString() {
    return "leadership of server " + server.number + " in term " + term;
  }
}
