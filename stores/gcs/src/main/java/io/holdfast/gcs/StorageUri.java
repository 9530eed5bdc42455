package io.holdfast.gcs;

import java.nio.charset.StandardCharsets;

/** Text as a part of a URI. */
final class StorageUri {
  private static final String HEX = "0123456789ABCDEF";

  private StorageUri() {}

  /** Everything but letters, digits and {@code -._~} is percent-encoded, so that no character of a name means anything. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder(text.length() + 16);
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xFF);
      if ((c >= 'a' && c <= 'z')
          || (c >= 'A' && c <= 'Z')
          || (c >= '0' && c <= '9')
          || c == '-'
          || c == '.'
          || c == '_'
          || c == '~') {
        escaped.append(c);
      } else {
        escaped.append('%').append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 15));
      }
    }
    return escaped.toString();
  }
}
