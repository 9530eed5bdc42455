package io.holdfast.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.HoldData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class SnapshotTest {
  private static final Path FORMAT_2 =
      Path.of("src", "test", "resources", "snapshots", "format-2.bin");

  /** Everything that a table can hold: each kind of key, of mode, of ending; waiters, data, time limits, an idle session. */
  private static final String[] RICH = {
    "open ann",
    "open bob lease=9000000000",
    "open cem session=7",
    "open dan",
    "close dan",
    "open idle",
    "open idle",
    // What has ended, and may be asked about.
    "acquire gone by=ann",
    "release ann#1",
    "acquire gone by=ann",
    "acquire gone try by=bob",
    "acquire gone by=bob",
    "cancel bob#2",
    "revoke gone token=2",
    "acquire gone maxHold=1s by=cem",
    "advance 5s",
    "expire cem#1",
    "cancel cem#99",
    "acquire forgotten by=bob#3 acknowledged=1",
    "acquire forgotten try by=cem",
    "release bob#3",
    // What lives.
    "acquire invoice/42 maxHold=30s data=Grüße-🔒 by=ann",
    "acquire Ключ shared by=ann",
    "acquire Ключ shared by=bob",
    "acquire read=/a write=/a/b by=cem",
    "acquire files:/Ordner/ä shared by=cem",
    "acquire files:/ shared by=bob",
    "advance 1500ms",
    "acquire write=invoice/42 read=/a write=files:/Ordner by=bob",
    "acquire /a/c by=ann",
    "acquire / maxHold=10s data=all by=cem",
    "acquire Ключ by=cem",
  };

  @Test
  void aRestoredTableIsEqual() {
    LockTable table = rich();
    byte[] snapshot = table.snapshot();
    LockTable restored = LockTable.restore(snapshot);
    assertThat(restored.snapshot()).isEqualTo(snapshot);
    assertThat(restored.size()).isEqualTo(table.size()).isEqualTo(new TableSize(4, 6, 4, 9, 7));
    assertThat(restored.now()).isEqualTo(table.now()).isEqualTo(6_500_000_000L);
    assertThat(restored.lastSession()).isEqualTo(table.lastSession()).isEqualTo(9);
    assertThat(restored.lastToken()).isEqualTo(table.lastToken()).isEqualTo(10);
    assertThat(restored.sessions()).isEqualTo(table.sessions()).containsExactly(1L, 2L, 7L, 9L);
    assertThat(restored.renewals(9)).hasValue(2);
    assertThat(restored.terms(1)).hasValue(SessionTerms.NONE);
    assertThat(restored.terms(2)).isEqualTo(table.terms(2)).isNotEqualTo(table.terms(1));
    assertThat(restored.terms(3)).isEmpty();
    assertThat(restored.client(2)).hasValue("bob");
    assertThat(restored.client(3)).isEmpty();
    assertThat(restored.requestsByArrival().stream().map(Request::view))
        .containsExactlyElementsOf(table.requestsByArrival().stream().map(Request::view).toList());
  }

  @Test
  void aRestoredTableIsATableOfItsOwn() {
    LockTable table = rich();
    byte[] snapshot = table.snapshot();
    LockTable restored = LockTable.restore(snapshot);
    restored.apply(new Command.CloseSession(0, 1));
    assertThat(table.snapshot()).isEqualTo(snapshot);
    assertThat(restored.snapshot()).isNotEqualTo(snapshot);
  }

  @Test
  void tokensAndSessionsGoOnAboveAfterRestore() {
    LockTable restored = LockTable.restore(rich().snapshot());
    for (long session : restored.sessions()) {
      restored.apply(new Command.CloseSession(0, session));
    }
    LockTable empty = LockTable.restore(restored.snapshot());
    assertThat(empty.size()).isEqualTo(new TableSize(0, 0, 0, 0, 0));
    assertThat(empty.apply(new Command.OpenSession(0, 9, "late")))
        .containsExactly(new Event.SessionRefused(9, Refusal.UNKNOWN_SESSION));
    empty.apply(new Command.OpenSession(0, 10, "new"));
    long last = restored.lastToken();
    assertThat(empty.lastToken()).isEqualTo(last);
    Command.Acquire acquire =
        new Command.Acquire(0, 10, 1, 0, true, List.of(Requests.name("a")), HoldData.empty(), 1);
    assertThat(empty.apply(acquire))
        .containsExactly(new Event.Granted(10, 1, last + 1, 6_500_000_001L));
  }

  /** The file was written once, by the first version that had the format. Should this fail, the format has changed. */
  @Test
  void format2IsReadAndWrittenAsEver() throws IOException {
    if (Boolean.getBoolean("holdfast.rewrite") && !Files.exists(FORMAT_2)) {
      Files.createDirectories(FORMAT_2.getParent());
      Files.write(FORMAT_2, rich().snapshot());
    }
    byte[] format2 = Files.readAllBytes(FORMAT_2);
    assertThat(LockTable.restore(format2).snapshot()).isEqualTo(format2);
    assertThat(rich().snapshot()).isEqualTo(format2);

    ByteBuffer header = ByteBuffer.wrap(format2);
    assertThat(new String(format2, 0, 4, StandardCharsets.US_ASCII)).isEqualTo("HFLT");
    assertThat(header.getInt(4)).isEqualTo(2);
    assertThat(header.getLong(8)).as("now").isEqualTo(6_500_000_000L);
    assertThat(header.getLong(16)).as("last session").isEqualTo(9);
    assertThat(header.getLong(24)).as("last arrival").isEqualTo(17);
    assertThat(header.getLong(32)).as("last token").isEqualTo(10);
  }

  @Test
  void anythingElseIsNoSnapshot() {
    for (int length : new int[] {0, 1, 4, 8, 11, 12, 100}) {
      assertThatThrownBy(() -> LockTable.restore(new byte[length]))
          .isExactlyInstanceOf(IllegalArgumentException.class)
          .hasMessage("not a snapshot of a lock table: " + length + " bytes");
    }
  }

  @Test
  void aNewerFormatIsRefusedByName() {
    byte[] newer = rich().snapshot();
    ByteBuffer.wrap(newer).putInt(4, 3);
    byte[] header = Arrays.copyOf(newer, 12);
    for (byte[] snapshot : List.of(mended(newer), newer, header)) {
      assertThatThrownBy(() -> LockTable.restore(snapshot))
          .isExactlyInstanceOf(IllegalArgumentException.class)
          .hasMessage("snapshot has format 3, this version reads 2");
    }
  }

  @Test
  void everyFlippedBitIsFound() {
    byte[] snapshot = rich().snapshot();
    for (int i = 0; i < snapshot.length * 8; i++) {
      byte[] flipped = snapshot.clone();
      flipped[i / 8] ^= (byte) (1 << i % 8);
      assertThat(isRefused(flipped)).as("bit %d", i).isTrue();
    }
  }

  @Test
  void everyMissingEndIsFound() {
    byte[] snapshot = rich().snapshot();
    for (int length = 0; length < snapshot.length; length++) {
      byte[] cut = Arrays.copyOf(snapshot, length);
      assertThat(isRefused(cut)).as("%d bytes", length).isTrue();
    }
    assertThatThrownBy(() -> LockTable.restore(Arrays.copyOf(snapshot, snapshot.length + 1)))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("snapshot is damaged: its checksum does not match");
  }

  /** Bytes that somebody made, checksum and all, do not get further than to be refused; or they are a table. */
  @Test
  void aForgedSnapshotIsRefusedOrATable() {
    byte[] snapshot = rich().snapshot();
    Random random = new Random(11);
    int refused = 0;
    for (int i = 0; i < 5000; i++) {
      byte[] forged = snapshot.clone();
      for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
        int at = 8 + random.nextInt(snapshot.length - 12);
        forged[at] = random.nextBoolean() ? (byte) random.nextInt(256) : (byte) -1;
      }
      if (random.nextInt(4) == 0) {
        forged = Arrays.copyOf(forged, 12 + random.nextInt(forged.length - 12));
      }
      refused += isRefused(mended(forged)) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(1000);
  }

  @Test
  void whatIsBeyondTheEndOrTheCountersIsRefused() {
    byte[] snapshot = rich().snapshot();
    byte[] longer = Arrays.copyOf(snapshot, snapshot.length + 1);
    assertThatThrownBy(() -> LockTable.restore(mended(longer)))
        .hasMessage("snapshot goes on after its end");
    for (int counter : new int[] {16, 24, 32}) { // last session, last arrival, last token
      byte[] lower = snapshot.clone();
      ByteBuffer.wrap(lower).putLong(counter, ByteBuffer.wrap(lower).getLong(counter) - 1);
      assertThatThrownBy(() -> LockTable.restore(mended(lower)))
          .as("counter at %d", counter)
          .hasMessageStartingWith("snapshot contradicts itself: ");
    }
  }

  private static LockTable rich() {
    Player player = new Player();
    for (String command : RICH) {
      assertThat(player.play(command)).as(command).doesNotContain("refused");
    }
    return player.table();
  }

  private static boolean isRefused(byte[] snapshot) {
    try {
      LockTable.restore(snapshot).snapshot();
      return false;
    } catch (IllegalArgumentException e) {
      return true;
    }
  }

  /** With the checksum that belongs to what is before it. */
  private static byte[] mended(byte[] snapshot) {
    int length = snapshot.length - Integer.BYTES;
    CRC32C checksum = new CRC32C();
    checksum.update(snapshot, 0, length);
    return ByteBuffer.wrap(snapshot.clone()).putInt(length, (int) checksum.getValue()).array();
  }
}
