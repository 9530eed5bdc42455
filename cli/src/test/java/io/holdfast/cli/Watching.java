package io.holdfast.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** {@code holdfast watch} beside a test. It ends when it has something to tell and nobody reads any more. */
final class Watching {
  private final Reader out = new Reader();
  private final Reader err = new Reader();
  private final CompletableFuture<Integer> end;

  Watching(String... args) {
    List<String> line = new ArrayList<>(List.of("watch", "--interval", "100ms"));
    line.addAll(List.of(args));
    end = CompletableFuture.supplyAsync(() -> Main.run(out, err, line.toArray(String[]::new)));
  }

  void untilTold(String text) throws InterruptedException {
    RunningCommand.await("it tells: " + text, () -> told().contains(text));
  }

  void untilComplains(String text) throws InterruptedException {
    RunningCommand.await("it complains: " + text, () -> complaints().contains(text));
  }

  String told() {
    return out.text();
  }

  String complaints() {
    return err.text();
  }

  /** Reads no more. */
  void leave() {
    out.left = true;
  }

  int exitCode() throws Exception {
    return end.get(20, TimeUnit.SECONDS);
  }

  /** Keeps what it reads, until it leaves. */
  private static final class Reader extends OutputStream {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private volatile boolean left;

    @Override
    public void write(int b) throws IOException {
      if (left) {
        throw new IOException("Broken pipe");
      }
      bytes.write(b);
    }

    String text() {
      return bytes.toString(Charset.defaultCharset());
    }
  }
}
