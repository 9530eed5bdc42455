package io.holdfast.testkit;

import io.holdfast.ClientOptions;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;

/**
 * What every store promises. A store passes it with a small subclass that says how to {@link #connect}; what a store cannot
 * do ({@link LockClient#capabilities}) is skipped, whatever its name.
 *
 * <pre>{@code
 * class InProcessContractTest extends LockContract {
 *   private final InProcessLocks locks = InProcessLocks.create();
 *
 *   @Override
 *   protected LockClient connect(ClientOptions options) {
 *     return locks.client(options);
 *   }
 * }
 * }</pre>
 *
 * <p>JUnit makes an instance for each fact. Facts use names of their own, so many may run against one database.
 */
public abstract class LockContract {
  private final StoreUnderTest tested = new StoreUnderTest(this);

  /** For subclasses. */
  protected LockContract() {}

  /** Opens a new client, a session of its own, of the one store that this instance is about. It is closed after the fact. */
  protected abstract LockClient connect(ClientOptions options);

  /**
   * The ticker that the store and all its clients go by; then time is turned by hand and costs none. Empty, as by default, if
   * real time must pass.
   */
  protected Optional<ManualTicker> ticker() {
    return Optional.empty();
  }

  /** How soon whoever waits must have heard of what he waits for. Generous: it is waited for only when something is wrong. */
  protected Duration promptly() {
    return Duration.ofSeconds(5);
  }

  /**
   * How long a request may take to stand in line. In real time it is also how long a fact watches that something does not
   * happen, so let it be short.
   */
  protected Duration arrivesWithin() {
    return Duration.ofMillis(300);
  }

  /**
   * How soon after its death a client has lost what it held with these options, and its place in line. By default within the
   * lease asked for.
   */
  protected Duration deadWithin(HoldOptions options) {
    return options.leaseDuration();
  }

  /**
   * Whether the store still works on what it was asked. Time that is turned by hand stands still for a while then, lest a slow
   * machine's answers come too late.
   */
  protected boolean isBusy() {
    return false;
  }

  /** The shortest lease that the store lets a hold have; the least that there is, as by default, or somewhat more. */
  protected Duration shortestLease() {
    return HoldOptions.MIN_LEASE;
  }

  /** How many clients may be open at a time; at PostgreSQL, for one, each costs a connection. */
  protected int mostClients() {
    return 50;
  }

  /** How often a race is run. */
  protected int rounds() {
    return 200;
  }

  /**
   * Ends a client as if its process had died: it gives nothing back and says no more.
   *
   * @return false, as by default, if that cannot be done
   */
  protected boolean kill(LockClient client) {
    return false;
  }

  /**
   * Ends the store, with all clients there are, and starts it again. Whoever claims {@link
   * io.holdfast.Capability#DURABLE_TOKENS} must be able to.
   *
   * @return false, as by default, if that cannot be done
   */
  protected boolean restart() {
    return false;
  }

  /**
   * Whether it is seen that a thread waits for what it holds through another client of the same process. That it is seen
   * where both go through one client is promised by every store.
   */
  protected boolean seesReentrancyOfOtherClients() {
    return true;
  }

  /** Whether it is seen that a thread waits for somebody who waits for what the thread holds. */
  protected boolean seesReentrancyBehindWaiters() {
    return true;
  }

  /**
   * Whether the store knows what was granted as one, whichever client asks. Else of a holder in another process it describes no
   * more than the name that was asked for, and {@code forceRelease} frees no more than that until the holder hears of it.
   */
  protected boolean knowsWhatWasGrantedAsOne() {
    return true;
  }

  /** Whether a request stands in line by the time that {@code acquireAsync} returns; then the order of grants is judged. */
  protected boolean standsInLineAtOnce() {
    return false;
  }

  /** A thread for the facts to act in, not started yet: a platform thread, as by default, or a virtual one. */
  protected Thread thread(Runnable task) {
    Thread thread = new Thread(task, "contract-actor");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Whether the store keeps nothing of what a fact did, now that all clients are closed. Asked after each fact, of a store that
   * can tell more of itself than its clients see; else true, as by default.
   */
  protected boolean keepsNothing() {
    return true;
  }

  @AfterEach
  final void nothingIsLeft() {
    tested.close();
  }

  @Nested
  class Acquiring extends AcquiringFacts {
    Acquiring() {
      super(tested);
    }
  }

  @Nested
  class Leaving extends LeavingFacts {
    Leaving() {
      super(tested);
    }
  }

  @Nested
  class Order extends OrderFacts {
    Order() {
      super(tested);
    }
  }

  @Nested
  class Shared extends SharedFacts {
    Shared() {
      super(tested);
    }
  }

  @Nested
  class All extends AllFacts {
    All() {
      super(tested);
    }
  }

  @Nested
  class Tree extends TreeFacts {
    Tree() {
      super(tested);
    }
  }

  @Nested
  class Tokens extends TokenFacts {
    Tokens() {
      super(tested);
    }
  }

  @Nested
  class Holding extends HoldFacts {
    Holding() {
      super(tested);
    }
  }

  @Nested
  class Calling extends CallFacts {
    Calling() {
      super(tested);
    }
  }

  @Nested
  class Operating extends OperatorFacts {
    Operating() {
      super(tested);
    }
  }

  @Nested
  class NotReentrant extends ReentrancyFacts {
    NotReentrant() {
      super(tested);
    }
  }

  @Nested
  class Naming extends NameFacts {
    Naming() {
      super(tested);
    }
  }

  @Nested
  class AsJavaLocks extends JavaLocksFacts {
    AsJavaLocks() {
      super(tested);
    }
  }

  @Nested
  class Capabilities extends CapabilityFacts {
    Capabilities() {
      super(tested);
    }
  }

  @Nested
  class Contention extends ContentionFacts {
    Contention() {
      super(tested);
    }
  }
}
