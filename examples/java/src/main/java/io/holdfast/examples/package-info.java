/**
 * Locks beside what Java programs keep their data in. Each example deposits money: it reads a balance, adds to it, and writes
 * it, which two at a time must not do.
 */
@NullMarked
package io.holdfast.examples;

import org.jspecify.annotations.NullMarked;
