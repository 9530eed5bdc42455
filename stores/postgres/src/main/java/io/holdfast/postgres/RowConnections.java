package io.holdfast.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;

/** Where the statements about rows get their connections from. Thread-safe. */
interface RowConnections {
  /** A connection for one use. */
  Connection take() throws SQLException;

  /** After a use that went well. */
  void giveBack(Connection connection);

  /** After a use that failed: nobody uses it again. */
  default void drop(Connection connection) {
    try {
      connection.close();
    } catch (SQLException e) {
      // It is of no use to anybody, closed or not.
    }
  }

  void close();

  /** Those of somebody's pool, which gets each back after its use. */
  static RowConnections pooled(ConnectionSource source) {
    return new RowConnections() {
      @Override
      public Connection take() throws SQLException {
        return source.open();
      }

      @Override
      public void giveBack(Connection connection) {
        drop(connection);
      }

      @Override
      public void close() {}
    };
  }

  /** Connections of our own: as many as are used at a time stay open. */
  static RowConnections kept(ConnectionSource source) {
    return new RowConnections() {
      private final ConcurrentLinkedDeque<Connection> idle = new ConcurrentLinkedDeque<>();
      private volatile boolean closed;

      @Override
      public Connection take() throws SQLException {
        // The one that was used last is the least likely to have been cut off for idleness.
        @Nullable Connection last = idle.pollFirst();
        return last == null ? source.open() : last;
      }

      @Override
      public void giveBack(Connection connection) {
        idle.addFirst(connection);
        if (closed) {
          close();
        }
      }

      @Override
      public void close() {
        closed = true;
        for (Connection each = idle.poll(); each != null; each = idle.poll()) {
          drop(each);
        }
      }
    };
  }
}
