/** Locks of PostgreSQL: held by connections, by transactions, or in rows. */
@NullMarked
package io.holdfast.postgres;

import org.jspecify.annotations.NullMarked;
