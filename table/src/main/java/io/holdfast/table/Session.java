package io.holdfast.table;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A client's session: its live requests, and what became of those that it may still ask about. */
final class Session {
  final long id;
  final String client;
  final SessionTerms terms;

  /** How often it was heard of, its opening included. */
  long renewals;

  /** Nothing is remembered of ended requests up to this number. */
  long acknowledged;

  /** Its live requests, in the order of arrival. */
  @Nullable Request first;

  private @Nullable Request last;

  /** How many live requests there are. */
  int live;

  /** By request number, the event that ended it. Made when first needed. */
  private @Nullable TreeMap<Long, Event> remembered;

  Session(long id, String client, SessionTerms terms) {
    this.id = id;
    this.client = client;
    this.terms = terms;
  }

  void add(Request request) {
    request.earlierOfSession = last;
    if (last == null) {
      first = request;
    } else {
      last.laterOfSession = request;
    }
    last = request;
    live++;
  }

  void remove(Request request) {
    live--;
    if (request.earlierOfSession == null) {
      first = request.laterOfSession;
    } else {
      request.earlierOfSession.laterOfSession = request.laterOfSession;
    }
    if (request.laterOfSession == null) {
      last = request.earlierOfSession;
    } else {
      request.laterOfSession.earlierOfSession = request.earlierOfSession;
    }
  }

  void remember(long request, Event ending) {
    if (request > acknowledged) {
      if (remembered == null) {
        remembered = new TreeMap<>();
      }
      remembered.put(request, ending);
    }
  }

  @Nullable Event remembered(long request) {
    return remembered == null ? null : remembered.get(request);
  }

  SortedMap<Long, Event> remembered() {
    return remembered == null ? Collections.emptySortedMap() : remembered;
  }

  void acknowledge(long upTo) {
    if (upTo > acknowledged) {
      acknowledged = upTo;
      if (remembered != null) {
        remembered.headMap(upTo, true).clear();
      }
    }
  }
}
