#!/usr/bin/env bash
# Locks of PostgreSQL beside bare statements, Spring Integration and ShedLock, on one embedded server. Writes the tables of
# docs/benchmarks-postgres.md. Takes 3 minutes; let nothing else run.
#
#   benchmarks/postgres.sh [ROUNDS [SECONDS]]        5 rounds of 2 seconds for each figure unless told otherwise
#   RUN_WITH='chrt -r 10' benchmarks/postgres.sh     where others use the machine, too: client and server go before them
set -euo pipefail
cd "$(dirname "$0")/.."
mvn -q -B -Ppeers -pl benchmarks/postgres -am package -Dmaven.test.skip=true -Dspotless.skip=true
work=$PWD/benchmarks/postgres/target/server
rm -rf "$work/data"
mkdir -p "$work"
${RUN_WITH:-} "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xmx512m -cp "benchmarks/postgres/target/classes:benchmarks/postgres/target/jars/*" \
  io.holdfast.benchmarks.postgres.PostgresFigures docs/benchmarks-postgres.md "$work" "$@"
