package io.holdfast.cli;

import java.net.InetSocketAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Where something listens: {@code host:port}, an IPv6 address in brackets. */
record HostPort(String host, int port) {
  private static final Pattern FORM =
      Pattern.compile("([A-Za-z0-9._-]{1,253}|\\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*]):(\\d{1,5})");
  private static final Pattern ANY_IPV4 = Pattern.compile("0+(\\.0+){0,3}");
  private static final int HIGHEST_PORT = 65_535;

  /** Looks the host up, if it is a name; an address without one if it is not known. */
  InetSocketAddress resolve() {
    return new InetSocketAddress(host, port);
  }

  /** Whether it stands for all addresses of a machine. Names are not looked up: whoever uses one may be told something else. */
  boolean isAnyLocal() {
    if (!host.startsWith("[")) {
      return ANY_IPV4.matcher(host).matches();
    }
    InetSocketAddress ipv6 = resolve();
    return !ipv6.isUnresolved() && ipv6.getAddress().isAnyLocalAddress();
  }

  @Override
  public String toString() {
    return host + ":" + port;
  }

  static final class Converter implements ITypeConverter<HostPort> {
    @Override
    public HostPort convert(String text) {
      Matcher parts = FORM.matcher(text);
      if (parts.matches()) {
        int port = Integer.parseInt(parts.group(2));
        if (port <= HIGHEST_PORT) {
          return new HostPort(parts.group(1), port);
        }
      }
      throw new TypeConversionException("'" + text + "' is not an address: write host:port");
    }
  }
}
