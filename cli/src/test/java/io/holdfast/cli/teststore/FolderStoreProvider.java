package io.holdfast.cli.teststore;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;
import java.nio.file.Files;
import java.nio.file.Path;

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
}
