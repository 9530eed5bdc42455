/** Stores of lock records for tests of whatever stands on the lease engine, and what every such store passes. */
@NullMarked
package io.holdfast.testkit.lease;

import org.jspecify.annotations.NullMarked;
