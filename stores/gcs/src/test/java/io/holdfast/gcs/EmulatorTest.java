package io.holdfast.gcs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.api.gax.paging.Page;
import com.google.api.gax.retrying.RetrySettings;
import com.google.cloud.NoCredentials;
import com.google.cloud.WriteChannel;
import com.google.cloud.storage.Blob;
import com.google.cloud.storage.BlobId;
import com.google.cloud.storage.BlobInfo;
import com.google.cloud.storage.BucketInfo;
import com.google.cloud.storage.Storage;
import com.google.cloud.storage.Storage.BlobGetOption;
import com.google.cloud.storage.Storage.BlobListOption;
import com.google.cloud.storage.Storage.BlobSourceOption;
import com.google.cloud.storage.Storage.BlobTargetOption;
import com.google.cloud.storage.Storage.BlobWriteOption;
import com.google.cloud.storage.StorageException;
import com.google.cloud.storage.StorageOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The emulator behaves to Google's own client as Google's documentation says the servers do. */
class EmulatorTest {
  private static final BlobId ID = BlobId.of("bucket-1", "a lock/with #? %41 ü");
  private static final byte[] LOCK = "lock".getBytes(StandardCharsets.UTF_8);

  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
  private GcsEmulator emulator;
  private Storage google;

  @BeforeEach
  void start() throws Exception {
    emulator = new GcsEmulator(new EmulatedStorage(now::get));
    google =
        StorageOptions.http()
            .setHost(emulator.endpoint().toString())
            .setProjectId("project")
            .setCredentials(NoCredentials.getInstance())
            .setRetrySettings(RetrySettings.newBuilder().setMaxAttempts(1).build())
            .build()
            .getService();
    google.create(BucketInfo.of("bucket-1"));
  }

  @AfterEach
  void stop() throws Exception {
    google.close();
    emulator.close();
  }

  @Test
  void bucketsAreMadeFoundAndDeletedWhenEmpty() {
    assertThat(google.get("bucket-1").getName()).isEqualTo("bucket-1");
    assertThat(google.get("bucket-2")).isNull();
    refused(() -> google.create(BucketInfo.of("bucket-1")), 409, "conflict");
    create();
    refused(() -> google.delete("bucket-1"), 409, "conflict");
    google.delete(ID);
    assertThat(google.delete("bucket-1")).isTrue();
    assertThat(google.list().streamAll()).isEmpty();
  }

  @Test
  void anObjectIsWhatWasUploaded() {
    Blob made = create();
    assertThat(made.getMetageneration()).isEqualTo(1);
    Blob found = google.get(ID);
    assertThat(found.getName()).isEqualTo(ID.getName());
    assertThat(found.getGeneration()).isEqualTo(made.getGeneration());
    assertThat(found.getContentType()).isEqualTo("text/plain");
    assertThat(found.getSize()).isEqualTo(4);
    assertThat(found.getMetadata()).isEqualTo(Map.of("expires_sec", "30"));
    assertThat(found.getUpdateTimeOffsetDateTime().toInstant()).isEqualTo(now.get());
    assertThat(found.getContent()).isEqualTo(LOCK);
    assertThat(google.readAllBytes(ID)).isEqualTo(LOCK);
    assertThat(google.get(BlobId.of("bucket-1", "another"))).isNull();
  }

  @Test
  void aNewObjectOfTheNameHasALargerGenerationAndBeginsAtMetagenerationOne() {
    Blob first = create();
    google.update(first.toBuilder().setMetadata(Map.of("a", "b")).build());
    google.delete(ID);
    Blob second = create();
    assertThat(second.getGeneration()).isGreaterThan(first.getGeneration());
    assertThat(second.getMetageneration()).isEqualTo(1);
    assertThat(google.get(BlobId.of(ID.getBucket(), ID.getName(), first.getGeneration()))).isNull();
  }

  @Test
  void creatingOnlyIfThereIsNoneRefusesTheSecond() {
    create(BlobTargetOption.doesNotExist());
    refused(() -> create(BlobTargetOption.doesNotExist()), 412, "conditionNotMet");
  }

  @Test
  void metadataIsMergedKeyByKeyAndNullRemovesAKey() {
    Blob made = create();
    Map<String, String> change = new HashMap<>();
    change.put("lock_owner", "ann");
    Blob changed = google.update(BlobInfo.newBuilder(ID).setMetadata(change).build());
    assertThat(changed.getMetadata()).isEqualTo(Map.of("expires_sec", "30", "lock_owner", "ann"));
    assertThat(changed.getMetageneration()).isEqualTo(2);
    assertThat(changed.getGeneration()).isEqualTo(made.getGeneration());
    change.clear();
    change.put("lock_owner", null);
    google.update(BlobInfo.newBuilder(ID).setMetadata(change).build());
    assertThat(google.get(ID).getMetadata()).isEqualTo(Map.of("expires_sec", "30"));
  }

  @Test
  void anyChangeMovesTheTimeOfTheUpdate() {
    Blob made = create();
    now.set(now.get().plusSeconds(10));
    Blob same =
        google.update(BlobInfo.newBuilder(ID).setMetadata(Map.of("expires_sec", "30")).build());
    assertThat(same.getMetageneration()).isEqualTo(2);
    assertThat(same.getUpdateTimeOffsetDateTime())
        .isEqualTo(made.getUpdateTimeOffsetDateTime().plusSeconds(10));
    assertThat(same.getCreateTimeOffsetDateTime()).isEqualTo(made.getCreateTimeOffsetDateTime());
  }

  @Test
  void allFourPreconditionsAreChecked() {
    Blob made = create();
    long generation = made.getGeneration();
    BlobInfo patch = BlobInfo.newBuilder(ID).setMetadata(Map.of("a", "1")).build();
    BlobInfo at = BlobInfo.newBuilder(ID.getBucket(), ID.getName(), generation).build();
    refused(
        () -> google.update(patch, BlobTargetOption.metagenerationMatch(7)),
        412,
        "conditionNotMet");
    refused(
        () -> google.update(patch, BlobTargetOption.generationMatch(generation + 1)),
        412,
        "conditionNotMet");
    refused(
        () -> google.delete(ID, BlobSourceOption.generationMatch(generation + 1)),
        412,
        "conditionNotMet");
    refused(
        () -> google.delete(ID, BlobSourceOption.metagenerationNotMatch(1)),
        412,
        "conditionNotMet");
    assertThat(google.get(ID, BlobGetOption.metagenerationMatch(1))).isNotNull();
    assertThat(google.get(ID, BlobGetOption.generationMatch(generation))).isNotNull();
    StorageException same =
        catchThrowableOfType(
            StorageException.class,
            () -> google.get(ID, BlobGetOption.generationNotMatch(generation)));
    assertThat(same == null ? 304 : same.getCode()).isEqualTo(304);
    google.update(
        at.toBuilder().setMetadata(Map.of("a", "2")).build(),
        BlobTargetOption.generationMatch(),
        BlobTargetOption.metagenerationMatch(1));
    assertThat(google.delete(ID, BlobSourceOption.metagenerationMatch(2))).isTrue();
  }

  @Test
  void whatIsMissingIsNotFoundBeforePreconditionsCount() {
    refused(
        () ->
            google.update(
                BlobInfo.newBuilder(ID).setMetadata(Map.of("a", "b")).build(),
                BlobTargetOption.metagenerationMatch(1)),
        404,
        "notFound");
    assertThat(google.delete(ID, BlobSourceOption.metagenerationMatch(1))).isFalse();
    refused(() -> google.list("bucket-2").iterateAll(), 404, "notFound");
  }

  @Test
  void resumableUploadsEnforceAtTheirEndWhatWasAskedAtTheirStart() throws IOException {
    BlobInfo info = BlobInfo.newBuilder(ID).setContentType("text/plain").build();
    WriteChannel slow = google.writer(info, BlobWriteOption.doesNotExist());
    slow.write(ByteBuffer.wrap(LOCK));
    create();
    StorageException refused = catchThrowableOfType(StorageException.class, slow::close);
    assertThat(refused.getCode()).isEqualTo(412);
    google.delete(ID);
    try (WriteChannel other = google.writer(info, BlobWriteOption.doesNotExist())) {
      other.write(ByteBuffer.wrap(LOCK));
    }
    assertThat(google.readAllBytes(ID)).isEqualTo(LOCK);
  }

  @Test
  void listsComeInPagesInTheOrderOfBytesAndByFolder() {
    for (String name : List.of("b/2", "b/1", "a", "c", "b/ü", "b/z/1")) {
      google.create(BlobInfo.newBuilder("bucket-1", name).build(), LOCK);
    }
    assertThat(names(google.list("bucket-1", BlobListOption.pageSize(2))))
        .containsExactly("a", "b/1", "b/2", "b/z/1", "b/ü", "c");
    assertThat(names(google.list("bucket-1", BlobListOption.prefix("b/"))))
        .containsExactly("b/1", "b/2", "b/z/1", "b/ü");
    assertThat(
            names(
                google.list(
                    "bucket-1", BlobListOption.currentDirectory(), BlobListOption.pageSize(1))))
        .containsExactly("a", "b/", "c");
  }

  @Test
  void aSecondWriteWithinASecondIsTurnedAway() {
    emulator.storage().limitWrites();
    create();
    refused(() -> google.delete(ID), 429, "rateLimitExceeded");
    now.set(now.get().plusMillis(999));
    refused(() -> google.delete(ID), 429, "rateLimitExceeded");
    now.set(now.get().plusMillis(1));
    assertThat(google.delete(ID)).isTrue();
  }

  @Test
  void whatIsHeldCanBeChangedAndNotBeDeleted() {
    create();
    google.update(BlobInfo.newBuilder(ID).setTemporaryHold(true).build());
    refused(() -> google.delete(ID), 403, "objectUnderActiveHold");
    refused(this::create, 403, "objectUnderActiveHold");
    Blob free = google.update(BlobInfo.newBuilder(ID).setTemporaryHold(false).build());
    assertThat(free.getMetageneration()).isEqualTo(3);
    assertThat(google.delete(ID)).isTrue();
  }

  @Test
  void aRetentionPolicyKeepsObjects() {
    google.create(BucketInfo.newBuilder("bucket-3").setRetentionPeriod(60L).build());
    Blob kept = google.create(BlobInfo.newBuilder("bucket-3", "a").build(), LOCK);
    assertThat(kept.getRetentionExpirationTimeOffsetDateTime().toInstant())
        .isEqualTo(now.get().plusSeconds(60));
    refused(() -> google.delete(kept.getBlobId()), 403, "retentionPolicyNotMet");
    now.set(now.get().plusSeconds(60));
    assertThat(google.delete(kept.getBlobId())).isTrue();
  }

  @Test
  void faultsFailBeforeOrAfterTheWrite() {
    emulator.storage().fail(EmulatedStorage.Call::isWrite, 503, "backendError");
    refused(this::create, 503, "backendError");
    assertThat(google.get(ID)).isNull();
    emulator.storage().failAfterwards(EmulatedStorage.Call::isWrite, 500, "backendError");
    refused(this::create, 500, "backendError");
    assertThat(google.get(ID)).isNotNull();
    emulator.storage().drop(call -> call.method().equals("DELETE"), true);
    assertThat(catchThrowableOfType(StorageException.class, () -> google.delete(ID))).isNotNull();
    assertThat(google.get(ID)).isNull();
  }

  private Blob create(BlobTargetOption... options) {
    return google.create(
        BlobInfo.newBuilder(ID)
            .setContentType("text/plain")
            .setMetadata(Map.of("expires_sec", "30"))
            .build(),
        LOCK,
        options);
  }

  private static List<String> names(Page<Blob> page) {
    List<String> names = new ArrayList<>();
    page.iterateAll().forEach(blob -> names.add(blob.getName()));
    return names;
  }

  private static void refused(ThrowingCallable call, int code, String reason) {
    StorageException refused = catchThrowableOfType(StorageException.class, call);
    assertThat(refused).isNotNull();
    assertThat(refused.getCode()).isEqualTo(code);
    assertThat(refused.getReason()).isEqualTo(reason);
  }
}
