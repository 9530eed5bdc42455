package io.holdfast.server.core;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
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
        RandomMessage.pick(
            dice,
            ClientMessage.getDescriptor()
                .getOneofs()
                .get(0)
                .getFields()
                .toArray(FieldDescriptor[]::new));
    Message.Builder content = message.newBuilderForField(kind);
    RandomMessage.fill(dice, content, session);
    message.setField(kind, content.build());
    try {
      byte[] bytes = message.build().toByteArray();
      return ClientMessage.parseFrom(dice.nextInt(4) == 0 ? Fuzz.damaged(dice, bytes) : bytes);
    } catch (InvalidProtocolBufferException notLetThrough) {
      return null;
    }
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
