/**
 * What a server decides: the replicated state, what its leader knows beside it, and how both talk to clients. Knows neither gRPC
 * nor the engine, and can be driven by one thread.
 */
@NullMarked
package io.holdfast.server.core;

import org.jspecify.annotations.NullMarked;
