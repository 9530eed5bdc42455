/** What a user types: clients, locks, holds, and the failures that come of them. */
@NullMarked
package io.holdfast;

import org.jspecify.annotations.NullMarked;
