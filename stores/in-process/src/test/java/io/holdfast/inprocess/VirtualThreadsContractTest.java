package io.holdfast.inprocess;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/** The contract once more, where the JDK has virtual threads: each fact runs in one, and so do all that act in it. */
@EnabledForJreRange(min = JRE.JAVA_21)
@ExtendWith(VirtualThreadsContractTest.InVirtualThread.class)
class VirtualThreadsContractTest extends InProcessContractTest {
  @Override
  protected Thread thread(Runnable task) {
    return virtual(task);
  }

  @Test
  void factsRunInVirtualThreads() throws ReflectiveOperationException {
    assertThat(Thread.class.getMethod("isVirtual").invoke(Thread.currentThread())).isEqualTo(true);
  }

  /** By reflection: the JDK that this is compiled for does not have it. */
  private static Thread virtual(Runnable task) {
    try {
      Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
      return (Thread)
          Class.forName("java.lang.Thread$Builder")
              .getMethod("unstarted", Runnable.class)
              .invoke(builder, task);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  static final class InVirtualThread implements InvocationInterceptor {
    @Override
    public void interceptTestMethod(
        Invocation<Void> fact, ReflectiveInvocationContext<Method> method, ExtensionContext context)
        throws Throwable {
      run(fact);
    }

    @Override
    public void interceptTestTemplateMethod(
        Invocation<Void> fact, ReflectiveInvocationContext<Method> method, ExtensionContext context)
        throws Throwable {
      run(fact);
    }

    private static void run(Invocation<Void> fact) throws Throwable {
      CompletableFuture<Boolean> over = new CompletableFuture<>();
      Thread thread =
          virtual(
              () -> {
                try {
                  fact.proceed();
                  over.complete(true);
                } catch (Throwable e) {
                  over.completeExceptionally(e);
                }
              });
      thread.start();
      try {
        over.get();
      } catch (ExecutionException e) {
        throw e.getCause();
      } catch (InterruptedException timeout) {
        thread.interrupt();
        throw timeout;
      }
    }
  }
}
