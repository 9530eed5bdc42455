#!/usr/bin/env bash
# Starts a server of its own and tries it from Node. Where there is no Node it says so and passes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v npm >/dev/null || { echo "no npm here: the smoke test from Node is skipped"; exit 0; }
npm install --no-audit --no-fund --loglevel=error

data=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait; rm -rf "$data"' EXIT
../../holdfast list --store in-process: >/dev/null # builds, if need be
../../holdfast server --listen 127.0.0.1:0 --peer-listen 127.0.0.1:17499 --data-dir "$data/log" --json >"$data/out" &
server=$!
for _ in $(seq 300); do
  clients=$(sed -n 's/.*"clients":"\([^"]*\)".*/\1/p' "$data/out")
  [ -z "$clients" ] || break
  kill -0 "$server" || exit 1
  sleep 0.2
done
node smoke.js "$clients"
