/** The lock table: who holds, who waits, in what order. No clock, no thread, no I/O. */
@NullMarked
package io.holdfast.table;

import org.jspecify.annotations.NullMarked;
