package io.holdfast.simulation;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;

/**
 * The classes of the table, the cores and the simulation once more, some of them changed; all others are those of everybody.
 */
final class ClassesLoadedAgain extends ClassLoader {
  private static final List<String> PACKAGES =
      List.of(
          "io.holdfast.table.",
          "io.holdfast.server.core.",
          "io.holdfast.remote.internal.",
          "io.holdfast.core.",
          "io.holdfast.testkit.lease.",
          "io.holdfast.simulation.");

  private final Map<String, byte[]> changed;

  /** @param changed by class name */
  ClassesLoadedAgain(Map<String, byte[]> changed) {
    super(ClassesLoadedAgain.class.getClassLoader());
    this.changed = changed;
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (PACKAGES.stream().noneMatch(name::startsWith)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded == null ? define(name) : loaded;
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    byte[] bytes = changed.get(name);
    if (bytes == null) {
      try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
        if (in == null) {
          throw new ClassNotFoundException(name);
        }
        bytes = in.readAllBytes();
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
    return defineClass(name, bytes, 0, bytes.length);
  }
}
