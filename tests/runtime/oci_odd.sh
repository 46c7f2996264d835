# Odd circumstances: hooks that use their container, states that are garbage, groups that are there, closed descriptors,
# small limits, consoles whose peer goes away, paused and silent containers. What other runtimes answer, or one line why not.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"; . "$lib/bundle.sh"
idle='sh("trap \"exit 5\" TERM; while :; do sleep 0.05; done")'
n=0
new() { n=$((n + 1)); id=odd$$-$n; }
made() { oci create "$@" -b b $id >made.out 2>&1 </dev/null; } # to a file: a supervisor would keep a pipe open
pid_of() { oci state $id | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'; }
status_is() { matches "$1" "$(oci state $id 2>&1)" "\"status\": \"$2\""; }
groups() { find /sys/fs/cgroup -type d -name "*$id*" 2>/dev/null; }
gone() { for _ in $(seq 100); do [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null || return 0; sleep 0.1; done; fail "process $1 lives"; }

# eight creates of one name
config "$idle"; new
for i in 1 2 3 4 5 6 7 8; do (oci create -b b $id >race.$i 2>&1 </dev/null; echo $? >rc.$i) & done; wait
is 'one name, eight creates' "$(cat rc.? | sort | uniq -c | tr -s ' \n' ' ')" ' 1 0 7 1 '
ends 'the one is fine' 0 oci start $id
oci exec $id sleep 30 </dev/null >/dev/null 2>&1 & running=$!
sleep 0.3
ends 'delete while exec runs' 1 oci delete $id
ends 'forced' 0 oci delete --force $id
wait $running; is 'that exec' $? 137
new; config 'sh("sleep 0.5; exit 3")'; made; oci start $id
ends 'the program ends while exec runs' 137 oci exec $id sleep 30
says 'exec when it has ended' 255 'limpet: exec failed: cannot exec in a stopped container' oci exec $id true
ends 'kill --all then' 0 oci kill --all $id KILL
oci delete $id

# hooks that ask for their container
cat >hook <<H
#!/bin/sh
exec >>"$work/hook.\$2" 2>&1
r() { timeout 5 "$LIMPET" --root "$work/states" "\$@"; }
r state \$1 | grep -o '"status": "[a-z]*"'
r list -q | grep -cx \$1
r exec \$1 echo from the hook; echo \$?
r kill \$1 CONT; echo \$?
H
chmod +x hook
for kind in createRuntime createContainer poststart poststop; do
	new; config 'sh("sleep 1")' "c['hooks'] = {'$kind': [{'path': '$work/hook', 'args': ['h', '$id', '$kind'], 'env': ['PATH=$PATH']}]}"
	ends "$kind" 0 oci run -b b $id
done
for kind in createRuntime createContainer; do
	is "$kind asks" "$(cat hook.$kind)" "\"status\": \"creating\"
1
limpet: exec failed: container odd$$-$([ $kind = createRuntime ] && echo 3 || echo 4) is still being created
255
limpet: container odd$$-$([ $kind = createRuntime ] && echo 3 || echo 4) is still being created
1"
done
is 'poststart asks' "$(cat hook.poststart)" $'"status": "running"\n1\nfrom the hook\n0\n0'
is 'poststop asks' "$(cat hook.poststop)" $'limpet: container does not exist\n0\nlimpet: exec failed: container does not exist\n255\nlimpet: container does not exist\n1'

# a state that says nothing, while the container runs
config "$idle"
for garbage in '' garbage '{}' '[]' '{"pid": "x"}' null; do
	new; made; oci start $id; pid=$(pid_of)
	printf %s "$garbage" >states/$id/state.json
	says "state '$garbage'" 1 "limpet: the state of container $id cannot be read" oci state $id
	matches 'kill' "$(oci kill $id KILL 2>&1)" 'cannot be read: `delete --force` removes it'
	ends 'delete' 1 oci delete $id
	ends 'forced' 0 oci delete --force $id
	gone $pid
	is "groups of '$garbage'" "$(groups)" ''
	made; is 'once more' $? 0
	oci delete --force $id
done
mkdir -p states/empty; ends 'a directory without a state' 0 oci delete --force empty
mkdir states/"a b"; ln -s /etc states/link; touch states/file
ends 'strange names in the root' 0 oci list
says 'a link' 1 'limpet: container does not exist' oci delete link
rm -rf states/"a b" states/link states/file

# roots
mkdir full ro; mount -t tmpfs -o size=8k t full; mount -t tmpfs -o ro t ro; head -c 9999 /dev/zero >full/f 2>/dev/null
matches 'full' "$(limpet --root full create -b b x 2>&1)" 'No space left'
is 'nothing left' "$(ls full)" f
matches 'read-only' "$(limpet --root ro create -b b x 2>&1)" 'Read-only file system'
umount full ro
is 'no groups left' "$(find /sys/fs/cgroup -type d -name limpet-x 2>/dev/null)" ''
for log in /nothere/log b; do ends "--log $log" 1 limpet --log $log --root states list; done

# control groups
new; config "$idle" 'c["linux"]["resources"] = {"memory": {"limit": 4096}}'; made
is 'a limit that is too small' "$?" 1
matches 'a limit that is too small' "$(cat made.out)" 'memory limit of 4096 bytes too small|cannot set'
config "$idle" "c['linux']['cgroupsPath'] = '/limpet-odd-$$'"; new; freezer=/sys/fs/cgroup/freezer
if [ -d $freezer ] && mkdir $freezer/limpet-odd-$$ 2>/dev/null; then
	made; oci delete $id
	is 'a group that was there goes too' "$(ls -d /sys/fs/cgroup/*/limpet-odd-$$ 2>/dev/null)" ''
	mkdir $freezer/limpet-odd-$$; echo FROZEN >$freezer/limpet-odd-$$/freezer.state
	matches 'a frozen group' "$(timeout 20 "$LIMPET" --root states create -b b $id 2>&1 </dev/null)" 'is frozen$'
	{ echo THAWED >$freezer/limpet-odd-$$/freezer.state; rmdir $freezer/limpet-odd-$$; } 2>/dev/null
	mkdir $freezer/limpet-odd-$$; sleep 50 & other=$!; echo $other >$freezer/limpet-odd-$$/cgroup.procs
	made; ends 'a group with others in it' 0 oci delete --force $id
	kill $other || fail 'others in the group were killed'
	wait $other 2>/dev/null; rmdir $freezer/limpet-odd-$$
fi
config 'sh("true")' "c['linux']['cgroupsPath'] = '/limpet-odd-$$'"; new; made; oci start $id; gone "$(pid_of)"
find /sys/fs/cgroup -depth -type d -name "limpet-odd-$$" -exec rmdir {} + 2>/dev/null
ends 'groups removed underneath' 0 oci delete $id

# the limit on processes is exact, and the next one comes when one goes
config 'sh("i=0; while [ $i -lt 20 ]; do sleep 1.5 & i=$((i + 1)); echo $i; done")' 'c["linux"]["resources"] = {"pids": {"limit": 8}}'; new
ends 'more processes than are allowed' 2 oci run -b b $id
matches 'more processes than are allowed' "$(cat .out)" $'^1\n2\n3\n4\n5\n6\n7\nsh: .*fork'
config 'sh("i=0; while [ $i -lt 60 ]; do true & wait; (exec true); i=$((i + 1)); done; cat /sys/fs/cgroup/pids.current; exit 4")' 'c["linux"]["resources"] = {"pids": {"limit": 3}}' \
	"c['mounts'].append({'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup'})"
says 'many, one after the other' 4 2 oci run -b b $id

# consoles
config "$idle" 'c["process"]["terminal"] = True'; new
matches 'no console socket there' "$(oci create -b b --console-socket "$work/none" $id 2>&1 </dev/null)" "cannot connect to console socket $work/none: No such file"
touch regular; matches 'no socket' "$(oci create -b b --console-socket "$work/regular" $id 2>&1 </dev/null)" 'Connection refused'
for how in close keep; do
	/usr/bin/python3 - $how <<'P' &
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind("con." + sys.argv[1]); s.listen(1); s.settimeout(20)
c, _ = s.accept(); _, anc, _, _ = c.recvmsg(64, socket.CMSG_SPACE(4))
if anc and sys.argv[1] == "close": fds = array.array("i"); fds.frombytes(anc[0][2][:4]); os.close(fds[0])
P
	until [ -S con.$how ]; do sleep 0.02; done
	new; made --console-socket con.$how; rc=$?
	# Who closes the master at once may be earlier than the program: then one line says so.
	[ $rc = 0 ] || { [ $how = close ] && [ "$(wc -l <made.out)" = 1 ]; } || fail "a console whose reader goes away ($how): $rc, $(cat made.out)"
	wait $!; oci delete --force $id
done

# descriptors and limits of the caller
config 'sh("echo out; echo err >&2; cat; exit 4")'
new; oci run -b b $id <&- >o1 2>o2; is 'stdin closed' "$? $(cat o1 o2)" $'4 out\nerr'
new; oci run -b b $id </dev/null >&- 2>o2; is 'stdout closed' "$? $(tail -n 1 o2)" '4 err'
new; oci run -b b $id </dev/null >o1 2>&-; is 'stderr closed' "$? $(cat o1)" '4 out'
new; oci run -b b $id <&- >&- 2>&-; is 'all closed' $? 4
for files in 64 80 128; do new; (ulimit -n $files; timeout 20 "$LIMPET" --root states run -b b $id </dev/null >o1 2>&1); is "$files open files" "$? $(head -n 1 o1)" '4 out'; done
new; (ulimit -n 12; oci run -b b $id >o1 2>&1); matches '12 open files' "$? $(cat o1)" '1 limpet: the limit on open files.*is too low'
ends 'state to a full disk' 1 sh -c "'$LIMPET' --root states features >/dev/full"

# names and paths
long=$(printf 'x%.0s' $(seq 256)); config 'sh("exit 4")'
ends 'a long name' 4 oci run -b b "${long#x}"
matches 'a name that is too long' "$(oci run -b b "$long" 2>&1)" 'longer than 255'
ends 'a name of odd characters' 4 oci run -b b -- -+_,.
deep=$work; while [ ${#deep} -lt 3700 ]; do deep=$deep/$(printf 'd%.0s' $(seq 200)); done
mkdir -p "$deep"; cp -r b/. "$deep"; new; ends 'a long path' 4 oci run -b "$deep" --pid-file "$deep/pid" $id
ends 'a root with a long path' 4 limpet --root "$deep/states" run -b b $id
mkdir away; (cd away && rmdir ../away && ends 'a directory that is gone' 4 oci run -b "$work/b" $id; [ $failures = 0 ]) || failures=1
ends 'no pid file' 4 oci run -b b --pid-file '' $id
for file in "$work" /nothere/pid; do ends "pid file $file" 1 oci create -b b --pid-file "$file" $id; done
config 'sh("pwd; exit 4")' 'c["process"]["cwd"] = "/new/dir"' 'c["process"]["user"] = {"uid": 5, "gid": 5}'
says 'a working directory that is missing is made' 4 /new/dir oci run -b b $id
is 'whose it is' "$(stat -c '%u %a' b/rootfs/new/dir)" '0 755'
config 'c["process"]["cwd"] = "/etc/passwd"'; ends 'one that is a file' 1 oci run -b b $id

# exec
config "$idle"; new; made; oci start $id
ends 'exec: pid file' 255 oci exec -d --pid-file /nothere/pid $id sleep 66
is 'and its program is gone' "$(oci exec $id ps | grep -c 'sleep 66')" 0
ends 'exec: no program' 1 oci exec $id
ends 'kill 0' 0 oci kill $id 0
for sig in 65 -1 FOO; do ends "kill $sig" 1 oci kill -- $id $sig; done
mkfifo fifo; many=()
for i in $(seq 90); do oci exec $id cat <fifo >>cats 2>&1 & many+=($!); done
exec 7>fifo; soon=$SECONDS
until [ "$(oci exec $id ps | grep -c ' cat$')" = 90 ]; do [ $((SECONDS - soon)) -lt 60 ] || { fail "$(oci exec $id ps | grep -c ' cat$') of 90 programs, $(cat cats)"; break; }; sleep 0.2; done
ends 'kill beside 90 programs' 0 oci kill $id CONT
exec 7>&-; wait "${many[@]}"; is '90 programs' "$(cat cats)" ''
# paused and silent
ends 'pause' 0 oci pause $id
ends 'kill while paused' 0 timeout 5 "$LIMPET" --root states kill $id TERM
status_is 'it waits' paused
pid=$(pid_of); ends 'resume' 0 oci resume $id; gone $pid
status_is 'and then ends' stopped
oci delete $id
new; made; oci start $id; oci pause $id; pid=$(pid_of)
ends 'SIGKILL while paused' 0 timeout 5 "$LIMPET" --root states kill $id KILL; gone $pid
ends 'delete' 0 oci delete $id
new; made; oci start $id; pid=$(pid_of); kill -STOP $pid
timeout 2 "$LIMPET" --root states exec $id true >o1 2>&1 </dev/null
is 'exec by one that is stopped can be interrupted' "$? $(cat o1)" '124 limpet: exec failed: signal 15 came before the program ran'
says 'kill' 1 "limpet: the container's supervisor does not answer" oci kill $id TERM
ends 'forced delete' 0 oci delete --force $id
gone $pid

is 'no state left' "$(ls states)" ''
is 'no groups left' "$(find /sys/fs/cgroup -type d \( -name "limpet-odd*$$*" -o -name 'limpet-xxx*' \) 2>/dev/null)" ''
is 'no processes left' "$(pgrep -f "root $work/states" || true)" ''
is 'nothing mounted' "$(grep -c "$work" /proc/self/mountinfo)" 0
finish
