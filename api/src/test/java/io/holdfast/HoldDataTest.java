package io.holdfast;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class HoldDataTest {
  @Test
  void noDataIsEmpty() {
    assertThat(HoldData.empty().isEmpty()).isTrue();
    assertThat(HoldData.of("")).isSameAs(HoldData.empty());
    assertThat(HoldData.of(new byte[0])).isSameAs(HoldData.empty());
    assertThat(HoldData.empty().bytes()).isEmpty();
    assertThat(HoldData.empty().text()).isEmpty();
  }

  @Test
  void textTravelsAsUtf8() {
    HoldData data = HoldData.of("Grüße \uD83D\uDD12");
    assertThat(data.isEmpty()).isFalse();
    assertThat(data.text()).isEqualTo("Grüße \uD83D\uDD12");
    assertThat(data.bytes()).isEqualTo("Grüße \uD83D\uDD12".getBytes(StandardCharsets.UTF_8));
    assertThat(data).isEqualTo(HoldData.of(data.bytes()));
  }

  @Test
  void bytesAreCopiedInAndOut() {
    byte[] bytes = {1, 2, 3};
    HoldData data = HoldData.of(bytes);
    bytes[0] = 9;
    data.bytes()[1] = 9;
    assertThat(data.bytes()).containsExactly(1, 2, 3);
  }

  @Test
  void fourKibibytesAreTheMost() {
    assertThat(HoldData.of(new byte[HoldData.MAX_BYTES]).bytes()).hasSize(4096);
    assertThat(HoldData.of("ö".repeat(2048)).bytes()).hasSize(4096);
  }

  @Test
  void bytesThatAreNoTextAreShownAsSuch() {
    assertThat(HoldData.of(new byte[] {'a', (byte) 0xC3}).text()).isEqualTo("a\uFFFD");
  }

  @Test
  void isShownInQuotesAndCut() {
    assertThat(HoldData.of("job 7\n")).hasToString("\"job 7\\n\"");
    assertThat(HoldData.of("a".repeat(65))).hasToString("\"" + "a".repeat(64) + "…\"");
  }

  @Test
  void equalBytesAreEqual() {
    assertThat(HoldData.of("a"))
        .isEqualTo(HoldData.of(new byte[] {'a'}))
        .hasSameHashCodeAs(HoldData.of("a"))
        .isNotEqualTo(HoldData.of("b"))
        .isNotEqualTo(HoldData.empty())
        .isNotEqualTo("a");
  }
}
