package io.holdfast.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;

/** Where the statements about rows get their connections from. Thread-safe. */
interface RowConnections {
  /** A connection for one use. */
  Connection take() throws SQLException;

  /**
   * After a use, as it was found.
   *
   * @param isWell whether the use went well
   */
  void giveBack(Connection connection, boolean isWell);

  /** A connection that is over, or not as it was found: nobody uses it again. */
  default void drop(Connection connection) {
    try {
      // A pool takes what is closed for one that is well, unless it is told before, or finds out.
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      // It is of no use to anybody, aborted or not.
    }
    letGo(connection);
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
      public void giveBack(Connection connection, boolean isWell) {
        letGo(connection);
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
      public void giveBack(Connection connection, boolean isWell) {
        if (!isWell) {
          letGo(connection); // the next one may lead to a better server
          return;
        }
        idle.addFirst(connection);
        if (closed) {
          close();
        }
      }

      /** What has ended one has most likely ended the others, too, and to find out may take long. */
      @Override
      public void drop(Connection connection) {
        RowConnections.super.drop(connection);
        for (Connection each = idle.poll(); each != null; each = idle.poll()) {
          RowConnections.super.drop(each);
        }
      }

      @Override
      public void close() {
        closed = true;
        for (Connection each = idle.poll(); each != null; each = idle.poll()) {
          letGo(each);
        }
      }
    };
  }

  private static void letGo(Connection connection) {
    try {
      connection.close();
    } catch (SQLException e) {
      // It is of no use to anybody, closed or not.
    }
  }
}
