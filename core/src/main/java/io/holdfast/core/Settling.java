package io.holdfast.core;

import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Looks, for at most a lease and mostly for much less, whether an attempt whose answer nobody knows and nobody waits for was
 * carried out, and gives back what it took. Guarded by the mutex of the {@link Place}.
 */
final class Settling implements Question.Hearing<LeaseRecord> {
  /*
   * The first name tells: an attempt takes all of its names or none. What it took before is freed by its grant's id; a
   * request that is still on its way may take the lock only after the last look, and then keeps it for a lease. Requests are
   * hardly ever so late, and each look costs as much as one.
   */

  /** A look after so long that does not find the grant is the last. */
  static final Duration ARRIVES_WITHIN = Duration.ofMinutes(1);

  private static final Duration FIRST_REST = Duration.ofMillis(200);
  private static final Duration LONGEST_REST = Duration.ofSeconds(5);

  private final LeaseClient client;
  private final Place place;
  private final List<String> names;
  private final String grant;
  private final long uselessAtNanos;
  private final Pace pace = new Pace(FIRST_REST, LONGEST_REST);
  private long lastLookNanos;
  private int named;
  private boolean isLast;
  private Ticker.@Nullable Alarm rest;

  /** @param uselessAtNanos a holder's reading by which the lease would have run out */
  Settling(LeaseClient client, List<String> names, String grant, long uselessAtNanos) {
    this.client = client;
    this.place = client.place();
    this.names = names;
    this.grant = grant;
    this.uselessAtNanos = uselessAtNanos;
  }

  void start() {
    if (client.settles(this)) {
      lastLookNanos = place.ticker.nanosIn(ARRIVES_WITHIN);
      look();
    }
  }

  /** The client is about to close: one more look, and no rest. */
  void hurry() {
    isLast = true;
    if (rest != null) {
      rest.cancel();
      look();
    }
  }

  void drop() {
    if (rest != null) {
      rest.cancel();
    }
  }

  private void look() {
    rest = null;
    client.ask(LeaseClient.READ_TAKES.toNanos(), store -> store.read(names.get(named)), this);
  }

  @Override
  public void answered(long sentNanos, LeaseRecord found) {
    place.see(found);
    boolean isOwn = found.grant().equals(grant);
    if (isOwn) {
      GivingBack.ofNobody(client, List.of(found), uselessAtNanos).start();
    }
    if (!isOwn && named == 0) {
      lookAgain(place.ticker.nanos() - lastLookNanos >= 0);
    } else if (++named < names.size()) {
      look();
    } else {
      client.hasSettled(this);
    }
  }

  @Override
  public void failed(long sentNanos, Throwable failure) {
    lookAgain(Trouble.of(failure) == Trouble.REFUSED);
  }

  private void lookAgain(boolean isEnough) {
    if (isLast || isEnough || place.ticker.holderNanos() - uselessAtNanos >= 0) {
      client.hasSettled(this);
    } else {
      rest = place.at(place.ticker.nanos() + pace.next(client.chance()), this::look);
    }
  }
}
