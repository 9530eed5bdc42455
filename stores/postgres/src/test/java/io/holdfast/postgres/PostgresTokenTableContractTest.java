package io.holdfast.postgres;

import org.junit.jupiter.api.extension.RegisterExtension;

/** What the contract says of tokens, where they come from a table. */
class PostgresTokenTableContractTest extends PostgresContractTest {
  @RegisterExtension static final OnlyFacts ONLY = new OnlyFacts("Tokens", "All", "Shared");

  @Override
  PostgresLocks locks(ConnectionSource source) {
    PostgresLocks locks = super.locks(source).tokens(PostgresTokens.TABLE);
    locks.setup().orElseThrow().run();
    return locks;
  }
}
