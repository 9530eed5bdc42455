# The guard of a command that runs under a lock: stops it when holdfast itself cannot. See Guard.java.
#
# Reads lines from holdfast, and answers each with "ok" when it is done: "group ID" names the command's session; "limit SECONDS"
# for how long the command is safe from now on ("none": for as long as holdfast lives); "kill SECONDS" that holdfast is stopping
# it, and within what time it will have; "rest" that nothing is left to do; "signal NAME TARGET" is passed on; "done" ends the
# guard. When the time runs out in silence, or the lines end without "done", holdfast is dead or stopped: then the guard acts,
# says "struck", and its exit code is 3.
mode=$1 grace=$2 group='' limit=none

trap '' HUP INT QUIT TERM USR1 USR2 TSTP TTIN TTOU PIPE
echo ready

# Of the living processes of the session, the process groups: what started job control of its own is found, too.
groups() {
  local file line
  for file in /proc/[0-9]*/stat; do
    { IFS= read -r line <"$file"; } 2>/dev/null || continue
    set -- ${line##*) } # state, parent, group, session, ... and 18th, how many threads
    [ "$4" = "$group" ] || continue
    case $1 in Z | X) [ "${18}" -gt 1 ] || continue ;; esac # its first thread may have ended before the others
    echo "$3"
  done
}

strike() {
  local each
  kill -s "$1" -- "-$group" 2>/dev/null # first, and without a new process, which may not be had
  for each in $(groups); do
    if [ "$each" != "$group" ]; then kill -s "$1" -- "-$each" 2>/dev/null; fi
  done
}

living() {
  [ -n "$(groups)" ]
}

say() {
  echo struck 2>/dev/null
  echo "holdfast run: no sign of life from holdfast itself: $1 the command" >&2
}

while
  if [ "$limit" = none ]; then read -r verb one two; else read -r -t "$limit" verb one two; fi
do
  case $verb in
    group) group=$one ;;
    limit) limit=$one ;;
    kill) mode=kill limit=$one ;;
    rest) mode=rest limit=none ;;
    signal) kill -s "$one" -- "$two" 2>/dev/null ;;
    done) exit 0 ;;
  esac
  echo ok 2>/dev/null
done

if [ -z "$group" ] || [ "$mode" = rest ] || ! living; then exit 0; fi
case $mode in
  notify)
    say telling
    kill -s USR1 -- "$group" 2>/dev/null
    exit 3
    ;;
  stop)
    say stopping
    strike TERM
    strike CONT
    sleep "$grace" & # a clock that nobody sets
    timer=$!
    while living && kill -0 "$timer" 2>/dev/null; do sleep 0.05; done
    kill -s KILL "$timer" 2>/dev/null
    ;;
  kill) say killing ;;
esac
for ((i = 0; i < 100; i++)); do
  living || break
  strike KILL
  sleep 0.1
done
exit 3
