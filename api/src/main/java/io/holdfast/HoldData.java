package io.holdfast;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes of the user's that travel with a hold and are shown to whoever describes the lock. Immutable. */
public final class HoldData {
  /** A hold carries at most so many bytes. */
  public static final int MAX_BYTES = 4096;

  private static final HoldData EMPTY = new HoldData(new byte[0]);

  private final byte[] bytes;

  private HoldData(byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw new InvalidRequestException(
          "DATA_TOO_LONG", "data has " + bytes.length + " bytes, at most " + MAX_BYTES);
    }
    this.bytes = bytes;
  }

  /** No data. */
  public static HoldData empty() {
    return EMPTY;
  }

  /**
   * A copy of the bytes.
   *
   * @throws InvalidRequestException if there are more than {@value #MAX_BYTES}
   */
  public static HoldData of(byte[] bytes) {
    return bytes.length == 0 ? EMPTY : new HoldData(bytes.clone());
  }

  /**
   * The text as UTF-8.
   *
   * @throws InvalidRequestException if that is more than {@value #MAX_BYTES} bytes
   */
  public static HoldData of(String text) {
    return text.isEmpty() ? EMPTY : new HoldData(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Whether there is none. */
  public boolean isEmpty() {
    return bytes.length == 0;
  }

  /** A copy of the bytes. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** The bytes read as UTF-8; what is not UTF-8 in them comes out as U+FFFD. */
  public String text() {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof HoldData data && Arrays.equals(bytes, data.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return InvalidRequestException.show(text());
  }
}
