/**
 * PostgreSQL's locks on a Vert.x connection of the caller's: {@link io.holdfast.postgres.vertx.VertxTransactionLocks} and {@link
 * io.holdfast.postgres.vertx.VertxConnectionLocks}. They exclude the locks of JDBC, of R2DBC and of {@code LockClient} with the
 * same name.
 *
 * <p>What they return is a {@link io.vertx.core.Future}, as all that the {@code SqlConnection} itself returns: it is under way
 * when the method returns, and completes on the connection's context.
 */
@NullMarked
package io.holdfast.postgres.vertx;

import org.jspecify.annotations.NullMarked;
