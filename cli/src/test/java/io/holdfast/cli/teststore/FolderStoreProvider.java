package io.holdfast.cli.teststore;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.StoreSetup;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * {@code test-folder:/some/folder}: a store that does as files in a folder say, so that a test can take the lock from
 * another process at will. See {@link FolderStore} for the files.
 */
public final class FolderStoreProvider implements LockProvider {
  @Override
  public String scheme() {
    return "test-folder";
  }

  @Override
  public LockStore open(String url, ClientOptions options) {
    Path folder = Path.of(url.substring(url.indexOf(':') + 1));
    if (!Files.isDirectory(folder)) {
      throw new InvalidRequestException("NO_FOLDER", "folder " + folder + " is not there");
    }
    if (Files.exists(folder.resolve(FolderStore.UNREACHABLE))) {
      throw new StoreUnavailableException("nobody listens", new java.net.ConnectException());
    }
    return new FolderStore(folder, options);
  }

  @Override
  public Optional<StoreSetup> setup(String url) {
    Path folder = Path.of(url.substring(url.indexOf(':') + 1));
    return Optional.of(
        new StoreSetup() {
          @Override
          public String script() {
            return "mkdir " + folder;
          }

          @Override
          public String run() {
            try {
              Files.createDirectory(folder);
              return "made " + folder;
            } catch (FileAlreadyExistsException e) {
              return "is there: " + folder;
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          }
        });
  }
}
