#!/usr/bin/env bash
# Locks in DynamoDB Local and in the tests' emulator of Google Cloud Storage, beside Amazon's lock client and bare requests.
# Writes the tables of docs/benchmarks-lease-stores.md. Takes 10 minutes; let nothing else run.
#
#   benchmarks/lease-stores.sh [--quick] [dynamodb|dynamodb-far|dynamodb-turns|dynamodb-renewals|gcs]...
set -euo pipefail
cd "$(dirname "$0")/.."
mvn -q -B -Ppeers -pl benchmarks/lease-stores,stores/dynamodb,stores/gcs -am package -DskipTests -Dspotless.skip=true
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xmx1g -Dorg.slf4j.simpleLogger.defaultLogLevel=off \
  -cp "benchmarks/lease-stores/target/classes:benchmarks/lease-stores/target/jars/*" \
  io.holdfast.benchmarks.leasestores.LeaseFigures docs/benchmarks-lease-stores.md "$@"
