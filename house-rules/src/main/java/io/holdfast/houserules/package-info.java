/** The walls between the rooms, as tests. */
@NullMarked
package io.holdfast.houserules;

import org.jspecify.annotations.NullMarked;
