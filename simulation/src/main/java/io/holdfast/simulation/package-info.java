/** Servers, clients and faults in one thread: one seed decides all. */
@NullMarked
package io.holdfast.simulation;

import org.jspecify.annotations.NullMarked;
