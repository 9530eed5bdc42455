package io.holdfast.server.core;

import io.holdfast.ClientOptions;
import io.holdfast.HoldData;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.OpenSession;
import io.holdfast.protocol.v1.Target;
import io.holdfast.table.Command;
import io.holdfast.table.SessionTerms;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** What clients say, checked and in our own types. What cannot be meant is a {@link Problem.Found}. */
final class FromWire {
  static final long LEAST_LEASE_MILLIS = 2_000;
  static final long MOST_LEASE_MILLIS = 3_600_000;

  private static final long MOST_HOLD_MILLIS = TimeUnit.NANOSECONDS.toMillis(Long.MAX_VALUE);
  private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");

  private FromWire() {}

  static String namespace(String name) {
    if (!NAMESPACE.matcher(name).matches()) {
      throw invalid(
          "NAMESPACE_INVALID",
          "namespace "
              + InvalidRequestException.show(name)
              + " must be 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit");
    }
    return name;
  }

  static String client(String name) {
    try {
      ClientOptions.defaults().name(name);
      return name;
    } catch (InvalidRequestException e) {
      throw new Problem.Found(Problem.invalid(e));
    }
  }

  static UUID nonce(com.google.protobuf.ByteString bytes) {
    try {
      return EntryCodec.nonce(bytes);
    } catch (IllegalArgumentException e) {
      throw invalid("NONCE_INVALID", String.valueOf(e.getMessage()));
    }
  }

  static SessionTerms terms(OpenSession open, String subject) {
    UUID nonce = nonce(open.getNonce());
    long lease = lease("lease_ms", "LEASE", open.getLeaseMs());
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(subject)) {
      // The log could not say it, and the other servers would have another subject than this one.
      throw invalid(
          "SUBJECT_INVALID",
          "subject " + InvalidRequestException.show(subject) + " has half a surrogate pair");
    }
    if (subject.getBytes(StandardCharsets.UTF_8).length > SessionTerms.MAX_SUBJECT_BYTES) {
      throw invalid(
          "SUBJECT_TOO_LONG",
          "subject "
              + InvalidRequestException.show(subject)
              + " has more than "
              + SessionTerms.MAX_SUBJECT_BYTES
              + " bytes");
    }
    return new SessionTerms(
        lease, nonce.getMostSignificantBits(), nonce.getLeastSignificantBits(), subject);
  }

  /** In nanoseconds. */
  static long lease(String field, String reason, long millis) {
    if (millis < LEAST_LEASE_MILLIS) {
      throw invalid(
          reason + "_TOO_SHORT", field + " is " + millis + ", at least " + LEAST_LEASE_MILLIS);
    }
    if (millis > MOST_LEASE_MILLIS) {
      throw invalid(
          reason + "_TOO_LONG", field + " is " + millis + ", at most " + MOST_LEASE_MILLIS);
    }
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  static Command.Acquire acquire(Acquire acquire) {
    requirePositive("session", acquire.getSession());
    requirePositive("request", acquire.getRequest());
    if (acquire.getAcknowledged() < 0) {
      throw invalid(
          "ACKNOWLEDGED_INVALID", "acknowledged is " + acquire.getAcknowledged() + ", at least 0");
    }
    int count = acquire.getTargetsCount();
    if (count == 0) {
      throw invalid("NO_TARGETS", "targets are 0, at least 1");
    }
    if (count > LockClient.MAX_TARGETS) {
      throw invalid(
          "TOO_MANY_TARGETS", "targets are " + count + ", at most " + LockClient.MAX_TARGETS);
    }
    List<LockTarget> targets = new ArrayList<>(count);
    for (Target target : acquire.getTargetsList()) {
      targets.add(target(target));
    }
    return new Command.Acquire(
        0,
        acquire.getSession(),
        acquire.getRequest(),
        acquire.getAcknowledged(),
        acquire.getMayWait(),
        targets,
        data(acquire.getData().toByteArray()),
        acquire.hasMaxHoldMs() ? maxHold(acquire.getMaxHoldMs()) : Command.FOREVER);
  }

  static LockTarget target(Target target) {
    if (!target.hasKey()) {
      throw invalid("KEY_MISSING", "a target has no key");
    }
    LockMode mode =
        switch (target.getMode()) {
          case MODE_SHARED -> LockMode.SHARED;
          case MODE_EXCLUSIVE -> LockMode.EXCLUSIVE;
          default ->
              throw invalid(
                  "MODE_INVALID",
                  "mode is " + target.getModeValue() + ", must be 1 (shared) or 2 (exclusive)");
        };
    return new LockTarget(key(target.getKey()), mode);
  }

  static LockKey key(Key key) {
    try {
      return key.hasPath()
          ? new LockKey.Node(key.getName(), TreePath.parse(key.getPath()))
          : new LockKey.Name(key.getName());
    } catch (InvalidRequestException e) {
      throw new Problem.Found(Problem.invalid(e));
    }
  }

  static void name(String field, String name) {
    try {
      new LockKey.Name(name);
    } catch (InvalidRequestException e) {
      Problem problem = Problem.invalid(e);
      throw invalid(problem.reason(), field + ": " + problem.message());
    }
  }

  /** What names are asked for by: any text no longer than a name, nothing included. */
  static String prefix(String prefix) {
    int bytes = prefix.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > LockKey.MAX_NAME_BYTES) {
      throw invalid(
          "PREFIX_TOO_LONG",
          "prefix "
              + InvalidRequestException.show(prefix)
              + " has "
              + bytes
              + " bytes, at most "
              + LockKey.MAX_NAME_BYTES);
    }
    return prefix;
  }

  static HoldData data(byte[] bytes) {
    try {
      return HoldData.of(bytes);
    } catch (InvalidRequestException e) {
      throw new Problem.Found(Problem.invalid(e));
    }
  }

  static void requirePositive(String field, long value) {
    if (value <= 0) {
      throw invalid(
          field.toUpperCase(java.util.Locale.ROOT) + "_INVALID",
          field + " is " + value + ", at least 1");
    }
  }

  /** That for which a lock is taken away; none is one as well. */
  static void requireReason(String reason) {
    int bytes = reason.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > LockClient.MAX_REASON_BYTES) {
      throw invalid(
          "REASON_TOO_LONG",
          "reason has " + bytes + " bytes, at most " + LockClient.MAX_REASON_BYTES);
    }
  }

  private static long maxHold(long millis) {
    if (millis < 1) {
      throw invalid("MAX_HOLD_TOO_SHORT", "max_hold_ms is " + millis + ", at least 1");
    }
    if (millis > MOST_HOLD_MILLIS) {
      throw invalid(
          "MAX_HOLD_TOO_LONG", "max_hold_ms is " + millis + ", at most " + MOST_HOLD_MILLIS);
    }
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  private static Problem.Found invalid(String reason, String message) {
    return new Problem.Found(Problem.invalid(reason, message));
  }
}
