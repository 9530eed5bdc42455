package io.holdfast.server.core;

import io.holdfast.protocol.v1.LockEvent;
import io.holdfast.protocol.v1.WatchLocksResponse;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.LockTable;
import io.holdfast.table.RequestView;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who watches the locks of a leader's namespaces, and what they are told. Where nobody watches it costs nothing. Guarded by the
 * core's mutex.
 */
final class Watches {
  /*
   * A table tells of a request that has ended, and has forgotten by then what it was. And it tells again what it has told
   * before, to a client that asks twice. So the requests that a command names are looked at before it is carried out: what was
   * there is what ends, and what was so already is no news.
   */

  private static final Before NOTHING = new Before(Map.of());

  private final Map<String, List<Watch>> byNamespace = new HashMap<>();

  /**
   * Somebody who watches.
   *
   * @param told like a message over the link of that connection
   */
  record Watch(Connection by, Selection which, Consumer<WatchLocksResponse> told) {}

  /** A request, by its session and number. */
  private record Id(long session, long request) {}

  /** The requests that a command may change, as they were. */
  static final class Before {
    private final Map<Id, RequestView> requests;

    private Before(Map<Id, RequestView> requests) {
      this.requests = requests;
    }

    private @Nullable RequestView of(Event event) {
      return requests.get(new Id(event.session(), event.request()));
    }
  }

  int size(String namespace) {
    return byNamespace.getOrDefault(namespace, List.of()).size();
  }

  void add(String namespace, Watch watch) {
    byNamespace.computeIfAbsent(namespace, first -> new ArrayList<>()).add(watch);
  }

  void remove(String namespace, Connection by) {
    List<Watch> watches = byNamespace.get(namespace);
    if (watches != null) {
      watches.removeIf(watch -> watch.by == by);
      if (watches.isEmpty()) {
        byNamespace.remove(namespace);
      }
    }
  }

  /** To be asked before a change is carried out, for {@link #tell} afterwards. */
  Before before(Change change, Namespaces namespaces) {
    if (byNamespace.isEmpty()
        || !(change instanceof Change.OfTable ofTable)
        || !byNamespace.containsKey(ofTable.namespace())) {
      return NOTHING;
    }
    LockTable table = namespaces.table(ofTable.namespace());
    if (table == null) {
      return NOTHING;
    }
    Map<Id, RequestView> requests = new HashMap<>();
    for (RequestView view : named(table, ofTable.command())) {
      requests.put(new Id(view.session(), view.request()), view);
    }
    return new Before(requests);
  }

  private static List<RequestView> named(LockTable table, Command command) {
    if (command instanceof Command.Acquire acquire) {
      return table.find(acquire.session(), acquire.request()).stream().toList();
    } else if (command instanceof Command.Release release) {
      return table.find(release.session(), release.request()).stream().toList();
    } else if (command instanceof Command.Cancel cancel) {
      return table.find(cancel.session(), cancel.request()).stream().toList();
    } else if (command instanceof Command.ExpireHold expire) {
      return table.find(expire.session(), expire.request()).stream().toList();
    } else if (command instanceof Command.Revoke revoke) {
      return table.holder(revoke.key(), revoke.token()).stream().toList();
    } else if (command instanceof Command.CloseSession close) {
      return table.requests(close.session());
    }
    return command instanceof Command.ExpireSession expire
        ? table.requests(expire.session())
        : List.of();
  }

  /** Tells what has come of a command. */
  void tell(
      Leadership leadership, Desks room, Command command, List<Event> happened, Before before) {
    if (byNamespace.isEmpty() || !byNamespace.containsKey(room.namespace)) {
      return;
    }
    for (Event event : happened) {
      if (event.request() != 0) {
        tell(leadership, room, command, event, before.of(event));
      }
    }
  }

  private void tell(
      Leadership leadership,
      Desks room,
      Command command,
      Event event,
      @Nullable RequestView before) {
    LockEvent.Kind kind;
    RequestView request;
    if (event instanceof Event.Granted || event instanceof Event.Queued) {
      boolean isGrant = event instanceof Event.Granted;
      if (before != null && (before.granted() || !isGrant)) {
        return; // told again
      }
      kind = isGrant ? LockEvent.Kind.KIND_GRANTED : LockEvent.Kind.KIND_QUEUED;
      request = room.table.find(event.session(), event.request()).orElse(null);
    } else {
      kind = ending(event);
      request = before;
    }
    List<Watch> watches = byNamespace.get(room.namespace);
    if (request == null || kind == LockEvent.Kind.KIND_UNSPECIFIED || watches == null) {
      return;
    }
    WatchLocksResponse message = null;
    for (Watch watch : List.copyOf(watches)) { // who does not keep up is removed on the way
      if (watch.which.meets(request)) {
        if (message == null) {
          message =
              ToWire.happened(
                  kind,
                  request,
                  event instanceof Event.Lost lost ? lost.reason() : null,
                  kind == LockEvent.Kind.KIND_GRANTED && !isAnswer(command, event),
                  leadership.times(room, List.of(request)),
                  leadership.unixMillis());
        }
        WatchLocksResponse told = message;
        watch.by.tellLater(to -> watch.told.accept(told));
      }
    }
  }

  private static LockEvent.Kind ending(Event event) {
    if (event instanceof Event.Released) {
      return LockEvent.Kind.KIND_RELEASED;
    } else if (event instanceof Event.Cancelled) {
      return LockEvent.Kind.KIND_CANCELLED;
    }
    return event instanceof Event.Lost ? LockEvent.Kind.KIND_LOST : LockEvent.Kind.KIND_UNSPECIFIED;
  }

  /** Whether an event is about the request that a command asks with, which has not stood in line then. */
  private static boolean isAnswer(Command command, Event event) {
    return command instanceof Command.Acquire acquire
        && acquire.session() == event.session()
        && acquire.request() == event.request();
  }
}
