package io.holdfast.server.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.util.JSONObjectUtils;
import io.holdfast.server.security.AuthReason;
import io.holdfast.server.security.DeniedCall;
import io.holdfast.testkit.ManualTicker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeniedCallsTest {
  private static final DeniedCall CALL =
      new DeniedCall(AuthReason.NOT_ALLOWED, "holdfast.v1.Locks/ListLocks", "eve", "10.0.0.9:4711");

  @TempDir private Path folder;

  @Test
  void someAreWrittenAndTheOthersCounted() throws Exception {
    Path file = folder.resolve("audit.jsonl");
    ManualTicker ticker = new ManualTicker();
    try (AuditLog log = new AuditLog(file, ticker)) {
      DeniedCalls denied = new DeniedCalls(log, ticker);
      for (int i = 0; i < DeniedCalls.MOST + 7; i++) {
        denied.accept(CALL);
      }
      ticker.advance(DeniedCalls.PERIOD);
      denied.accept(CALL);
      denied.accept(CALL);
    }
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(DeniedCalls.MOST + 2);
    assertThat(JSONObjectUtils.parse(lines.get(0)))
        .containsEntry("act", "TURNED_AWAY")
        .containsEntry("who", "eve")
        .containsEntry("from", "10.0.0.9:4711")
        .containsEntry("target", "holdfast.v1.Locks/ListLocks")
        .containsEntry("reason", "NOT_ALLOWED")
        .containsEntry("result", "REFUSED");
    assertThat(JSONObjectUtils.parse(lines.get(DeniedCalls.MOST)))
        .containsEntry("reason", "NOT_ALLOWED; 7 before this were not recorded");
    assertThat(JSONObjectUtils.parse(lines.get(DeniedCalls.MOST + 1)))
        .containsEntry("reason", "NOT_ALLOWED");
  }
}
