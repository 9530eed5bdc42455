/** The seam to consensus: what the server needs of it, in words of its own. */
@NullMarked
package io.holdfast.server.replication;

import org.jspecify.annotations.NullMarked;
