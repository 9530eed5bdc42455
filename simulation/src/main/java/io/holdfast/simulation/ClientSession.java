package io.holdfast.simulation;

import io.holdfast.remote.internal.ClientRequest;
import io.holdfast.remote.internal.SessionCore;
import io.holdfast.spi.Ticker;

/** A session of a client, under the name by which the history knows it. */
final class ClientSession {
  final String name;
  final SessionCore core;
  private final Ticker ticker;
  boolean isOpen;

  ClientSession(String name, SessionCore core, Ticker ticker) {
    this.name = name;
    this.core = core;
    this.ticker = ticker;
  }

  /** What an application that asks now is told: whether it holds. */
  boolean believes(ClientRequest request) {
    return request.isHeld() && ticker.nanos() - request.deadlineNanos() < 0;
  }

  @Override
  public String toString() {
    return name;
  }
}
