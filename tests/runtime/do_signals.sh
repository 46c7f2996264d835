# limpet do: signals to it reach the program; killing it leaves nothing.
. "$(dirname "$0")/../lib/sh.sh"

start() { # COMMAND: in the background, waits until it printed something
	rm -f out; : >out
	# (a shell starts background jobs with INT and QUIT ignored)
	env --default-signal=INT,QUIT "$LIMPET" do --platform "$PLATFORM" -- bash -c "$1" >out 2>err &
	pid=$!
	for ((i = 0; i < 200; i++)); do [ -s out ] && return; sleep 0.05; done
	fail "'$1' never began: $(cat err)"
}

for sig in TERM INT HUP QUIT USR1; do
	start "trap 'echo got; exit 5' $sig; echo ready; while :; do sleep 0.05; done"
	kill -$sig $pid; wait $pid
	is "$sig is forwarded: status" $? 5
	is "$sig is forwarded" "$(tail -n 1 out)" got
done
start 'exec 2>/dev/null; python3() { :; }; trap - TERM; echo ready; exec sleep 50'
kill -TERM $pid
sleep 0.3
if kill -0 $pid 2>/dev/null; then kill -KILL $pid; fi
wait $pid; status=$?
[ $status = 143 ] || [ $status = 137 ] || fail "TERM of a program without a handler: $status"

# The supervisor killed: the sandbox is gone with it.
start 'sleep 1000 & (sleep 1001 &) ; echo ready; wait'
inside=$(pgrep -P $pid | head -n 1)
[ -n "$inside" ] || fail 'no child of limpet'
all=$(for p in $inside; do echo "$p"; pgrep -P "$p"; done)
kill -KILL $pid; wait $pid 2>/dev/null
for ((i = 0; i < 40; i++)); do
	left=; for p in $all; do [ -e /proc/"$p"/exe ] && ! grep -q '^State:.Z' /proc/"$p"/status 2>/dev/null && left+=" $p"; done
	[ -z "$left" ] && break; sleep 0.05
done
[ -z "$left" ] || fail "after SIGKILL of limpet there are still:$left"

# The first process ends: the rest goes too.
start 'sleep 1000 & echo ready; exit 3'; wait $pid; is 'children end with the first' $? 3

# A guest process killed from outside is one killed process, not the end of the sandbox.
start 'sleep 1000 & echo ready; wait $!; echo "status $?"; exit 4'
kernel=$(pgrep -P $pid | head -n 1); sleep 0.3
victim=$(pgrep -P "$kernel" | tail -n 1)
kill -KILL "$victim"; wait $pid; status=$?; is 'killed from outside' "$(tail -n 1 out) $status" 'status 137 4'
# Stop and continue of limpet itself.
start 'echo ready; sleep 0.5; exit 6'; kill -STOP $pid; sleep 0.2; kill -CONT $pid; wait $pid; is 'stopped and continued' $? 6
finish
