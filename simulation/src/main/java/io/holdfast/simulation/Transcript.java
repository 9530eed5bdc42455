package io.holdfast.simulation;

import io.holdfast.table.Command;
import io.holdfast.table.Event;
import java.util.List;
import java.util.stream.Collectors;

/** Commands and events as one reads them aloud: {@code acquire 1/2 [a, b (shared)]} is request 2 of session 1. */
final class Transcript {
  private Transcript() {}

  static String line(Command command) {
    if (command instanceof Command.OpenSession open) {
      return "open session " + open.session();
    } else if (command instanceof Command.CloseSession close) {
      return "close session " + close.session();
    } else if (command instanceof Command.ExpireSession expire) {
      return "expire session " + expire.session() + " seen " + expire.seenRenewals() + " times";
    } else if (command instanceof Command.Acquire acquire) {
      return "acquire "
          + acquire.session()
          + "/"
          + acquire.request()
          + " "
          + acquire.targets()
          + (acquire.mayWait() ? "" : " at once")
          + (acquire.maxHoldNanos() == Command.FOREVER ? "" : " maxHold=" + acquire.maxHoldNanos())
          + (acquire.acknowledged() == 0 ? "" : " acknowledged=" + acquire.acknowledged());
    } else if (command instanceof Command.Cancel cancel) {
      return "cancel " + cancel.session() + "/" + cancel.request();
    } else if (command instanceof Command.Release release) {
      return "release " + release.session() + "/" + release.request() + " token=" + release.token();
    } else if (command instanceof Command.ExpireHold expire) {
      return "expire hold " + expire.session() + "/" + expire.request() + " now=" + expire.now();
    } else if (command instanceof Command.Revoke revoke) {
      return "revoke " + revoke.key() + " token=" + revoke.token();
    }
    return command.toString();
  }

  static String line(List<Event> events) {
    return events.isEmpty()
        ? "nothing"
        : events.stream().map(Transcript::line).collect(Collectors.joining(", "));
  }

  static String line(Event event) {
    if (event instanceof Event.Granted granted) {
      return "granted " + request(granted) + " token=" + granted.token();
    } else if (event instanceof Event.Queued queued) {
      return "queued " + request(queued) + " position=" + queued.position();
    } else if (event instanceof Event.Busy busy) {
      return "busy "
          + request(busy)
          + " holders="
          + busy.holders().stream().map(h -> h.token()).toList();
    } else if (event instanceof Event.Released released) {
      return "released " + request(released) + " token=" + released.token();
    } else if (event instanceof Event.Cancelled cancelled) {
      return "cancelled " + request(cancelled);
    } else if (event instanceof Event.Lost lost) {
      return "lost " + request(lost) + " token=" + lost.token() + " " + lost.reason();
    } else if (event instanceof Event.Refused refused) {
      return "refused " + request(refused) + " " + refused.reason();
    } else if (event instanceof Event.SessionOpened opened) {
      return "opened session " + opened.session();
    } else if (event instanceof Event.SessionEnded ended) {
      return "ended session " + ended.session();
    } else if (event instanceof Event.SessionRefused refused) {
      return "refused session " + refused.session() + " " + refused.reason();
    } else if (event instanceof Event.RevokeRefused refused) {
      return "refused revoke of " + refused.key() + " " + refused.reason();
    }
    return event.toString();
  }

  static String line(NaiveTable table) {
    return "sessions "
        + table.sessions.keySet()
        + table.live.stream()
            .map(
                asked ->
                    (asked.isGranted() ? ", holds " : ", waits ")
                        + asked.session()
                        + "/"
                        + asked.request()
                        + " "
                        + asked.targets()
                        + (asked.isGranted() ? " token=" + asked.token() : ""))
            .collect(Collectors.joining());
  }

  private static String request(Event event) {
    return event.session() + "/" + event.request();
  }
}
