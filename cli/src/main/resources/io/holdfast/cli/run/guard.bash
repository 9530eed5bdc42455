# The guard of a command that runs under a lock: stops it when holdfast itself cannot. See Guard.java.
#
# Reads lines from holdfast, and answers each with "ok" when it is done: "group ID" names the command's session; "limit SECONDS"
# for how long the command is safe from now on ("none": for as long as holdfast lives); "kill SECONDS" that holdfast is stopping
# it, and within what time it will have; "rest" that nothing is left to do; "signal NAME TARGET" is passed on; "done" ends the
# guard. When the time runs out in silence, or the lines end without "done", holdfast is dead or stopped: then the guard says
# "struck", acts, tells the user, who may not read it, and its exit code is 3.
#
# From "ready" on nothing here starts a process: there may be none to be had when it matters.
mode=$1 grace=$2 group='' limit=none

trap '' HUP INT QUIT TERM USR1 USR2 TSTP TTIN TTOU PIPE
exec {silent}<> <(:) # a pipe from which nothing ever comes: to wait at
echo ready

# Of the living processes of the session, the process groups: what started job control of its own is found, too.
find_groups() {
  local file line
  groups=()
  for file in /proc/[0-9]*/stat; do
    { IFS= read -r line <"$file"; } 2>/dev/null || continue
    set -- ${line##*) } # state, parent, group, session, ... and 18th, how many threads
    [ "$4" = "$group" ] || continue
    case $1 in Z | X) [ "${18}" -gt 1 ] || continue ;; esac # its first thread may have ended before the others
    groups+=("$3")
  done
}

living() {
  find_groups
  [ ${#groups[@]} -gt 0 ]
}

strike() {
  local each
  kill -s "$1" -- "-$group" 2>/dev/null # first, for to look at all processes takes its time
  find_groups
  for each in "${groups[@]}"; do
    if [ "$each" != "$group" ]; then kill -s "$1" -- "-$each" 2>/dev/null; fi
  done
}

pause() {
  read -r -t "$1" -u "$silent"
}

# Sets moment, in hundredths of a second, by a clock that nobody sets.
look_at_clock() {
  local up
  read -r up _ </proc/uptime
  moment=$((10#${up/./}))
}

end() {
  echo "holdfast run: no sign of life from holdfast itself: $1 the command" >&2
  exit 3
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
echo struck 2>/dev/null
if [ "$mode" = notify ]; then
  kill -s USR1 -- "$group" 2>/dev/null
  end telling
fi
if [ "$mode" = stop ]; then
  strike TERM
  strike CONT
  look_at_clock
  kill_at=$((moment + 10#${grace/./} / 10)) # the grace has three decimals
  while living && [ "$moment" -lt "$kill_at" ]; do
    pause 0.05
    look_at_clock
  done
fi
for ((i = 0; i < 100; i++)); do
  living || break
  strike KILL
  pause 0.1
done
end stopping
