package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A process of Python with psycopg2, where both are installed, and one of Java. */
class PythonTest {
  private final PostgresServer server = PostgresServer.shared();
  private final String database = server.newDatabase();

  private LockClient ann;
  private Process python;
  private BufferedWriter questions;
  private BufferedReader answers;

  @BeforeEach
  void connect() {
    ann = LockClient.connect(server.url(database));
  }

  @AfterEach
  void close() {
    ann.close();
    if (python != null) {
      python.destroyForcibly();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"shared-identifier", "ключ"})
  void aPythonProcessAndAJavaProcessExcludeEachOther(String name) throws Exception {
    start(name);
    Hold hold = ann.lock(name).acquire();
    assertThat(python("pg_try_advisory_lock")).isEqualTo("False");
    assertThat(python("pg_try_advisory_lock_shared")).isEqualTo("False");

    ask("pg_advisory_lock");
    until("Python waits", () -> isWaited(name));
    hold.close();
    assertThat(answers.readLine()).isEmpty();
    assertThat(ann.lock(name).tryAcquire()).isEmpty();

    CompletableFuture<Hold> waiting = ann.lock(name).acquireAsync();
    until("Java waits", () -> isWaited(name));
    assertThat(python("pg_advisory_unlock")).isEqualTo("True");
    promptly(waiting).close();

    Hold reading = ann.readWriteLock(name).read().acquire();
    assertThat(python("pg_try_advisory_lock")).isEqualTo("False");
    assertThat(python("pg_try_advisory_lock_shared")).isEqualTo("True");
    reading.close();
    assertThat(ann.lock(name).tryAcquire()).isEmpty();

    CompletableFuture<Hold> next = ann.lock(name).acquireAsync();
    python.destroyForcibly();
    promptly(next).close();
  }

  private boolean isWaited(String name) {
    String waiting = AdvisorySql.isOn(PostgresKeys.python().keyOf(name)) + " AND NOT granted";
    return !server.execute(database, "SELECT 1 FROM pg_locks WHERE " + waiting).isEmpty();
  }

  private String python(String function) throws IOException {
    ask(function);
    return answers.readLine();
  }

  private void ask(String line) throws IOException {
    questions.write(line + "\n");
    questions.flush();
  }

  private void start(String name) throws Exception {
    String interpreter =
        List.of("python3", "/usr/bin/python3").stream()
            .filter(PythonTest::hasDriver)
            .findFirst()
            .orElse("");
    assumeTrue(!interpreter.isEmpty(), "there is no python3 with psycopg2 here");
    String connection =
        "host=127.0.0.1 port=" + server.port() + " user=postgres dbname=" + database;
    Path program = Path.of(PythonTest.class.getResource("/advisory.py").toURI());
    python =
        new ProcessBuilder(interpreter, program.toString(), connection)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    questions = python.outputWriter(StandardCharsets.UTF_8);
    answers = python.inputReader(StandardCharsets.UTF_8);
    ask(name);
  }

  private static boolean hasDriver(String interpreter) {
    try {
      return new ProcessBuilder(interpreter, "-c", "import psycopg2")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException noSuchProgram) {
      return false;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
