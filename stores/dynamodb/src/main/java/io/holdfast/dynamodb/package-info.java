/** Locks in a table of DynamoDB. */
@NullMarked
package io.holdfast.dynamodb;

import org.jspecify.annotations.NullMarked;
