/** Holdfast's server and those that others run, under one load. */
@NullMarked
package io.holdfast.benchmarks.peers;

import org.jspecify.annotations.NullMarked;
