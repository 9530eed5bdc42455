package io.holdfast.houserules;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Makes every change of what users see visible in a diff. */
class ApiDumpTest {
  private static final Path DUMP = Path.of("..", "api", "api.txt");

  /** Goes without saying in front of a type, or (sealed) is said by newer JDKs only. */
  private static final String NOISE =
      "(public|static|(non-)?sealed|abstract(?= (static |sealed |non-sealed )*@?interface)) ";

  private static final Set<String> OF_EVERY_OBJECT = Set.of("equals", "hashCode", "toString");

  @Test
  void apiIsWhatItsDumpSays() throws IOException {
    String now =
        new ClassFileImporter()
            .importPackages("io.holdfast").stream()
                .filter(c -> Set.of("io.holdfast", "io.holdfast.spi").contains(c.getPackageName()))
                .map(JavaClass::reflect)
                .filter(ApiDumpTest::isPromised)
                .sorted((a, b) -> a.getName().compareTo(b.getName()))
                .map(ApiDumpTest::dump)
                .collect(Collectors.joining("\n"));
    if (Boolean.getBoolean("holdfast.rewrite")) {
      Files.writeString(DUMP, now);
    }
    assertThat(now)
        .as(
            "the api changed; if you meant it: mvn verify -Dholdfast.rewrite=true, and commit api/api.txt")
        .isEqualTo(Files.readString(DUMP));
  }

  private static String dump(Class<?> type) {
    Stream<String> members =
        Stream.of(
                type.getDeclaredFields(), type.getDeclaredConstructors(), type.getDeclaredMethods())
            .flatMap(Arrays::stream)
            .filter(m -> isPromised(m.getModifiers()) && !m.isSynthetic())
            .filter(
                m -> !(type.isRecord() || type.isEnum()) || !OF_EVERY_OBJECT.contains(m.getName()))
            .map(m -> "  " + signature(m, type) + "\n")
            .sorted();
    return header(type) + "\n" + members.collect(Collectors.joining());
  }

  private static String header(Class<?> type) {
    List<String> parents =
        Stream.concat(
                Stream.ofNullable(type.getGenericSuperclass()),
                Stream.of(type.getGenericInterfaces()))
            .map(Type::getTypeName)
            .filter(p -> !p.matches("java\\.lang\\.(Object|Record|Enum<.*>)"))
            .toList();
    return (type.isSealed() && !type.isEnum() ? "sealed " : "")
        + shorten(type.toGenericString(), type).replaceAll(NOISE, "")
        + (parents.isEmpty() ? "" : " : " + shorten(String.join(", ", parents), type));
  }

  private static String signature(Member member, Class<?> type) {
    return shorten(
        member instanceof Executable e ? e.toGenericString() : ((Field) member).toGenericString(),
        type);
  }

  /** Leaves out what every line would repeat. */
  private static String shorten(String signature, Class<?> type) {
    return signature
        .replace(type.getName() + ".", "")
        .replace("io.holdfast.", "")
        .replace("java.lang.", "")
        .replace('$', '.');
  }

  private static boolean isPromised(Class<?> type) {
    return isPromised(type.getModifiers())
        && !type.getSimpleName().equals("package-info")
        && (type.getEnclosingClass() == null || isPromised(type.getEnclosingClass()));
  }

  private static boolean isPromised(int modifiers) {
    return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
  }
}
