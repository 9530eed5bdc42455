package io.holdfast.faults;

import java.util.Optional;

/** One kind of harm. */
interface Nemesis {
  /** As it is called on the command line and in the history. */
  String name();

  /** Whom it strikes; decides who may be blamed for lost sessions. */
  Scope scope();

  /** Why it cannot be done in this field; empty if it can. */
  default Optional<String> impossible(Field field) {
    return Optional.empty();
  }

  /**
   * Does the harm, keeps it up for a while, and makes it good again.
   *
   * @param evidence is told what the harm was seen to do; what it requires must be in it
   */
  void strike(Field field, Evidence evidence) throws InterruptedException;

  /** Whom a harm strikes. */
  enum Scope {
    /** One server: no client may lose anything by it. */
    ONE_SERVER,
    /** So many servers that clients may lose their sessions. */
    SERVICE,
    /** Clients: those may lose what they had, the others nothing. */
    CLIENTS
  }
}
