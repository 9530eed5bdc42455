package io.holdfast.spi;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;

/**
 * Opens one kind of store by URL. Found by {@link java.util.ServiceLoader}: a store's jar names its provider in {@code
 * META-INF/services/io.holdfast.spi.LockProvider}.
 */
public interface LockProvider {
  /**
   * The provider on the class path whose store this is.
   *
   * @throws InvalidRequestException if there is none, naming those that are there
   */
  static LockProvider of(String url) {
    int colon = url.indexOf(':');
    String scheme = colon < 0 ? "" : url.substring(0, colon);
    Set<String> known = new TreeSet<>();
    for (LockProvider provider :
        ServiceLoader.load(LockProvider.class, LockProvider.class.getClassLoader())) {
      if (provider.scheme().equals(scheme)) {
        return provider;
      }
      known.add(provider.scheme() + ":");
    }
    // The rest of the URL may hold a password.
    throw new InvalidRequestException(
        "STORE_UNKNOWN",
        "url starts with "
            + InvalidRequestException.show(scheme)
            + ", but the stores on the class path are "
            + known);
  }

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

  /**
   * What must be made once before the store can be used at this URL; empty, as by default, if nothing must.
   *
   * @throws io.holdfast.InvalidRequestException if the URL is not one of this store's, naming the part at fault
   */
  default Optional<StoreSetup> setup(String url) {
    return Optional.empty();
  }
}
