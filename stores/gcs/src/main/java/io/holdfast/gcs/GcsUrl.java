package io.holdfast.gcs;

import io.holdfast.InvalidRequestException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code gs://…} says. Whatever is not as it should be is refused by the name of the part at fault. */
final class GcsUrl {
  static final String SCHEME = "gs";

  private static final String ENDPOINT = "endpoint";
  private static final String ANONYMOUS = "anonymous";
  private static final String REQUEST_TIMEOUT = "request-timeout";
  private static final List<String> PARAMETERS = List.of(ENDPOINT, ANONYMOUS, REQUEST_TIMEOUT);

  private static final Pattern DURATION = Pattern.compile("(\\d{1,6})(ms|s|m)");

  private GcsUrl() {}

  static GcsLocks.Builder parse(String url) {
    String start = SCHEME + "://";
    if (!url.startsWith(start)) {
      throw refuse("URL_MALFORMED", "url does not start with " + start);
    }
    String rest = url.substring(start.length());
    if (rest.indexOf('#') >= 0) {
      throw refuse("URL_MALFORMED", "url has a part after #, which means nothing here: write %23");
    }
    int question = rest.indexOf('?');
    String place = question < 0 ? rest : rest.substring(0, question);
    int slash = place.indexOf('/');
    GcsLocks.Builder builder = GcsLocks.bucket(slash < 0 ? place : place.substring(0, slash));
    if (slash >= 0) {
      builder.prefix(decode("prefix", place.substring(slash + 1)));
    }
    Map<String, String> parameters =
        question < 0 ? Map.of() : parameters(rest.substring(question + 1));
    parameters.forEach((name, value) -> set(builder, name, value));
    return builder;
  }

  private static void set(GcsLocks.Builder builder, String name, String value) {
    switch (name) {
      case ENDPOINT -> builder.endpoint(endpoint(value));
      case ANONYMOUS -> {
        switch (value) {
          case "true" -> builder.anonymous();
          case "false" -> {}
          default ->
              throw refuse(
                  "URL_ANONYMOUS_BAD",
                  ANONYMOUS + " " + show(value) + " is neither true nor false");
        }
      }
      default -> builder.requestTimeout(duration(value));
    }
  }

  private static URI endpoint(String value) {
    try {
      return URI.create(value);
    } catch (IllegalArgumentException e) {
      throw refuse("ENDPOINT_BAD", ENDPOINT + " " + show(value) + " is no URL");
    }
  }

  private static Duration duration(String value) {
    Matcher matcher = DURATION.matcher(value);
    if (!matcher.matches()) {
      throw refuse(
          "URL_DURATION_BAD",
          REQUEST_TIMEOUT + " " + show(value) + " is no duration: write 5s or 500ms");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      default -> Duration.ofMinutes(number);
    };
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String parameter : query.split("&", -1)) {
      int equals = parameter.indexOf('=');
      String name = equals < 0 ? parameter : parameter.substring(0, equals);
      if (!PARAMETERS.contains(name)) {
        throw refuse(
            "URL_PARAMETER_UNKNOWN",
            "parameter " + show(name) + " is unknown; there are " + String.join(", ", PARAMETERS));
      }
      String value = equals < 0 ? "" : parameter.substring(equals + 1);
      if (value.isEmpty()) {
        throw refuse("URL_PARAMETER_EMPTY", "parameter " + name + " has no value");
      }
      if (parameters.put(name, decode("parameter " + name, value)) != null) {
        throw refuse("URL_PARAMETER_TWICE", "parameter " + name + " is given twice");
      }
    }
    return parameters;
  }

  /** %41 is A. A plus is a plus. */
  private static String decode(String part, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    byte[] decoded = new byte[bytes.length];
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '%') {
        int high = i + 2 < bytes.length ? Character.digit(bytes[i + 1], 16) : -1;
        int low = i + 2 < bytes.length ? Character.digit(bytes[i + 2], 16) : -1;
        if (high < 0 || low < 0) {
          throw refuse("URL_ESCAPE_BAD", part + " has a % without two hexadecimal digits");
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
