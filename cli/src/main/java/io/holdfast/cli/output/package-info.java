/** How commands write: for programs as JSON, for people on a terminal or into a file. */
@NullMarked
package io.holdfast.cli.output;

import org.jspecify.annotations.NullMarked;
