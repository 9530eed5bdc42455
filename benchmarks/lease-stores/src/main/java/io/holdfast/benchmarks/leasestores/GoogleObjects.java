package io.holdfast.benchmarks.leasestores;

import com.google.cloud.NoCredentials;
import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.Storage;
import com.google.cloud.storage.StorageOptions;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** The same by Google's client. */
final class GoogleObjects implements Contender {
  private static final byte[] CONTENT = "lock".getBytes(StandardCharsets.UTF_8);

  private final Storage storage;
  private final String bucket;

  GoogleObjects(URI endpoint, String bucket) {
    this.storage =
        StorageOptions.newBuilder()
            .setHost(endpoint.toString())
            .setProjectId("benchmark")
            .setCredentials(NoCredentials.getInstance())
            .build()
            .getService();
    this.bucket = bucket;
  }

  @Override
  public Held acquire(String name) {
    Blob made =
        storage.create(
            BlobInfo.newBuilder(bucket, name).build(),
            CONTENT,
            Storage.BlobTargetOption.doesNotExist());
    return () -> made.delete(Blob.BlobSourceOption.generationMatch());
  }

  @Override
  public void close() {
    try {
      storage.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
