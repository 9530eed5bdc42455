package io.holdfast.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.cli.JsonReader;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void nestsObjectsAndArrays() {
    String json =
        new Json()
            .object()
            .field("event", "granted")
            .field("token", 7)
            .field("late", false)
            .array("locks")
            .object()
            .field("lock", "a")
            .end()
            .array()
            .value(1)
            .value("b")
            .end()
            .end()
            .object("more")
            .end()
            .end()
            .toString();
    assertThat(json)
        .isEqualTo(
            "{\"event\":\"granted\",\"token\":7,\"late\":false,\"locks\":[{\"lock\":\"a\"},[1,\"b\"]],\"more\":{}}");
    assertThat(JsonReader.readObject(json))
        .isEqualTo(
            Map.of(
                "event",
                "granted",
                "token",
                7.0,
                "late",
                false,
                "locks",
                List.of(Map.of("lock", "a"), List.of(1.0, "b")),
                "more",
                Map.of()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "plain",
        "",
        "\"quoted\" \\ back",
        "line\nbreak\r\ttab\0\u001b[31m",
        "</script><!-- & -->",
        "é ✓ 🔒 \u2028"
      })
  void textComesBackAsItWas(String text) {
    String json = new Json().array().value(text).end().toString();
    assertThat(JsonReader.read(json)).isEqualTo(List.of(text));
    assertThat(json).isPrintable().isASCII().doesNotContain("<", "&");
  }

  @Test
  void numbersThatJsonDoesNotHaveAreNull() {
    String json =
        new Json()
            .object()
            .field("a", Double.NaN)
            .field("b", 1 / 0.0)
            .field("c", 0.1234)
            .end()
            .toString();
    assertThat(json).isEqualTo("{\"a\":null,\"b\":null,\"c\":0.123}");
  }
}
