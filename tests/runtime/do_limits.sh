# limpet do --memory and --cpus.
. "$(dirname "$0")/../lib/sh.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -d /sys/fs/cgroup/memory ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no control groups"
# The caller's limits are the program's, not the sandbox's, as far as they are ours to raise.
limited() { (ulimit "$1" "$2" && shift 2 && "$LIMPET" do --platform "$PLATFORM" -- "$@"); }
is 'open files' "$(limited -Sn 20 sh -c 'ulimit -n; ls /usr/bin/env /usr/bin | grep -c ^env$')" $'20\n1'
is 'address space' "$(limited -Sv 500000 sh -c 'ulimit -v; echo ran')" $'500000\nran'
is 'size of files' "$(limited -Sf 1 sh -c 'head -c 10000 /dev/zero >/tmp/x; echo $?' 2>&1 | tail -n 1)" 153
if out=$(limited -v 500000 echo ran 2>&1); then
	is 'hard limit on address space' "$out" ran
else
	matches 'hard limit on address space' "$out" '^limpet: the limit on address space'
fi
says 'within the limit' 0 ok do_ --memory 256M -- sh -c 'head -c 10000000 /dev/zero >/dev/null; echo ok'
do_ --memory 64M -- /usr/bin/python3 -c 'x = bytearray(400 << 20); print(len(x))' >out 2>&1
status=$?
[ $status != 0 ] || fail "400 MiB within 64 MiB: $(cat out)"
start=$EPOCHREALTIME
do_ --cpus 0.2 -- /usr/bin/python3 -c '
import time
while time.process_time() < 0.3: pass'
t=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
[ $t -gt 900 ] || fail "0.3 s of work at 0.2 CPUs took $t ms"
ends 'bad size' 125 do_ --memory 5X -- true
ends 'bad cpus' 125 do_ --cpus x -- true
ends 'cpus 0' 125 do_ --cpus 0 -- true
finish
