package io.holdfast.postgres;

import java.util.Set;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Of a contract that is kept by another test as well, only these chapters. */
final class OnlyFacts implements ExecutionCondition {
  private final Set<String> chapters;

  OnlyFacts(String... chapters) {
    this.chapters = Set.of(chapters);
  }

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    Class<?> chapter = context.getRequiredTestClass();
    return chapter.getEnclosingClass() == null || chapters.contains(chapter.getSimpleName())
        ? ConditionEvaluationResult.enabled("to be kept here, too")
        : ConditionEvaluationResult.disabled("kept elsewhere");
  }
}
