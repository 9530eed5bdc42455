package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockKey;
import io.holdfast.LockTree;
import io.holdfast.TreePath;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Any text is a name, within limits; what is outside them is refused in one line that says what, where and why. */
abstract class NameFacts extends Facts {
  /** Pairs and families that some store or other took for one, or could not write down. */
  private static final List<String> UNUSUAL =
      List.of(
          "it's",
          "\"quoted\"",
          "a; drop table locks; --",
          "100%",
          "%2F",
          "%2f",
          "a/b",
          "a%2Fb",
          "#1",
          "?q=1&r=2",
          "a b",
          "a  b",
          "a+b",
          "*",
          "_",
          "a_b",
          "a%b",
          "..",
          ".",
          "/",
          "//",
          "a//b",
          "a/",
          "/a",
          "\\",
          "\\0",
          "null",
          "NULL",
          "0",
          "-1",
          "1e3",
          "true",
          "{}",
          "[]",
          "$",
          "${x}",
          "$sys",
          "~",
          "|",
          "<a>",
          "a:b",
          "a,b",
          "Invoice",
          "invoice",
          "INVOICE",
          "\u00e9",
          "e\u0301",
          "\u00df",
          "ss",
          "\u0130",
          "i",
          "I",
          "\u0131",
          "\u540d\u524d",
          "\u05e9\u05dc\u05d5\u05dd",
          "\ud83d\udd12",
          "\ud83d\udd12\ufe0f",
          "a\u00a0b",
          "a\u200bb",
          "\uff41",
          "a",
          "\ufb01",
          "fi");

  NameFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void unusualNamesAreLocksOfTheirOwn() throws Exception {
    List<Hold> holds = new ArrayList<>();
    for (String unusual : UNUSUAL) {
      holds.add(
          ann.lock(store.name(unusual))
              .tryAcquire()
              .orElseThrow(() -> new AssertionError(unusual)));
    }
    for (String unusual : UNUSUAL) {
      assertThat(bob.lock(store.name(unusual)).tryAcquire()).as(unusual).isEmpty();
    }
    if (store.has(cid, Capability.LIST)) {
      List<String> listed = new ArrayList<>();
      cid.list(store.prefix()).locks().forEach(lock -> listed.add(lock.key().toString()));
      assertThat(listed)
          .containsExactlyInAnyOrderElementsOf(UNUSUAL.stream().map(store::name).toList());
    }
    if (store.has(cid, Capability.DESCRIBE)) {
      for (String unusual : UNUSUAL) {
        assertThat(cid.describe(store.name(unusual)).holders()).as(unusual).hasSize(1);
      }
    }
    holds.forEach(Hold::close);
    assertThat(new HashSet<>(UNUSUAL)).hasSameSizeAs(UNUSUAL);
  }

  /** Without the prefix of other names, which might hide what the beginning of a name does. */
  @Test
  void aNameMayBeginWithAnythingButTheReservedPrefix() throws Exception {
    for (String start : List.of("'", "%", "#", "/", ".", "..", "$", "$sys", "-", "\ud83d\udd12")) {
      String odd = start + store.name("odd");
      Hold hold = ann.lock(odd).tryAcquire().orElseThrow(() -> new AssertionError(odd));
      assertThat(bob.lock(odd).tryAcquire()).as(odd).isEmpty();
      hold.close();
    }
  }

  @Test
  void theLongestNamesAreLocksOfTheirOwn() throws Exception {
    String ascii = fill(store.name(""), "x");
    String wide = fill(store.name(""), "\u540d");
    String wider = fill(store.name(""), "\ud83d\udd12");
    for (String longest : List.of(ascii, wide, wider)) {
      assertThat(longest.getBytes(StandardCharsets.UTF_8).length).isBetween(509, 512);
      String twin = longest.substring(0, longest.length() - 2) + "yy";
      Hold hold = ann.lock(longest).acquire(Duration.ZERO);
      Hold other = ann.lock(twin).acquire(Duration.ZERO);
      assertThat(bob.lock(longest).tryAcquire()).isEmpty();
      hold.close();
      other.close();
    }
  }

  @Test
  void unusualPathsAreNodesOfTheirOwn() throws Exception {
    store.requires(Capability.TREE);
    LockTree anns = ann.tree(store.treeName("it's; a tree"));
    LockTree bobs = bob.tree(store.treeName("it's; a tree"));
    List<String> paths =
        List.of(
            "/it's",
            "/%2F",
            "/a%2Fb",
            "/a b",
            "/*",
            "/...",
            "/\u00e9",
            "/e\u0301",
            "/A",
            "/a",
            "/a:b",
            "/ ",
            "/~");
    List<Hold> holds = new ArrayList<>();
    for (String path : paths) {
      holds.add(anns.write(path).tryAcquire().orElseThrow(() -> new AssertionError(path)));
      assertThat(bobs.read(path + "/below").tryAcquire()).as(path).isEmpty();
    }
    holds.forEach(Hold::close);
  }

  @Test
  void anEmptyNameIsRefused() {
    refused(() -> ann.lock(""), "NAME_EMPTY", "name", "1 byte");
    refused(() -> treeCalled(""), "TREE_EMPTY", "tree", "1 byte");
  }

  @Test
  void aNameThatIsTooLongIsRefused() {
    refused(() -> ann.lock("x".repeat(513)), "NAME_TOO_LONG", "name", "\"xxx", "513", "512");
    refused(() -> ann.lock("\u540d".repeat(171)), "NAME_TOO_LONG", "name", "513", "512");
    refused(() -> ann.lock("x".repeat(65_536)), "NAME_TOO_LONG", "name", "65536", "512");
    refused(() -> ann.lock("x".repeat(1 << 20)), "NAME_TOO_LONG", "name", "1048576", "512");
    refused(() -> treeCalled("x".repeat(513)), "TREE_TOO_LONG", "tree", "513", "512");
  }

  @ParameterizedTest
  @CsvSource({
    "0000", "0001", "0007", "0009", "000A", "000D", "001B", "001F", "007F", "0080", "0085", "009F"
  })
  void aControlCharacterInANameIsRefused(String hex) {
    char control = (char) Integer.parseInt(hex, 16);
    refused(() -> ann.lock("abc" + control + "d"), "NAME_BAD_CHAR", "name", "U+" + hex, "byte 3");
    refused(() -> ann.lock("\u00e9" + control), "NAME_BAD_CHAR", "name", "U+" + hex, "byte 2");
    refused(() -> TreePath.parse("/a/b" + control), "PATH_BAD_CHAR", "path", "U+" + hex, "byte 4");
  }

  @Test
  void escapeSequencesAreShownEscaped() {
    refused(() -> ann.lock("red\u001b[31m"), "NAME_BAD_CHAR", "\\u001B", "U+001B");
    refused(() -> ann.lock("two\r\nlines"), "NAME_BAD_CHAR", "\\r\\n", "U+000D");
  }

  @Test
  void whatIsNotTextIsRefused() {
    refused(() -> ann.lock("a\ud83d"), "NAME_NOT_UTF8", "name", "byte 1");
    refused(() -> ann.lock("\udd12\ud83d"), "NAME_NOT_UTF8", "name", "byte 0");
    refused(() -> TreePath.parse("/\ud83dx"), "PATH_NOT_UTF8", "path", "byte 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {" a", "a ", "  ", "\u3000a", "a\u2003"})
  void aNameWithSpaceAtItsEdgeIsRefused(String edged) {
    refused(() -> ann.lock(edged), "NAME_EDGE_SPACE", "name", "\"" + edged + "\"");
    refused(() -> treeCalled(edged), "TREE_EDGE_SPACE", "tree");
  }

  @Test
  void theReservedPrefixIsRefused() {
    refused(() -> ann.lock("$sys/locks"), "NAME_RESERVED", "name", "$sys/");
    refused(() -> treeCalled("$sys/locks"), "TREE_RESERVED", "tree", "$sys/");
  }

  @ParameterizedTest
  @CsvSource({
    "a/b,      PATH_NOT_ABSOLUTE",
    "'',       PATH_EMPTY",
    "/a/,      PATH_TRAILING_SLASH",
    "//,       PATH_TRAILING_SLASH",
    "/a//b,    SEGMENT_EMPTY",
    "//a,      SEGMENT_EMPTY",
    "/a/./b,   SEGMENT_RESERVED",
    "/a/../b,  SEGMENT_RESERVED",
    "/..,      SEGMENT_RESERVED",
    "/a\\b,    SEGMENT_BAD_CHAR"
  })
  void aPathHasOneSpelling(String path, String reason) {
    store.requires(Capability.TREE);
    refused(() -> ann.tree(store.treeName("files")).write(path), reason);
    if (store.has(ann, Capability.DESCRIBE)) {
      refused(() -> ann.tree(store.treeName("files")).describe(path), reason);
    }
    if (!path.isEmpty()) {
      refused(() -> TreePath.parse(path), reason, "\"" + path.replace("\\", "\\\\") + "\"");
    }
  }

  @Test
  void thePlaceInAPathIsNamed() {
    refused(() -> TreePath.parse("/a/b//c"), "SEGMENT_EMPTY", "segment 3");
    refused(() -> TreePath.parse("/a/../c"), "SEGMENT_RESERVED", "segment 2");
    refused(() -> TreePath.parse("/d".repeat(65)), "PATH_TOO_DEEP", "path", "65", "64");
    refused(
        () -> TreePath.parse("/a/" + "x".repeat(256)), "SEGMENT_TOO_LONG", "segment", "256", "255");
    refused(
        () -> TreePath.parse(("/" + "x".repeat(200)).repeat(21)),
        "PATH_TOO_LONG",
        "path",
        "4221",
        "4096");
    refused(() -> TreePath.of(Path.of("a/../b")), "SEGMENT_RESERVED", "segment 2");
    refused(() -> TreePath.root().child("a/b"), "SEGMENT_BAD_CHAR");
  }

  @Test
  void noPathAtAllIsRefused() {
    store.requires(Capability.TREE);
    refused(
        () -> ann.tree(store.treeName("files")).read(new String[0]), "TARGETS_EMPTY", "at least 1");
    refused(
        () -> ann.tree(store.treeName("files")).write(new Path[0]), "TARGETS_EMPTY", "at least 1");
  }

  @Test
  void prefixesAreCheckedToo() {
    store.requires(Capability.LIST);
    refused(() -> ann.list("a\nb"), "PREFIX_BAD_CHAR", "prefix", "U+000A");
    refused(() -> ann.list("x".repeat(513)), "PREFIX_TOO_LONG", "prefix", "513", "512");
  }

  @Test
  void leasesHaveBounds() {
    HoldOptions options = HoldOptions.defaults();
    refused(
        () -> options.leaseDuration(Duration.ZERO),
        "LEASE_TOO_SHORT",
        "leaseDuration",
        "0 ms",
        "2000 ms");
    refused(
        () -> options.leaseDuration(Duration.ofMillis(-1)), "LEASE_TOO_SHORT", "-1 ms", "2000 ms");
    refused(
        () -> options.leaseDuration(Duration.ofMillis(1)), "LEASE_TOO_SHORT", "1 ms", "2000 ms");
    refused(
        () -> options.leaseDuration(Duration.ofHours(2)),
        "LEASE_TOO_LONG",
        "leaseDuration",
        "3600000 ms");
    refused(
        () -> options.leaseDuration(Duration.ofMillis(Long.MAX_VALUE)),
        "LEASE_TOO_LONG",
        "3600000 ms");
    refused(
        () -> options.leaseDuration(Duration.ofSeconds(Long.MAX_VALUE)),
        "LEASE_TOO_LONG",
        "3600000 ms");
    assertThat(options.leaseDuration(HoldOptions.MIN_LEASE).leaseDuration())
        .isEqualTo(HoldOptions.MIN_LEASE);
    assertThat(options.leaseDuration(HoldOptions.MAX_LEASE).leaseDuration())
        .isEqualTo(HoldOptions.MAX_LEASE);
  }

  @Test
  void maxHoldHasBounds() {
    HoldOptions options = HoldOptions.defaults();
    refused(() -> options.maxHold(Duration.ZERO), "MAX_HOLD_TOO_SHORT", "maxHold", "0 ms", "1 ms");
    refused(() -> options.maxHold(Duration.ofNanos(1)), "MAX_HOLD_TOO_SHORT", "maxHold", "1 ms");
    refused(
        () -> options.maxHold(Duration.ofSeconds(Long.MIN_VALUE)), "MAX_HOLD_TOO_SHORT", "maxHold");
    refused(() -> options.maxHold(Duration.ofDays(366)), "MAX_HOLD_TOO_LONG", "maxHold");
    refused(
        () -> options.maxHold(Duration.ofSeconds(Long.MAX_VALUE)), "MAX_HOLD_TOO_LONG", "maxHold");
  }

  @Test
  void clientNamesHaveBounds() {
    ClientOptions options = ClientOptions.defaults();
    refused(() -> options.name(""), "CLIENT_NAME_EMPTY", "client name");
    refused(
        () -> options.name("x".repeat(129)), "CLIENT_NAME_TOO_LONG", "client name", "129", "128");
    refused(() -> options.name("a\tb"), "CLIENT_NAME_BAD_CHAR", "client name", "U+0009");
  }

  @Test
  void whatIsRefusedChangesNothing() {
    store.requires(Capability.LIST, Capability.ALL);
    refused(() -> ann.lock(store.name("x\n")), "NAME_BAD_CHAR");
    refused(() -> ann.all(ann.lock(name), ann.lock(store.name("y\n"))), "NAME_BAD_CHAR");
    assertThat(bob.list(store.prefix()).locks()).isEmpty();
  }

  /** One line, beginning with the reason, with all of these in it, and not much longer than the longest value shown. */
  private static void refused(ThrowingCallable call, String reason, String... parts) {
    InvalidRequestException refused = catchThrowableOfType(InvalidRequestException.class, call);
    assertThat(refused).as("refusal with %s", reason).isNotNull();
    assertThat(refused.reason()).isEqualTo(reason);
    for (String part : parts) {
      assertThat(refused).hasMessageContaining(part);
    }
    assertThat(refused)
        .message()
        .startsWith(reason + ": ")
        .hasSizeLessThan(300)
        .doesNotContainPattern("\\p{Cntrl}");
    assertThat(refused.getCause()).isNull();
  }

  /** As {@code client.tree} makes it, for stores without trees too. */
  private static LockKey treeCalled(String tree) {
    return new LockKey.Node(tree, TreePath.root());
  }

  /** As long as a name may be. */
  private static String fill(String start, String with) {
    StringBuilder text = new StringBuilder(start);
    int each = with.getBytes(StandardCharsets.UTF_8).length;
    int bytes = start.getBytes(StandardCharsets.UTF_8).length;
    for (; bytes + each <= LockKey.MAX_NAME_BYTES; bytes += each) {
      text.append(with);
    }
    return text.toString();
  }
}
