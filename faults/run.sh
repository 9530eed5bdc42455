#!/usr/bin/env bash
# Runs the fault rig from the sources around this file; builds it, and the command line it starts servers with, first.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
if [ -n "${JAVA_HOME-}" ]; then java=$JAVA_HOME/bin/java; else java=java; fi
jars=("$home/cli/target/holdfast.jar" "$home/faults/target/faults.jar")

stale() { # jar
  [ ! -e "$1" ] || [ -n "$(find "$home" -mindepth 1 -name target -prune -o -name '.*' -prune -o -path '*/src/test' -prune \
    -o \( -path '*/src/main*' -o -name pom.xml \) -newer "$1" -print -quit)" ]
}

if [ -z "${HOLDFAST_FAULTS_NO_BUILD-}" ] && { stale "${jars[0]}" || stale "${jars[1]}"; }; then
  echo "faults/run.sh: building" >&2
  rm -f "${jars[@]}"
  (cd "$home" && mvn -q -B -Dstyle.color=never -pl cli,faults -am package \
    -Dmaven.test.skip=true -Dspotless.skip=true -Denforcer.skip=true) </dev/null >&2
fi

# The rig runs its own clean-up when it is told to end: the signal must reach it, so it takes this shell's place.
exec "$java" -Xmx2g -Dholdfast.home="$home" -cp "${jars[1]}" io.holdfast.faults.Main "$@"
