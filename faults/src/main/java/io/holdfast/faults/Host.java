package io.holdfast.faults;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** A machine as the others see it: a network namespace with an address of its own, that can be cut off. */
final class Host {
  /** What of a host's traffic with others is dropped. */
  enum Cut {
    /** What comes from them; what it sends arrives. */
    INCOMING,
    /** All of it. */
    BOTH_WAYS
  }

  private final String namespace;
  private final String address;

  /** Of a namespace that {@link Network} has made. */
  Host(String namespace, String address) {
    this.namespace = namespace;
    this.address = address;
  }

  String address() {
    return address;
  }

  /** A command, made one that runs on this host. It becomes the command: same process, same files, other network. */
  List<String> command(List<String> command) {
    List<String> here = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + namespace, "--"));
    here.addAll(command);
    return here;
  }

  /** Drops packets from now on. */
  void cut(Cut cut, Collection<Host> others) {
    for (Host other : others) {
      if (other != this) {
        iptables("-A", "INPUT", "-s", other.address, "-j", "DROP");
        if (cut == Cut.BOTH_WAYS) {
          iptables("-A", "OUTPUT", "-d", other.address, "-j", "DROP");
        }
      }
    }
  }

  /** So many packets have been dropped since the host was cut off. */
  long dropped() {
    return iptables("-L", "-v", "-x", "-n")
        .lines()
        .map(line -> line.strip().split("\\s+", -1))
        .filter(columns -> columns.length > 2 && columns[2].equals("DROP"))
        .mapToLong(columns -> Long.parseLong(columns[0]))
        .sum();
  }

  /** Drops nothing from now on. */
  void heal() {
    iptables("-F");
  }

  @Override
  public String toString() {
    return namespace;
  }

  private String iptables(String... arguments) {
    List<String> command = new ArrayList<>(List.of("iptables", "-w", "10"));
    command.addAll(List.of(arguments));
    return Shell.run(command(command).toArray(String[]::new));
  }
}
