package io.holdfast.server.core;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.testkit.Fuzz;
import java.util.SplittableRandom;

/** Messages of the right form, with anything at all in them. */
public final class RandomMessage {
  /** Of batches in batches. */
  private static final int DEEPEST = 6;

  private static final int MOST_TEXT = 40;

  private RandomMessage() {}

  /**
   * Sets most of the fields.
   *
   * @param session one that there is, for a part of those that name a session
   */
  public static void fill(SplittableRandom dice, Message.Builder message, long session) {
    fill(dice, message, session, 0);
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

  static FieldDescriptor pick(SplittableRandom dice, FieldDescriptor[] fields) {
    return fields[dice.nextInt(fields.length)];
  }
}
