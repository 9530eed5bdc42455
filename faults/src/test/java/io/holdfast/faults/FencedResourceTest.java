package io.holdfast.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryRecorder;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FencedResourceTest {
  private final HistoryRecorder recorder = new HistoryRecorder(System::nanoTime);
  private FencedResource resource;
  private ResourceConnection client;

  @BeforeEach
  void open() throws Exception {
    resource = FencedResource.open(recorder, "127.0.0.1");
    client = new ResourceConnection(resource.address());
  }

  @AfterEach
  void close() throws Exception {
    client.close();
    resource.close();
  }

  @Test
  void aCounterIsReadAndRaised() {
    assertThat(client.read(1, "a", 5)).hasValue(0);
    assertThat(client.write(1, "a", 5, 1)).isTrue();
    assertThat(client.read(2, "a", 6)).hasValue(1);
    assertThat(client.read(3, "b", 1)).hasValue(0);
    assertThat(resource.damage()).isEmpty();
  }

  @Test
  void whoComesWithAnOldTokenIsRefusedEvenIfTheNewOneOnlyRead() {
    assertThat(client.read(1, "a", 5)).hasValue(0);
    assertThat(client.read(2, "a", 6)).hasValue(0);
    assertThat(client.write(1, "a", 5, 1)).isFalse();
    assertThat(client.read(1, "a", 5)).isEqualTo(OptionalLong.empty());
    assertThat(resource.refused()).isEqualTo(2);
    assertThat(recorder.history().events())
        .filteredOn(HistoryEvent.Wrote.class::isInstance)
        .extracting(event -> ((HistoryEvent.Wrote) event).accepted())
        .containsExactly(true, true, false, false);
  }

  /** As between two holders that were given one token. */
  @Test
  void anUpdateThatWasLostIsDamage() {
    client.read(1, "a", 5);
    client.read(2, "a", 5);
    client.write(1, "a", 5, 1);
    client.write(2, "a", 5, 1);
    assertThat(resource.damage()).singleElement().asString().contains("request 2", "token 5");
  }
}
