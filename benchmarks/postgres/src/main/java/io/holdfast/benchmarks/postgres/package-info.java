/** Locks of PostgreSQL beside bare statements and other libraries, on one server in one run. */
@NullMarked
package io.holdfast.benchmarks.postgres;

import org.jspecify.annotations.NullMarked;
