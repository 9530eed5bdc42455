package io.holdfast.dynamodb;

import io.holdfast.InvalidRequestException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code dynamodb://…} says. Whatever is not as it should be is refused by the name of the part at fault. */
record DynamoUrl(
    String table,
    Optional<String> region,
    Optional<URI> endpoint,
    Optional<String> profile,
    DynamoLayout layout,
    boolean isChecked,
    boolean oneRegion,
    DynamoTables.Capacity capacity) {
  static final String SCHEME = "dynamodb";

  private static final String REGION = "region";
  private static final String ENDPOINT = "endpoint";
  private static final String PROFILE = "profile";
  private static final String DIALECT = "dialect";
  private static final String KEY = "key";
  private static final String SORT_KEY = "sort-key";
  private static final String SORT_VALUE = "sort-value";
  private static final String TOKENS = "tokens";
  private static final String KEEP_RELEASED = "keep-released";
  private static final String CONSISTENT = "consistent";
  private static final String EXPIRY = "expiry";
  private static final String EXPIRY_KEY = "expiry-attribute";
  private static final String CHECK = "check";
  private static final String REPLICAS = "replicas";
  private static final String CAPACITY = "capacity";

  private static final List<String> PARAMETERS =
      List.of(
          REGION,
          ENDPOINT,
          PROFILE,
          DIALECT,
          KEY,
          SORT_KEY,
          SORT_VALUE,
          TOKENS,
          KEEP_RELEASED,
          CONSISTENT,
          EXPIRY,
          EXPIRY_KEY,
          CHECK,
          REPLICAS,
          CAPACITY);

  private static final Pattern REGION_NAME = Pattern.compile("[a-z0-9-]{2,50}");
  private static final Pattern DURATION = Pattern.compile("(\\d{1,6})(s|m|h|d)");
  private static final Pattern READS_AND_WRITES = Pattern.compile("(\\d{1,9})/(\\d{1,9})");

  static DynamoUrl parse(String url) {
    String start = SCHEME + "://";
    if (!url.startsWith(start)) {
      throw refuse("URL_MALFORMED", "url does not start with " + start);
    }
    String rest = url.substring(start.length());
    if (rest.indexOf('#') >= 0) {
      throw refuse("URL_MALFORMED", "url has a part after #, which means nothing here");
    }
    int question = rest.indexOf('?');
    String table = decode("table", question < 0 ? rest : rest.substring(0, question));
    if (table.isEmpty()) {
      throw refuse("URL_TABLE_MISSING", "url names no table");
    }
    Map<String, String> given = question < 0 ? Map.of() : parameters(rest.substring(question + 1));
    return new DynamoUrl(
        table,
        region(given),
        endpoint(given),
        Optional.ofNullable(given.get(PROFILE)),
        layout(given),
        isOn(given, CHECK, true),
        oneRegion(given),
        capacity(given));
  }

  private static DynamoLayout layout(Map<String, String> given) {
    String dialect = given.getOrDefault(DIALECT, "native");
    DynamoLayout layout =
        switch (dialect) {
          case "native" -> DynamoLayout.holdfast();
          case "aws" -> DynamoLayout.aws();
          case "python" -> DynamoLayout.python();
          default ->
              throw refuse(
                  "URL_DIALECT_BAD", "dialect " + show(dialect) + " is not native, aws or python");
        };
    if (given.containsKey(KEY)) {
      layout = layout.keyAttribute(given.get(KEY));
    }
    if (given.containsKey(SORT_KEY) || given.containsKey(SORT_VALUE)) {
      layout = withSortKey(layout, given);
    }
    if (isOn(given, TOKENS, false)) {
      layout = layout.tokens();
    }
    if (isOn(given, KEEP_RELEASED, false)) {
      layout = layout.keepReleased();
    }
    if (isOn(given, CONSISTENT, false)) {
      layout = layout.consistent();
    }
    if (given.containsKey(EXPIRY) || given.containsKey(EXPIRY_KEY)) {
      layout =
          layout.expiry(
              given.getOrDefault(EXPIRY_KEY, PythonRows.EXPIRY),
              given.containsKey(EXPIRY) ? duration(given.get(EXPIRY)) : PythonRows.EXPIRES_AFTER);
    }
    return layout;
  }

  private static DynamoLayout withSortKey(DynamoLayout layout, Map<String, String> given) {
    String attribute =
        given.getOrDefault(SORT_KEY, layout.keys().sort().map(Keys.SortKey::attribute).orElse(""));
    String value =
        given.getOrDefault(SORT_VALUE, layout.keys().sort().map(Keys.SortKey::value).orElse(""));
    if (attribute.isEmpty() || value.isEmpty()) {
      throw refuse(
          "URL_SORT_KEY_INCOMPLETE", SORT_KEY + " and " + SORT_VALUE + " are given together");
    }
    return layout.sortKey(attribute, value);
  }

  private static Optional<String> region(Map<String, String> given) {
    String region = given.get(REGION);
    if (region != null && !REGION_NAME.matcher(region).matches()) {
      throw refuse("URL_REGION_BAD", "region " + show(region) + " can be none");
    }
    return Optional.ofNullable(region);
  }

  private static Optional<URI> endpoint(Map<String, String> given) {
    String endpoint = given.get(ENDPOINT);
    if (endpoint == null) {
      return Optional.empty();
    }
    try {
      URI uri = new URI(endpoint);
      boolean isHttp = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      if (isHttp && uri.getHost() != null && uri.getUserInfo() == null) {
        return Optional.of(uri);
      }
    } catch (URISyntaxException e) {
      // told below
    }
    throw refuse("URL_ENDPOINT_BAD", "endpoint is not http://host[:port] or https://host[:port]");
  }

  private static boolean oneRegion(Map<String, String> given) {
    String replicas = given.get(REPLICAS);
    if (replicas != null && !replicas.equals("one-region")) {
      throw refuse("URL_REPLICAS_BAD", "replicas " + show(replicas) + " is not one-region");
    }
    return replicas != null;
  }

  private static DynamoTables.Capacity capacity(Map<String, String> given) {
    String capacity = given.getOrDefault(CAPACITY, "on-demand");
    if (capacity.equals("on-demand")) {
      return new DynamoTables.Capacity.OnDemand();
    }
    Matcher matcher = READS_AND_WRITES.matcher(capacity);
    if (!matcher.matches()) {
      throw refuse(
          "URL_CAPACITY_BAD",
          "capacity " + show(capacity) + " is neither on-demand nor READS/WRITES, as in 25/50");
    }
    return new DynamoTables.Capacity.Provisioned(
        Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2)));
  }

  private static boolean isOn(Map<String, String> given, String name, boolean byDefault) {
    String value = given.get(name);
    if (value == null) {
      return byDefault;
    }
    return switch (value) {
      case "on" -> true;
      case "off" -> false;
      default ->
          throw refuse("URL_SWITCH_BAD", name + " " + show(value) + " is neither on nor off");
    };
  }

  private static Duration duration(String value) {
    Matcher matcher = DURATION.matcher(value);
    if (!matcher.matches()) {
      throw refuse(
          "URL_DURATION_BAD", EXPIRY + " " + show(value) + " is no duration: write 1h or 90m");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> Duration.ofDays(number);
    };
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> given = new LinkedHashMap<>();
    for (String parameter : query.split("&", -1)) {
      int equals = parameter.indexOf('=');
      String name = equals < 0 ? parameter : parameter.substring(0, equals);
      if (!PARAMETERS.contains(name)) {
        throw refuse(
            "URL_PARAMETER_UNKNOWN",
            "parameter " + show(name) + " is unknown; there are " + String.join(", ", PARAMETERS));
      }
      String value = equals < 0 ? "" : decode(name, parameter.substring(equals + 1));
      if (value.isEmpty()) {
        throw refuse("URL_PARAMETER_EMPTY", "parameter " + name + " has no value");
      }
      if (given.put(name, value) != null) {
        throw refuse("URL_PARAMETER_TWICE", "parameter " + name + " is given twice");
      }
    }
    return given;
  }

  /** %41 is A. A plus is a plus. */
  private static String decode(String name, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    byte[] decoded = new byte[bytes.length];
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '%') {
        int high = i + 2 < bytes.length ? Character.digit(bytes[i + 1], 16) : -1;
        int low = i + 2 < bytes.length ? Character.digit(bytes[i + 2], 16) : -1;
        if (high < 0 || low < 0) {
          throw refuse("URL_ESCAPE_BAD", name + " has a % without two hexadecimal digits");
        }
        decoded[length++] = (byte) (16 * high + low);
        i += 2;
      } else {
        decoded[length++] = bytes[i];
      }
    }
    return new String(decoded, 0, length, StandardCharsets.UTF_8);
  }

  private static String show(String value) {
    return InvalidRequestException.show(value);
  }

  private static InvalidRequestException refuse(String reason, String detail) {
    return new InvalidRequestException(reason, detail);
  }
}
