package io.holdfast.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.HoldData;
import io.holdfast.Holder;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.cli.output.Terminal;
import io.holdfast.testkit.ManualTicker;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressTest {
  private static final DemoSettings SETTINGS =
      new DemoSettings(1, 4, Duration.ofSeconds(5), Optional.empty(), false, false, false);

  private final ManualTicker ticker = new ManualTicker();
  private final StringWriter drawn = new StringWriter();

  @ParameterizedTest
  @CsvSource({"1, 0", "6, 0", "7, 0", "8, 1", "9, 2", "10, 3", "24, 3"})
  void aTerminalShowsAsManyHoldersAsItHasRoomFor(int rows, int shown) {
    Terminal terminal = new Terminal(true, false, 200, rows);
    Log log = new Log(ticker, false);
    Progress progress = new Progress(SETTINGS, log, ticker, new PrintWriter(drawn), terminal);

    progress.updateIfDue(new Onlooker.Sight(List.of(), holders(3), Map.of()));

    assertThat(drawn.toString().lines().filter(line -> line.contains("exclusive"))).hasSize(shown);
    if (shown < 3) {
      assertThat(drawn.toString()).contains("and " + (3 - shown) + " more");
    } else {
      assertThat(drawn.toString()).doesNotContain(" more");
    }
  }

  private Map<Long, Holder> holders(int count) {
    Map<Long, Holder> holders = new TreeMap<>();
    for (long token = 1; token <= count; token++) {
      LockTarget target = new LockTarget(new LockKey.Name("lock " + token), LockMode.EXCLUSIVE);
      holders.put(
          token,
          new Holder(
              "worker",
              List.of(target),
              OptionalLong.of(token),
              ticker.instant(),
              Optional.empty(),
              HoldData.empty()));
    }
    return holders;
  }
}
