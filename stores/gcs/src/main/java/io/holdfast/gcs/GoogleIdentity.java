package io.holdfast.gcs;

import com.google.auth.RequestMetadataCallback;
import com.google.auth.oauth2.GoogleCredentials;
import io.holdfast.LockRefusedException;
import java.io.IOException;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;

/**
 * Google's application default credentials, by Google's own library: the file that {@code GOOGLE_APPLICATION_CREDENTIALS}
 * names, gcloud's, or the machine's service account. The only class that sees that library, which is an optional dependency.
 */
final class GoogleIdentity implements RequestHeaders {
  private static final String SCOPE = "https://www.googleapis.com/auth/devstorage.read_write";

  private final GoogleCredentials credentials;
  private final URI endpoint;
  private final ExecutorService thread = CredentialsThread.open();

  private GoogleIdentity(GoogleCredentials credentials, URI endpoint) {
    this.credentials = credentials;
    this.endpoint = endpoint;
  }

  /**
   * Looks for credentials. May block for some seconds.
   *
   * @throws LockRefusedException if there are none
   */
  static RequestHeaders find(URI endpoint) {
    try {
      return of(GoogleCredentials.getApplicationDefault().createScoped(SCOPE), endpoint);
    } catch (IOException e) {
      throw new LockRefusedException(
          "CREDENTIALS_MISSING",
          "no Google credentials: " + ErrorText.shown(String.valueOf(e.getMessage())));
    }
  }

  static RequestHeaders of(GoogleCredentials credentials, URI endpoint) {
    return new GoogleIdentity(credentials, endpoint);
  }

  /** Answered there and then while the token is fresh. */
  @Override
  public CompletableFuture<Map<String, String>> next() {
    CompletableFuture<Map<String, String>> headers = new CompletableFuture<>();
    credentials.getRequestMetadata(
        endpoint,
        thread,
        new RequestMetadataCallback() {
          @Override
          public void onSuccess(Map<String, List<String>> metadata) {
            Map<String, String> found = new HashMap<>();
            metadata.forEach((name, values) -> found.put(name, String.join(",", values)));
            headers.complete(found);
          }

          @Override
          public void onFailure(Throwable failure) {
            headers.completeExceptionally(failure);
          }
        });
    return headers;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
