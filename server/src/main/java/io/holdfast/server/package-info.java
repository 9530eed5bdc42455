/** The lock server: started, closed, and set up. */
@NullMarked
package io.holdfast.server;

import org.jspecify.annotations.NullMarked;
