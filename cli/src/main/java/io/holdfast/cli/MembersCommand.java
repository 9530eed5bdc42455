package io.holdfast.cli;

import io.holdfast.StoreUnavailableException;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Table;
import io.holdfast.remote.ClusterClient;
import io.holdfast.remote.ClusterClient.ServerStatus;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast members}. */
@Command(
    name = "members",
    description = {
      "Tells of the lock servers: who leads, how far each has come, whether their states agree.",
      "add HOST:PORT, remove HOST:PORT, transfer [HOST:PORT] and snapshot change them; a server's name is its --peer-listen."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    footer = {"", "Exit codes: 69 no server answers, or not all did; the others as for run."})
final class MembersCommand implements Callable<Integer> {
  private enum Act {
    show,
    add,
    remove,
    transfer,
    snapshot
  }

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "ACT",
      defaultValue = "show",
      description = "One of ${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private Act act;

  @Parameters(index = "1", arity = "0..1", paramLabel = "HOST:PORT", description = "A server.")
  private @Nullable String server;

  @Override
  public Integer call() {
    ClusterClient cluster = store.cluster();
    switch (act) {
      case add -> tell(cluster.add(named()));
      case remove -> tell(cluster.remove(named()));
      case transfer -> {
        cluster.transfer(Optional.ofNullable(server));
        return show(cluster);
      }
      case snapshot -> {
        refuseName();
        for (String address : cluster.addresses()) {
          tellSnapshot(address, cluster.snapshot(address));
        }
      }
      case show -> {
        refuseName();
        return show(cluster);
      }
    }
    return ExitCode.OK;
  }

  private String named() {
    if (server == null) {
      throw Arguments.mistake(spec, act + " which server? write its name, host:port");
    }
    return server;
  }

  private void refuseName() {
    if (server != null) {
      throw Arguments.mistake(spec, act + " is about all servers of the store's URL");
    }
  }

  /** Each by itself: one that does not answer is part of the answer. */
  private int show(ClusterClient cluster) {
    PrintWriter out = spec.commandLine().getOut();
    Table table =
        new Table("address", "name", "role", "term", "applied", "snapshot", "state", "version");
    boolean all = true;
    for (String address : cluster.addresses()) {
      try {
        ServerStatus status = cluster.status(address);
        if (store.json()) {
          out.println(json(status));
        } else {
          table.row(
              address,
              status.self(),
              role(status),
              String.valueOf(status.term()),
              status.appliedIndex() + " of " + status.committedIndex(),
              String.valueOf(status.snapshotIndex()),
              hash(status),
              status.version());
        }
      } catch (StoreUnavailableException e) {
        all = false;
        if (store.json()) {
          out.println(
              new Json()
                  .object()
                  .field("address", address)
                  .field("error", String.valueOf(e.getMessage()))
                  .end());
        } else {
          table.row(address, "?", "does not answer", "", "", "", "", "");
        }
      }
    }
    if (!store.json()) {
      table.lines().forEach(out::println);
    }
    out.flush();
    return all ? ExitCode.OK : ExitCode.UNAVAILABLE;
  }

  private static Json json(ServerStatus status) {
    return new Json()
        .object()
        .field("address", status.address())
        .field("self", status.self())
        .field("role", role(status))
        .field("leader", status.leader().orElse(""))
        .field("members", String.join(",", status.members()))
        .field("term", status.term())
        .field("committed", status.committedIndex())
        .field("applied", status.appliedIndex())
        .field("snapshot", status.snapshotIndex())
        .field("state", hash(status))
        .field("version", status.version())
        .end();
  }

  private static String role(ServerStatus status) {
    if (status.leader().isEmpty()) {
      return "knows no leader";
    }
    if (status.leader().get().equals(status.self())) {
      return "leads";
    }
    return status.members().contains(status.self()) ? "follows" : "no member";
  }

  /** Sixteen digits to compare by eye. */
  private static String hash(ServerStatus status) {
    return status.stateHash() == 0 ? "changing" : String.format("%016x", status.stateHash());
  }

  private void tell(List<String> members) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        store.json()
            ? new Json().object().field("members", String.join(",", members)).end()
            : "members are " + String.join(", ", members));
    out.flush();
  }

  private void tellSnapshot(String address, long index) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        store.json()
            ? new Json().object().field("address", address).field("snapshot", index).end()
            : address + ": snapshot up to entry " + index);
    out.flush();
  }
}
