package io.holdfast.dynamodb;

import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.Take;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;

/**
 * How locks lie in a table: the items, and the conditions of what is written. Each write is told as a part of a transaction;
 * one that stands alone is sent as the simple request with the same content. Immutable; asks nobody anything.
 */
interface RowFormat {
  /** The data of a hold have a place in it. */
  boolean keepsData();

  /** Grants have tokens. */
  boolean keepsTokens();

  /** The token stands in the lock's own item, which counts it up with the write that takes the lock. */
  boolean countsInPlace();

  /** Where a lock lies. */
  Map<String, AttributeValue> key(String name);

  /** Where the lock's token is counted. */
  Map<String, AttributeValue> tokenKey(String name);

  /** The last token, 0 if there was none. */
  long token(String name, Map<String, AttributeValue> counter);

  /** What is known of the last token without asking. */
  OptionalLong knownToken(Take.Wanted wanted);

  /**
   * Takes a lock if it is free, or as it was seen to expire.
   *
   * @param token larger than any before, or nothing is written; empty to count on from the last one, where that can be
   */
  TransactWriteItem take(Take take, Take.Wanted wanted, OptionalLong token, Instant now);

  /** What has to be written along with {@link #take} to count the token, if it is not counted in place. */
  List<TransactWriteItem> count(String name, long token);

  /** The lock as {@link #take} has left it, which was given that token. */
  LeaseRecord taken(
      Take take, Take.Wanted wanted, TransactWriteItem written, long token, Instant now);

  /** Shows that the holder is alive. */
  TransactWriteItem renew(LeaseRecord mine, Instant now);

  /** Frees the lock of a grant. */
  TransactWriteItem release(LeaseRecord held);

  /**
   * What an item says.
   *
   * @param item empty if there is none
   * @throws io.holdfast.LockRefusedException if it is not of this format, naming the attribute
   */
  LeaseRecord record(String name, Map<String, AttributeValue> item);

  /** Which items of the table are held locks. */
  Filter held(String prefix);

  /** The name of the lock that lies in an item. */
  String name(Map<String, AttributeValue> item);

  /** An expression with what it stands on. */
  record Filter(String expression, Map<String, String> names, Map<String, AttributeValue> values) {}
}
