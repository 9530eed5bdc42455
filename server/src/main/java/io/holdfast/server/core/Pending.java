package io.holdfast.server.core;

import io.holdfast.table.Event;
import io.holdfast.table.RequestView;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A change on its way into the log, and what is to be done when it has got there. */
final class Pending {
  final Change change;

  /** About how much of an entry it takes. */
  final int bytes;

  /** Who asked; null if nobody did. */
  final @Nullable Connection from;

  /** Told what came of it: the table's events, none if it was about no table. */
  @Nullable Consumer<List<Event>> answered;

  /** To be done just before it is applied. */
  @Nullable Runnable before;

  /** Of a request that is called off: who was in its way, if that was asked. */
  List<RequestView> inTheWay = List.of();

  Pending(Change change, int bytes, @Nullable Connection from) {
    this.change = change;
    this.bytes = bytes;
    this.from = from;
  }
}
