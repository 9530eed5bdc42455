package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.HoldData;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.Take;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.Put;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.Update;

/** Items and conditions to the letter, as the other clients write and expect them. */
class RowFormatTest {
  private static final String GRANT = "0123456789abcdef0123456789abcdef";
  private static final Instant NOW = Instant.ofEpochSecond(1_700_000_000);
  private static final String VERSION = "11111111-2222-3333-4444-555555555555";

  private static Take take(String name, Optional<LeaseRecord> expired, Duration lease) {
    return new Take(
        List.of(new Take.Wanted(name, expired, expired)),
        GRANT,
        "ann",
        lease,
        HoldData.of("job 7"));
  }

  private static TransactWriteItem write(RowFormat rows, Take take) {
    return rows.take(take, take.wanted().get(0), OptionalLong.empty(), NOW);
  }

  private static AttributeValue s(String text) {
    return AttributeValue.fromS(text);
  }

  private static AttributeValue n(String number) {
    return AttributeValue.fromN(number);
  }

  private static AttributeValue b(String text) {
    return AttributeValue.fromB(SdkBytes.fromUtf8String(text));
  }

  // ------------------------------------------------------------ aws

  private final RowFormat aws = DynamoLayout.aws().rows("locks", () -> VERSION);

  private static final Map<String, AttributeValue> AWS_ROW =
      Map.of(
          "key", s("a/b"),
          "ownerName", s("host-11111111-1111-1111-1111-111111111111"),
          "leaseDuration", s("20000"),
          "recordVersionNumber", s("99999999-2222-3333-4444-555555555555"),
          "data", b("theirs"));

  @Test
  void awsItemIsWrittenAsTheirs() {
    Put put = write(aws, take("a/b", Optional.empty(), Duration.ofSeconds(20))).put();
    assertThat(put.item())
        .isEqualTo(
            Map.of(
                "key", s("a/b"),
                "ownerName", s("ann#" + GRANT),
                "leaseDuration", s("20000"),
                "recordVersionNumber", s(VERSION),
                "data", b("job 7"),
                "grantedAt", n("1700000000000")));
    assertThat(put.conditionExpression()).isEqualTo("attribute_not_exists(#pk) OR #ir = :ir");
    assertThat(put.expressionAttributeNames()).isEqualTo(Map.of("#pk", "key", "#ir", "isReleased"));
    assertThat(put.expressionAttributeValues()).isEqualTo(Map.of(":ir", s("1")));
    assertThat(put.returnValuesOnConditionCheckFailureAsString()).isEqualTo("ALL_OLD");
  }

  @Test
  void awsItemIsReadAsTheirs() {
    LeaseRecord record = aws.record("a/b", AWS_ROW);
    assertThat(record.client()).isEqualTo("host-11111111-1111-1111-1111-111111111111");
    assertThat(record.leaseDuration()).isEqualTo(Duration.ofSeconds(20));
    assertThat(record.version()).isEqualTo("99999999-2222-3333-4444-555555555555");
    assertThat(record.data()).isEqualTo(HoldData.of("theirs"));
    assertThat(record.isFree()).isFalse();
  }

  @Test
  void awsItemThatWasReleasedAndKeptIsFree() {
    Map<String, AttributeValue> row = new HashMap<>(AWS_ROW);
    row.put("isReleased", s("1"));
    assertThat(aws.record("a/b", row).isFree()).isTrue();
  }

  @Test
  void awsItemThatHasExpiredIsTakenByItsVersion() {
    LeaseRecord dead = aws.record("a/b", AWS_ROW);
    Put put = write(aws, take("a/b", Optional.of(dead), Duration.ofSeconds(20))).put();
    assertThat(put.conditionExpression()).isEqualTo("attribute_exists(#pk) AND #rvn = :rvn");
    assertThat(put.expressionAttributeNames())
        .isEqualTo(Map.of("#pk", "key", "#rvn", "recordVersionNumber"));
    assertThat(put.expressionAttributeValues())
        .isEqualTo(Map.of(":rvn", s("99999999-2222-3333-4444-555555555555")));
  }

  /** Their option acquireReleasedLocksConsistently. */
  @Test
  void awsItemThatWasReleasedIsTakenByItsVersionWhereThatIsAskedFor() {
    RowFormat rows = DynamoLayout.aws().consistent().rows("locks", () -> VERSION);
    Map<String, AttributeValue> row = new HashMap<>(AWS_ROW);
    row.put("isReleased", s("1"));
    Take knowing =
        new Take(
            List.of(new Take.Wanted("a/b", Optional.empty(), Optional.of(rows.record("a/b", row)))),
            GRANT,
            "ann",
            Duration.ofSeconds(20),
            HoldData.empty());
    Put put = write(rows, knowing).put();
    assertThat(put.conditionExpression())
        .isEqualTo("attribute_exists(#pk) AND #ir = :ir AND #rvn = :rvn");
    assertThat(put.expressionAttributeValues())
        .isEqualTo(Map.of(":ir", s("1"), ":rvn", s("99999999-2222-3333-4444-555555555555")));

    Put unknowing = write(rows, take("a/b", Optional.empty(), Duration.ofSeconds(20))).put();
    assertThat(unknowing.conditionExpression()).isEqualTo("attribute_not_exists(#pk)");
  }

  @Test
  void awsSortKeyAndMoreAttributesAreWrittenAndAskedFor() {
    RowFormat rows =
        DynamoLayout.aws()
            .sortKey("range", "jobs")
            .attributes(Map.of("team", s("billing")))
            .rows("locks", () -> VERSION);
    Put put = write(rows, take("a", Optional.empty(), Duration.ofMillis(1_500))).put();
    assertThat(put.item())
        .containsEntry("range", s("jobs"))
        .containsEntry("team", s("billing"))
        .containsEntry("leaseDuration", s("1500"));
    assertThat(put.conditionExpression())
        .isEqualTo("attribute_not_exists(#pk) AND attribute_not_exists(#sk) OR #ir = :ir");
  }

  @Test
  void awsRenewalChangesTheVersion() {
    LeaseRecord mine =
        aws.record(
            "a/b", write(aws, take("a/b", Optional.empty(), Duration.ofSeconds(20))).put().item());
    Update update = aws.renew(mine, NOW).update();
    assertThat(update.updateExpression()).isEqualTo("SET #ld = :ld, #rvn = :newRvn");
    assertThat(update.conditionExpression())
        .isEqualTo("attribute_exists(#pk) AND #on = :on AND attribute_not_exists(#ir)");
    assertThat(update.expressionAttributeValues())
        .isEqualTo(Map.of(":ld", s("20000"), ":newRvn", s(VERSION), ":on", s("ann#" + GRANT)));
  }

  @Test
  void awsReleaseDeletesOrMarks() {
    LeaseRecord mine =
        aws.record(
            "a/b", write(aws, take("a/b", Optional.empty(), Duration.ofSeconds(20))).put().item());
    assertThat(aws.release(mine).delete().key()).isEqualTo(Map.of("key", s("a/b")));
    Update update =
        DynamoLayout.aws().keepReleased().rows("locks", () -> VERSION).release(mine).update();
    assertThat(update.updateExpression()).isEqualTo("SET #ir = :ir");
    assertThat(update.expressionAttributeValues())
        .isEqualTo(Map.of(":ir", s("1"), ":on", s("ann#" + GRANT)));
  }

  // ------------------------------------------------------------ python

  private final RowFormat python = DynamoLayout.python().rows("DynamoDBLockTable", () -> VERSION);

  private static final Map<String, AttributeValue> PYTHON_ROW =
      Map.of(
          "lock_key", s("a"),
          "sort_key", s("-"),
          "owner_name", s("host_aa-bb"),
          "lease_duration", n("30"),
          "record_version_number", s("rvn-1"),
          "expiry_time", n("1600000000"));

  @Test
  void pythonItemIsWrittenAsTheirs() {
    Put put = write(python, take("a", Optional.empty(), Duration.ofMillis(29_001))).put();
    assertThat(put.item())
        .isEqualTo(
            Map.of(
                "lock_key", s("a"),
                "sort_key", s("-"),
                "owner_name", s("ann#" + GRANT),
                "lease_duration", n("30"),
                "record_version_number", s(VERSION),
                "expiry_time", n("1700003600"),
                "grantedAt", n("1700000000000")));
    assertThat(put.conditionExpression())
        .isEqualTo("NOT(attribute_exists(#pk) AND attribute_exists(#sk))");
  }

  /** Whatever the attribute for expiry says: their clocks are not ours. */
  @Test
  void pythonItemIsReadAsTheirs() {
    LeaseRecord record = python.record("a", PYTHON_ROW);
    assertThat(record.isFree()).isFalse();
    assertThat(record.client()).isEqualTo("host_aa-bb");
    assertThat(record.leaseDuration()).isEqualTo(Duration.ofSeconds(30));
    assertThat(record.version()).isEqualTo("rvn-1");
  }

  @Test
  void pythonItemThatHasExpiredIsTakenByItsVersion() {
    LeaseRecord dead = python.record("a", PYTHON_ROW);
    Put put = write(python, take("a", Optional.of(dead), Duration.ofSeconds(30))).put();
    assertThat(put.conditionExpression())
        .isEqualTo("attribute_exists(#pk) AND attribute_exists(#sk) AND #rvn = :old_rvn");
    assertThat(put.expressionAttributeValues()).isEqualTo(Map.of(":old_rvn", s("rvn-1")));
  }

  @Test
  void pythonRenewalMovesTheExpiryToo() {
    LeaseRecord mine =
        python.record(
            "a", write(python, take("a", Optional.empty(), Duration.ofSeconds(30))).put().item());
    Update update = python.renew(mine, NOW.plusSeconds(5)).update();
    assertThat(update.updateExpression()).isEqualTo("SET #rvn = :new_rvn, #et = :new_et");
    assertThat(update.expressionAttributeNames()).containsEntry("#et", "expiry_time");
    assertThat(update.expressionAttributeValues()).containsEntry(":new_et", n("1700003605"));
    assertThat(python.release(mine).delete().key())
        .isEqualTo(Map.of("lock_key", s("a"), "sort_key", s("-")));
  }

  // ------------------------------------------------------------ both

  /** Whatever others call themselves. */
  @Test
  void grantOfAnotherClientIsNeverTakenForOneOfOurs() {
    assertThat(ForeignRows.grant("ann#" + GRANT)).isEqualTo(GRANT);
    assertThat(ForeignRows.client("ann#b#" + GRANT)).isEqualTo("ann#b");
    for (String owner : List.of(GRANT, "#" + GRANT, "ann#" + GRANT + "0", "ann#7", "~")) {
      assertThat(ForeignRows.grant(owner)).as(owner).startsWith("~");
      assertThat(ForeignRows.owner(ForeignRows.client(owner), ForeignRows.grant(owner)))
          .isEqualTo(owner);
    }
  }
}
