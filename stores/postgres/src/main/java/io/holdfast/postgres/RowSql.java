package io.holdfast.postgres;

import io.holdfast.InvalidRequestException;
import java.util.regex.Pattern;

/** The table of locks as rows, and what is said to it. All of it works through a transaction pooler. */
final class RowSql {
  private static final Pattern TABLE =
      Pattern.compile("(?:[a-z_][a-z0-9_]{0,62}\\.)?[a-z_][a-z0-9_]{0,62}");

  private static final String COLUMNS =
      "name, version, coalesce(grant_id, ''), coalesce(client, ''), coalesce(lease_millis, 0), token,"
          + " since, coalesce(data, '')";

  /** A row that another transaction has is waited for so long, which is less than a whole answer may take. */
  private static final String ROW_WAIT = "set_config('lock_timeout', '1s', true)";

  /** For a transaction that only waits for other rows: its own are free again when whoever began it stands still. */
  private static final String STANDSTILL =
      "set_config('idle_in_transaction_session_timeout', '2s', true)";

  /** A grant that was told is on disk, whatever a server or a role is told to do as a rule. */
  private static final String DURABLE =
      "set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
          + " WHEN 'off' THEN 'local' ELSE current_setting('synchronous_commit') END, true)";

  /** Makes the table, unless it is there. */
  final String create;

  /**
   * Whether it is a standby; what no other table has, by whichever way it is reached; the channel of its releases; the process
   * that answers; the server's version. Timeline and port are part of the second, for copies of a server share everything else.
   */
  final String place;

  /**
   * name, token to begin with, grant, client, lease, data; the version of a state whose lease has run out, or -1. The row as
   * it is then, if it was taken.
   */
  final String take;

  /** token, names. Those who want several at once get one token for all of them. */
  final String level;

  final String read;

  /** name, version, grant. The row as it is then, if it was so. */
  final String renew;

  /** name, grant. The row as it is then, if that grant had it. */
  final String release;

  /** The same, and whoever listens is told. A server commits one such transaction at a time. */
  final String releaseAloud;

  /** grant. All rows that it has. Looks through the table: no index has grants, which would cost each take. */
  final String releaseRest;

  final String releaseRestAloud;

  /** {@link #beginningWith}, number. */
  final String list;

  /**
   * For a table of this name.
   *
   * @throws InvalidRequestException unless it is a plain name, perhaps behind a schema's: lower-case letters, digits and _
   */
  RowSql(String table) {
    requireName(table);
    create =
        "CREATE TABLE IF NOT EXISTS "
            + table
            + " (\n"
            + "  name text COLLATE \"C\" PRIMARY KEY,\n"
            + "  version bigint NOT NULL,\n"
            + "  token bigint NOT NULL,\n"
            + "  grant_id text,\n"
            + "  client text,\n"
            + "  lease_millis bigint,\n"
            + "  since timestamptz,\n"
            + "  data bytea\n"
            + ");\n"
            + "COMMENT ON TABLE "
            + table
            + " IS 'Locks of Holdfast. Rows of free locks keep their tokens: do not delete them.'";
    place =
        "SELECT pg_is_in_recovery(), concat_ws('/',"
            + " (SELECT system_identifier FROM pg_control_system()),"
            + " (SELECT timeline_id FROM pg_control_checkpoint()), current_setting('port'),"
            + " (SELECT oid FROM pg_database WHERE datname = current_database()),"
            + " to_regclass('"
            + table
            + "')::oid), 'holdfast_' || to_regclass('"
            + table
            + "')::oid, pg_backend_pid(), current_setting('server_version_num')::int";
    take =
        "INSERT INTO "
            + table
            + " AS l (name, version, token, grant_id, client, lease_millis, since, data)"
            + " SELECT ?, 1, 1, ?, ?, ?, clock_timestamp(), ? FROM (SELECT "
            + String.join(", ", DURABLE, ROW_WAIT, STANDSTILL)
            + ") AS here"
            + " ON CONFLICT (name) DO UPDATE SET version = l.version + 1, token = l.token + 1,"
            + " grant_id = excluded.grant_id, client = excluded.client, lease_millis = excluded.lease_millis,"
            + " since = excluded.since, data = excluded.data"
            + " WHERE l.grant_id IS NULL OR l.version = ?"
            + " RETURNING "
            + COLUMNS.replace("name,", "l.name,").replace("version,", "l.version,");
    level = "UPDATE " + table + " SET token = ? WHERE name = ANY (?)";
    read = "SELECT " + COLUMNS + " FROM " + table + " WHERE name = ?";
    String here = " FROM (SELECT " + ROW_WAIT + ") AS here";
    renew =
        "UPDATE "
            + table
            + " SET version = version + 1"
            + here
            + " WHERE name = ? AND version = ? AND grant_id = ? RETURNING "
            + COLUMNS;
    String free =
        "UPDATE "
            + table
            + " SET version = version + 1, grant_id = NULL, client = NULL, lease_millis = NULL, data = NULL"
            + here
            + " WHERE ";
    String aloud = ", pg_notify('holdfast_' || tableoid, name)";
    release = free + "name = ? AND grant_id = ? RETURNING " + COLUMNS;
    releaseAloud = release + aloud;
    releaseRest = free + "grant_id = ? RETURNING name";
    releaseRestAloud = releaseRest + aloud;
    list =
        "SELECT "
            + COLUMNS
            + " FROM "
            + table
            + " WHERE grant_id IS NOT NULL AND name LIKE ? ORDER BY name LIMIT ?";
  }

  /**
   * Refuses a name of a table.
   *
   * @throws InvalidRequestException unless it is a plain name, perhaps behind a schema's: lower-case letters, digits and _
   */
  static void requireName(String table) {
    if (!TABLE.matcher(table).matches()) {
      throw new InvalidRequestException(
          "TABLE_NAME",
          "table "
              + InvalidRequestException.show(table)
              + " is not [schema.]table of lower-case letters, digits and _");
    }
  }

  /** The pattern of what begins so. The index serves it, for its order is that of bytes. */
  static String beginningWith(String prefix) {
    return prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%";
  }
}
