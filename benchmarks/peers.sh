#!/usr/bin/env bash
# Holdfast's server, etcd and ZooKeeper under one load, alone and as three nodes, one after another in each round, so that a
# slow hour of the machine slows all of them. Writes the tables of docs/benchmarks-server.md. Takes 8 minutes a round; let nothing
# else run. Needs etcd on the path (etcd-server in Debian); ZooKeeper comes with Maven.
#
#   benchmarks/peers.sh [ROUNDS]        3 rounds unless told otherwise; WARM_UP and SECONDS_EACH set the times
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
warm_up=${WARM_UP:-4}
seconds=${SECONDS_EACH:-6}
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
blocking=(uncontended:1 uncontended:16 uncontended:256 contended:16)

command -v etcd >/dev/null || { echo "benchmarks/peers.sh: there is no etcd on the path" >&2; exit 78; }
mvn -q -B -Ppeers -pl benchmarks/peers,cli -am package -Dmaven.test.skip=true -Dspotless.skip=true
jars="benchmarks/peers/target/classes:benchmarks/peers/target/jars/*"
work=$PWD/benchmarks/peers/target/servers
lines=$PWD/benchmarks/peers/target/lines.txt
: >"$lines"

servers=()
stop() {
  [ ${#servers[@]} -eq 0 ] || kill -9 "${servers[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  servers=()
  rm -rf "$work"
}
trap stop EXIT

start() { # name command...
  local name=$1
  shift
  mkdir -p "$work/$name"
  "$@" >"$work/$name.log" 2>&1 &
  servers+=($!)
}

answers() { # port
  for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.1
  done
  echo "benchmarks/peers.sh: nothing answers on port $1:" >&2
  tail -n 5 "$work"/*.log >&2
  return 1
}

addresses() { # first-port count
  seq -s, -f '127.0.0.1:%.0f' $(($1 + 1)) $(($1 + $2))
}

holdfast() { # count
  local i members=()
  [ "$1" -eq 1 ] || members=(--peers "$(addresses 17450 "$1")")
  for i in $(seq "$1"); do
    start "holdfast-$i" "$java" -Xmx1g -jar cli/target/holdfast.jar server --data-dir "$work/holdfast-$i" \
      --listen "127.0.0.1:$((17420 + i))" --peer-listen "127.0.0.1:$((17450 + i))" "${members[@]}"
  done
  for i in $(seq "$1"); do answers $((17420 + i)); done
}

etcd() { # count
  local i cluster=
  for i in $(seq "$1"); do cluster+="e$i=http://127.0.0.1:$((12380 + i)),"; done
  for i in $(seq "$1"); do
    start "etcd-$i" "$(type -P etcd)" --name "e$i" --data-dir "$work/etcd-$i" --logger zap --log-level warn \
      --listen-client-urls "http://127.0.0.1:$((12370 + i))" --advertise-client-urls "http://127.0.0.1:$((12370 + i))" \
      --listen-peer-urls "http://127.0.0.1:$((12380 + i))" --initial-advertise-peer-urls "http://127.0.0.1:$((12380 + i))" \
      --initial-cluster "${cluster%,}"
  done
  for i in $(seq "$1"); do answers $((12370 + i)); done
}

zookeeper() { # count
  local i k
  for i in $(seq "$1"); do
    mkdir -p "$work/zookeeper-$i"
    echo "$i" >"$work/zookeeper-$i/myid"
    {
      printf '%s\n' tickTime=2000 initLimit=10 syncLimit=5 "dataDir=$work/zookeeper-$i" "clientPort=$((21810 + i))" \
        clientPortAddress=127.0.0.1 maxClientCnxns=0 admin.enableServer=false forceSync=yes
      if [ "$1" -gt 1 ]; then
        for k in $(seq "$1"); do echo "server.$k=127.0.0.1:$((28800 + k)):$((38800 + k))"; done
      fi
    } >"$work/zookeeper-$i.cfg"
    start "zookeeper-$i" "$java" -Xmx512m -cp "$jars" org.apache.zookeeper.server.quorum.QuorumPeerMain \
      "$work/zookeeper-$i.cfg"
  done
  for i in $(seq "$1"); do answers $((21810 + i)); done
}

measure() { # label peer first-port count load...
  "$2" "$4"
  [ "$4" -eq 1 ] || sleep 4 # for a leader
  "$java" -Xmx1g -cp "$jars" io.holdfast.benchmarks.peers.PeerLoad "$1" "$2" "$(addresses "$3" "$4")" \
    "$warm_up" "$seconds" "${@:5}" | tee -a "$lines"
  stop
}

for _ in $(seq "$rounds"); do
  measure Holdfast,_one_server holdfast 17420 1 "${blocking[@]}" async:256
  measure etcd,_one_node etcd 12370 1 "${blocking[@]}" async:256
  measure ZooKeeper,_one_node zookeeper 21810 1 "${blocking[@]}"
  measure Holdfast,_three_servers holdfast 17420 3 "${blocking[@]}" async:256
  measure etcd,_three_nodes etcd 12370 3 "${blocking[@]}" async:256
  measure ZooKeeper,_three_nodes zookeeper 21810 3 "${blocking[@]}"
done

machine="$(nproc) cores; $(uname -s), Java $("$java" -version 2>&1 | sed -n '3s/.*(build \([^,]*\).*/\1/p'); \
$("$(type -P etcd)" --version | head -1), ZooKeeper 3.9.5; $rounds rounds of $seconds s each after $warm_up s."
"$java" -cp "$jars" io.holdfast.benchmarks.peers.PeerTable "$lines" docs/benchmarks-server.md "$machine"
