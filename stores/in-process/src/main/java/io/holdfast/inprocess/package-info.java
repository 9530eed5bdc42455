/** Locks among the threads of one process, decided by the table. */
@NullMarked
package io.holdfast.inprocess;

import org.jspecify.annotations.NullMarked;
