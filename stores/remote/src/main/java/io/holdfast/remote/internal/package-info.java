/**
 * What a client decides, apart from gRPC and threads. Public so that the simulation can drive it; not for users, and not
 * promised.
 */
@NullMarked
package io.holdfast.remote.internal;

import org.jspecify.annotations.NullMarked;
