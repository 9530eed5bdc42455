package io.holdfast;

/** What a store can do beyond exclusive locks on single names. Asked beforehand with {@link LockClient#capabilities}. */
public enum Capability {
  /** Shared holds: {@link LockClient#readWriteLock}. */
  SHARED("read/write locks", "use lock(name), which is exclusive"),
  /** Several targets granted as one: {@link LockClient#all}. */
  ALL(
      "several locks granted as one",
      "acquire the locks one after another, always in the same order"),
  /** Sub-trees: {@link LockClient#tree}. */
  TREE("sub-trees", "use lock(name) on the top-most folder that is written to"),
  /** Data travels with a hold: {@link HoldOptions#data}. */
  DATA("data with a hold", "leave the data out"),
  /** Holders can be told: {@link LockClient#describe}. */
  DESCRIBE("describing a lock", "ask the store's own tools"),
  /** {@code describe} tells the waiters too, in order. */
  WAITERS("telling who waits", "look at the holders alone"),
  /** Locks can be enumerated: {@link LockClient#list}. */
  LIST("listing locks", "describe the names you know"),
  /** An operator can take a lock away: {@link LockClient#forceRelease}. */
  FORCE_RELEASE("taking a lock away", "end the process that holds it"),
  /** Grants carry fencing tokens: {@link Hold#token}. */
  FENCING("fencing tokens", "choose a store or an option that keeps a counter"),
  /** Tokens go on growing over a restart of the store. */
  DURABLE_TOKENS(
      "tokens that outlive the store's process", "choose a store that outlives its clients"),
  /** A hold is kept for a whole {@link HoldOptions#leaseDuration} though nothing is heard of its holder. */
  LEASES("leases", "expect a hold to end with its holder's connection"),
  /** Granted in the order of arrival among those who conflict. */
  FAIR("granting in the order of arrival", "expect no order among waiters"),
  /** A waiter is woken by the store, without polling. */
  PUSH("waking waiters by push", "expect a polling delay");

  private final String title;
  private final String instead;

  Capability(String title, String instead) {
    this.title = title;
    this.instead = instead;
  }

  /** The refusal a user gets from a store that cannot do this, with what to do instead. */
  public UnsupportedOperationException missingIn(String store) {
    return missingIn(store, instead);
  }

  /** The same where a store knows better what to do instead. */
  public UnsupportedOperationException missingIn(String store, String instead) {
    return new UnsupportedOperationException(
        "the " + store + " store cannot do " + title + ": " + instead);
  }
}
