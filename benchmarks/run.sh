#!/usr/bin/env bash
# Builds, runs all benchmarks and writes their figures into docs/benchmarks.md. Takes 12 minutes; let nothing else run.
# Arguments are those of Figures: parts to run, or --quick.
set -euo pipefail
cd "$(dirname "$0")/.."
mvn -q -B -pl benchmarks -am package -DskipTests
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp benchmarks/target/benchmarks.jar io.holdfast.benchmarks.Figures \
  docs/benchmarks.md benchmarks/target/figures "$@"
