package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.InvalidRequestException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PostgresKeysTest {
  /** As py-postgresql-lock computes them. */
  @ParameterizedTest
  @CsvSource({
    "shared-identifier, -464685171814670893,   142468548502040132",
    "a,                 -8721251224300181508,  770532928004321317",
    "1,                 3848916506047131724,   304942582444936629",
    "'',                -2721964255587120371,  124584541093122799"
  })
  void namesHaveTheKeysOfThePythonLibrary(String name, long now, long upTo015) {
    assertThat(PostgresKeys.python().keyOf(name)).isEqualTo(AdvisoryKey.of(now));
    assertThat(PostgresKeys.pythonUpTo015().keyOf(name)).isEqualTo(AdvisoryKey.of(upTo015));
  }

  @Test
  void namesOutsideAsciiAreUtf8() {
    assertThat(PostgresKeys.python().keyOf("ключ"))
        .isEqualTo(AdvisoryKey.of(-5518327800291478426L));
  }

  @Test
  void aNumberIsItsOwnKeyAndSoIsAPair() {
    PostgresKeys keys = PostgresKeys.numbers();
    assertThat(keys.keyOf("42")).isEqualTo(AdvisoryKey.of(42));
    assertThat(keys.keyOf("-9223372036854775808")).isEqualTo(AdvisoryKey.of(Long.MIN_VALUE));
    assertThat(keys.keyOf("7,-42")).isEqualTo(AdvisoryKey.of(7, -42));
    assertThat(keys.keyOf("0,42")).isNotEqualTo(keys.keyOf("42"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "042", "+42", "4 2", "7, 42", "1,2,3", "9223372036854775808", "1,2147483648"})
  void whatIsNoNumberIsRefused(String name) {
    assertThatThrownBy(() -> PostgresKeys.numbers().keyOf(name))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("NAME_NOT_A_KEY");
  }

  @Test
  void pairsHaveTheirApplicationInFront() {
    AdvisoryKey key = PostgresKeys.pairs(7).keyOf("a");
    assertThat(key.isPair()).isTrue();
    assertThat(key.high()).isEqualTo(7);
    assertThat(key.low()).isEqualTo((int) (-8721251224300181508L >> 32));
  }

  @Test
  void functionsHaveNamesForUrls() {
    for (String function : new String[] {"python", "python-0.1.5", "pairs:-7"}) {
      assertThat(PostgresKeys.named(function).keyOf("a")).isNotNull();
    }
    assertThat(PostgresKeys.named("numbers").keyOf("1")).isEqualTo(AdvisoryKey.of(1));
    for (String unknown : new String[] {"", "pairs", "pairs:x", "md5"}) {
      assertThatThrownBy(() -> PostgresKeys.named(unknown))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessageStartingWith("KEYS_UNKNOWN");
    }
  }

  @Test
  void keysAreOrderedAndKeepTheirHalves() {
    AdvisoryKey low = AdvisoryKey.of(-1);
    AdvisoryKey high = AdvisoryKey.of(1);
    assertThat(low).isLessThan(high);
    assertThat(low.number()).isEqualTo(-1);
    assertThat(AdvisoryKey.of(0, 1)).isGreaterThan(high).hasToString("0, 1");
    assertThat(low).hasToString("-1");
  }
}
