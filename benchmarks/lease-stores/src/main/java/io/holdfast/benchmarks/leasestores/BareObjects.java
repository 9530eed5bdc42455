package io.holdfast.benchmarks.leasestores;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/**
 * An object made on condition and deleted, in plain HTTP: the least that a lock can cost, without
 * being one.
 */
record BareObjects(HttpClient http, URI endpoint, String bucket) implements Contender {
  @Override
  public Held acquire(String name) throws InterruptedException {
    send(
        HttpRequest.newBuilder(
                URI.create(
                    endpoint
                        + "/upload/storage/v1/b/"
                        + bucket
                        + "/o?uploadType=media&ifGenerationMatch=0&name="
                        + name))
            .header("Content-Type", "text/plain")
            .POST(BodyPublishers.ofString("lock"))
            .build());
    HttpRequest delete =
        HttpRequest.newBuilder(URI.create(endpoint + "/storage/v1/b/" + bucket + "/o/" + name))
            .DELETE()
            .build();
    return () -> {
      try {
        send(delete);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    };
  }

  private void send(HttpRequest request) throws InterruptedException {
    try {
      int status = http.send(request, BodyHandlers.ofString()).statusCode();
      if (status >= 300) {
        throw new IllegalStateException(request + " was answered with " + status);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {}
}
