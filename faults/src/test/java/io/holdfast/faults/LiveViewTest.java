package io.holdfast.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.LossReason;
import io.holdfast.testkit.history.HistoryEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveViewTest {
  @TempDir private Path folder;

  @Test
  void whatAClientHoldsIsSeenWhileItGoesOnWriting() throws Exception {
    LiveView view = new LiveView(folder);
    assertThat(view.holdsOf("c")).isZero();
    Path file = folder.resolve("c.history");
    try (HistoryFile history = new HistoryFile(file)) {
      history.accept(new HistoryEvent.Acquired(5, 1, 10));
      history.accept(new HistoryEvent.Acquired(6, 2, 11));
      assertThat(view.holdsOf("c")).isEqualTo(2);
      assertThat(view.lastGrantOf("c")).isEqualTo(6);
      history.accept(new HistoryEvent.Releasing(7, 1));
      assertThat(view.holdsOf("c")).isEqualTo(1);
      history.accept(new HistoryEvent.Lost(8, 2, LossReason.EXPIRED));
    }
    Files.writeString(file, "acquired 9 3", StandardOpenOption.APPEND); // half a line
    assertThat(view.holdsOf("c")).isZero();
    assertThat(view.lossesOf("c")).isEqualTo(1);
    Files.writeString(file, " 12\n", StandardOpenOption.APPEND);
    assertThat(view.holdsOf("c")).isEqualTo(1);
    assertThat(view.grantsOf("c")).isEqualTo(3);
  }
}
