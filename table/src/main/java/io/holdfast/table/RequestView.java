package io.holdfast.table;

import io.holdfast.HoldData;
import io.holdfast.LockTarget;
import java.util.List;

/**
 * A request as it stood when the table was asked.
 *
 * @param client the name of its session's client
 * @param targets what it asked for, in its order
 * @param granted whether it holds them; if not, it waits
 * @param token that of the grant; 0 while it waits
 * @param since when it was granted or, while it waits, when it came, in table time
 * @param until when its {@code maxHold} ends, in table time; {@link Command#FOREVER} if it has none or waits
 */
public record RequestView(
    long session,
    long request,
    String client,
    List<LockTarget> targets,
    boolean granted,
    long token,
    long since,
    long until,
    HoldData data) {}
