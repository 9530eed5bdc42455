package io.holdfast.faults;

import java.util.Optional;

/** A switch on this machine with hosts on it. No route leads out of it. */
final class Network {
  private static final String PROBE = "hff-probe";

  private final Remains remains;
  private final String prefix;
  private final String subnet;

  private Network(Remains remains, String prefix, String subnet) {
    this.remains = remains;
    this.prefix = prefix;
    this.subnet = subnet;
  }

  /** Why there can be no network on this machine; empty if there can. */
  static Optional<String> impossible() {
    if (!Shell.run("id", "-u").strip().equals("0")) {
      return Optional.of("needs root, to make network namespaces");
    }
    for (String tool : new String[] {"ip", "iptables", "nsenter"}) {
      if (Shell.ask(tool, "--version").exit() == 127 && Shell.ask(tool, "-V").exit() == 127) {
        return Optional.of("needs the command " + tool);
      }
    }
    Shell.Answer made = Shell.ask("ip", "netns", "add", PROBE);
    if (!made.isGood()) {
      return Optional.of("needs network namespaces: " + made.output().strip());
    }
    try {
      Shell.Answer rule =
          Shell.ask(
              "nsenter", "--net=/run/netns/" + PROBE, "iptables", "-A", "INPUT", "-j", "DROP");
      return rule.isGood()
          ? Optional.empty()
          : Optional.of("needs iptables in network namespaces: " + rule.output().strip());
    } finally {
      Shell.ask("ip", "netns", "del", PROBE);
    }
  }

  /**
   * Makes the switch, with nobody on it but this process.
   *
   * @param prefix what the names of its namespaces and links begin with; at most four letters
   * @param subnet the first three parts of all addresses, such as {@code 10.213.77.}
   */
  static Network make(Remains remains, String prefix, String subnet) {
    Network network = new Network(remains, prefix, subnet);
    String bridge = prefix + "switch";
    remains.note(Remains.Kind.LINK, bridge);
    Shell.run("ip", "link", "add", bridge, "type", "bridge");
    Shell.run("ip", "addr", "add", network.rigAddress() + "/24", "dev", bridge);
    Shell.run("ip", "link", "set", bridge, "up");
    return network;
  }

  /** Where this process is reached from the hosts. */
  String rigAddress() {
    return subnet + "1";
  }

  /**
   * Makes a host.
   *
   * @param name at most eight letters
   * @param number the last part of its address, 2 to 254
   */
  Host host(String name, int number) {
    String namespace = prefix + name;
    String address = subnet + number;
    remains.note(Remains.Kind.NAMESPACE, namespace);
    Shell.run("ip", "netns", "add", namespace);
    remains.note(Remains.Kind.LINK, namespace);
    Shell.run(
        "ip", "link", "add", namespace, "type", "veth", "peer", "name", "eth0", "netns", namespace);
    Shell.run("ip", "link", "set", namespace, "master", prefix + "switch", "up");
    Shell.run("ip", "-n", namespace, "addr", "add", address + "/24", "dev", "eth0");
    Shell.run("ip", "-n", namespace, "link", "set", "lo", "up");
    Shell.run("ip", "-n", namespace, "link", "set", "eth0", "up");
    return new Host(namespace, address);
  }
}
