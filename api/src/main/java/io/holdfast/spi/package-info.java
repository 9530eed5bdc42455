/** What a store has to bring. For authors of stores; applications need only {@link io.holdfast.spi.Ticker}, in tests. */
@NullMarked
package io.holdfast.spi;

import org.jspecify.annotations.NullMarked;
