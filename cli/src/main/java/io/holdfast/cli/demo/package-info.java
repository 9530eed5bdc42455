/** {@code holdfast demo}: workers that fight over real files, and the proof that the locks kept them whole. */
@NullMarked
package io.holdfast.cli.demo;

import org.jspecify.annotations.NullMarked;
