package io.holdfast.server.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.Test;

class TransportLogTest {
  private final ManualTicker ticker = new ManualTicker();
  private final List<String> told = new ArrayList<>();
  private final TransportLog log =
      new TransportLog(ticker, (line, cause) -> told.add(line + "; " + cause));

  @Test
  void oneInAPeriodIsPassedOnWithTheNumberOfTheOthers() {
    for (int i = 1; i <= 100; i++) {
      log.publish(said(i));
    }
    assertThat(told).containsExactly("stream 1 broke; java.io.IOException: garbage");
    ticker.advance(TransportLog.PERIOD);
    log.publish(said(101));
    log.publish(said(102));
    assertThat(told)
        .hasSize(2)
        .last()
        .isEqualTo(
            "stream 101 broke (99 such messages before this were left out); java.io.IOException:"
                + " garbage");
    ticker.advance(TransportLog.PERIOD.multipliedBy(2));
    log.publish(said(103));
    assertThat(told.get(2)).contains("(1 such messages before");
  }

  @Test
  void whatIsSevereIsNotHiddenByGarbageNorHidesIt() {
    log.publish(said(1));
    log.publish(said(2));
    log.publish(said(Level.SEVERE, 3));
    log.publish(said(Level.SEVERE, 4));
    assertThat(told)
        .containsExactly(
            "stream 1 broke; java.io.IOException: garbage",
            "stream 3 broke; java.io.IOException: garbage");
    ticker.advance(TransportLog.PERIOD);
    log.publish(said(Level.SEVERE, 5));
    log.publish(said(6));
    assertThat(told).hasSize(4);
    assertThat(told.get(2)).startsWith("stream 5 broke (1 such messages before");
    assertThat(told.get(3)).startsWith("stream 6 broke (1 such messages before");
  }

  private static LogRecord said(int stream) {
    return said(Level.WARNING, stream);
  }

  private static LogRecord said(Level level, int stream) {
    LogRecord record = new LogRecord(level, "stream {0} broke");
    record.setParameters(new Object[] {stream});
    record.setThrown(new IOException("garbage"));
    return record;
  }
}
