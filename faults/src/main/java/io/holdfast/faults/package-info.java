/**
 * The fault rig: three real servers and many real clients on one machine, really killed, paused, cut off and robbed of their
 * disks; then the history of all that anybody saw is judged.
 */
@NullMarked
package io.holdfast.faults;

import org.jspecify.annotations.NullMarked;
