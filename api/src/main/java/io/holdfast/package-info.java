/** What a user types: clients, locks, holds, options and failures. Sees nothing but the JDK. */
@NullMarked
package io.holdfast;

import org.jspecify.annotations.NullMarked;
