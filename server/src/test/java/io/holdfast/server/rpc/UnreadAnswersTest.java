package io.holdfast.server.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UnreadAnswersTest {
  private final UnreadAnswers answers = new UnreadAnswers(10_000);

  @Test
  void thereIsRoomAgainWhenOneIsTaken() {
    UnreadAnswers.Place first = answers.new Place();
    assertThat(first.take(6_000)).isTrue();
    assertThat(answers.new Place().take(6_000)).isFalse();
    assertThat(answers.bytes()).isEqualTo(6_000);
    first.leave();
    first.leave(); // taken, and then the call is cancelled
    assertThat(answers.bytes()).isZero();
    assertThat(answers.new Place().take(6_000)).isTrue();
  }

  @Test
  void whoLeftBeforeTakesNoRoom() {
    UnreadAnswers.Place gone = answers.new Place();
    gone.leave();
    assertThat(gone.take(6_000)).isTrue();
    assertThat(answers.bytes()).isZero();
  }

  @Test
  void smallAnswersAreGivenAlways() {
    assertThat(answers.new Place().take(10_000)).isTrue();
    assertThat(answers.new Place().take(100)).isTrue();
    assertThat(answers.bytes()).isEqualTo(10_000);
  }
}
