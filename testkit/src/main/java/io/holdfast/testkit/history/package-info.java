/** What clients saw, and the checker that judges it. Needs no test library. */
@NullMarked
package io.holdfast.testkit.history;

import org.jspecify.annotations.NullMarked;
