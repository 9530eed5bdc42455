/** What a lock costs, measured with JMH. */
@NullMarked
package io.holdfast.benchmarks;

import org.jspecify.annotations.NullMarked;
