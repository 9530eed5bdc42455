package io.holdfast.dynamodb;

import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;

/** What a failed request has come to. */
final class Failures {
  /*
   * The engine must know whether something may have changed. DynamoDB has changed nothing where it says no: throttled, not
   * permitted, not valid. A request that was never connected has not either. All else may have been carried out. And when
   * the client of the SDK has tried more than once, the last answer says nothing of the sendings before it.
   */
  private static final Set<String> TURNED_AWAY =
      Set.of(
          "ProvisionedThroughputExceededException",
          "ThrottlingException",
          "RequestLimitExceeded",
          "TransactionConflictException",
          "TransactionInProgressException",
          "ReplicatedWriteConflictException",
          "LimitExceededException");

  private static final Set<String> CREDENTIALS =
      Set.of(
          "UnrecognizedClientException",
          "InvalidSignatureException",
          "IncompleteSignature",
          "IncompleteSignatureException",
          "MissingAuthenticationToken",
          "MissingAuthenticationTokenException",
          "InvalidClientTokenId",
          "ExpiredTokenException");

  private static final Set<String> DENIED = Set.of("AccessDeniedException", "AccessDenied");

  /** What is asked only to look at the table beforehand. */
  private static final Set<String> LOOKS = Set.of("DescribeTable", "DescribeTimeToLive");

  /** As Apache's clients, which the SDK may go by, call a connection that did not come about, or was not free. */
  private static final Set<String> NEVER_CONNECTED =
      Set.of("ConnectTimeoutException", "ConnectionRequestTimeoutException");

  private static final int MOST_CAUSES = 10;

  private final String table;
  private final String schema;

  /**
   * @param schema how the key of the table should be, for people
   */
  Failures(String table, String schema) {
    this.table = table;
    this.schema = schema;
  }

  /**
   * What to tell the engine.
   *
   * @param action of DynamoDB's, as permissions name it
   * @param writes whether it might have changed something
   */
  LockException of(Throwable thrown, String action, boolean writes) {
    Throwable failure = unwrap(thrown);
    if (failure instanceof LockException known) {
      return known;
    }
    boolean mayHaveBeenDone = writes && attempts(failure) > 1;
    if (failure instanceof AwsServiceException answer) {
      return of(answer, action, writes, mayHaveBeenDone);
    }
    String what = action + " on table " + table + " failed: " + line(failure);
    if (isAboutCredentials(failure)) {
      return new LockRefusedException("CREDENTIALS_MISSING", what);
    }
    return writes && (mayHaveBeenDone || !wasNeverSent(failure))
        ? new UncertainOutcomeException(what, failure)
        : new StoreUnavailableException(what, failure);
  }

  private LockException of(
      AwsServiceException answer, String action, boolean writes, boolean mayHaveBeenDone) {
    String code = code(answer);
    String said = answer.awsErrorDetails() == null ? "" : message(answer);
    String what = action + " on table " + table + ": " + code + (said.isEmpty() ? "" : ", " + said);
    if (mayHaveBeenDone) {
      return new UncertainOutcomeException(what, answer);
    }
    if (DENIED.contains(code)) {
      return new LockRefusedException(
          "ACCESS_DENIED",
          "the permission dynamodb:"
              + action
              + " on table "
              + table
              + " is missing"
              + (LOOKS.contains(action) ? ", which check=off does without" : "")
              + ": "
              + said);
    }
    if (CREDENTIALS.contains(code)) {
      return new LockRefusedException("CREDENTIALS_REFUSED", what);
    }
    if (code.equals("ResourceNotFoundException")) {
      return new LockRefusedException(
          "TABLE_MISSING",
          "there is no table "
              + table
              + " in this account and region; holdfast setup makes it, or DynamoTables");
    }
    if (TURNED_AWAY.contains(code) || answer.isThrottlingException()) {
      return new StoreUnavailableException(what, answer);
    }
    if (answer.statusCode() >= 500) {
      return writes
          ? new UncertainOutcomeException(what, answer)
          : new StoreUnavailableException(what, answer);
    }
    if (said.contains("key element does not match")
        || said.contains("Missing the key")
        || said.contains("required keys was not given")
        || said.contains("number of conditions on the keys")
        || said.contains("Type mismatch for key")) {
      return new LockRefusedException(
          "KEY_SCHEMA", "table " + table + " should have " + schema + ": " + said);
    }
    return new LockRefusedException("REQUEST_REFUSED", what);
  }

  static Throwable unwrap(Throwable thrown) {
    Throwable failure = thrown;
    while (failure instanceof CompletionException && failure.getCause() != null) {
      failure = failure.getCause();
    }
    return failure;
  }

  static String code(AwsServiceException answer) {
    return Optional.ofNullable(answer.awsErrorDetails())
        .map(details -> details.errorCode())
        .orElse("status " + answer.statusCode());
  }

  private static String message(AwsServiceException answer) {
    String message = answer.awsErrorDetails().errorMessage();
    return message == null ? "" : message.replace('\n', ' ');
  }

  /** So often the client of the SDK has sent the request. */
  static int attempts(Throwable failure) {
    Integer attempts = failure instanceof SdkException sdk ? sdk.numAttempts() : null;
    return attempts == null ? 1 : attempts;
  }

  private static boolean wasNeverSent(Throwable failure) {
    @Nullable Throwable cause = failure;
    for (int i = 0; i < MOST_CAUSES && cause != null; i++) {
      if (cause instanceof ConnectException
          || cause instanceof UnknownHostException
          || cause instanceof UnresolvedAddressException
          || cause instanceof HttpConnectTimeoutException
          || cause instanceof JdkHttp.NotSentException
          || NEVER_CONNECTED.contains(cause.getClass().getSimpleName())) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }

  private static boolean isAboutCredentials(Throwable failure) {
    String line = line(failure);
    return line.contains("Unable to load credentials") || line.contains("Unable to load region");
  }

  /**
   * What the SDK says of a failed connection is that a request has failed; why is further inside.
   */
  private static String line(Throwable failure) {
    StringBuilder line = new StringBuilder(one(failure));
    @Nullable Throwable cause = failure.getCause();
    for (int i = 0; i < MOST_CAUSES && cause != null; i++) {
      if (cause.getCause() == null) {
        line.append(": ").append(one(cause));
      }
      cause = cause.getCause();
    }
    return line.toString();
  }

  private static String one(Throwable failure) {
    String message = failure.getMessage();
    String type = failure.getClass().getSimpleName();
    return (message == null ? type : type + ", " + message).replace('\n', ' ');
  }
}
