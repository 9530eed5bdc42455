/** What clients saw, and the checker that judges it. Needs nothing but the JDK. */
@NullMarked
package io.holdfast.testkit.history;

import org.jspecify.annotations.NullMarked;
