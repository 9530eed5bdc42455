package io.holdfast.spi;

import io.holdfast.ClientOptions;

/**
 * Opens one kind of store by URL. Found by {@link java.util.ServiceLoader}: a store's jar names its provider in {@code
 * META-INF/services/io.holdfast.spi.LockProvider}.
 */
public interface LockProvider {
  /** What stands before the first colon of its URLs, in lower case: {@code in-process}. */
  String scheme();

  /**
   * Opens a client's session with the store.
   *
   * @param url the whole URL as the user gave it
   * @throws io.holdfast.InvalidRequestException if the URL is not one of this store's, naming the part at fault
   * @throws io.holdfast.StoreUnavailableException if the store cannot be reached
   */
  LockStore open(String url, ClientOptions options);
}
