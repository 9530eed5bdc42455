package io.holdfast.gcs;

import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Says with which headers a request shows who asks. Thread-safe. */
interface RequestHeaders {
  /** Nobody in particular: for emulators. */
  RequestHeaders ANONYMOUS =
      new RequestHeaders() {
        @Override
        public CompletableFuture<Map<String, String>> next() {
          return CompletableFuture.completedFuture(Map.of());
        }

        @Override
        public void close() {}
      };

  /** Those of the next request. Does not block; fails if there are no credentials to be had just now. */
  CompletableFuture<Map<String, String>> next();

  /** Ends the thread that renews credentials. */
  void close();
}
