package io.holdfast.server.core;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.protocol.internal.v1.Entry;
import io.holdfast.protocol.internal.v1.Operation;
import io.holdfast.table.Command;
import io.holdfast.table.SessionTerms;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The replicated state, its entries and its snapshots as bytes. */
class NamespacesTest {
  private static final LockKey.Name NAME = new LockKey.Name("Ключ 🔒");
  private static final LockKey NODE = new LockKey.Node("files", TreePath.parse("/Ordner/ä"));
  private static final SessionTerms TERMS =
      new SessionTerms(9_000_000_000L, -1, 77, "ann@example.org");

  /** One of each, with everything that may be said and without. */
  private static final List<Change> CHANGES =
      List.of(
          new Change.Lead("one:1", "clients:9"),
          new Change.CreateLock("team", NAME, Command.FOREVER),
          new Change.CreateLock("team", new LockKey.Name("b"), 5),
          of(new Command.OpenSession(7, 1, "ann", TERMS)),
          of(
              new Command.Acquire(
                  7,
                  1,
                  1,
                  0,
                  true,
                  List.of(
                      new LockTarget(NAME, LockMode.SHARED),
                      new LockTarget(NODE, LockMode.EXCLUSIVE)),
                  HoldData.of("data"),
                  8)),
          of(
              new Command.Acquire(
                  7,
                  1,
                  2,
                  0,
                  false,
                  List.of(new LockTarget(NAME, LockMode.EXCLUSIVE)),
                  HoldData.empty(),
                  Command.FOREVER)),
          of(new Command.Release(7, 1, 1, 99)),
          of(new Command.Cancel(7, 1, 3)),
          of(new Command.ExpireHold(7, 1, 1)),
          of(new Command.ExpireSession(7, 1, 0)),
          of(new Command.Revoke(7, NODE, 99)),
          of(new Command.Revoke(7, NAME, 99)),
          of(new Command.CloseSession(7, 2)),
          silence(3, 5),
          new Change.Restored(1L << 50));

  @Test
  void anEntryIsReadAsItWasWritten() {
    EntryCodec.Changes changes = new EntryCodec.Changes(7, CHANGES);
    assertThat(EntryCodec.decode(ByteBuffer.wrap(EntryCodec.encode(changes)))).isEqualTo(changes);
  }

  @Test
  void whatIsNotUnderstoodIsNoEntry() {
    for (byte[] bytes :
        List.of(
            new byte[] {-1, -1, -1},
            Entry.newBuilder().setFormat(2).build().toByteArray(),
            Entry.newBuilder()
                .setFormat(1)
                .addOperations(Operation.newBuilder().setNamespace("team"))
                .build()
                .toByteArray())) {
      assertThatThrownBy(() -> EntryCodec.decode(ByteBuffer.wrap(bytes)))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void aRestoredStateIsEqualAndGoesOnEqually() throws IOException {
    Namespaces state = rich();
    byte[] snapshot = snapshot(state);
    Namespaces restored = Namespaces.restore(new ByteArrayInputStream(snapshot));
    assertThat(snapshot(restored)).isEqualTo(snapshot);
    assertThat(Namespaces.hash(restored.freeze())).isEqualTo(Namespaces.hash(state.freeze()));
    assertThat(restored.now()).isEqualTo(7);
    assertThat(restored.address("one:1")).isEqualTo("clients:9");
    assertThat(restored.created("team", "b")).hasValue(5);
    assertThat(restored.created("team", NAME.name())).hasValue(Command.FOREVER);
    assertThat(restored.created("team", "c")).isEmpty();
    assertThat(restored.names()).containsExactly("other", "team");
    assertThat(restored.silence("team", 1)).isEqualTo(5);

    Change next = of(new Command.CloseSession(8, 1));
    assertThat(restored.apply(8, next)).isEqualTo(state.apply(8, next)).isNotEmpty();
    assertThat(snapshot(restored)).isEqualTo(snapshot(state)).isNotEqualTo(snapshot);
  }

  @Test
  void aSilenceCountsUntilTheSessionIsHeardOfInTheLog() {
    Namespaces state = rich();
    assertThat(state.silence("team", 1)).isEqualTo(5);
    state.apply(7, silence(2, 6)); // it was heard of since that was found
    assertThat(state.silence("team", 1)).isEqualTo(5);
    state.apply(7, of(new Command.OpenSession(7, 1, "ann", TERMS)));
    assertThat(state.silence("team", 1)).isZero();
    state.apply(7, silence(3, 7));
    assertThat(state.silence("team", 1)).isZero();
    assertThat(state.silence("team", 2)).isZero();
    assertThat(state.silence("nowhere", 1)).isZero();
  }

  @Test
  void nothingIsKeptOfTheSilenceOfASessionThatHasEnded() throws IOException {
    Namespaces silent = rich();
    Namespaces heard = rich();
    silent.apply(7, silence(3, 9));
    assertThat(snapshot(silent)).isNotEqualTo(snapshot(heard));
    silent.apply(8, of(new Command.CloseSession(8, 1)));
    heard.apply(8, of(new Command.CloseSession(8, 1)));
    assertThat(snapshot(silent)).isEqualTo(snapshot(heard));
  }

  @Test
  void aFrozenStateStaysAsItWas() throws IOException {
    Namespaces state = rich();
    byte[] before = snapshot(state);
    var frozen = state.freeze();
    state.apply(9, of(new Command.CloseSession(9, 1)));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    frozen.write(out);
    assertThat(out.toByteArray()).isEqualTo(before);
  }

  @Test
  void namespacesHaveNothingToDoWithEachOther() {
    Namespaces state = rich();
    var table = requireNonNull(state.table("other"));
    assertThat(table.lastToken()).isZero();
    assertThat(table.lastSession()).isEqualTo(5);
  }

  @Test
  void whatWasRestoredBeginsAboveWhatTheLogSaysAndOnlyOnce() throws IOException {
    Namespaces state = rich();
    long above = Change.Restored.when(Instant.parse("2026-05-01T12:00:00Z")).tokensAbove();
    assertThat(above).isEqualTo(120 * 86_400L + 43_200L << 20);
    assertThat(state.apply(8, new Change.Restored(above))).isEmpty();
    var table = requireNonNull(state.table("team"));
    assertThat(table.sessions()).isEmpty();
    assertThat(table.lastToken()).isEqualTo(above);
    assertThat(state.lastSession("team")).isEqualTo(above);
    assertThat(state.lastSession("new")).isEqualTo(above);
    assertThat(state.silence("team", 1)).isZero();
    assertThat(state.created("team", "b")).hasValue(5);

    state.apply(9, of(new Command.OpenSession(9, above + 1, "ann", TERMS)));
    byte[] before = snapshot(state);
    state.apply(9, new Change.Restored(above));
    state.apply(9, new Change.Restored(above - 1));
    assertThat(snapshot(state)).isEqualTo(before);

    Namespaces again = Namespaces.restore(new ByteArrayInputStream(before));
    assertThat(snapshot(again)).isEqualTo(before);
    for (Namespaces each : List.of(state, again)) {
      each.apply(9, new Change.OfTable("new", new Command.OpenSession(9, above + 1, "ann", TERMS)));
      var young = requireNonNull(each.table("new"));
      assertThat(young.lastToken()).isEqualTo(above);
      assertThat(young.sessions()).containsExactly(above + 1);
    }
    assertThat(snapshot(again)).isEqualTo(snapshot(state)).isNotEqualTo(before);
  }

  @Test
  void aTimeBeforeAllServersIsNoRestore() {
    assertThatThrownBy(() -> Change.Restored.when(Change.Restored.FIRST))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("tokensAbove 0 < 1");
  }

  /** The files were written once, by the first version that had the format. Should this fail, the format has changed. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void eachFormatIsReadAndWrittenAsEver(int format) throws IOException {
    Path file = Path.of("src", "test", "resources", "snapshots", "server-" + format + ".bin");
    Namespaces state = rich();
    if (format == 3) {
      state.apply(7, new Change.Restored(77));
      state.apply(7, of(new Command.OpenSession(7, 78, "ann", TERMS)));
    }
    if (Boolean.getBoolean("holdfast.rewrite") && !Files.exists(file)) {
      Files.createDirectories(file.getParent());
      Files.write(file, snapshot(state));
    }
    byte[] written = Files.readAllBytes(file);
    assertThat(snapshot(state)).isEqualTo(written);
    assertThat(snapshot(Namespaces.restore(new ByteArrayInputStream(written)))).isEqualTo(written);

    ByteBuffer header = ByteBuffer.wrap(written);
    assertThat(new String(written, 0, 4, StandardCharsets.US_ASCII)).isEqualTo("HFSV");
    assertThat(header.getInt(4)).isEqualTo(format);
    assertThat(header.getLong(8))
        .as(format == 2 ? "now" : "tokens")
        .isEqualTo(format == 2 ? 7 : 77);
  }

  @Test
  void aDamagedOrNewerSnapshotIsRefused() throws IOException {
    byte[] snapshot = snapshot(rich());
    for (int i = 0; i < snapshot.length; i++) {
      byte[] damaged = snapshot.clone();
      damaged[i] ^= 4;
      assertThat(isRefused(damaged)).as("byte %d", i).isTrue();
      assertThat(isRefused(Arrays.copyOf(snapshot, i))).as("%d bytes", i).isTrue();
    }
    byte[] newer = snapshot.clone();
    ByteBuffer.wrap(newer).putInt(4, 4);
    assertThatThrownBy(() -> Namespaces.restore(new ByteArrayInputStream(newer)))
        .hasMessage("snapshot has format 4, this version reads 2 and 3");
  }

  private static Change of(Command command) {
    return new Change.OfTable("team", command);
  }

  /** Of session 1. */
  private static Change silence(long seenRenewals, long nanos) {
    return new Change.Silent("team", List.of(new Change.Silence(1, seenRenewals, nanos)));
  }

  private static Namespaces rich() {
    Namespaces state = new Namespaces();
    CHANGES.subList(0, 6).forEach(change -> state.apply(7, change));
    state.apply(7, silence(3, 5));
    state.apply(7, new Change.OfTable("other", new Command.OpenSession(7, 5, "bob", TERMS)));
    return state;
  }

  private static byte[] snapshot(Namespaces state) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    state.freeze().write(out);
    return out.toByteArray();
  }

  private static boolean isRefused(byte[] snapshot) {
    try {
      Namespaces.restore(new ByteArrayInputStream(snapshot));
      return false;
    } catch (IOException e) {
      return true;
    }
  }
}
