/** SOFAJRaft behind the seam to consensus, and the way its servers talk to each other. */
@NullMarked
package io.holdfast.server.replication.jraft;

import org.jspecify.annotations.NullMarked;
