/** Running somebody's command under a lock, and stopping it in time. */
@NullMarked
package io.holdfast.cli.run;

import org.jspecify.annotations.NullMarked;
