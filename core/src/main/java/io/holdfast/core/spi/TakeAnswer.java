package io.holdfast.core.spi;

import java.util.List;

/** What came of a {@link Take}. */
public sealed interface TakeAnswer {
  /**
   * All were taken.
   *
   * @param records in the order asked for
   */
  record Taken(List<LeaseRecord> records) implements TakeAnswer {
    /** Copies the list. */
    public Taken {
      records = List.copyOf(records);
    }
  }

  /**
   * None was taken by this request.
   *
   * @param found those that were in the way, at least one, as the store found them. One with the attempt's own grant is what
   *     an earlier sending of the same attempt wrote
   */
  record InTheWay(List<LeaseRecord> found) implements TakeAnswer {
    /** Copies the list. */
    public InTheWay {
      found = List.copyOf(found);
    }
  }

  /**
   * None was taken, and nobody is known to be in the way: the store turns writes away for now, as there were too many. So it is
   * with {@link LeaseStore#writesApart} for whoever comes too soon after another; the attempt is sent again later.
   */
  record TooSoon() implements TakeAnswer {}
}
