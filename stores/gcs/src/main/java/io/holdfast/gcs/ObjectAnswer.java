package io.holdfast.gcs;

/** What came of a request about one object. */
sealed interface ObjectAnswer {
  /**
   * It was done.
   *
   * @param object as it is now
   */
  record Done(StoredObject object) implements ObjectAnswer {}

  /** The object was not in the state that the request expected; nothing was changed. */
  record Mismatch() implements ObjectAnswer {}

  /** There is no such object; nothing was changed. */
  record Missing() implements ObjectAnswer {}
}
