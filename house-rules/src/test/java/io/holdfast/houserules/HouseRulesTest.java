package io.holdfast.houserules;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaModifier.FINAL;
import static com.tngtech.archunit.core.domain.JavaModifier.SYNCHRONIZED;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.constructors;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The walls between the rooms, and the manners inside them. A new room gets a line here. */
class HouseRulesTest {
  private static final String[] API = {"io.holdfast", "io.holdfast.spi"};
  private static final String TABLE = "io.holdfast.table..";
  private static final String TESTKIT = "io.holdfast.testkit..";
  private static final String HISTORY = "io.holdfast.testkit.history..";
  private static final String IN_PROCESS = "io.holdfast.inprocess..";
  private static final String CORE = "io.holdfast.core";
  private static final String LEASE_STORE = "io.holdfast.core.spi";
  private static final String TESTKIT_LEASE = "io.holdfast.testkit.lease";
  private static final String POSTGRES = "io.holdfast.postgres";
  private static final String POSTGRES_R2DBC = "io.holdfast.postgres.r2dbc";
  private static final String POSTGRES_VERTX = "io.holdfast.postgres.vertx";
  private static final String DYNAMODB = "io.holdfast.dynamodb..";
  private static final String GCS = "io.holdfast.gcs..";
  private static final String PROTOCOL = "io.holdfast.protocol.v1";
  private static final String LOG_PROTOCOL = "io.holdfast.protocol.internal..";
  private static final String SERVER = "io.holdfast.server..";
  private static final String SERVER_CORE = "io.holdfast.server.core";
  private static final String REPLICATION = "io.holdfast.server.replication";
  private static final String JRAFT = "io.holdfast.server.replication.jraft";
  private static final String SECURITY = "io.holdfast.server.security";
  private static final String REMOTE = "io.holdfast.remote";
  private static final String CLIENT_CORE = "io.holdfast.remote.internal";
  private static final String PROTOBUF = "com.google.protobuf..";
  private static final String GRPC = "io.grpc..";
  private static final String SIMULATION = "io.holdfast.simulation..";
  private static final String CLI = "io.holdfast.cli..";
  private static final String FAULTS = "io.holdfast.faults..";
  private static final String BENCHMARKS = "io.holdfast.benchmarks..";
  private static final String EXAMPLES = "io.holdfast.examples";
  private static final String HOUSE_RULES = "io.holdfast.houserules";

  /** The JDK, and annotations that only the compiler reads. */
  private static final String[] JDK = {
    "java..", "javax..", "org.jspecify.annotations", "com.google.errorprone.annotations.."
  };

  private static final DescribedPredicate<JavaAccess<?>> NOW =
      describe(
          "now() of java.time",
          access ->
              access.getTargetOwner().getPackageName().equals("java.time")
                  && access.getName().equals("now"));

  private static final JavaClasses MAIN =
      new ClassFileImporter()
          .withImportOption(new DoNotIncludeTests())
          .importPackages("io.holdfast");

  /** Without this, a rule about a package that moved would pass because it sees nothing. */
  @Test
  void everyClassLivesInARoomAndNoRoomIsMissing() {
    String[] rooms =
        concat(
            API,
            TABLE,
            TESTKIT,
            HISTORY,
            IN_PROCESS,
            CORE,
            LEASE_STORE,
            TESTKIT_LEASE,
            POSTGRES,
            POSTGRES_R2DBC,
            POSTGRES_VERTX,
            DYNAMODB,
            GCS,
            PROTOCOL,
            LOG_PROTOCOL,
            SERVER,
            REMOTE,
            CLIENT_CORE,
            SIMULATION,
            CLI,
            FAULTS,
            BENCHMARKS,
            EXAMPLES,
            HOUSE_RULES);
    assertThat(rooms)
        .allSatisfy(room -> assertThat(MAIN.that(resideInAPackage(room))).isNotEmpty());
    classes().should().resideInAnyPackage(rooms).check(MAIN);
  }

  @Test
  void apiSeesOnlyTheJdk() {
    room(API).sees();
  }

  @Test
  void tableSeesTheApi() {
    room(TABLE).sees(API);
  }

  @Test
  void testkitSeesTheApiAndTheTestLibraries() {
    room(TESTKIT)
        .sees(
            concat(
                API,
                LEASE_STORE,
                "org.junit.jupiter.api..",
                "org.junit.jupiter.params..",
                "org.assertj.."));
  }

  @Test
  void historyNeedsNoTestLibrary() {
    room(HISTORY).sees(API);
  }

  @Test
  void inProcessSeesTheApiAndTheTable() {
    room(IN_PROCESS).sees(concat(API, TABLE));
  }

  @Test
  void theLeaseEngineSeesTheApiAndTheSeamToStores() {
    room(CORE).sees(concat(API, LEASE_STORE));
    room(LEASE_STORE).sees(API);
  }

  @Test
  void aModelOfALeaseStoreNeedsNoTestLibrary() {
    room(TESTKIT_LEASE).sees(concat(API, LEASE_STORE));
  }

  @Test
  void storesSeeAnEngineAndOneDriver() {
    room(POSTGRES).sees(concat(API, CORE, LEASE_STORE, "org.postgresql.."));
    room(DYNAMODB)
        .sees(concat(API, CORE, LEASE_STORE, "software.amazon.awssdk..", "org.reactivestreams"));
    room(GCS).sees(concat(API, CORE, LEASE_STORE, "com.google.auth..", "com.google.gson.."));
  }

  /** Not pgjdbc: what they share with it is text. */
  @Test
  void locksOnOtherDriversConnectionsSeeThePostgresStoreAndTheirDriversApi() {
    room(POSTGRES_R2DBC).sees(concat(API, POSTGRES, "io.r2dbc.spi", "org.reactivestreams"));
    room(POSTGRES_VERTX)
        .sees(concat(API, POSTGRES, "io.vertx.core", "io.vertx.sqlclient", "io.vertx.pgclient"));
  }

  @Test
  void protocolSeesGrpcAndNothingOfOurs() {
    room(PROTOCOL, LOG_PROTOCOL).sees(PROTOBUF, GRPC, "com.google.common..");
  }

  /** What decides needs neither a network nor an engine, so that the simulation can run it. */
  @Test
  void theServersCoreSeesTheTableTheProtocolAndTheSeam() {
    room(SERVER_CORE)
        .sees(concat(API, TABLE, PROTOCOL, LOG_PROTOCOL, REPLICATION, SECURITY, PROTOBUF));
  }

  @Test
  void theServerSeesNoStoreAndNoClient() {
    noClasses()
        .that(resideInAPackage(SERVER))
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(
                IN_PROCESS, CORE, LEASE_STORE, POSTGRES, DYNAMODB, GCS, REMOTE, CLIENT_CORE, CLI))
        .check(MAIN);
  }

  @Test
  void theSeamToConsensusSeesNothing() {
    room(REPLICATION).sees();
  }

  @Test
  void theEngineStaysBehindTheSeam() {
    noClasses()
        .that(resideInAPackage("io.holdfast.."))
        .and(not(resideInAPackage(JRAFT)))
        .should()
        .dependOnClassesThat(resideInAnyPackage("com.alipay..", "org.rocksdb.."))
        .check(MAIN);
  }

  @Test
  void credentialsAreReadInOnePlace() {
    noClasses()
        .that(resideInAPackage("io.holdfast.."))
        .and(not(resideInAPackage(SECURITY)))
        .should()
        .dependOnClassesThat(resideInAPackage("com.nimbusds.."))
        .check(MAIN);
  }

  @Test
  void remoteSeesTheApiAndTheProtocol() {
    room(REMOTE).sees(concat(API, CLIENT_CORE, PROTOCOL, PROTOBUF, GRPC));
  }

  @Test
  void theClientsCoreNeedsNoNetwork() {
    room(CLIENT_CORE).sees(concat(API, PROTOCOL, PROTOBUF));
  }

  @Test
  void simulationSeesTheCoresTheSeamAndTheTestkit() {
    room(SIMULATION)
        .sees(
            concat(
                API,
                TABLE,
                TESTKIT,
                CORE,
                LEASE_STORE,
                PROTOCOL,
                PROTOBUF,
                SERVER_CORE,
                REPLICATION,
                SECURITY,
                CLIENT_CORE));
  }

  @Test
  void cliSeesTheApiTheStoresAndTheHistoryChecker() {
    room(CLI).sees(concat(API, IN_PROCESS, REMOTE, SERVER, HISTORY, "io.grpc", "picocli.."));
  }

  /** It starts servers as programs, and sees nothing of them but what they tell operators. */
  @Test
  void faultsSeesTheApiTheHistoryCheckerAndTheProtocol() {
    room(FAULTS).sees(concat(API, HISTORY, PROTOCOL, GRPC, "picocli.."));
  }

  /** What a user's program sees. */
  @Test
  void examplesSeePostgresItselfOtherStoresByTheApiAndWhatTheyAreExamplesOf() {
    room(EXAMPLES)
        .sees(
            concat(
                API,
                POSTGRES,
                POSTGRES_R2DBC,
                POSTGRES_VERTX,
                "org.springframework..",
                "jakarta.persistence..",
                "io.r2dbc.spi",
                "org.reactivestreams",
                "reactor.core..",
                "io.vertx.core",
                "io.vertx.sqlclient",
                "software.amazon.awssdk.."));
  }

  @Test
  void apiTypesAreClosedToSubclassesFromOutside() {
    classes()
        .that(resideInAnyPackage(API))
        .and()
        .arePublic()
        .and()
        .areNotInterfaces()
        .should(be(finalSealedOrEnum()))
        .allowEmptyShould(true)
        .check(MAIN);
  }

  /** A right to a lock comes from a store. Records and exceptions only report one. */
  @Test
  void nobodyConstructsAHoldOrALease() {
    constructors()
        .that()
        .areDeclaredInClassesThat(resideInAnyPackage(API))
        .and()
        .areDeclaredInClassesThat(
            describe(
                "a Hold or a Lease",
                c -> c.getSimpleName().startsWith("Hold") || c.getSimpleName().contains("Lease")))
        .and()
        .areDeclaredInClassesThat(not(assignableTo(Throwable.class).or(assignableTo(Record.class))))
        .should()
        .notBePublic()
        .allowEmptyShould(true)
        .check(MAIN);
  }

  @Test
  void tableReadsNoClockStartsNoThreadDoesNoIoAndRollsNoDice() {
    noClasses()
        .that(resideInAPackage(TABLE))
        .and(not(named("HashSalt"))) // on which nothing depends that a table says
        .should()
        .dependOnClassesThat(
            resideInAnyPackage("java.nio.file..", "java.nio.channels..", "java.net..")
                .or(resideInAPackage("java.util.concurrent..").and(not(named("TimeUnit"))))
                .or(
                    resideInAPackage("java.io")
                        .and(describe("a file", c -> c.getName().contains("File"))))
                .or(named("Thread", "ThreadLocal", "Random", "SecureRandom", "SplittableRandom")))
        .orShould()
        .accessTargetWhere(target("java.util.UUID", "randomUUID"))
        .orShould()
        .accessTargetWhere(target("java.lang.System", "nanoTime", "currentTimeMillis"))
        .orShould()
        .accessTargetWhere(target("java.lang.Math", "random"))
        .orShould()
        .dependOnClassesThat(assignableTo(java.time.Clock.class))
        .orShould()
        .accessTargetWhere(NOW)
        .check(MAIN);
  }

  /** Decisions take time as an argument; the demo, the benchmarks and the fault rig live in real time. */
  @Test
  void onlyATickerReadsTheClockOrSleeps() {
    noClasses()
        .that(not(resideInAnyPackage(BENCHMARKS, FAULTS)))
        .and(
            not(
                describe(
                    "the demo",
                    c ->
                        c.getName().startsWith("io.holdfast.cli.demo.")
                            || c.getName().startsWith("io.holdfast.cli.Demo"))))
        .and(not(describe("a Ticker", HouseRulesTest::isTicker)))
        .should()
        .accessTargetWhere(target("java.lang.System", "nanoTime", "currentTimeMillis"))
        .orShould()
        .accessTargetWhere(target("java.lang.Thread", "sleep"))
        .orShould()
        .accessTargetWhere(target("java.util.concurrent.TimeUnit", "sleep"))
        .orShould()
        .accessTargetWhere(NOW)
        .check(MAIN);
  }

  @Test
  void onlyTheCliTheBenchmarksAndTheFaultRigPrint() {
    noClasses()
        .that(not(resideInAnyPackage(CLI, BENCHMARKS, FAULTS)))
        .should(ACCESS_STANDARD_STREAMS)
        .check(MAIN);
  }

  @Test
  void aClassIsANounOfTheTrade() {
    noClasses().should().haveNameMatching(".*(Manager|Impl|Utils?|Helper)(\\$.*)?").check(MAIN);
  }

  @Test
  void nothingLivesInAThreadLocal() {
    fields()
        .should()
        .notHaveRawType(assignableTo(ThreadLocal.class))
        .allowEmptyShould(true)
        .check(MAIN);
  }

  /** A virtual thread that blocks in a monitor keeps its carrier on older JDKs; a lock does not. */
  @Test
  void noMethodIsSynchronized() {
    methods().should().notHaveModifier(SYNCHRONIZED).allowEmptyShould(true).check(MAIN);
  }

  private static DescribedPredicate<JavaAccess<?>> target(String owner, String... names) {
    return describe(
        owner + "." + String.join("/", names),
        access ->
            access.getTargetOwner().getName().equals(owner)
                && List.of(names).contains(access.getName()));
  }

  private static DescribedPredicate<JavaClass> named(String... simpleNames) {
    return describe(
        "named " + String.join(", ", simpleNames),
        c -> List.of(simpleNames).contains(c.getSimpleName()));
  }

  private static DescribedPredicate<JavaClass> finalSealedOrEnum() {
    return describe(
        "final, sealed or an enum",
        c -> c.getModifiers().contains(FINAL) || c.isEnum() || c.reflect().isSealed());
  }

  private static boolean isTicker(JavaClass type) {
    return type.getAllClassesSelfIsAssignableTo().stream()
        .anyMatch(c -> c.getSimpleName().equals("Ticker"));
  }

  private static String[] concat(String[] some, String... more) {
    return Stream.of(some, more).flatMap(Stream::of).toArray(String[]::new);
  }

  private static Room room(String... packages) {
    return new Room(List.of(packages));
  }

  private record Room(List<String> packages) {
    /** Besides itself and the JDK. */
    void sees(String... others) {
      String[] own = packages.toArray(String[]::new);
      classes()
          .that()
          .resideInAnyPackage(own)
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(concat(own, concat(JDK, others)))
          .check(MAIN);
    }
  }
}
