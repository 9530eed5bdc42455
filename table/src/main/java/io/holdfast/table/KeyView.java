package io.holdfast.table;

import io.holdfast.LockKey;
import java.util.List;

/**
 * A key, and who holds or waits for it.
 *
 * @param holders in the order of their grants
 * @param waiters in the order of their arrival
 */
public record KeyView(LockKey key, List<RequestView> holders, List<RequestView> waiters) {}
