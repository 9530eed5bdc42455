package io.holdfast.faults;

/**
 * One harm that was done.
 *
 * @param beganAtNanos on the clock of the history
 * @param endedAtNanos when it was made good again
 */
record Strike(
    String name, Nemesis.Scope scope, long beganAtNanos, long endedAtNanos, Evidence evidence) {}
