package io.holdfast.gcs;

/** A client's connection, which ends when the client's process is to be as if dead: whatever it asks is refused for good. */
final class MortalHttp extends EmulatedHttp {
  private volatile boolean isDead;

  MortalHttp(EmulatedStorage storage) {
    super(storage);
  }

  void die() {
    isDead = true;
  }

  @Override
  boolean isCut() {
    return isDead;
  }
}
