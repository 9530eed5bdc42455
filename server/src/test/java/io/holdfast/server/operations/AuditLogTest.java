package io.holdfast.server.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.util.JSONObjectUtils;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.security.ConfigurationException;
import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The record of what operators did. */
class AuditLogTest {
  @TempDir private Path folder;
  private final ManualTicker ticker = new ManualTicker();

  private Path file() {
    return folder.resolve("audit.jsonl");
  }

  private static AuditEntry entry(String text) {
    return new AuditEntry(
        AuditEntry.Act.FORCE_RELEASE,
        text,
        "127.0.0.1:4711",
        "team",
        text,
        "",
        OptionalLong.of(Long.MAX_VALUE),
        text,
        AuditEntry.Result.ASKED,
        Optional.empty());
  }

  private static void record(AuditLog log, AuditEntry entry) throws Exception {
    log.record(entry).get(20, TimeUnit.SECONDS);
  }

  private List<String> lines() throws IOException {
    return Files.readAllLines(file(), StandardCharsets.UTF_8);
  }

  @Test
  void anActIsALineForItsOwnerAloneToRead() throws Exception {
    try (AuditLog log = new AuditLog(file(), ticker)) {
      record(log, entry("ann"));
      ReplicaStatus status =
          new ReplicaStatus("one:1", List.of("one:1"), Optional.of("one:1"), 3, 42, 41, 0);
      record(log, entry("ann").ended(AuditEntry.Result.DONE).on(Optional.of(status)));
      assertThat(Files.readString(file()))
          .isEqualTo(
              "{\"time\":\"2026-01-01T00:00:00Z\",\"act\":\"FORCE_RELEASE\",\"result\":\"ASKED\",\"who\":\"ann\","
                  + "\"from\":\"127.0.0.1:4711\",\"namespace\":\"team\",\"target\":\"ann\","
                  + "\"token\":9223372036854775807,\"reason\":\"ann\"}\n"
                  + "{\"time\":\"2026-01-01T00:00:00Z\",\"act\":\"FORCE_RELEASE\",\"result\":\"DONE\",\"who\":\"ann\","
                  + "\"from\":\"127.0.0.1:4711\",\"namespace\":\"team\",\"target\":\"ann\","
                  + "\"token\":9223372036854775807,\"leads\":true,\"term\":3,\"applied\":41,\"reason\":\"ann\"}\n");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void aServerThatStartsAgainAppends() throws Exception {
    try (AuditLog log = new AuditLog(file(), ticker)) {
      record(log, entry("first"));
    }
    try (AuditLog log = new AuditLog(file(), ticker)) {
      record(log, entry("second"));
    }
    assertThat(lines()).hasSize(2);
  }

  @Test
  void whateverTextIsWrittenIsReadBackAndNothingOfItReachesATerminal() throws Exception {
    List<String> texts = new ArrayList<>();
    texts.add("\"},{\"who\":\"root\n\r\t\0\u001b[31m\u009b2J\u007f\u202e\u2028\u2029\\");
    texts.add("Größe 鎖 🔒");
    texts.add("\ud83d");
    texts.add("\udd12\ud83d");
    Random random = new Random(7);
    for (int i = 0; i < 500; i++) {
      StringBuilder text = new StringBuilder();
      random.ints(random.nextInt(50), 0, 0x10000).forEach(c -> text.append((char) c));
      texts.add(text.toString());
    }
    try (AuditLog log = new AuditLog(file(), ticker)) {
      for (String text : texts) {
        log.record(entry(text));
      }
    }
    List<String> lines = List.of(Files.readString(file()).split("\n"));
    assertThat(lines).hasSameSizeAs(texts);
    for (int i = 0; i < lines.size(); i++) {
      Map<String, Object> read = JSONObjectUtils.parse(lines.get(i));
      assertThat(read.get("who")).isEqualTo(texts.get(i));
      assertThat(read.get("token")).isEqualTo(Long.MAX_VALUE);
      assertThat(lines.get(i).codePoints())
          .noneMatch(c -> Character.isISOControl(c) || c == 0x202e || c == 0x2028 || c == 0x2029);
    }
  }

  @Test
  void aFullFileIsPutAsideAndOnlySoManyAreKept() throws Exception {
    int acts = 60;
    try (AuditLog log = new AuditLog(file(), 1_000, ticker)) {
      for (int i = 0; i < acts; i++) {
        record(log, entry("n" + i));
        assertThat(Files.size(file())).isLessThanOrEqualTo(1_000);
      }
    }
    assertThat(lines().get(lines().size() - 1)).contains("\"n" + (acts - 1) + "\"");
    try (var files = Files.list(folder)) {
      assertThat(files.toList()).hasSize(1 + AuditLog.KEPT);
    }
    // In order, without a gap: the last of .1 comes before the first here.
    List<String> before = Files.readAllLines(folder.resolve("audit.jsonl.1"));
    int first = acts - lines().size();
    assertThat(lines().get(0)).contains("\"n" + first + "\"");
    assertThat(before.get(before.size() - 1)).contains("\"n" + (first - 1) + "\"");
  }

  @Test
  void whatCannotBeRecordedIsSaidToBe() throws Exception {
    try (AuditLog log = new AuditLog(file(), ticker)) {
      record(log, entry("a"));
      Files.delete(file());
      Files.createDirectory(file());
      assertThatThrownBy(() -> record(log, entry("b"))).hasCauseInstanceOf(IOException.class);
      Files.delete(file());
      record(log, entry("c"));
      assertThat(lines()).hasSize(1);
    }
  }

  @Test
  void aLinkInItsPlaceIsNotFollowed() throws Exception {
    Path elsewhere = Files.createFile(folder.resolve("elsewhere"));
    try (AuditLog log = new AuditLog(file(), ticker)) {
      Files.delete(file());
      Files.createSymbolicLink(file(), elsewhere);
      assertThatThrownBy(() -> record(log, entry("b"))).hasCauseInstanceOf(IOException.class);
      assertThat(elsewhere).isEmptyFile();
    }
  }

  @Test
  void aClosedLogRecordsNothing() {
    AuditLog log = new AuditLog(file(), ticker);
    CompletableFuture<?> before = log.record(entry("a"));
    log.close();
    assertThat(before).isCompleted();
    assertThat(log.record(entry("b")))
        .failsWithin(java.time.Duration.ofSeconds(20))
        .withThrowableOfType(java.util.concurrent.ExecutionException.class)
        .withCauseInstanceOf(RejectedExecutionException.class);
  }

  @Test
  void aServerDoesNotStartWithALogThatItCannotKeep() throws IOException {
    assertThatThrownBy(() -> new AuditLog(folder, ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(folder.toString());
    assertThatThrownBy(() -> new AuditLog(folder.resolve("none").resolve("audit"), ticker))
        .isInstanceOf(ConfigurationException.class);
    Files.createFile(file());
    Files.setPosixFilePermissions(file(), PosixFilePermissions.fromString("rw-r-----"));
    assertThatThrownBy(() -> new AuditLog(file(), ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("chmod 600");
  }
}
