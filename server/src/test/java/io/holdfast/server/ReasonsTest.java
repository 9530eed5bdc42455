package io.holdfast.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.server.security.AuthReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Whoever has the proto alone finds there the words that a server can answer with: those of two words or more that stand whole in
 * the code, those of limits and those of {@link AuthReason}. Left out are reasons that are composed from parts, such as {@code
 * …_TOO_SHORT} behind the name of a field, and other single words: a reader has to compare those.
 */
class ReasonsTest {
  private static final Path SOURCES = Path.of("src/main/java");
  private static final Path PROTO =
      Path.of("../protocol/src/main/proto/holdfast/v1/holdfast.proto");

  /** Two words in capitals, or more: in this house nothing else is written so between quotes. */
  private static final Pattern REASON = Pattern.compile("\"([A-Z]+(?:_[A-Z]+)+)\"");

  /** Is told as TOO_MANY_…. */
  private static final Pattern LIMIT =
      Pattern.compile("(?:require|exhausted)\\(\\s*\"([A-Z]+(?:_[A-Z]+)*)\"");

  private static final Pattern WORD = Pattern.compile("\\b([A-Z]+(?:_[A-Z]+)*)\\b");

  @Test
  void everyReasonStandsInTheProto() throws IOException {
    String proto = Files.readString(PROTO);
    Set<String> told = words(WORD, proto.substring(proto.indexOf("\n// Reasons\n")));
    String code = code();
    Set<String> limits = words(LIMIT, code);
    Set<String> reasons = words(REASON, code);
    reasons.removeAll(limits);
    limits.forEach(limit -> reasons.add("TOO_MANY_" + limit));
    Stream.of(AuthReason.values()).map(AuthReason::name).forEach(reasons::add);
    assertThat(reasons).contains("NOT_LEADER", "TOO_MANY_WAITERS", "EXPIRED");
    assertThat(told).containsAll(reasons);
  }

  private static String code() throws IOException {
    try (Stream<Path> files = Files.walk(SOURCES)) {
      StringBuilder code = new StringBuilder();
      for (Path file : files.filter(each -> each.toString().endsWith(".java")).toList()) {
        code.append(Files.readString(file));
      }
      return code.toString();
    }
  }

  private static Set<String> words(Pattern pattern, String text) {
    return pattern
        .matcher(text)
        .results()
        .map((MatchResult found) -> found.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
