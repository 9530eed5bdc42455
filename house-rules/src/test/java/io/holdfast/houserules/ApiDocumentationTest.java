package io.holdfast.houserules;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

class ApiDocumentationTest {
  private static final Path SOURCES = Path.of("..", "api", "src", "main", "java");

  /**
   * The compiler's own doclint is all or nothing: asked for missing comments, it also wants a tag for each parameter.
   * A comment here says what the signature cannot, so only its absence counts.
   */
  @Test
  void everythingPublicInTheApiIsDocumented() throws IOException {
    JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    try (Stream<Path> files = Files.walk(SOURCES);
        StandardJavaFileManager manager = javac.getStandardFileManager(found, Locale.ROOT, null)) {
      List<Path> sources = files.filter(f -> f.toString().endsWith(".java")).toList();
      List<String> options =
          List.of("-proc:none", "-Xdoclint:missing/protected", "-Xmaxwarns", "10000");
      List<JavaFileObject> units = new ArrayList<>(List.of(new Undocumented()));
      manager.getJavaFileObjectsFromPaths(sources).forEach(units::add);
      ((JavacTask) javac.getTask(null, manager, found, options, null, units)).analyze();
    }
    assertThat(found.getDiagnostics())
        .filteredOn(d -> d.getMessage(Locale.ROOT).contains("no comment"))
        .extracting(ApiDocumentationTest::place)
        .as("public in api, and without a comment")
        .containsExactly("Undocumented.java:1");
  }

  private static String place(Diagnostic<? extends JavaFileObject> diagnostic) {
    Path file = Path.of(diagnostic.getSource().getName());
    return (file.startsWith(SOURCES) ? SOURCES.relativize(file) : file.getFileName())
        + ":"
        + diagnostic.getLineNumber();
  }

  /** Without it, a compiler that has not looked would have nothing to find fault with. */
  private static final class Undocumented extends SimpleJavaFileObject {
    Undocumented() {
      super(URI.create("string:///Undocumented.java"), Kind.SOURCE);
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return "package io.holdfast; public final class Undocumented {}";
    }
  }
}
