package io.holdfast.cli.run;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The signals that this process hears while a command runs under it, instead of ending by them. One that was ignored from
 * the start, like HUP under nohup, stays ignored.
 */
final class Signals implements AutoCloseable {
  /*
   * Java has signals in sun.misc.Signal alone: supported (module jdk.unsupported exports it) though no part of Java SE, so the
   * compiler warns of each mention; hence by reflection. A Java without it, or told to leave signals alone (-Xrs), ends by
   * them as ever, and then the guard stops the command.
   */
  private static final List<String> NAMES = List.of("HUP", "INT", "TERM");

  private final Deque<Restoration> restorations = new ArrayDeque<>();

  /**
   * Listens.
   *
   * @param heard must not block
   * @param suspension what to do when the terminal asks to suspend; it is not done, for who is suspended cannot renew a lease
   */
  Signals(Consumer<? super Event.Signalled> heard, Runnable suspension) {
    for (String name : NAMES) {
      handle(name, number -> heard.accept(new Event.Signalled(name, number)));
    }
    handle("TSTP", number -> suspension.run());
  }

  private void handle(String name, Consumer<Integer> handler) {
    try {
      Class<?> type = Class.forName("sun.misc.Signal");
      Object signal = type.getConstructor(String.class).newInstance(name);
      int number = (int) type.getMethod("getNumber").invoke(signal);
      Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
      Object proxy =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(),
              new Class<?>[] {handlerType},
              (self, method, arguments) -> {
                switch (method.getName()) {
                  case "handle" -> handler.accept(number);
                  case "hashCode" -> {
                    return System.identityHashCode(self);
                  }
                  case "equals" -> {
                    return arguments != null && self == arguments[0];
                  }
                  default -> {
                    return name;
                  }
                }
                return null;
              });
      Object before = set(signal, handlerType, proxy);
      restorations.push(() -> set(signal, handlerType, before));
    } catch (InvocationTargetException e) {
      if (!(e.getCause() instanceof IllegalArgumentException)) { // the virtual machine keeps it
        throw new IllegalStateException(e);
      }
    } catch (ClassNotFoundException e) {
      // this Java has none
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static @Nullable Object set(Object signal, Class<?> handlerType, @Nullable Object handler)
      throws ReflectiveOperationException {
    return signal
        .getClass()
        .getMethod("handle", signal.getClass(), handlerType)
        .invoke(null, signal, handler);
  }

  @Override
  public void close() {
    for (Restoration restoration : restorations) {
      try {
        restoration.run();
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private interface Restoration {
    void run() throws ReflectiveOperationException;
  }
}
