package io.holdfast.remote;

import io.holdfast.InvalidRequestException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;

/** A file that a URL names and nobody else should read. */
final class SecretFile {
  private SecretFile() {}

  /**
   * Looks who may read or write it, where the file system knows.
   *
   * @param parameter of the URL
   * @throws InvalidRequestException if all users of the machine may
   */
  static void requirePrivate(String parameter, Path file) {
    Set<PosixFilePermission> permissions;
    try {
      permissions = Files.getPosixFilePermissions(file);
    } catch (UnsupportedOperationException | IOException e) {
      return; // whoever reads it tells what is wrong
    }
    if (permissions.contains(PosixFilePermission.OTHERS_READ)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new InvalidRequestException(
          "URL_SECRET_EXPOSED",
          parameter
              + " "
              + InvalidRequestException.show(file.toString())
              + " holds a secret and all users of this machine have access to it: chmod 600");
    }
  }
}
