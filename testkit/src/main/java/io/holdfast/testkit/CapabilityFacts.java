package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** A store says beforehand what it cannot do, and refuses it with what to do instead. */
abstract class CapabilityFacts extends Facts {
  CapabilityFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void allClientsOfAStoreCanDoTheSame() {
    Set<Capability> capabilities = ann.capabilities();
    assertThat(bob.capabilities()).isEqualTo(capabilities);
    ann.close();
    assertThat(ann.capabilities()).isEqualTo(capabilities);
  }

  @Test
  void whatAStoreCannotDoItRefusesAndNamesItselfAndAWayOut() throws Exception {
    Map<Capability, ThrowingCallable> uses =
        Map.of(
            Capability.SHARED, () -> ann.readWriteLock(name),
            Capability.ALL, () -> ann.all(ann.lock(name)),
            Capability.TREE, () -> ann.tree(name),
            Capability.DATA, () -> ann.lock(name).with(HoldOptions.defaults().data("d")),
            Capability.DESCRIBE, () -> ann.describe(name),
            Capability.LIST, () -> ann.list(store.prefix()),
            Capability.FORCE_RELEASE, () -> ann.forceRelease(name, 1));
    EnumSet<Capability> missing = EnumSet.allOf(Capability.class);
    missing.removeAll(ann.capabilities());
    for (Capability capability : missing) {
      if (uses.containsKey(capability)) {
        refuses(uses.get(capability));
      }
    }
    if (missing.contains(Capability.FENCING)) {
      try (Hold hold = ann.lock(name).acquire()) {
        refuses(hold::token);
        assertThat(hold).asString().contains(name);
      }
    }
  }

  @Test
  void dataAmongTheOptionsOfAClientIsRefusedToo() {
    if (!store.has(ann, Capability.DATA)) {
      ClientOptions marked =
          ClientOptions.defaults().holds(HoldOptions.defaults().data("of all its holds"));
      refuses(() -> store.client(marked).lock(name).acquire());
    }
  }

  @Test
  void someCapabilitiesNeedOthers() {
    Set<Capability> capabilities = ann.capabilities();
    needs(capabilities, Capability.WAITERS, Capability.DESCRIBE);
    needs(capabilities, Capability.DURABLE_TOKENS, Capability.FENCING);
    needs(capabilities, Capability.FORCE_RELEASE, Capability.FENCING);
  }

  @Test
  void closingAClientTwiceIsHarmless() {
    ann.close();
    ann.close();
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  private static void needs(Set<Capability> capabilities, Capability one, Capability other) {
    if (capabilities.contains(one)) {
      assertThat(capabilities).contains(other);
    }
  }

  private static void refuses(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("store cannot do")
        .hasMessageContaining(": ");
  }
}
