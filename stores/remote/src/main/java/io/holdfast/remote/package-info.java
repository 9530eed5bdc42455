/** The client of a Holdfast server: locks behind {@code holdfast://host:port/namespace}. */
@NullMarked
package io.holdfast.remote;

import org.jspecify.annotations.NullMarked;
