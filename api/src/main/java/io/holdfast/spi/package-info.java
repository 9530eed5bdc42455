/** What a store implements to be reached through the same api. Users of locks need nothing here. */
@NullMarked
package io.holdfast.spi;

import org.jspecify.annotations.NullMarked;
