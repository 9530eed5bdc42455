package io.holdfast.postgres;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One advisory lock that a request needs.
 *
 * @param key which
 * @param isShared whether shared will do
 * @param name what its user calls it
 */
record Claim(AdvisoryKey key, boolean isShared, LockKey.Name name) {
  /**
   * What a request needs, each key once in the stronger mode, in the order in which everybody takes them.
   *
   * @throws io.holdfast.LockRefusedException if two of the names have one key
   */
  static List<Claim> of(List<LockTarget> targets, PostgresKeys keys) {
    if (targets.size() == 1) {
      return List.of(of(targets.get(0), keys));
    }
    Map<AdvisoryKey, Claim> claims = new TreeMap<>();
    for (LockTarget target : targets) {
      Claim claim = of(target, keys);
      Claim before = claims.get(claim.key);
      if (before != null) {
        before.requireSameName(claim);
      }
      if (before == null || before.isShared) {
        claims.put(claim.key, claim);
      }
    }
    return List.copyOf(claims.values());
  }

  /**
   * The claim on one name.
   *
   * @throws io.holdfast.InvalidRequestException if it cannot be a name
   */
  static Claim of(String name, boolean isShared, PostgresKeys keys) {
    LockKey.Name checked = new LockKey.Name(name);
    return new Claim(keys.keyOf(name), isShared, checked);
  }

  private static Claim of(LockTarget target, PostgresKeys keys) {
    if (!(target.key() instanceof LockKey.Name name)) {
      throw new IllegalArgumentException("no advisory lock stands for " + target.key());
    }
    return new Claim(keys.keyOf(name.name()), target.mode() == LockMode.SHARED, name);
  }

  /** Refuses a name that only happens to have the same key. */
  void requireSameName(Claim other) {
    Failures.requireSameName(key, name, other.name);
  }

  @Override
  public String toString() {
    return name + (isShared ? " (shared)" : "");
  }

  boolean conflictsWith(Claim other) {
    return key.equals(other.key) && !(isShared && other.isShared);
  }
}
