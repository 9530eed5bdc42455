package io.holdfast.remote;

import io.holdfast.InvalidRequestException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A credential in a file, which somebody else may renew: read again for each stream. What it says is never shown.
 */
final class TokenFile {
  /** What no server takes. */
  private static final int MAX_BYTES = 16 * 1024;

  private final Path file;

  TokenFile(Path file) {
    this.file = file;
  }

  /** Tries it once. */
  void requireReadable() {
    try {
      read();
    } catch (IOException e) {
      throw new InvalidRequestException(
          "URL_TOKEN_FILE_UNREADABLE", String.valueOf(e.getMessage()));
    }
  }

  /** The credential, without space around it. */
  String read() throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (IOException e) {
      throw new IOException(shown() + " cannot be read: " + e.getClass().getSimpleName(), e);
    }
    if (bytes.length > MAX_BYTES) {
      throw new IOException(shown() + " has more than " + MAX_BYTES + " bytes");
    }
    String token = new String(bytes, StandardCharsets.US_ASCII).strip();
    if (token.isEmpty() || !token.chars().allMatch(c -> c > ' ' && c < 0x7F)) {
      throw new IOException(shown() + " holds no token: one line of visible ASCII");
    }
    return token;
  }

  private String shown() {
    return "token-file " + InvalidRequestException.show(file.toString());
  }
}
