#!/usr/bin/env bash
# What the server promises beside speed: what a crowd costs while it waits, how soon killed servers are back, how soon the lock of
# a killed holder, or of a killed leader's clients, goes on. Let nothing else run.
#
#   benchmarks/limits.sh crowd        10 000 sessions with 100 000 waiters at a server with a heap of 2 GiB: 4 minutes, 5 GiB
#   benchmarks/limits.sh recovery     three servers killed after 1 000 000 small entries, with snapshots and without any: 3 minutes
#   benchmarks/limits.sh holder       a holder killed, and one that ends in good order, 10 of each: 3 minutes
#   benchmarks/limits.sh failover     the leader of three killed, 50 times: 15 minutes
#
# Numbers after the word replace the defaults: crowd SESSIONS WAITERS-EACH, recovery ENTRIES SERVERS, holder ROUNDS, failover ROUNDS.
set -euo pipefail
cd "$(dirname "$0")/.."
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
[ -n "${HOLDFAST_NO_BUILD-}" ] ||
  mvn -q -B -Ppeers -pl benchmarks/peers,cli -am package -Dmaven.test.skip=true -Dspotless.skip=true
# From the command line's jar: that has the server, too, and nothing of the peers'.
classes="benchmarks/peers/target/classes:cli/target/holdfast.jar"
work=$PWD/benchmarks/peers/target/limits
address=127.0.0.1:19421
server=

stop() {
  [ -z "$server" ] || { kill -9 "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
rm -rf "$work"
mkdir -p "$work"

start() { # heap option...
  "$java" "-Xmx$1" -jar cli/target/holdfast.jar server --data-dir "$work/data" --listen "$address" \
    --peer-listen 127.0.0.1:19441 "${@:2}" >"$work/server.log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    if (exec 3<>"/dev/tcp/${address/:/\/}") 2>/dev/null; then return; fi
    sleep 0.1
  done
  tail -n 5 "$work/server.log" >&2
  return 1
}

case ${1-} in
  crowd)
    ulimit -n "$(ulimit -Hn)"
    start 2g --limit connections=20000 --limit connections-per-address=20000
    "$java" -Xmx3g -cp "$classes" io.holdfast.benchmarks.peers.Crowd "$address" "$server" "${2:-10000}" "${3:-10}" 30 30
    ;;
  recovery)
    for snapshots in usual never; do
      "$java" -cp "$classes" io.holdfast.benchmarks.peers.Recovery "$work/$snapshots" cli/target/holdfast.jar \
        "${2:-1000000}" 500 "${3:-3}" "$snapshots"
    done
    ;;
  holder) exec faults/run.sh --measure holder-death --rounds "${2:-10}" ;;
  failover) exec faults/run.sh --measure failover --rounds "${2:-50}" ;;
  *)
    sed -n 's/^#   //p' "$0" >&2
    exit 64
    ;;
esac
