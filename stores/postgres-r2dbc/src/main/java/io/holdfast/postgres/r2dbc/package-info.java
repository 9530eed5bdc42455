/**
 * PostgreSQL's locks on an R2DBC connection of the caller's: {@link io.holdfast.postgres.r2dbc.R2dbcTransactionLocks} and {@link
 * io.holdfast.postgres.r2dbc.R2dbcConnectionLocks}. They exclude the locks of JDBC, of Vert.x and of {@code LockClient} with the
 * same name.
 *
 * <p>What they return is a {@link org.reactivestreams.Publisher}, as all that the {@code Connection} itself returns: cold, so
 * that nothing happens before somebody subscribes and asks for something; of one element at most; and at home in Reactor
 * ({@code Mono.from}), RxJava and whatever else speaks Reactive Streams, without a dependency on any of them. A stage would
 * start at once and could not be cancelled through.
 */
@NullMarked
package io.holdfast.postgres.r2dbc;

import org.jspecify.annotations.NullMarked;
