package io.holdfast.server.core;

/**
 * Something that falls due at a moment.
 *
 * @param at elapsed since the leadership began
 * @param number tells two of one moment apart
 * @param request of the desk's session, whose {@code maxHold} is over then; 0 if it is the session that is to be looked at
 */
record Due(long at, long number, Desk desk, long request) implements Comparable<Due> {
  @Override
  public int compareTo(Due other) {
    return at != other.at ? Long.compare(at, other.at) : Long.compare(number, other.number);
  }
}
