/** Who holds, who waits, in what order: a state machine without clock, thread or I/O. */
@NullMarked
package io.holdfast.table;

import org.jspecify.annotations.NullMarked;
