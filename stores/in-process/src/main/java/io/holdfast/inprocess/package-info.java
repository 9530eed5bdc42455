/** Locks for the threads of one process: the lock table behind the API, and the store to test with. */
@NullMarked
package io.holdfast.inprocess;

import org.jspecify.annotations.NullMarked;
