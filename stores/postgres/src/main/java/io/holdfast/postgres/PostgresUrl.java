package io.holdfast.postgres;

import static io.holdfast.InvalidRequestException.show;

import io.holdfast.InvalidRequestException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.postgresql.PGProperty;

/** A URL such as {@code postgresql://user:password@host:5432/database?keys=python}. Shown without its password. */
final class PostgresUrl {
  static final String SCHEME = "postgresql";

  private static final Pattern FORM =
      Pattern.compile("postgresql://(?:([^@/?]*)@)?([^@/?]+)/([^/?]+)(?:\\?(.*))?");

  private static final Pattern HOST =
      Pattern.compile("(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]]+)(:[0-9]{1,5})?");

  private static final Set<String> PRIMARY = Set.of("primary", "master");

  private final String hosts;
  private final String database;
  private final Optional<String> user;
  private final Optional<String> password;
  private final Map<String, String> parameters;

  private PostgresUrl(
      String hosts,
      String database,
      Optional<String> user,
      Optional<String> password,
      Map<String, String> parameters) {
    this.hosts = hosts;
    this.database = database;
    this.user = user;
    this.password = password;
    this.parameters = parameters;
  }

  /**
   * Reads a URL. What it does not say of user and password is taken from the environment, {@code PGUSER} and {@code
   * PGPASSWORD}.
   *
   * @throws InvalidRequestException naming the part that is wrong
   */
  static PostgresUrl parse(String url, Map<String, String> environment) {
    Matcher form = FORM.matcher(url);
    if (!form.matches()) {
      throw new InvalidRequestException(
          "URL_MALFORMED",
          "url is not of the form postgresql://[user[:password]@]host[:port]/database[?name=value&...]");
    }
    String hosts = form.group(2);
    for (String host : hosts.split(",", -1)) {
      requireHost(host);
    }
    Map<String, String> parameters = parameters(form.group(4));
    if (hosts.contains(",")
        && !PRIMARY.contains(parameters.getOrDefault("targetServerType", "any"))) {
      throw new InvalidRequestException(
          "URL_MANY_HOSTS",
          "hosts " + show(hosts) + " are several, which needs targetServerType=primary");
    }
    String userInfo = form.group(1) == null ? "" : form.group(1);
    int colon = userInfo.indexOf(':');
    Optional<String> user = text(colon < 0 ? userInfo : userInfo.substring(0, colon));
    Optional<String> password = colon < 0 ? Optional.empty() : text(userInfo.substring(colon + 1));
    return new PostgresUrl(
        hosts,
        decode(form.group(3)),
        user.or(() -> Optional.ofNullable(environment.get("PGUSER"))),
        password.or(() -> Optional.ofNullable(environment.get("PGPASSWORD"))),
        parameters);
  }

  private static String requireHost(String host) {
    if (!HOST.matcher(host).matches()) {
      throw new InvalidRequestException("URL_HOST", "host " + show(host) + " is not host[:port]");
    }
    return host;
  }

  private static Optional<String> text(String encoded) {
    return encoded.isEmpty() ? Optional.empty() : Optional.of(decode(encoded));
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> parameters = new LinkedHashMap<>();
    if (query == null || query.isEmpty()) {
      return parameters;
    }
    for (String pair : query.split("&", -1)) {
      int equals = pair.indexOf('=');
      String name = decode(equals < 0 ? pair : pair.substring(0, equals));
      if (!Parameter.NAMES.contains(name) && PGProperty.forName(name) == null) {
        throw new InvalidRequestException(
            "URL_PARAMETER",
            "parameter " + show(name) + " is none of " + Parameter.NAMES + ", nor one of pgjdbc");
      }
      if (equals < 0) {
        throw new InvalidRequestException(
            "URL_PARAMETER", "parameter " + show(name) + " has no value");
      }
      if (parameters.put(name, decode(pair.substring(equals + 1))) != null) {
        throw new InvalidRequestException(
            "URL_PARAMETER", "parameter " + show(name) + " comes twice");
      }
    }
    return parameters;
  }

  private static String decode(String text) {
    try {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw new InvalidRequestException(
          "URL_ESCAPE_BAD", "url has a % without two hexadecimal digits");
    }
  }

  /** Whether the locks are to be rows of a table, rather than of sessions. */
  boolean isOfRows() {
    String mode = parameters.getOrDefault("mode", "session");
    Parameter.requireOneOf("mode", mode, Set.of("session", "rows"));
    boolean isOfRows = mode.equals("rows");
    Set<String> foreign =
        isOfRows ? Set.of("keys", "maxSessions", "tokens", "tokensAbove") : Set.of("listen");
    for (String name : parameters.keySet()) {
      if (foreign.contains(name)) {
        throw new InvalidRequestException(
            "URL_PARAMETER", "parameter " + name + " means nothing with mode=" + mode);
      }
    }
    if (!isOfRows && parameters.containsKey("table") && !tokens().equals("table")) {
      throw new InvalidRequestException(
          "URL_PARAMETER", "parameter table means nothing without mode=rows or tokens=table");
    }
    if (parameters.containsKey("tokensAbove") && !tokens().equals("wal")) {
      throw new InvalidRequestException(
          "URL_PARAMETER", "parameter tokensAbove means nothing without tokens=wal");
    }
    return isOfRows;
  }

  private String tokens() {
    return parameters.getOrDefault("tokens", "wal");
  }

  /** The locks that the URL stands for, as rows. */
  PostgresRows rows() {
    PostgresRows rows =
        PostgresRows.on(this::connect, toString())
            .table(parameters.getOrDefault("table", PostgresRows.TABLE));
    String listen = parameters.get("listen");
    if (listen == null) {
      return rows;
    }
    requireHost(listen);
    return rows.listening(() -> connect(listen));
  }

  /** The locks that the URL stands for, of sessions. */
  PostgresLocks locks() {
    PostgresLocks locks =
        PostgresLocks.on(this::connect, toString())
            .keys(PostgresKeys.named(parameters.getOrDefault("keys", "python")));
    String tokens = tokens();
    Parameter.requireOneOf("tokens", tokens, Set.of("wal", "table", "none"));
    locks = locks.tokens(PostgresTokens.valueOf(tokens.toUpperCase(Locale.ROOT)));
    if (parameters.containsKey("table")) {
      locks = locks.tokenTable(parameters.get("table"));
    }
    if (parameters.containsKey("tokensAbove")) {
      locks = locks.tokensAbove(number("tokensAbove", Long::parseLong));
    }
    if (parameters.containsKey("maxSessions")) {
      locks = locks.maxSessions(number("maxSessions", Integer::parseInt));
    }
    return locks;
  }

  private <T> T number(String name, Function<String, T> parse) {
    String value = parameters.getOrDefault(name, "");
    try {
      return parse.apply(value);
    } catch (NumberFormatException e) {
      throw new InvalidRequestException(
          "URL_PARAMETER", "parameter " + name + " " + show(value) + " is no number");
    }
  }

  private Connection connect() throws SQLException {
    return connect(hosts);
  }

  private Connection connect(String hosts) throws SQLException {
    return DriverManager.getConnection(jdbcUrl(hosts), properties());
  }

  String jdbcUrl() {
    return jdbcUrl(hosts);
  }

  private String jdbcUrl(String hosts) {
    return "jdbc:postgresql://" + hosts + "/" + URLEncoder.encode(database, StandardCharsets.UTF_8);
  }

  Properties properties() {
    Properties properties = new Properties();
    properties.setProperty("connectTimeout", "5");
    properties.setProperty("loginTimeout", "10");
    properties.setProperty("tcpKeepAlive", "true");
    parameters.forEach(
        (name, value) -> {
          if (!Parameter.NAMES.contains(name)) {
            properties.setProperty(name, value);
          }
        });
    user.ifPresent(name -> properties.setProperty("user", name));
    password.ifPresent(secret -> properties.setProperty("password", secret));
    return properties;
  }

  /** Without the password, and without parameters, which may hold others. */
  @Override
  public String toString() {
    return SCHEME + "://" + user.map(name -> name + "@").orElse("") + hosts + "/" + database;
  }

  /** Parameters of ours. */
  private static final class Parameter {
    static final Set<String> NAMES =
        new TreeSet<>(
            Set.of("keys", "listen", "maxSessions", "mode", "table", "tokens", "tokensAbove"));

    static void requireOneOf(String name, String value, Set<String> values) {
      if (!values.contains(value)) {
        throw new InvalidRequestException(
            "URL_PARAMETER",
            "parameter " + name + " " + show(value) + " is none of " + new TreeSet<>(values));
      }
    }
  }
}
