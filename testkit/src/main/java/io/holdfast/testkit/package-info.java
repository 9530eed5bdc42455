/** The contract that every store passes, time turned by hand, and fake stores. */
@NullMarked
package io.holdfast.testkit;

import org.jspecify.annotations.NullMarked;
