package io.holdfast.simulation;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Brings a mutant before the simulations and the explorer. The table, the cores, the engine and the simulations are
 * loaded once more beside the real ones, with the changed class among them: the code under test has no switches, and
 * knows nothing of this. Who breaks down is convicted too.
 */
final class MutantTrial {
  private final ClassLoader classes;

  private MutantTrial(Map<String, byte[]> changed) {
    classes = new ClassesLoadedAgain(changed);
  }

  /** The real code, loaded in the same way. */
  static MutantTrial ofNobody() {
    return new MutantTrial(Map.of());
  }

  static MutantTrial of(Mutant mutant) throws IOException {
    Path repository = Path.of("").toAbsolutePath().getParent(); // tests run in the module's folder
    return new MutantTrial(InMemoryCompiler.compile(mutant.className(), mutant.source(repository)));
  }

  /** What the simulation finds with this seed; null if nothing. */
  @Nullable String simulate(long seed) {
    return simulate("Simulation", seed);
  }

  /** What the simulation of leases finds with this seed; null if nothing. */
  @Nullable String simulateLeases(long seed) {
    return simulate("LeaseSimulation", seed);
  }

  private @Nullable String simulate(String simulation, long seed) {
    try {
      return verdict("breach", call(simulation, "run", new Class<?>[] {long.class}, seed));
    } catch (BrokeDownException e) {
      return "seed " + seed + ": " + e;
    }
  }

  /** What the explorer finds with sequences of this length; null if nothing. */
  @Nullable String explore(int depth) {
    for (Object alphabet : (List<?>) call("Alphabet", "all", new Class<?>[0])) {
      Class<?>[] parameters = {alphabet.getClass(), int.class};
      String found;
      try {
        found = verdict("counterexample", call("Explorer", "explore", parameters, alphabet, depth));
      } catch (BrokeDownException e) {
        found = e.toString();
      }
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private Object call(String type, String name, Class<?>[] parameters, Object... arguments) {
    try {
      Method method =
          classes.loadClass("io.holdfast.simulation." + type).getDeclaredMethod(name, parameters);
      method.setAccessible(true);
      return method.invoke(null, arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof LinkageError) { // of the trial, not of the mutant
        throw new IllegalStateException(e);
      }
      throw new BrokeDownException(type, e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static @Nullable String verdict(String accessor, Object outcome) {
    try {
      Method method = outcome.getClass().getDeclaredMethod(accessor);
      method.setAccessible(true);
      return (String) method.invoke(outcome);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What was called failed, which no sound code makes it do. */
  private static final class BrokeDownException extends RuntimeException {
    private static final long serialVersionUID = 1;

    BrokeDownException(String type, Throwable cause) {
      super(type + " broke down: " + cause, cause);
    }
  }
}
