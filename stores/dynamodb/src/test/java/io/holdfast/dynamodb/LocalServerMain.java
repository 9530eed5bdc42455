package io.holdfast.dynamodb;

import java.lang.reflect.Array;
import java.lang.reflect.Field;

/**
 * Runs DynamoDB Local in a JVM of its own, on loopback and a free port, which it prints. Ends with its standard input, so that
 * it does not outlive the tests. By reflection, for none of its classes is on the tests' class path.
 */
public final class LocalServerMain {
  private LocalServerMain() {}

  public static void main(String[] arguments) throws Exception {
    Class<?> runner = Class.forName("software.amazon.dynamodb.services.local.main.ServerRunner");
    Object proxy =
        runner
            .getMethod("createServerFromCommandLineArgs", String[].class)
            .invoke(
                null,
                (Object) new String[] {"-inMemory", "-disableTelemetry", "-port", arguments[0]});
    Field field = proxy.getClass().getDeclaredField("server");
    field.setAccessible(true);
    Object server = field.get(proxy);
    Object connectors = server.getClass().getMethod("getConnectors").invoke(server);
    Object connector = Array.get(connectors, 0);
    connector.getClass().getMethod("setHost", String.class).invoke(connector, "127.0.0.1");
    connector.getClass().getMethod("setPort", int.class).invoke(connector, 0);
    proxy.getClass().getMethod("start").invoke(proxy);
    Object port = connector.getClass().getMethod("getLocalPort").invoke(connector);
    System.out.println("port " + port);
    while (System.in.read() >= 0) {
      // nothing is said
    }
    Runtime.getRuntime().halt(0);
  }
}
