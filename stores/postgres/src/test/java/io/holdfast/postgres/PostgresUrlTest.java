package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.InvalidRequestException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PostgresUrlTest {
  @Test
  void allPartsAreRead() {
    PostgresUrl url =
        parse(
            "postgresql://an%40n:se%3Acret+@db.example:5433/my%20app?sslmode=require&keys=numbers");
    assertThat(url.jdbcUrl()).isEqualTo("jdbc:postgresql://db.example:5433/my+app");
    assertThat(url.properties())
        .containsEntry("user", "an@n")
        .containsEntry("password", "se:cret+")
        .containsEntry("sslmode", "require")
        .doesNotContainKey("keys");
    assertThat(url.locks().keys().keyOf("5")).isEqualTo(AdvisoryKey.of(5));
  }

  @Test
  void thePasswordIsNotShown() {
    assertThat(parse("postgresql://ann:secret@db/app?sslpassword=secret"))
        .hasToString("postgresql://ann@db/app");
  }

  @Test
  void whoAndWithWhichPasswordMayComeFromTheEnvironment() {
    Map<String, String> environment = Map.of("PGUSER", "ann", "PGPASSWORD", "secret");
    assertThat(PostgresUrl.parse("postgresql://db/app", environment).properties())
        .containsEntry("user", "ann")
        .containsEntry("password", "secret");
    assertThat(PostgresUrl.parse("postgresql://bob:his@db/app", environment).properties())
        .containsEntry("user", "bob")
        .containsEntry("password", "his");
  }

  @Test
  void whatIsOursIsRead() {
    PostgresLocks locks =
        parse("postgresql://db/app?tokens=none&maxSessions=1&mode=session").locks();
    assertThat(locks.tokens()).isEqualTo(PostgresTokens.NONE);
    assertThat(locks.maxSessions()).isEqualTo(1);
    assertThat(parse("postgresql://db/app?tokensAbove=281474976710656").locks())
        .extracting(PostgresLocks::tokensAbove)
        .isEqualTo(1L << 48);
  }

  @ParameterizedTest
  @CsvSource({
    "postgresql:///app,                       URL_MALFORMED",
    "postgresql://db,                         URL_MALFORMED",
    "postgresql:db/app,                       URL_MALFORMED",
    "postgresql://db:x/app,                   URL_HOST",
    "postgresql://db/app%2,                   URL_ESCAPE_BAD",
    "postgresql://db/app?colour=red,          URL_PARAMETER",
    "postgresql://db/app?sslmode,             URL_PARAMETER",
    "postgresql://db/app?keys=python&keys=x,  URL_PARAMETER",
    "postgresql://db/app?mode=row,            URL_PARAMETER",
    "postgresql://db/app?mode=rows&keys=python, URL_PARAMETER",
    "postgresql://db/app?table=locks,         URL_PARAMETER",
    "postgresql://db/app?listen=db,           URL_PARAMETER",
    "postgresql://db/app?mode=rows&listen=d:b:1, URL_HOST",
    "postgresql://db/app?mode=rows&table=Locks, TABLE_NAME",
    "postgresql://db/app?tokens=5,            URL_PARAMETER",
    "postgresql://db/app?tokens=table&table=Locks, TABLE_NAME",
    "postgresql://db/app?tokensAbove=a,       URL_PARAMETER",
    "postgresql://db/app?tokensAbove=-1,      TOKEN_NEGATIVE",
    "postgresql://db/app?tokensAbove=1&tokens=none, URL_PARAMETER",
    "postgresql://db/app?mode=rows&tokensAbove=1, URL_PARAMETER",
    "postgresql://db/app?maxSessions=many,    URL_PARAMETER",
    "postgresql://db/app?maxSessions=0,       MAX_SESSIONS",
    "postgresql://db/app?keys=md5,            KEYS_UNKNOWN"
  })
  void whatIsWrongIsRefusedByName(String url, String reason) {
    assertThatThrownBy(() -> locks(parse(url)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith(reason + ": ");
  }

  /** Else it would be whichever answers, and that may be a standby. */
  @Test
  void whereThereAreSeveralHostsThePrimaryMustBeAskedFor() {
    assertThatThrownBy(() -> parse("postgresql://a,b:5433/app"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("URL_MANY_HOSTS")
        .hasMessageContaining("targetServerType=primary");
    assertThatThrownBy(() -> parse("postgresql://a,b/app?targetServerType=any"))
        .hasMessageStartingWith("URL_MANY_HOSTS");
    assertThat(parse("postgresql://a,b:5433/app?targetServerType=primary").jdbcUrl())
        .isEqualTo("jdbc:postgresql://a,b:5433/app");
  }

  @Test
  void refusalsDoNotShowThePassword() {
    for (String url :
        new String[] {
          "postgresql://ann:secret@db:x/app",
          "postgresql://ann:secret@db",
          "postgresql://ann:secret@a,b/c"
        }) {
      assertThatThrownBy(() -> parse(url)).message().doesNotContain("secret");
    }
  }

  private static Object locks(PostgresUrl url) {
    return url.isOfRows() ? url.rows() : url.locks();
  }

  private static PostgresUrl parse(String url) {
    return PostgresUrl.parse(url, Map.of());
  }
}
