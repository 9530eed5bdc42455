package io.holdfast.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Says nothing about speed: a benchmark that no longer runs is found here, not on the day somebody wants its figures. */
class BenchmarksTest {
  @Test
  void everyBenchmarkRuns() throws RunnerException {
    System.setProperty("jmh.ignoreLock", "true"); // others may measure at the same time
    Options options =
        new OptionsBuilder()
            .include("io.holdfast.benchmarks")
            .exclude("Virtual") // needs a newer JDK
            .param("size", "10")
            .param("depth", "5")
            .param("callers", "2")
            .forks(0)
            .warmupIterations(0)
            .measurementIterations(1)
            .measurementTime(TimeValue.milliseconds(1))
            .shouldFailOnError(true)
            .verbosity(VerboseMode.SILENT)
            .build();

    assertThat(new Runner(options).run()).isNotEmpty();
  }
}
