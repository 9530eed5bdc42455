package io.holdfast.postgres;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Connections of a process that stands still just before a certain statement, until it is told to go on. */
final class Standstill implements ConnectionSource {
  private final ConnectionSource source;
  private final String beforeStatement;
  private final CountDownLatch reached = new CountDownLatch(1);
  private final CountDownLatch goesOn = new CountDownLatch(1);

  Standstill(ConnectionSource source, String beforeStatement) {
    this.source = source;
    this.beforeStatement = beforeStatement;
  }

  /** Returns when it stands still. */
  void awaitReached() throws InterruptedException {
    if (!reached.await(Patience.PROMPTLY.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("nobody asked: " + beforeStatement);
    }
  }

  void goOn() {
    goesOn.countDown();
  }

  @Override
  public Connection open() throws SQLException {
    Connection connection = source.open();
    return (Connection)
        Proxy.newProxyInstance(
            Connection.class.getClassLoader(),
            new Class<?>[] {Connection.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("prepareStatement")
                  && arguments[0].equals(beforeStatement)) {
                reached.countDown();
                goesOn.await();
              }
              try {
                return method.invoke(connection, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
