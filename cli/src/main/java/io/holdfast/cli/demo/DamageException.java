package io.holdfast.cli.demo;

/** The files are not as they must be: somebody else was at them. */
final class DamageException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String what;

  DamageException(String what) {
    super(what);
    this.what = what;
  }

  String what() {
    return what;
  }
}
