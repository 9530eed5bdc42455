/** Locks as objects of a Google Cloud Storage bucket. */
@NullMarked
package io.holdfast.gcs;

import org.jspecify.annotations.NullMarked;
