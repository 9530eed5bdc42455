/** The gRPC services, over the core. */
@NullMarked
package io.holdfast.server.rpc;

import org.jspecify.annotations.NullMarked;
