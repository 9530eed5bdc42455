package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.server.LockServer;
import io.holdfast.server.ServerSettings;
import io.holdfast.server.replication.jraft.JRaftReplicator;
import io.holdfast.server.replication.jraft.JRaftSettings;
import io.holdfast.server.security.AuthInterceptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code holdfast members}, and real servers in this JVM. */
@Timeout(120)
class MembersTest {
  @TempDir Path folder;

  private final String one = free();
  private final String two = free();
  private final String three = free();
  private final List<LockServer> servers = new ArrayList<>();

  @AfterEach
  void stop() {
    servers.forEach(LockServer::close);
  }

  @Test
  void serversAreToldOfAddedMadeToLeadAndRemoved() throws Exception {
    LockServer first = start(one, Set.of(one, two));
    start(two, Set.of(one, two));
    start(three, Set.of());

    CommandRun added = members("add", three);
    assertThat(added.err()).isEmpty();
    assertThat(added.out()).startsWith("members are ").contains(one, two, three).hasLineCount(1);

    assertThat(members("transfer", three).exitCode()).isZero();
    RunningCommand.await(
        "all know the new leader",
        () -> roles().equals(Map.of(one, "follows", two, "follows", three, "leads")));
    CommandRun shown = members();
    assertThat(shown.exitCode()).isZero();
    assertThat(shown.out().lines().map(line -> line.split(" +")[1]))
        .containsExactly("name", one, two, three);
    assertThat(shown.out()).contains("leads").contains("follows");
    assertThat(members("snapshot").out())
        .hasLineCount(3)
        .contains(first.clientAddress() + ": snapshot up to entry ");

    CommandRun removed = members("remove", one, "--json");
    assertThat((String) JsonReader.readObject(removed.out()).get("members"))
        .contains(two, three)
        .doesNotContain(one);
    RunningCommand.await(
        "they are two",
        () -> roles().entrySet().containsAll(Map.of(two, "follows", three, "leads").entrySet()));

    first.close();
    CommandRun without = members();
    assertThat(without.exitCode()).isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(without.out()).containsOnlyOnce("does not answer").contains("leads");
  }

  @Test
  void whatMeansNothingIsRefusedAndChangesNothing() throws Exception {
    start(one, Set.of(one));
    RunningCommand.await("it leads", () -> roles().equals(Map.of(one, "leads")));
    assertThat(members("add"))
        .isEqualTo(
            new CommandRun(
                ExitCode.USAGE,
                "",
                "holdfast members: add which server? write its name, host:port"
                    + System.lineSeparator()));
    assertThat(members("snapshot", one).exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(members("remove", "no name").exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(members("transfer", two).exitCode()).isEqualTo(ExitCode.REFUSED);
    assertThat(roles()).isEqualTo(Map.of(one, "leads"));
  }

  private LockServer start(String name, Set<String> members) throws IOException {
    Path data = folder.resolve(name.substring(name.indexOf(':') + 1));
    LockServer server =
        LockServer.builder(
                ServerSettings.of(name, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
                new JRaftReplicator(JRaftSettings.of(data, name, members)))
            .interceptor(AuthInterceptor.trusting(reason -> {}))
            .start();
    servers.add(server);
    return server;
  }

  private CommandRun members(String... arguments) {
    List<String> line = new ArrayList<>(List.of("members"));
    line.addAll(List.of(arguments));
    line.add("--store");
    line.add(
        "holdfast://"
            + servers.stream().map(LockServer::clientAddress).collect(Collectors.joining(",")));
    return CommandRun.of(line.toArray(String[]::new));
  }

  /** By the servers' names. */
  private Map<String, String> roles() {
    return members("--json")
        .out()
        .lines()
        .map(JsonReader::readObject)
        .collect(
            Collectors.toMap(
                server -> (String) server.get("self"), server -> (String) server.get("role")));
  }

  private static String free() {
    try {
      return ServerTest.freeAddress();
    } catch (IOException e) {
      throw new AssertionError("no port is free", e);
    }
  }
}
