package io.holdfast.remote;

import io.holdfast.InvalidRequestException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code holdfast://…} says. Whatever is not as it should be is refused by the name of the part at fault; the URL is
 * never shown whole, for somebody may have put a secret into it.
 *
 * @param servers host:port each
 */
record ServerUrl(
    List<String> servers,
    String namespace,
    boolean tls,
    Optional<Path> ca,
    Optional<Identity> identity,
    Optional<Path> tokenFile,
    Duration connectTimeout) {
  static final String SCHEME = "holdfast";

  /** What the client shows servers that take only those they know. */
  record Identity(Path cert, Path key) {}

  private static final int DEFAULT_PORT = 7420;
  private static final int MAX_SERVERS = 100;
  private static final int MAX_HOST = 253;
  private static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration LONGEST_CONNECT_TIMEOUT = Duration.ofMinutes(10);

  private static final String TLS = "tls";
  private static final String CA = "ca";
  private static final String CERT = "cert";
  private static final String KEY = "key";
  private static final String TOKEN_FILE = "token-file";
  private static final String CONNECT_TIMEOUT = "connect-timeout";
  private static final List<String> PARAMETERS =
      List.of(TLS, CA, CERT, KEY, TOKEN_FILE, CONNECT_TIMEOUT);

  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?");
  private static final Pattern IPV6 = Pattern.compile("\\[[0-9A-Fa-f:.]+]");
  private static final Pattern IPV4_LOOPBACK = Pattern.compile("127(\\.\\d{1,3}){3}");
  private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");
  private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(ms|s|m)");

  static ServerUrl parse(String url) {
    String start = SCHEME + "://";
    if (!url.startsWith(start)) {
      throw refuse("URL_MALFORMED", "url does not start with " + start);
    }
    String rest = url.substring(start.length());
    int fragment = rest.indexOf('#');
    if (fragment >= 0) {
      throw refuse("URL_MALFORMED", "url has a part after #, which means nothing here");
    }
    int question = rest.indexOf('?');
    Map<String, String> parameters =
        question < 0 ? Map.of() : parameters(rest.substring(question + 1));
    String place = question < 0 ? rest : rest.substring(0, question);
    int slash = place.indexOf('/');
    List<String> servers = servers(slash < 0 ? place : place.substring(0, slash));
    String namespace = slash < 0 ? "" : place.substring(slash + 1);
    boolean isLocal = servers.stream().allMatch(ServerUrl::isLoopback);
    boolean tls = tls(parameters, !isLocal);
    Optional<Path> ca = file(parameters, CA);
    Optional<Identity> identity = identity(parameters);
    Optional<Path> tokenFile = file(parameters, TOKEN_FILE);
    if (ca.isPresent() && !tls) {
      throw refuse("URL_CA_WITHOUT_TLS", "ca is given, but tls is off");
    }
    if (identity.isPresent() && !tls) {
      throw refuse("URL_CERT_WITHOUT_TLS", "cert and key are given, but tls is off");
    }
    if (tokenFile.isPresent() && !tls && !isLocal) {
      throw refuse(
          "URL_TOKEN_WITHOUT_TLS",
          "token-file is given, but tls is off and not all servers are loopback addresses: "
              + "the credential would be sent in the clear");
    }
    return new ServerUrl(
        servers, namespace(namespace), tls, ca, identity, tokenFile, connectTimeout(parameters));
  }

  /** Whether an address, host:port, is this machine's by its looks; names other than localhost are not looked up. */
  static boolean isLoopback(String address) {
    int colon = address.lastIndexOf(':');
    String host = colon < 0 ? address : address.substring(0, colon);
    return host.equalsIgnoreCase("localhost")
        || host.equals("[::1]")
        || IPV4_LOOPBACK.matcher(host).matches();
  }

  private static List<String> servers(String text) {
    if (text.isEmpty()) {
      throw refuse("URL_HOST_MISSING", "url names no server");
    }
    if (text.indexOf('@') >= 0) {
      throw refuse(
          "URL_HOST_BAD",
          "url has a part before @: credentials do not go there, use " + TOKEN_FILE + "=FILE");
    }
    List<String> servers = new ArrayList<>();
    Set<String> known = new HashSet<>();
    for (String server : text.split(",", -1)) {
      String address = address(server, servers.size() + 1);
      if (!known.add(address)) {
        throw refuse("URL_HOST_TWICE", "server " + show(server) + " is named twice");
      }
      servers.add(address);
    }
    if (servers.size() > MAX_SERVERS) {
      throw refuse("URL_TOO_MANY_HOSTS", "servers are " + servers.size() + ", at most 100");
    }
    return List.copyOf(servers);
  }

  private static String address(String server, int number) {
    if (server.isEmpty()) {
      throw refuse("URL_HOST_MISSING", "server " + number + " is empty");
    }
    int bracket = server.lastIndexOf(']');
    int colon = server.indexOf(':', Math.max(bracket, 0));
    String host = colon < 0 ? server : server.substring(0, colon);
    if (bracket < 0 && server.indexOf(':') != server.lastIndexOf(':')) {
      throw refuse(
          "URL_HOST_BAD",
          "server " + show(server) + " has several colons: an IPv6 address stands in brackets");
    }
    if (host.length() > MAX_HOST
        || !(HOST.matcher(host).matches() || IPV6.matcher(host).matches())) {
      throw refuse("URL_HOST_BAD", "server " + show(server) + " has a host that can be none");
    }
    return host + ":" + (colon < 0 ? DEFAULT_PORT : port(server, server.substring(colon + 1)));
  }

  private static int port(String server, String text) {
    if (text.matches("\\d{1,5}")) {
      int port = Integer.parseInt(text);
      if (port >= 1 && port <= 65_535) {
        return port;
      }
    }
    throw refuse("URL_PORT_BAD", "server " + show(server) + " has a port outside 1 to 65535");
  }

  private static String namespace(String text) {
    if (text.isEmpty()) {
      return "default";
    }
    if (!NAMESPACE.matcher(text).matches()) {
      throw refuse(
          "NAMESPACE_INVALID",
          "namespace "
              + show(text)
              + " is not 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit");
    }
    return text;
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String parameter : query.split("&", -1)) {
      int equals = parameter.indexOf('=');
      String name = equals < 0 ? parameter : parameter.substring(0, equals);
      if (!PARAMETERS.contains(name)) {
        throw refuse(
            "URL_PARAMETER_UNKNOWN",
            "parameter "
                + show(name)
                + " is unknown"
                + nearest(name).map(near -> ", " + near + " is not").orElse("")
                + "; there are "
                + String.join(", ", PARAMETERS));
      }
      String value = equals < 0 ? "" : parameter.substring(equals + 1);
      if (value.isEmpty()) {
        throw refuse("URL_PARAMETER_EMPTY", "parameter " + name + " has no value");
      }
      if (parameters.put(name, decode(name, value)) != null) {
        throw refuse("URL_PARAMETER_TWICE", "parameter " + name + " is given twice");
      }
    }
    return parameters;
  }

  private static boolean tls(Map<String, String> parameters, boolean byDefault) {
    String value = parameters.get(TLS);
    if (value == null) {
      return byDefault;
    }
    return switch (value) {
      case "on" -> true;
      case "off" -> false;
      default -> throw refuse("URL_TLS_BAD", "tls " + show(value) + " is neither on nor off");
    };
  }

  private static Optional<Path> file(Map<String, String> parameters, String name) {
    String value = parameters.get(name);
    if (value == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(Path.of(value));
    } catch (InvalidPathException e) {
      throw refuse("URL_FILE_BAD", name + " " + show(value) + " is no path of a file");
    }
  }

  private static Optional<Identity> identity(Map<String, String> parameters) {
    Optional<Path> cert = file(parameters, CERT);
    Optional<Path> key = file(parameters, KEY);
    if (cert.isPresent() && key.isEmpty()) {
      throw refuse("URL_KEY_MISSING", "cert is given, but not key, the private key of it");
    }
    if (key.isPresent() && cert.isEmpty()) {
      throw refuse("URL_CERT_MISSING", "key is given, but not cert, the certificate of it");
    }
    return cert.flatMap(shown -> key.map(proof -> new Identity(shown, proof)));
  }

  private static Duration connectTimeout(Map<String, String> parameters) {
    String value = parameters.get(CONNECT_TIMEOUT);
    if (value == null) {
      return DEFAULT_CONNECT_TIMEOUT;
    }
    Matcher matcher = DURATION.matcher(value);
    if (!matcher.matches()) {
      throw refuse(
          "URL_DURATION_BAD",
          CONNECT_TIMEOUT + " " + show(value) + " is no duration: write 10s or 500ms");
    }
    long number = Long.parseLong(matcher.group(1));
    Duration timeout =
        switch (matcher.group(2)) {
          case "ms" -> Duration.ofMillis(number);
          case "s" -> Duration.ofSeconds(number);
          default -> Duration.ofMinutes(number);
        };
    if (timeout.isZero() || timeout.compareTo(LONGEST_CONNECT_TIMEOUT) > 0) {
      throw refuse("URL_DURATION_BAD", CONNECT_TIMEOUT + " " + show(value) + " is not 1ms to 10m");
    }
    return timeout;
  }

  /** %41 is A. A plus is a plus: these are names of files. */
  private static String decode(String name, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    byte[] decoded = new byte[bytes.length];
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '%') {
        int high = i + 2 < bytes.length ? Character.digit(bytes[i + 1], 16) : -1;
        int low = i + 2 < bytes.length ? Character.digit(bytes[i + 2], 16) : -1;
        if (high < 0 || low < 0) {
          throw refuse(
              "URL_ESCAPE_BAD", "parameter " + name + " has a % without two hexadecimal digits");
        }
        decoded[length++] = (byte) (16 * high + low);
        i += 2;
      } else {
        decoded[length++] = bytes[i];
      }
    }
    return new String(decoded, 0, length, StandardCharsets.UTF_8);
  }

  private static Optional<String> nearest(String name) {
    return PARAMETERS.stream()
        .filter(known -> distance(name, known) <= Math.max(1, known.length() / 3))
        .findFirst();
  }

  /** How many letters have to be put in, left out or changed to make one of the other (Levenshtein). */
  private static int distance(String one, String other) {
    int[] row = new int[other.length() + 1];
    for (int j = 0; j <= other.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= Math.min(one.length(), 64); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= other.length(); j++) {
        int change = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[other.length()];
  }

  private static String show(String value) {
    return InvalidRequestException.show(value);
  }

  private static InvalidRequestException refuse(String reason, String detail) {
    return new InvalidRequestException(reason, detail);
  }
}
