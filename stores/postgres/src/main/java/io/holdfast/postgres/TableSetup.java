package io.holdfast.postgres;

import io.holdfast.spi.StoreSetup;
import java.sql.Statement;
import java.util.function.Supplier;

/** A table that must be made once. */
final class TableSetup implements StoreSetup {
  private final String table;
  private final String create;
  private final Supplier<RowDatabase> database;

  /**
   * A table to be made.
   *
   * @param create makes it, unless it is there
   * @param database is closed after each use
   */
  TableSetup(String table, String create, Supplier<RowDatabase> database) {
    this.table = table;
    this.create = create;
    this.database = database;
  }

  @Override
  public String script() {
    return create + ";";
  }

  @Override
  public String run() {
    RowDatabase opened = database.get();
    try {
      return opened.use(
          connection -> {
            try (Statement statement = connection.createStatement()) {
              statement.execute(create);
            }
            return "table " + table + " is there";
          });
    } finally {
      opened.close();
    }
  }
}
