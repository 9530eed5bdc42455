package io.holdfast.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Capability;
import io.holdfast.HoldData;
import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.Waiter;
import io.holdfast.cli.JsonReader;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LocksTest {
  private static final Instant NOON = Instant.parse("2026-05-01T12:00:00.123456Z");
  private static final Set<Capability> ALL = EnumSet.allOf(Capability.class);
  private static final LockKey INVOICE = new LockKey.Name("invoice/42");

  private final Locks locks = new Locks(ALL);

  @Test
  void aLockIsARowForEachHolderAndAFreeOneWithWaitersIsARowToo() {
    LockDescription shared =
        new LockDescription(
            INVOICE,
            List.of(holder("ann", 7, LockMode.SHARED), holder("bob", 8, LockMode.SHARED)),
            List.of(waiter("eve")),
            true);
    LockDescription awaited =
        new LockDescription(new LockKey.Name("z"), List.of(), List.of(waiter("eve")), true);
    assertThat(locks.table(List.of(shared, awaited)))
        .containsExactly(
            "LOCK        HOLDER  MODE    TOKEN  SINCE                     UNTIL                 WAITERS",
            "invoice/42  ann     shared  7      2026-05-01T12:00:00.123Z  2026-05-01T12:00:10Z  1",
            "invoice/42  bob     shared  8      2026-05-01T12:00:00.123Z  2026-05-01T12:00:10Z  1",
            "z           -       -       -      -                         -                     1");
  }

  @Test
  void aPageTellsHoldersAndWaitersInOrder() {
    LockDescription lock =
        new LockDescription(
            INVOICE,
            List.of(holder("ann\u001b[2J", 7, LockMode.EXCLUSIVE)),
            List.of(waiter("eve"), waiter("bob")),
            false);
    assertThat(locks.page(lock))
        .containsExactly(
            "invoice/42: held, 2 wait, and there are more of them",
            "",
            "HOLDER        MODE       TOKEN  SINCE                     UNTIL                 DATA     ALL OF IT",
            "ann\\u001B[2J  exclusive  7      2026-05-01T12:00:00.123Z  2026-05-01T12:00:10Z  nightly  -",
            "",
            "WAITER  CLIENT  MODE    SINCE                     DATA         ALL OF IT",
            "1       eve     shared  2026-05-01T12:00:00.123Z  base64:/wCA  invoice/42 (shared), files:/a",
            "2       bob     shared  2026-05-01T12:00:00.123Z  base64:/wCA  invoice/42 (shared), files:/a");
  }

  @Test
  void aFreeLockSaysSo() {
    assertThat(locks.page(new LockDescription(INVOICE, List.of(), List.of(), true)))
        .containsExactly("invoice/42: free");
  }

  @Test
  void programsGetAllOfItAndDataThatIsNoTextAsBase64() {
    LockDescription lock =
        new LockDescription(
            INVOICE, List.of(holder("ann", 7, LockMode.EXCLUSIVE)), List.of(waiter("eve")), true);
    String json = locks.write(new Json().object(), lock).end().toString();
    Map<String, Object> invoice = Map.of("name", "invoice/42", "mode", "exclusive");
    assertThat(JsonReader.readObject(json))
        .isEqualTo(
            Map.of(
                "name",
                "invoice/42",
                "complete",
                true,
                "holders",
                List.of(
                    Map.of(
                        "client", "ann",
                        "mode", "exclusive",
                        "token", 7.0,
                        "since", "2026-05-01T12:00:00.123456Z",
                        "until", "2026-05-01T12:00:10Z",
                        "data", "nightly",
                        "targets", List.of(invoice))),
                "waiters",
                List.of(
                    Map.of(
                        "client", "eve",
                        "mode", "shared",
                        "since", "2026-05-01T12:00:00.123456Z",
                        "dataBase64", "/wCA",
                        "targets",
                            List.of(
                                Map.of("name", "invoice/42", "mode", "shared"),
                                Map.of("tree", "files", "path", "/a", "mode", "exclusive"))))));
  }

  @Test
  void whereThereAreNoTokensNoneAreShown() {
    Locks unfenced = new Locks(EnumSet.complementOf(EnumSet.of(Capability.FENCING)));
    LockDescription lock =
        new LockDescription(
            INVOICE, List.of(holder("ann", 7, LockMode.EXCLUSIVE)), List.of(), true);
    assertThat(unfenced.table(List.of(lock)).get(1)).contains("exclusive  -      2026");
    assertThat(unfenced.write(new Json().object(), lock).end().toString()).doesNotContain("token");
  }

  @Test
  void aNodeOfATreeTakesTheModeOfTheOneItMeets() {
    LockKey below = new LockKey.Node("files", TreePath.parse("/a/b"));
    LockDescription lock = new LockDescription(below, List.of(), List.of(waiter("eve")), true);
    assertThat(locks.page(lock).get(3)).startsWith("1       eve     exclusive");
  }

  private static Holder holder(String client, long token, LockMode mode) {
    return new Holder(
        client,
        List.of(new LockTarget(INVOICE, mode)),
        OptionalLong.of(token),
        NOON,
        Optional.of(Instant.parse("2026-05-01T12:00:10Z")),
        HoldData.of("nightly"));
  }

  private static Waiter waiter(String client) {
    return new Waiter(
        client,
        List.of(
            new LockTarget(INVOICE, LockMode.SHARED),
            new LockTarget(new LockKey.Node("files", TreePath.parse("/a")), LockMode.EXCLUSIVE)),
        NOON,
        HoldData.of(new byte[] {-1, 0, -128}));
  }
}
