package io.holdfast.server.core;

import io.holdfast.table.LockTable;
import java.util.HashMap;
import java.util.Map;

/** A namespace at the leader. */
final class Desks {
  final String namespace;
  final LockTable table;
  final Rate acquisitions;

  /** By session: all that are open. */
  final Map<Long, Desk> open = new HashMap<>();

  Desks(String namespace, LockTable table, Limits limits) {
    this.namespace = namespace;
    this.table = table;
    this.acquisitions = new Rate(limits.acquisitionsPerSecond());
  }
}
