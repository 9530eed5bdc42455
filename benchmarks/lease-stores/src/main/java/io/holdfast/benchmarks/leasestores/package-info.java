/** One load for locks in a cloud's store and for what else takes locks there. */
@NullMarked
package io.holdfast.benchmarks.leasestores;

import org.jspecify.annotations.NullMarked;
