/** The command line: one face over any store. */
@NullMarked
package io.holdfast.cli;

import org.jspecify.annotations.NullMarked;
