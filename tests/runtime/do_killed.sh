# limpet do: host processes of a sandbox killed from outside, one by one; panics. Nothing is left behind.
. "$(dirname "$0")/../lib/sh.sh"

start() { # COMMAND...: in the background, waits until it printed something
	rm -f out in; : >out; mkfifo in
	"$LIMPET" do --platform "$PLATFORM" -- "$@" >out 2>err <in &
	pid=$!
	exec 3>in
	for ((i = 0; i < 200; i++)); do [ -s out ] && break; sleep 0.05; done
	[ -s out ] || fail "'$*' never began: $(cat err)"
	kernel=$(pgrep -P $pid | head -n 1)
}

# Until the output has as many lines.
lines() {
	for ((i = 0; i < 200; i++)); do [ "$(wc -l <out)" -ge "$1" ] && return; sleep 0.05; done
	fail "output stops at $(wc -l <out) lines of $1: $(tail -n 1 out) $(cat err)"
}

# Host processes of the sandbox with nothing of a program mapped: spawner and zygotes.
blank() {
	local p
	for p in $(pgrep -P "$kernel"); do
		awk -F- '{ if (length($1) < 12 || $1 < "7dffffe00000") n++ } END { exit n > 0 }' "/proc/$p/maps" 2>/dev/null && echo "$p"
	done
}

gone() { # PID...: within two seconds
	local left p
	for ((i = 0; i < 40; i++)); do
		left=
		for p in "$@"; do [ -e "/proc/$p/exe" ] && left+=" $p"; done
		[ -z "$left" ] && return
		sleep 0.05
	done
	fail "still there:$left"
}

# The first program asleep: it is what ends the sandbox.
start bash -c 'echo ready; read -r line'
all=$(pgrep -P "$kernel")
kill -KILL $all; wait $pid; is 'the first program killed asleep: status' $? 137
gone $all "$kernel"

# One that computes.
start bash -c 'echo ready; while :; do :; done'
kill -KILL "$(pgrep -P "$kernel" | tail -n 1)"; wait $pid; is 'the first program killed at work: status' $? 137

# Zygotes and the spawner: replaced, and no program notices. dash starts programs with vfork.
start sh -c 'echo ready; while read -r line; do /bin/echo "$line" || exit 3; done; exit 7'
for n in 1 2 3; do echo "line $n" >&3; lines $((n + 1)); done
for round in 1 2 3; do
	for ((i = 0; i < 100; i++)); do victims=$(blank); [ "$(wc -w <<<"$victims")" -ge 2 ] && break; sleep 0.05; done
	[ "$(wc -w <<<"$victims")" -ge 2 ] || fail "round $round: no spawner with a zygote, but '$victims'"
	sleep 0.1
	kill -KILL $victims
	gone $victims
	for n in 1 2 3; do echo "round $round line $n" >&3; lines $(((round - 1) * 3 + n + 4)); done
done
exec 3>&-
wait $pid; is 'spawner and zygotes killed: status' $? 7
is 'spawner and zygotes killed: output' "$(tail -n 1 out)" 'round 3 line 3'

# kserver itself: the sandbox is over.
start bash -c 'echo ready; read -r line'
all=$(pgrep -P "$kernel")
kill -KILL "$kernel"; wait $pid; is 'kserver killed: status' $? 125
gone $all "$kernel"

# A bug of the guest kernel's: it says where, status 125, nothing is left.
start bash -c 'sleep 1000 & echo ready; read -r line'
all=$(pgrep -P "$kernel")
kill -SEGV "$kernel"; wait $pid; is 'panic: status' $? 125
matches 'panic: what it says' "$(cat err)" 'kernel panic.*signal 11.*backtrace: 0x7e'
gone $all "$kernel"
exec 3>&-
finish
