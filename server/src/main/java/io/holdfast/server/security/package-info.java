/** Who may do what: credentials, permissions, transport security. */
@NullMarked
package io.holdfast.server.security;

import org.jspecify.annotations.NullMarked;
