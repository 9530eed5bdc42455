package io.holdfast.postgres;

/** A caller's connection, whichever its driver. Each call waits for its answer, and throws what it fails with. */
public interface Caller extends AutoCloseable {
  void begin() throws Exception;

  void commit() throws Exception;

  void rollback() throws Exception;

  boolean isInTransaction() throws Exception;

  /** Runs a statement; returns its last row's first column, which is text, or null if there is none. */
  String ask(String sql) throws Exception;

  @Override
  void close() throws Exception;
}
