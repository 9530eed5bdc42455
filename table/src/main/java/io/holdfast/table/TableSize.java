package io.holdfast.table;

/**
 * How much a table holds. After the last hold and the last waiter are gone, only sessions are left.
 *
 * @param sessions open sessions
 * @param holds granted requests
 * @param waiters waiting requests
 * @param nodes keys held or waited for, and the nodes above them
 * @param remembered ended requests that may still be asked about
 */
public record TableSize(int sessions, int holds, int waiters, int nodes, int remembered) {}
