package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.InvalidRequestException;
import io.holdfast.LockKey;
import io.holdfast.TreePath;
import io.holdfast.testkit.Fuzz;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What people may type, and worse. */
class GarbageUrlTest {
  @Test
  void aUrlIsTakenOrRefusedInALine() {
    byte[] good =
        "holdfast://a:7420,[::1]:7421/team?tls=off&connect-timeout=10s"
            .getBytes(StandardCharsets.UTF_8);
    Fuzz.tryMany(
        dice -> {
          String url =
              dice.nextBoolean()
                  ? new String(Fuzz.damaged(dice, good), StandardCharsets.UTF_8)
                  : "holdfast://" + Fuzz.text(dice, 60);
          try {
            ServerUrl parsed = ServerUrl.parse(url);
            assertThat(parsed.servers()).isNotEmpty();
            assertThat(parsed.namespace()).matches("[a-z0-9][a-z0-9._-]{0,63}");
          } catch (InvalidRequestException refused) {
            assertThat(refused.getMessage()).doesNotContain("\n", "\r", "\u001b");
          }
        });
  }

  @Test
  void aNameOrPathIsTakenAsItIsOrRefusedInALine() {
    Fuzz.tryMany(
        dice -> {
          String text = Fuzz.text(dice, 600);
          try {
            assertThat(new LockKey.Name(text).name()).isEqualTo(text);
            int bytes = text.getBytes(StandardCharsets.UTF_8).length;
            assertThat(bytes).isBetween(1, LockKey.MAX_NAME_BYTES);
            assertThat(new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
                .isEqualTo(text);
            assertThat(text.chars()).noneMatch(Character::isISOControl);
          } catch (InvalidRequestException refused) {
            assertThat(refused.getMessage()).doesNotContain("\n", "\r", "\u001b");
          }
          try {
            TreePath path = TreePath.parse("/" + text);
            assertThat(path.toString()).isEqualTo("/" + text);
            assertThat(TreePath.parse(path.toString())).isEqualTo(path);
            assertThat(path.depth()).isLessThanOrEqualTo(64);
          } catch (InvalidRequestException refused) {
            assertThat(refused.getMessage()).doesNotContain("\n", "\r", "\u001b");
          }
        });
  }
}
