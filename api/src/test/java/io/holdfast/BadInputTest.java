package io.holdfast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Duration;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A caller's mistakes, each answered in one line: a reason, then the field, its value (escaped, cut to 64 characters) and
 * the limit.
 */
class BadInputTest {
  static Stream<Arguments> names() {
    return Stream.of(
        name("", "NAME_EMPTY: name is empty, at least 1 byte"),
        name("a".repeat(513), "NAME_TOO_LONG: name " + cut("a") + " has 513 bytes, at most 512"),
        name(
            "a" + "ö".repeat(256),
            "NAME_TOO_LONG: name \"a" + "ö".repeat(63) + "…\" has 513 bytes, at most 512"),
        name("€".repeat(171), "NAME_TOO_LONG: name " + cut("€") + " has 513 bytes, at most 512"),
        name(
            "\uD83D\uDD12".repeat(129),
            "NAME_TOO_LONG: name \""
                + "\uD83D\uDD12".repeat(32)
                + "…\" has 516 bytes, at most 512"),
        name(
            "a".repeat(65_536),
            "NAME_TOO_LONG: name " + cut("a") + " has 65536 bytes, at most 512"),
        name(
            "a".repeat(1 << 20),
            "NAME_TOO_LONG: name " + cut("a") + " has 1048576 bytes, at most 512"),
        name(
            "abc\0",
            "NAME_BAD_CHAR: name \"abc\\u0000\" has the control character U+0000 at byte 3"),
        name(
            "ö€\0", "NAME_BAD_CHAR: name \"ö€\\u0000\" has the control character U+0000 at byte 5"),
        name(
            "a\r\nb",
            "NAME_BAD_CHAR: name \"a\\r\\nb\" has the control character U+000D at byte 1"),
        name("a\nb", "NAME_BAD_CHAR: name \"a\\nb\" has the control character U+000A at byte 1"),
        name("\tb", "NAME_BAD_CHAR: name \"\\tb\" has the control character U+0009 at byte 0"),
        name(
            "\u001B[31m",
            "NAME_BAD_CHAR: name \"\\u001B[31m\" has the control character U+001B at byte 0"),
        name(
            "a\u007F",
            "NAME_BAD_CHAR: name \"a\\u007F\" has the control character U+007F at byte 1"),
        name(
            "a\u009B31m",
            "NAME_BAD_CHAR: name \"a\\u009B31m\" has the control character U+009B at byte 1"),
        name("a\uD83D", "NAME_NOT_UTF8: name \"a\\uD83D\" has half a surrogate pair at byte 1"),
        name("\uDD12a", "NAME_NOT_UTF8: name \"\\uDD12a\" has half a surrogate pair at byte 0"),
        name(
            "\uDD12\uD83D",
            "NAME_NOT_UTF8: name \"\\uDD12\\uD83D\" has half a surrogate pair at byte 0"),
        name(" a", "NAME_EDGE_SPACE: name \" a\" starts or ends with a space"),
        name("a ", "NAME_EDGE_SPACE: name \"a \" starts or ends with a space"),
        name(" ", "NAME_EDGE_SPACE: name \" \" starts or ends with a space"),
        name("\u00A0a", "NAME_EDGE_SPACE: name \"\u00A0a\" starts or ends with a space"),
        name("a\u3000", "NAME_EDGE_SPACE: name \"a\u3000\" starts or ends with a space"),
        name("a\u2028", "NAME_EDGE_SPACE: name \"a\\u2028\" starts or ends with a space"),
        name("$sys/", "NAME_RESERVED: name \"$sys/\" starts with $sys/, which is reserved"),
        name("$sys/a", "NAME_RESERVED: name \"$sys/a\" starts with $sys/, which is reserved"));
  }

  static Stream<Arguments> paths() {
    return Stream.of(
        path("", "PATH_EMPTY: path is empty, at least 1 byte"),
        path(
            "/" + "a".repeat(4096),
            "PATH_TOO_LONG: path \"/" + "a".repeat(63) + "…\" has 4097 bytes, at most 4096"),
        path(
            "/".repeat(65_536),
            "PATH_TOO_LONG: path " + cut("/") + " has 65536 bytes, at most 4096"),
        path(
            "/a/\0",
            "PATH_BAD_CHAR: path \"/a/\\u0000\" has the control character U+0000 at byte 3"),
        path("/\uD83D", "PATH_NOT_UTF8: path \"/\\uD83D\" has half a surrogate pair at byte 1"),
        path("/a//b", "SEGMENT_EMPTY: segment \"/a//b\" is empty in segment 2"),
        path("//a", "SEGMENT_EMPTY: segment \"//a\" is empty in segment 1"),
        path("/a/", "PATH_TRAILING_SLASH: path \"/a/\" ends with /"),
        path("//", "PATH_TRAILING_SLASH: path \"//\" ends with /"),
        path("a/", "PATH_NOT_ABSOLUTE: path \"a/\" does not start with /"),
        path("a", "PATH_NOT_ABSOLUTE: path \"a\" does not start with /"),
        path("/a/../b", "SEGMENT_RESERVED: segment \"/a/../b\" has . or .. in segment 2"),
        path("/..", "SEGMENT_RESERVED: segment \"/..\" has . or .. in segment 1"),
        path("/a/b/.", "SEGMENT_RESERVED: segment \"/a/b/.\" has . or .. in segment 3"),
        path(
            "/a".repeat(65),
            "PATH_TOO_DEEP: path \"" + "/a".repeat(32) + "…\" has 65 segments, at most 64"),
        path(
            "/a/" + "b".repeat(256),
            "SEGMENT_TOO_LONG: segment " + cut("b") + " has 256 bytes, at most 255"),
        path(
            "/" + "ö".repeat(128),
            "SEGMENT_TOO_LONG: segment " + cut("ö") + " has 256 bytes, at most 255"),
        path(
            "/a\\b",
            "SEGMENT_BAD_CHAR: segment \"/a\\\\b\" has a slash or backslash in segment 1"));
  }

  static Stream<Arguments> durations() {
    return Stream.of(
        lease(Duration.ZERO, "LEASE_TOO_SHORT: leaseDuration 0 ms < 2000 ms"),
        lease(Duration.ofMillis(-1), "LEASE_TOO_SHORT: leaseDuration -1 ms < 2000 ms"),
        lease(Duration.ofMillis(1), "LEASE_TOO_SHORT: leaseDuration 1 ms < 2000 ms"),
        lease(Duration.ofMillis(1999), "LEASE_TOO_SHORT: leaseDuration 1999 ms < 2000 ms"),
        lease(
            Duration.ofSeconds(2).minusNanos(1),
            "LEASE_TOO_SHORT: leaseDuration PT1.999999999S < 2000 ms"),
        lease(
            Duration.ofHours(1).plusMillis(1),
            "LEASE_TOO_LONG: leaseDuration 3600001 ms > 3600000 ms"),
        lease(
            Duration.ofMillis(9_000_000_000_000_000_000L),
            "LEASE_TOO_LONG: leaseDuration PT2500000000000H > 3600000 ms"),
        lease(
            Duration.ofSeconds(Long.MAX_VALUE),
            "LEASE_TOO_LONG: leaseDuration PT2562047788015215H30M7S > 3600000 ms"),
        lease(
            Duration.ofSeconds(Long.MIN_VALUE),
            "LEASE_TOO_SHORT: leaseDuration PT-2562047788015215H-30M-8S < 2000 ms"),
        maxHold(Duration.ZERO, "MAX_HOLD_TOO_SHORT: maxHold 0 ms < 1 ms"),
        maxHold(Duration.ofSeconds(-1), "MAX_HOLD_TOO_SHORT: maxHold -1000 ms < 1 ms"),
        maxHold(Duration.ofNanos(999_999), "MAX_HOLD_TOO_SHORT: maxHold PT0.000999999S < 1 ms"),
        maxHold(Duration.ofDays(366), "MAX_HOLD_TOO_LONG: maxHold 31622400000 ms > 31536000000 ms"),
        maxHold(
            Duration.ofSeconds(Long.MAX_VALUE),
            "MAX_HOLD_TOO_LONG: maxHold PT2562047788015215H30M7S > 31536000000 ms"),
        maxWait(Duration.ofMillis(-1), "WAIT_NEGATIVE: maxWait -1 ms < 0 ms"),
        maxWait(Duration.ofNanos(-1), "WAIT_NEGATIVE: maxWait PT-0.000000001S < 0 ms"),
        maxWait(
            Duration.ofMillis(Long.MIN_VALUE),
            "WAIT_NEGATIVE: maxWait PT-2562047788015H-12M-55.808S < 0 ms"),
        maxWait(
            Duration.ofSeconds(Long.MIN_VALUE),
            "WAIT_NEGATIVE: maxWait PT-2562047788015215H-30M-8S < 0 ms"));
  }

  static Stream<Arguments> others() {
    return Stream.of(
        arguments(
            "client's name, empty",
            (ThrowingCallable) () -> ClientOptions.defaults().name(""),
            "CLIENT_NAME_EMPTY: client name is empty, at least 1 byte"),
        arguments(
            "client's name, 129 bytes",
            (ThrowingCallable) () -> ClientOptions.defaults().name("a".repeat(129)),
            "CLIENT_NAME_TOO_LONG: client name " + cut("a") + " has 129 bytes, at most 128"),
        arguments(
            "client's name, escape",
            (ThrowingCallable) () -> ClientOptions.defaults().name("a\u001Bb"),
            "CLIENT_NAME_BAD_CHAR: client name \"a\\u001Bb\" has the control character U+001B at byte 1"),
        arguments(
            "data, 4097 bytes",
            (ThrowingCallable) () -> HoldData.of(new byte[4097]),
            "DATA_TOO_LONG: data has 4097 bytes, at most 4096"),
        arguments(
            "data, 4097 bytes of text",
            (ThrowingCallable) () -> HoldData.of("a" + "ö".repeat(2048)),
            "DATA_TOO_LONG: data has 4097 bytes, at most 4096"),
        arguments(
            "data, in the options",
            (ThrowingCallable) () -> HoldOptions.defaults().data("a".repeat(4097)),
            "DATA_TOO_LONG: data has 4097 bytes, at most 4096"),
        arguments(
            "child, empty",
            (ThrowingCallable) () -> TreePath.parse("/a").child(""),
            "SEGMENT_EMPTY: segment \"\" is empty in segment 2"),
        arguments(
            "child, two at once",
            (ThrowingCallable) () -> TreePath.root().child("a/b"),
            "SEGMENT_BAD_CHAR: segment \"a/b\" has a slash or backslash in segment 1"),
        arguments(
            "child, reserved",
            (ThrowingCallable) () -> TreePath.root().child(".."),
            "SEGMENT_RESERVED: segment \"..\" has . or .. in segment 1"),
        arguments(
            "child, too deep",
            (ThrowingCallable) () -> TreePath.parse("/a".repeat(64)).child("b"),
            "PATH_TOO_DEEP: path \"" + "/a".repeat(32) + "…\" has 65 segments, at most 64"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"names", "paths", "durations", "others"})
  void isAnsweredInOneLine(String what, ThrowingCallable call, String message) {
    InvalidRequestException answer = catchThrowableOfType(InvalidRequestException.class, call);
    assertThat(answer).hasMessage(message).hasNoCause();
    assertThat(message).startsWith(answer.reason() + ": ");
    assertThat(answer.reason()).matches("[A-Z0-9]+(_[A-Z0-9]+)+");
    assertThat(message.chars()).noneMatch(Character::isISOControl);
    assertThat(message.length()).isLessThan(200);
  }

  /** Bytes that are no text never come this far; half a surrogate pair is what there is of it in Java. */
  private static Arguments name(String name, String message) {
    ThrowingCallable plain = () -> new LockKey.Name(name);
    return arguments("name " + InvalidRequestException.show(name), plain, message);
  }

  private static Arguments path(String path, String message) {
    ThrowingCallable parse = () -> TreePath.parse(path);
    return arguments("path " + InvalidRequestException.show(path), parse, message);
  }

  private static Arguments lease(Duration duration, String message) {
    ThrowingCallable set = () -> HoldOptions.defaults().leaseDuration(duration);
    return arguments("lease " + duration, set, message);
  }

  private static Arguments maxHold(Duration duration, String message) {
    ThrowingCallable set = () -> HoldOptions.defaults().maxHold(duration);
    return arguments("maxHold " + duration, set, message);
  }

  private static Arguments maxWait(Duration duration, String message) {
    ThrowingCallable ask = () -> Durations.waitNanos(duration);
    return arguments("maxWait " + duration, ask, message);
  }

  /** How a long value of one character is shown. */
  private static String cut(String character) {
    return "\"" + character.repeat(64) + "…\"";
  }
}
