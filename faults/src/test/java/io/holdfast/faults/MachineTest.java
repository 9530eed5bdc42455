package io.holdfast.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the harm is done with, tried on programs that have nothing to do with locks; and that nothing of it stays behind. */
class MachineTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  @TempDir private Path folder;
  private Remains remains;

  @BeforeEach
  void begin() {
    remains = new Remains(folder.resolve("remains"));
  }

  @AfterEach
  void sweep() {
    assertThat(remains.sweep()).isEmpty();
    assertThat(folder.resolve("remains")).doesNotExist();
  }

  @Test
  void aProcessIsPausedAndGoesOn() throws Exception {
    RigProcess sleeper = start("sleep", "100");
    assertThat(sleeper.isPaused()).isFalse();
    sleeper.pause();
    assertThat(Wait.until(SOON, sleeper::isPaused)).isTrue();
    sleeper.resume();
    assertThat(Wait.until(SOON, () -> !sleeper.isPaused())).isTrue();
    sleeper.kill();
    assertThat(sleeper.exit()).isEqualTo(128 + 9);
    assertThat(sleeper.isPaused()).isFalse();
  }

  @Test
  void aSweepKillsWhatRunsEvenIfItIsPaused() throws Exception {
    RigProcess sleeper = start("sleep", "100");
    sleeper.pause();
    assertThat(remains.sweep()).isEmpty();
    assertThat(sleeper.awaitEnd(SOON)).isTrue();
  }

  @Test
  void aSweepLeavesALaterProcessOfTheSameNumberAlone() throws Exception {
    RigProcess sleeper = start("sleep", "100");
    Remains wrong = new Remains(folder.resolve("other"));
    wrong.note(Remains.Kind.PROCESS, sleeper.pid() + ":1");
    assertThat(wrong.sweep()).isEmpty();
    assertThat(sleeper.isAlive()).isTrue();
  }

  @Test
  void nothingIsMadeOnceCleaningHasBegun() {
    remains.close();
    assertThatExceptionOfType(RigException.class)
        .isThrownBy(() -> remains.note(Remains.Kind.LINK, "never"));
  }

  @Test
  void aHostThatIsCutOffBothWaysIsNotReached() {
    Network network = network();
    Host a = network.host("a", 2);
    Host b = network.host("b", 3);
    assertThat(reaches(a, b)).isTrue();
    a.cut(Host.Cut.BOTH_WAYS, List.of(a, b));
    assertThat(a.dropped()).as("nobody has sent anything").isZero();
    assertThat(reaches(a, b)).isFalse();
    assertThat(reaches(b, a)).isFalse();
    assertThat(a.dropped()).isPositive();
    a.heal();
    assertThat(reaches(a, b)).isTrue();
    assertThat(a.dropped()).isZero();
  }

  @Test
  void aOneWayCutLetsOutWhatItDoesNotLetIn() throws Exception {
    Network network = network();
    Host a = network.host("a", 2);
    Host b = network.host("b", 3);
    a.cut(Host.Cut.INCOMING, List.of(b));
    // What a sends arrives, though nobody can answer.
    Path heard = folder.resolve("heard");
    RigProcess listener =
        RigProcess.start(
            remains, heard, Map.of(), b.command(List.of("perl", "-MIO::Socket", "-e", LISTEN)));
    assertThat(Wait.until(SOON, () -> lines(heard).contains("listening"))).isTrue();
    Shell.run(a.command(List.of("perl", "-MIO::Socket", "-e", TELL)).toArray(String[]::new));
    assertThat(Wait.until(SOON, () -> lines(heard).contains("heard hello"))).isTrue();
    assertThat(a.dropped()).isZero();
    assertThat(reaches(b, a)).isFalse();
    assertThat(a.dropped()).isPositive();
    listener.kill();
  }

  private static final String LISTEN =
      "$| = 1; my $s = IO::Socket::INET->new(Proto => 'udp', LocalPort => 7000) or die;"
          + " print \"listening\\n\"; $s->recv(my $m, 99); print \"heard $m\\n\";";
  private static final String TELL =
      "IO::Socket::INET->new(Proto => 'udp', PeerAddr => '10.213.78.3:7000')->send('hello');";

  @Test
  void aSweepLeavesNeitherNamespaceNorLink() {
    Network network = network();
    network.host("a", 2);
    assertThat(Shell.run("ip", "netns", "list")).contains("hft-a");
    assertThat(remains.sweep()).isEmpty();
    assertThat(Shell.run("ip", "netns", "list")).doesNotContain("hft-");
    assertThat(Shell.run("ip", "link", "show")).doesNotContain("hft-");
  }

  @Test
  void aDiskThatLosesItsPowerLosesWhatWasNotMadeDurable() throws Exception {
    Disk disk = disk();
    Files.createDirectories(disk.data());
    Path saved = disk.data().resolve("saved");
    Files.writeString(saved, "saved");
    Shell.run("sync", "-f", saved.toString());
    assertThat(disk.losePower()).isTrue();
    assertThat(disk.regainPower()).isTrue();
    assertThat(saved).hasContent("saved");
  }

  @Test
  void aDiskIsFullUntilItIsCleared() throws Exception {
    Disk disk = disk();
    Files.createDirectories(disk.data());
    assertThat(disk.room()).isGreaterThan(100 << 20);
    disk.fill();
    Path file = disk.data().resolve("file");
    assertThat(Shell.ask("dd", "if=/dev/zero", "of=" + file, "bs=1M", "count=1").isGood())
        .isFalse();
    disk.clear();
    assertThat(Shell.ask("dd", "if=/dev/zero", "of=" + file, "bs=1M", "count=1").isGood()).isTrue();
  }

  @Test
  void aSweepUnmountsADisk() throws Exception {
    Disk disk = disk();
    Path parent = disk.data().getParent();
    assertThat(Files.readString(Path.of("/proc/self/mounts"))).contains(parent.toString());
    assertThat(remains.sweep()).isEmpty();
    assertThat(Files.readString(Path.of("/proc/self/mounts"))).doesNotContain(parent.toString());
  }

  @Test
  void theInterposerFailsFlushesOnlyWhenToldToAndCountsThem() throws Exception {
    Interposer interposer = interposer();
    String[] flush = {
      "dd", "if=/dev/zero", "of=" + folder.resolve("file"), "count=1", "conv=fsync"
    };
    assertThat(ask(interposer, flush).isGood()).isTrue();
    assertThat(interposer.get(Interposer.Word.SYNCS)).isEqualTo(1);
    assertThat(interposer.get(Interposer.Word.SYNCS_FAILED)).isZero();
    interposer.set(Interposer.Word.SYNC_ERRNO, Interposer.EIO);
    assertThat(ask(interposer, flush).output()).contains("Input/output error");
    assertThat(interposer.get(Interposer.Word.SYNCS_FAILED)).isEqualTo(1);
  }

  @Test
  void theInterposerDelaysFlushes() throws Exception {
    Interposer interposer = interposer();
    interposer.set(Interposer.Word.SYNC_DELAY_MILLIS, 300);
    long began = System.nanoTime();
    ask(interposer, "dd", "if=/dev/zero", "of=" + folder.resolve("file"), "count=1", "conv=fsync");
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(290));
    assertThat(interposer.get(Interposer.Word.SYNCS_DELAYED)).isEqualTo(1);
  }

  @Test
  void theInterposerFailsWritesOfTheDataAlone() throws Exception {
    Interposer interposer = interposer();
    interposer.set(Interposer.Word.WRITE_ERRNO, 28);
    assertThat(
            ask(interposer, "dd", "if=/dev/zero", "of=" + folder.resolve("data/x"), "count=1")
                .output())
        .contains("No space left on device");
    assertThat(
            ask(interposer, "dd", "if=/dev/zero", "of=" + folder.resolve("log"), "count=1")
                .isGood())
        .isTrue();
    assertThat(interposer.get(Interposer.Word.WRITES_FAILED)).isEqualTo(1);
  }

  @Test
  void theInterposerShiftsTheWallClockOfAJvmAndNothingElse() throws Exception {
    Interposer interposer = interposer();
    interposer.set(
        Interposer.Word.WALL_OFFSET_NANOS, Duration.ofHours(-5).plusMillis(250).toNanos());
    long nanosBefore = System.nanoTime();
    String[] readings =
        ask(
                interposer,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Clocks.class.getName())
            .output()
            .strip()
            .split(" ", -1);
    assertThat(System.currentTimeMillis() - Long.parseLong(readings[0]))
        .isBetween(Duration.ofHours(5).toMillis() - 250, Duration.ofHours(5).toMillis() + 30_000);
    assertThat(Long.parseLong(readings[1])).isBetween(nanosBefore, System.nanoTime());
    assertThat(interposer.get(Interposer.Word.READINGS_SHIFTED)).isPositive();
  }

  /** Says what time it is, by both clocks. */
  static final class Clocks {
    private Clocks() {}

    public static void main(String[] none) {
      System.out.println(System.currentTimeMillis() + " " + System.nanoTime());
    }
  }

  private Network network() {
    Optional<String> impossible = Network.impossible();
    assumeTrue(impossible.isEmpty(), impossible.orElse(""));
    return Network.make(remains, "hft-", "10.213.78.");
  }

  private Disk disk() throws Exception {
    Optional<String> impossible = Network.impossible().or(Disk::impossible);
    assumeTrue(impossible.isEmpty(), impossible.orElse(""));
    return Disk.make(remains, folder, "disk");
  }

  private Interposer interposer() throws Exception {
    Optional<Path> library = Interposer.compile(folder);
    assumeTrue(library.isPresent(), "needs a C compiler");
    Path data = Files.createDirectories(folder.resolve("data"));
    return Interposer.of(library.orElseThrow(), folder.resolve("control"), data);
  }

  private static Shell.Answer ask(Interposer interposer, String... command) {
    List<String> under = new ArrayList<>(List.of("env"));
    interposer.environment().forEach((name, value) -> under.add(name + "=" + value));
    under.addAll(List.of(command));
    return Shell.ask(under.toArray(String[]::new));
  }

  /** Whoever is reached refuses, for nobody listens; whoever is not does not answer. */
  private static boolean reaches(Host from, Host to) {
    String knock = "exec 3<>/dev/tcp/" + to.address() + "/9";
    return Shell.ask(
            from.command(List.of("timeout", "1", "bash", "-c", knock)).toArray(String[]::new))
        .output()
        .contains("refused");
  }

  private static List<String> lines(Path file) {
    try {
      return Files.exists(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private RigProcess start(String... command) {
    return RigProcess.start(remains, folder.resolve("log"), Map.of(), List.of(command));
  }
}
