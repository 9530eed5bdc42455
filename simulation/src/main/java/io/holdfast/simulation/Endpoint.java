package io.holdfast.simulation;

/** Somebody whom servers can answer. */
interface Endpoint {
  SimulatedProcess process();

  Link link();

  void receive(int server, ToClient message);
}
