/** Measuring a store from the command line. */
@NullMarked
package io.holdfast.cli.bench;

import org.jspecify.annotations.NullMarked;
