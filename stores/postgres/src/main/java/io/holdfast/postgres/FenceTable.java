package io.holdfast.postgres;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/**
 * A table with the latest token of each name: where fencing tokens come from with {@link PostgresTokens#TABLE}.
 *
 * <p>Immutable. Its methods run statements and block.
 */
final class FenceTable {
  /** The table, unless told otherwise. */
  static final String NAME = "holdfast_fence";

  /** A row must be on disk before its token is told; whether on a standby's, too, is for the server to say. */
  static final String MAKE_DURABLE =
      "SELECT set_config('synchronous_commit', 'local', false)"
          + " WHERE current_setting('synchronous_commit') = 'off'";

  /** Makes the table, unless it is there. */
  final String create;

  private final String look;
  private final String next;
  private final String nextOfSeveral;

  /**
   * The table of this name.
   *
   * @throws io.holdfast.InvalidRequestException unless it is a plain name, perhaps behind a schema's
   */
  FenceTable(String table) {
    RowSql.requireName(table);
    create =
        "CREATE TABLE IF NOT EXISTS "
            + table
            + " (\n"
            + "  name text COLLATE \"C\" PRIMARY KEY,\n"
            + "  token bigint NOT NULL\n"
            + ");\n"
            + "COMMENT ON TABLE "
            + table
            + " IS 'Latest fencing tokens of Holdfast. Without its row a name begins anew: delete none.'";
    look = "SELECT token FROM " + table + " LIMIT 0";
    String raises = " ON CONFLICT (name) DO UPDATE SET token = f.token + 1";
    String insert = "INSERT INTO " + table + " AS f (name, token) ";
    next = insert + "VALUES (?, 1)" + raises + " RETURNING token";
    // One transaction. Who has raised a row keeps others from it until the end, so that in the end
    // all of them are as the highest; in order of names, so that two do not meet crosswise.
    nextOfSeveral =
        insert
            + "SELECT wanted, 1 FROM unnest(?::text[]) AS wanted ORDER BY wanted COLLATE \"C\""
            + raises
            + "; UPDATE "
            + table
            + " SET token = (SELECT max(token) FROM "
            + table
            + " WHERE name = ANY (?)) WHERE name = ANY (?) RETURNING token";
  }

  /**
   * Looks whether it can be read.
   *
   * @throws io.holdfast.LockException if not
   */
  void requireThere(Connection connection) {
    try (PreparedStatement statement = connection.prepareStatement(look)) {
      statement.executeQuery().close();
    } catch (SQLException e) {
      throw Failures.of(e);
    }
  }

  /** A token for all of these, higher than every one before of any of them. It is on disk when this returns. */
  long next(Connection connection, List<Claim> claims) throws SQLException {
    boolean isOne = claims.size() == 1;
    try (PreparedStatement statement = connection.prepareStatement(isOne ? next : nextOfSeveral)) {
      if (isOne) {
        statement.setString(1, claims.get(0).name().name());
      } else {
        String[] names = claims.stream().map(claim -> claim.name().name()).toArray(String[]::new);
        Array all = connection.createArrayOf("text", names);
        statement.setArray(1, all);
        statement.setArray(2, all);
        statement.setArray(3, all);
      }
      boolean isRows = statement.execute();
      while (!isRows) {
        isRows = statement.getMoreResults();
      }
      try (ResultSet row = statement.getResultSet()) {
        row.next();
        return row.getLong(1);
      }
    }
  }
}
