package io.holdfast.server.core;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.ClientMessage.MessageCase;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.testkit.Fuzz;
import io.holdfast.testkit.ManualTicker;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What means nothing harms nobody, and does not reach the log. */
class GarbageTest {
  /** Of batches in batches. */
  private static final int DEEPEST = 6;

  private static final int MOST_TEXT = 40;

  @Test
  void bytesThatAreNoEntryAreRefusedAsSuch() {
    SoloReplicator log = busyLog();
    Fuzz.tryMany(
        dice -> {
          byte[] good = log.log().get(dice.nextInt(log.log().size())).array();
          byte[] bytes = dice.nextBoolean() ? Fuzz.damaged(dice, good) : Fuzz.bytes(dice, 200);
          try {
            EntryCodec.decode(ByteBuffer.wrap(bytes));
          } catch (IllegalArgumentException refused) {
            assertThat(refused.getMessage()).isNotNull();
          }
        });
  }

  @Test
  void messagesThatMeanNothingChangeNothingAndBreakNothing() {
    Fuzz.tryMany(
        dice -> {
          ManualTicker ticker = new ManualTicker();
          SoloReplicator log = new SoloReplicator("one:1");
          ServerCore core = core(log, ticker);
          log.start(core);
          log.lead();
          TestClient ann = new TestClient().hello(core);
          long session = ann.next().hasWelcome() ? ann.opened(10_000) : 0;
          for (int i = 0; i < 40; i++) {
            if (ann.closed) {
              ann.hello(core);
            }
            ClientMessage message = message(dice, session);
            if (message != null) {
              ann.say(message.toBuilder());
            }
            ann.heard.clear();
          }
          sameElsewhere(log, core, ticker);
          TestClient bob = new TestClient().hello(core);
          assertThat(bob.next().hasWelcome()).isTrue();
          long second = bob.opened(10_000);
          bob.acquire(second, 1, "lock for bob");
          ServerMessage answer = bob.next();
          assertThat(answer.hasGranted()).as(answer.toString()).isTrue();
        });
  }

  /** Whatever got into the log can be read and carried out, and comes to the same. */
  private static void sameElsewhere(SoloReplicator log, ServerCore core, ManualTicker ticker) {
    ServerCore other = core(new SoloReplicator("two:1"), ticker);
    log.replay(other);
    assertThat(other.stateHash()).isEqualTo(core.stateHash());
    for (ByteBuffer entry : log.log()) {
      EntryCodec.Changes changes = EntryCodec.decode(entry.duplicate());
      assertThat(EntryCodec.encode(changes)).isEqualTo(entry.array());
    }
  }

  private static ServerCore core(SoloReplicator log, ManualTicker ticker) {
    return new ServerCore(
        "one:1",
        () -> "clients.one:1",
        log,
        ticker,
        Limits.DEFAULTS,
        CoreEvents.NONE,
        cause -> {
          throw new AssertionError(cause);
        });
  }

  /** A log with something of everything that these messages can bring into it. */
  private static SoloReplicator busyLog() {
    SoloReplicator log = new SoloReplicator("one:1");
    ServerCore core = core(log, new ManualTicker());
    log.start(core);
    log.lead();
    TestClient ann = new TestClient().hello(core);
    ann.next();
    long session = ann.opened(10_000);
    for (int i = 1; i < 9; i++) {
      ann.acquire(session, i, "a" + i, "b");
      ann.cancel(session, i);
    }
    ann.closeSession(session);
    return log;
  }

  /** Something that gRPC would let through, or null if it would not. */
  private static ClientMessage message(SplittableRandom dice, long session) {
    ClientMessage.Builder message = ClientMessage.newBuilder();
    FieldDescriptor kind =
        pick(
            dice,
            ClientMessage.getDescriptor()
                .getOneofs()
                .get(0)
                .getFields()
                .toArray(FieldDescriptor[]::new));
    Message.Builder content = message.newBuilderForField(kind);
    fill(dice, content, session, 0);
    message.setField(kind, content.build());
    try {
      byte[] bytes = message.build().toByteArray();
      return ClientMessage.parseFrom(dice.nextInt(4) == 0 ? Fuzz.damaged(dice, bytes) : bytes);
    } catch (InvalidProtocolBufferException notLetThrough) {
      return null;
    }
  }

  private static ClientMessage inBatch(
      SplittableRandom dice, ClientMessage.Builder message, long session, int depth) {
    FieldDescriptor kind =
        pick(dice, message.getDescriptorForType().getFields().toArray(FieldDescriptor[]::new));
    if (depth < DEEPEST || message.newBuilderForField(kind) instanceof Acquire.Builder) {
      message.setField(kind, value(dice, message, kind, session, depth + 1));
    }
    return message.build();
  }

  private static void fill(
      SplittableRandom dice, Message.Builder message, long session, int depth) {
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      if (dice.nextInt(5) == 0) {
        continue;
      }
      if (field.isRepeated()) {
        for (int count = dice.nextInt(4); count > 0; count--) {
          message.addRepeatedField(field, value(dice, message, field, session, depth));
        }
      } else {
        message.setField(field, value(dice, message, field, session, depth));
      }
    }
  }

  private static Object value(
      SplittableRandom dice,
      Message.Builder message,
      FieldDescriptor field,
      long session,
      int depth) {
    return switch (field.getJavaType()) {
      case LONG ->
          field.getName().equals("session") && dice.nextInt(4) > 0 ? session : Fuzz.number(dice);
      case INT -> (int) Fuzz.number(dice);
      case BOOLEAN -> dice.nextBoolean();
      case STRING -> dice.nextBoolean() ? "team" : wellFormed(Fuzz.text(dice, MOST_TEXT));
      case BYTE_STRING ->
          ByteString.copyFrom(dice.nextBoolean() ? new byte[16] : Fuzz.bytes(dice, 20));
      case ENUM ->
          field.getEnumType().getValues().get(dice.nextInt(field.getEnumType().getValues().size()));
      case MESSAGE -> {
        Message.Builder inner = message.newBuilderForField(field);
        if (inner instanceof ClientMessage.Builder said) {
          yield inBatch(dice, said, session, depth);
        }
        fill(dice, inner, session, depth + 1);
        yield inner.build();
      }
      default -> throw new AssertionError("no field of ours is a " + field.getJavaType());
    };
  }

  /** Halves of pairs cannot be said in UTF-8. */
  private static String wellFormed(String text) {
    return ByteString.copyFromUtf8(text).toStringUtf8();
  }

  private static FieldDescriptor pick(SplittableRandom dice, FieldDescriptor[] fields) {
    return fields[dice.nextInt(fields.length)];
  }

  @Test
  void theKindsOfMessagesThatAreTriedAreAll() {
    SplittableRandom dice = new SplittableRandom(1);
    Set<MessageCase> tried = EnumSet.of(MessageCase.MESSAGE_NOT_SET);
    for (int i = 0; i < 2_000; i++) {
      ClientMessage message = message(dice, 1);
      // Of whatever there is to say of a kind, something is said.
      if (message != null && message.getSerializedSize() > 2) {
        tried.add(message.getMessageCase());
      }
    }
    assertThat(tried).containsExactlyInAnyOrder(MessageCase.values());
  }
}
