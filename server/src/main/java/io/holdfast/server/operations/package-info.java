/** What operators see of a server, and what is kept of what they do: metrics, health, the audit log. */
@NullMarked
package io.holdfast.server.operations;

import org.jspecify.annotations.NullMarked;
