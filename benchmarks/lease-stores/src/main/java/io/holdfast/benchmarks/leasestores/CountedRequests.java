package io.holdfast.benchmarks.leasestores;

import java.util.concurrent.atomic.LongAdder;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;

/**
 * Counts what all clients of the AWS SDK in this JVM send, retries included. The SDK finds it by
 * its file of interceptors.
 */
public final class CountedRequests implements ExecutionInterceptor {
  private static final LongAdder SENT = new LongAdder();

  /** For the SDK. */
  public CountedRequests() {}

  static long sent() {
    return SENT.sum();
  }

  @Override
  public void beforeTransmission(
      Context.BeforeTransmission context, ExecutionAttributes attributes) {
    SENT.increment();
  }
}
