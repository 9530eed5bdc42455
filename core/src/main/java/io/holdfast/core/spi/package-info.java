/** What a store of lock records brings to the lease engine. */
@NullMarked
package io.holdfast.core.spi;

import org.jspecify.annotations.NullMarked;
