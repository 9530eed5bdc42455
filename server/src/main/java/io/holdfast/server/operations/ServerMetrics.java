package io.holdfast.server.operations;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.Limits;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.security.AuthReason;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * Counts what a server does, for Prometheus. Names of locks, namespaces and clients are in no label: there is no end of them,
 * and whoever reads metrics need not know them. Thread-safe; recording blocks nowhere.
 */
public final class ServerMetrics implements CoreEvents {
  /** Different reasons that are counted apart; others, should there be any, are counted as OTHER. */
  private static final int MAX_REASONS = 100;

  private static final Pattern REASON = Pattern.compile("[A-Z_]{1,40}");

  /** From 0.1 ms to 100 s. */
  private static final double[] WAITS = {
    .0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3, 10, 30, 100
  };

  /** From 1 ms to a day. */
  private static final double[] HOLDS = {.001, .01, .1, 1, 10, 60, 600, 3_600, 21_600, 86_400};

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter writer =
      PrometheusTextFormatWriter.builder().setIncludeCreatedTimestamps(false).build();

  private final Counter calls =
      counter(
          "holdfast_calls",
          "Calls that the server has ended, by method and gRPC status.",
          "method",
          "code");
  private final Counter turnedAway =
      counter("holdfast_calls_turned_away", "Calls turned away at the door, by reason.", "reason");
  private final Counter refused =
      counter(
          "holdfast_refused",
          "What was asked and not done, by reason; limits are reasons.",
          "reason");
  private final Counter sessionsEnded =
      counter("holdfast_sessions_ended", "Sessions that have ended, by how.", "how");
  private final CounterDataPoint sessionsOpened =
      counter("holdfast_sessions_opened", "Sessions that were opened.").labelValues();
  private final CounterDataPoint leaderships =
      counter("holdfast_leaderships", "How often this server has begun to lead.").labelValues();
  private final Counter operations =
      counter(
          "holdfast_operations", "Operations in entries that this server proposed and applied.");
  private final Histogram waits =
      histogram("holdfast_wait_seconds", "From a request to its grant.", WAITS);
  private final Histogram holds =
      histogram("holdfast_hold_seconds", "From a grant to its end.", HOLDS);
  private final Histogram commits =
      histogram(
          "holdfast_commit_seconds", "From the proposal of an entry to its application.", WAITS);
  private final Histogram entries =
      histogram(
          "holdfast_entry_operations",
          "Operations in one entry of the log.",
          1,
          2,
          5,
          10,
          20,
          50,
          100,
          200,
          500,
          1_000);

  private final Set<String> reasons = ConcurrentHashMap.newKeySet();

  private Counter counter(String name, String help, String... labels) {
    return Counter.builder()
        .name(name)
        .help(help)
        .labelNames(labels)
        .withoutExemplars()
        .register(registry);
  }

  private Histogram histogram(String name, String help, double... bounds) {
    return Histogram.builder()
        .classicOnly()
        .classicUpperBounds(bounds)
        .name(name)
        .help(help)
        .withoutExemplars()
        .register(registry);
  }

  /**
   * Shows how much a server holds and how far it has come, as it is when metrics are asked for. Once.
   *
   * @param figures see {@link ServerCore#figures}
   */
  public void show(
      Supplier<ServerCore.Figures> figures, Supplier<ReplicaStatus> status, Limits limits) {
    gauges(
        () -> {
          ServerCore.Figures now = figures.get();
          return MetricSnapshots.of(
              gauge("holdfast_namespaces", "Namespaces that were ever used.", now.namespaces()),
              gauge("holdfast_sessions", "Sessions that are open.", now.sessions()),
              gauge("holdfast_holds", "Requests that hold their locks.", now.holds()),
              gauge("holdfast_waiters", "Requests that wait.", now.waiters()),
              gauge("holdfast_connections", "Streams and calls that are open.", now.connections()),
              gauge(
                  "holdfast_leader", "1 on the server that leads and serves.", now.leads() ? 1 : 0),
              gauge("holdfast_limit", "How much there may be.", limits.byName()),
              gauge(
                  "holdfast_limit_used",
                  "How much there is; of a limit in one namespace, in the one that has most.",
                  now.used()));
        });
    gauges(
        () -> {
          ReplicaStatus now = status.get();
          return MetricSnapshots.of(
              gauge("holdfast_members", "Servers that vote.", now.members().size()),
              gauge(
                  "holdfast_leader_known",
                  "1 if it is known who leads.",
                  now.leader().isPresent() ? 1 : 0),
              gauge("holdfast_term", "The log's term.", now.term()),
              gauge(
                  "holdfast_committed_index",
                  "The last entry in the log for good.",
                  now.committedIndex()),
              gauge("holdfast_applied_index", "The last entry applied.", now.appliedIndex()),
              gauge(
                  "holdfast_snapshot_index",
                  "The last entry in the snapshot.",
                  now.snapshotIndex()));
        });
  }

  /** Shows when the certificate that clients see ends. Once. */
  public void showCertificate(Supplier<Instant> expiresAt) {
    end("holdfast_tls_certificate_expires_seconds", "the certificate for clients", expiresAt);
  }

  /** Shows when the certificate that other servers see ends. Once. */
  public void showPeerCertificate(Supplier<Instant> expiresAt) {
    end(
        "holdfast_peer_certificate_expires_seconds",
        "the certificate for other servers",
        expiresAt);
  }

  /** Shows how old the keys are that tokens are checked with. Once. */
  public void showKeysAge(Supplier<Duration> age) {
    gauges(
        () ->
            MetricSnapshots.of(
                gauge(
                    "holdfast_auth_keys_age_seconds",
                    "How long ago the keys of tokens were loaded.",
                    age.get().toSeconds())));
  }

  private void end(String name, String ofWhat, Supplier<Instant> expiresAt) {
    gauges(
        () ->
            MetricSnapshots.of(
                gauge(
                    name,
                    "When " + ofWhat + " ends, in seconds of the Unix epoch.",
                    expiresAt.get().getEpochSecond())));
  }

  private void gauges(Supplier<MetricSnapshots> now) {
    MultiCollector collector =
        () -> {
          try {
            return now.get();
          } catch (RuntimeException e) {
            // A server that ends has no figures; the others are shown all the same.
            return MetricSnapshots.of();
          }
        };
    registry.register(collector);
  }

  private static GaugeSnapshot gauge(String name, String help, long value) {
    return GaugeSnapshot.builder()
        .name(name)
        .help(help)
        .dataPoint(GaugeDataPointSnapshot.builder().value((double) value).build())
        .build();
  }

  private static GaugeSnapshot gauge(String name, String help, Map<String, Integer> byLimit) {
    GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name(name).help(help);
    byLimit.forEach(
        (limit, value) ->
            gauge.dataPoint(
                GaugeDataPointSnapshot.builder()
                    .labels(Labels.of("limit", limit))
                    .value(value)
                    .build()));
    return gauge.build();
  }

  /** Counts calls, by method and how they end. To be named first among interceptors, to see also those turned away. */
  public ServerInterceptor calls() {
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        String method = call.getMethodDescriptor().getFullMethodName();
        return next.startCall(
            new SimpleForwardingServerCall<>(call) {
              @Override
              public void close(Status status, Metadata trailers) {
                calls.labelValues(method, status.getCode().name()).inc();
                super.close(status, trailers);
              }
            },
            headers);
      }
    };
  }

  /** A call was turned away at the door. */
  public void turnedAway(AuthReason reason) {
    turnedAway.labelValues(reason.name()).inc();
  }

  @Override
  public void committed(int count, long nanos) {
    operations.inc(count);
    entries.observe(count);
    commits.observe(nanos / 1e9);
  }

  @Override
  public void granted(long waitedNanos) {
    waits.observe(waitedNanos / 1e9);
  }

  @Override
  public void ended(long heldNanos) {
    holds.observe(heldNanos / 1e9);
  }

  @Override
  public void refused(String reason) {
    refused.labelValues(bounded(reason)).inc();
  }

  /** Reasons are words of ours; should one ever be made of what somebody sent, it does not become a label. */
  private String bounded(String reason) {
    if (reasons.contains(reason)) {
      return reason;
    }
    if (reasons.size() >= MAX_REASONS || !REASON.matcher(reason).matches()) {
      return "OTHER";
    }
    reasons.add(reason);
    return reason;
  }

  @Override
  public void sessionOpened() {
    sessionsOpened.inc();
  }

  @Override
  public void sessionEnded(boolean expired) {
    sessionsEnded.labelValues(expired ? "expired" : "closed").inc();
  }

  @Override
  public void leads(boolean leads) {
    if (leads) {
      leaderships.inc();
    }
  }

  /** Writes all of it in Prometheus' text format. */
  public void write(OutputStream out) throws IOException {
    writer.write(out, registry.scrape());
  }

  /** What {@link #write} writes. */
  public String contentType() {
    return writer.getContentType();
  }
}
