package io.holdfast.gcs;

import io.holdfast.ClientOptions;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.StoreSetup;
import java.util.Optional;

/**
 * {@code gs://bucket/prefix}, locks as objects of a Google Cloud Storage bucket. For {@link java.util.ServiceLoader}.
 *
 * <p>After a question mark may follow, joined by {@code &}: {@code endpoint=URL} for another server than Google's, {@code
 * anonymous=true} for no credentials, {@code request-timeout=5s}. The bucket is not asked for until a lock is.
 */
public final class GcsProvider implements LockProvider {
  /** For {@link java.util.ServiceLoader}. */
  public GcsProvider() {}

  @Override
  public String scheme() {
    return GcsUrl.SCHEME;
  }

  /**
   * {@inheritDoc}
   *
   * @throws io.holdfast.LockRefusedException if there are no credentials
   */
  @Override
  public LockStore open(String url, ClientOptions options) {
    return GcsUrl.parse(url).build().open(options);
  }

  @Override
  public Optional<StoreSetup> setup(String url) {
    return Optional.of(GcsUrl.parse(url).build().setup());
  }
}
