/** The lease engine: locks over any store of lock records. For authors of stores. */
@NullMarked
package io.holdfast.core;

import org.jspecify.annotations.NullMarked;
