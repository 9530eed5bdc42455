package io.holdfast.postgres;

import java.sql.Connection;
import java.sql.SQLException;

/** Opens connections for locks to live on. */
@FunctionalInterface
public interface ConnectionSource {
  /**
   * A new connection of pgjdbc's to the primary, direct and not out of a pool: it is kept for as long as locks live on it,
   * its settings are changed, and it is closed in the end.
   */
  Connection open() throws SQLException;
}
