/** Stores of lock records for tests of whatever stands on the lease engine. */
@NullMarked
package io.holdfast.testkit.lease;

import org.jspecify.annotations.NullMarked;
