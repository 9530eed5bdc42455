package io.holdfast.gcs;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * The emulator in a JVM of its own, with an empty bucket, for whoever wants to try a client by hand
 * or measure one. Prints its port; answers the line "requests" with how many there were since the
 * last; ends with its standard input.
 */
public final class EmulatorMain {
  private EmulatorMain() {}

  public static void main(String[] arguments) throws Exception {
    GcsEmulator emulator = new GcsEmulator();
    emulator.storage().createBucket(arguments[0]);
    System.out.println("port " + emulator.endpoint().getPort());
    BufferedReader told =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = told.readLine(); line != null; line = told.readLine()) {
      System.out.println("requests " + emulator.storage().calls().size());
      emulator.storage().forgetCalls();
    }
    Runtime.getRuntime().halt(0);
  }
}
