package io.holdfast.server.security;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** Where a JWKS comes from. Blocks, within bounds. */
interface KeyLoader {
  /** The largest JWKS that is read. */
  int LIMIT = 256 * 1024;

  byte[] load() throws IOException;

  /** Where from, to be shown. */
  String where();

  /** Whether nobody but this server's owner can have changed or seen what is loaded. */
  boolean secret();

  /** How long until it is worth looking again. */
  Duration period();

  /**
   * By its place.
   *
   * @throws ConfigurationException if the place is neither an https URL nor a file
   */
  static KeyLoader of(String place, Optional<Path> trust) {
    String scheme = place.toLowerCase(Locale.ROOT);
    if (scheme.startsWith("http:")) {
      throw new ConfigurationException(
          "auth keys come from "
              + Quoted.of(place)
              + ": whoever is on the way could change them, use https");
    }
    if (!scheme.startsWith("https:")) {
      if (scheme.contains("://")) {
        throw new ConfigurationException(
            "auth keys come from " + Quoted.of(place) + ", neither an https URL nor a file");
      }
      return new FromFile(Path.of(place));
    }
    try {
      URI url = new URI(place);
      if (url.getHost() == null || url.getUserInfo() != null) {
        throw new ConfigurationException(
            "auth keys URL " + Quoted.of(place) + " is not https://host/path");
      }
      return new FromUrl(url, trust.isPresent() ? trusting(trust.get()) : null);
    } catch (URISyntaxException e) {
      throw new ConfigurationException("auth keys URL " + Quoted.of(place) + " is no URL", e);
    }
  }

  private static SSLSocketFactory trusting(Path authorities) {
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      int number = 0;
      List<X509Certificate> certificates = PemFiles.certificates(authorities);
      for (X509Certificate certificate : certificates) {
        store.setCertificateEntry("authority-" + number++, certificate);
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, factory.getTrustManagers(), null);
      return context.getSocketFactory();
    } catch (GeneralSecurityException | IOException e) {
      throw new ConfigurationException(
          authorities + " cannot be used to trust by: " + e.getMessage(), e);
    }
  }

  /** A file, looked at often: it costs nothing. */
  record FromFile(Path path) implements KeyLoader {
    private static final Duration PERIOD = Duration.ofSeconds(10);

    @Override
    public byte[] load() throws IOException {
      try (InputStream in = Files.newInputStream(path)) {
        byte[] read = in.readNBytes(LIMIT + 1);
        if (read.length > LIMIT) {
          throw new IOException("larger than " + LIMIT + " bytes");
        }
        return read;
      }
    }

    @Override
    public String where() {
      return path.toString();
    }

    @Override
    public boolean secret() {
      return true;
    }

    @Override
    public Duration period() {
      return PERIOD;
    }
  }

  /** An https URL. Redirects are not followed: the place was configured, not asked for. */
  record FromUrl(URI url, @Nullable SSLSocketFactory sockets) implements KeyLoader {
    private static final Duration PERIOD = Duration.ofMinutes(5);
    private static final int CONNECT_MILLIS = 3_000;
    private static final int READ_MILLIS = 3_000;

    /** Each may take READ_MILLIS, so this bounds a server that dribbles. */
    private static final int MAX_READS = 64;

    @Override
    public byte[] load() throws IOException {
      HttpURLConnection connection = (HttpURLConnection) url.toURL().openConnection();
      connection.setConnectTimeout(CONNECT_MILLIS);
      connection.setReadTimeout(READ_MILLIS);
      connection.setInstanceFollowRedirects(false);
      connection.setUseCaches(false);
      if (sockets != null) {
        ((HttpsURLConnection) connection).setSSLSocketFactory(sockets);
      }
      try {
        int status = connection.getResponseCode();
        if (status != 200) {
          throw new IOException("HTTP status " + status);
        }
        try (InputStream in = connection.getInputStream()) {
          return bounded(in);
        }
      } finally {
        connection.disconnect();
      }
    }

    private static byte[] bounded(InputStream in) throws IOException {
      byte[] buffer = new byte[LIMIT + 1];
      int length = 0;
      for (int reads = 0; length <= LIMIT; reads++) {
        if (reads == MAX_READS) {
          throw new IOException("it comes in more than " + MAX_READS + " pieces");
        }
        int read = in.read(buffer, length, buffer.length - length);
        if (read < 0) {
          return Arrays.copyOf(buffer, length);
        }
        length += read;
      }
      throw new IOException("larger than " + LIMIT + " bytes");
    }

    @Override
    public String where() {
      return url.toString();
    }

    @Override
    public boolean secret() {
      return false;
    }

    @Override
    public Duration period() {
      return PERIOD;
    }
  }
}
