# Containers of a pod in one sandbox, as a CRI engine's bundles ask for it: views, limits, ends in every order, escapes.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
for a in nc dd mkfifo readlink setsid chroot find sync tail; do ln -sf busybox b/rootfs/bin/$a; done
p=p$$ one=one$$ two=two$$

# bundle NAME TYPE EXPRESSION...: a bundle of its own below NAME; in the sandbox's namespaces when $sandbox has its pid
bundle() {
	local name=$1 type=$2 joins="" ; shift 2
	[ -d $name ] || cp -a b $name
	echo $name >$name/rootfs/etc/who
	[ "$type" = sandbox ] || joins=$sandbox
	config "c['annotations'] = {'io.kubernetes.cri.container-type': '$type', 'io.kubernetes.cri.sandbox-id': '$p'}" \
		"c['mounts'].append({'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup'})" \
		"for n in c['linux']['namespaces']:
			if '$joins' and n['type'] in ('network', 'ipc', 'uts'): n['path'] = '/proc/$joins/ns/' + {'network': 'net'}.get(n['type'], n['type'])" "$@"
	mv b/config.json $name/config.json
}
# up NAME ID: created and started, detached, its output in ID.out
up() {
	oci create -b $1 --pid-file $2.pid $2 </dev/null >$2.out 2>&1 && oci start $2 2>>$2.out || fail "up $2: $(cat $2.out)"
}
gone() { # ID: within some seconds
	for _ in $(seq 100); do oci state $1 2>&1 | grep -q '"stopped"' && return; sleep 0.05; done
	fail "$1 has not stopped"
}
soon() { # WHAT COMMAND...: succeeds within some seconds
	local what=$1; shift
	for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done
	fail "$what"
}
idle='while :; do sleep 1000; done'
new_pod() {
	bundle pause sandbox "sh('$idle')" 'c["root"]["readonly"] = True'
	up pause $p
	sandbox=$(cat $p.pid)
	kernel=$(python3 -c "import json; print(json.load(open('states/$p/state.json'))['kernelPid'])")
}
group() { # ID CONTROLLER: its directory
	python3 -c "import json; g = json.load(open('states/$1/state.json'))['cgroupPaths']; print(g.get('$2') or g.get('') or '')"
}

new_pod
bundle a container "sh('trap \"exit 5\" TERM; echo a is up; while :; do sleep 0.05; done')" 'c["hostname"] = "other"'
bundle z container "sh('trap \"exit 6\" TERM; echo z is up; while :; do sleep 0.05; done')" \
	"c['annotations'] = {'io.kubernetes.cri-o.ContainerType': 'container', 'io.kubernetes.cri-o.SandboxID': '$p'}"
ends 'create' 0 oci create -b a --pid-file $one.pid $one
matches 'state: created' "$(oci state $one)" "\"status\": \"created\".*\"pid\": $(cat $one.pid),.*\"bundle\": \"$work/a\""
ends 'create twice' 1 oci create -b a $one
ends 'start' 0 oci start $one
ends 'start twice' 1 oci start $one
up z $two
soon 'output of its own' grep -q 'z is up' $two.out
is 'one kernel for all' "$(pgrep -f -c "create -b (pause|a|z) " || true)" 3
is 'no other sandbox' "$(ls -d states/*/socket)" "states/$p/socket"

# views of their own
is 'PID 1 of one' "$(oci exec $one cat /proc/1/cmdline | tr '\0' ' ')" "$(printf 'sh -c trap "exit 5" TERM; echo a is up; while :; do sleep 0.05; done ')"
is 'ps shows its own' "$(oci exec $one ps | grep -c 'sleep 1000')" 0
is 'the sandbox does not see them' "$(oci exec $p ps | grep -c 'is up')" 0
is 'files of one' "$(oci exec $one cat /etc/who)" a
is 'files of two' "$(oci exec $two cat /etc/who)" z
oci exec $one sh -c 'echo secret >/tmp/mine; mkdir /tmp/m; mount -t tmpfs none /tmp/m' 2>/dev/null
is 'mounts are not shared' "$(oci exec $two ls /tmp)" ''
is "the pod's name" "$(oci exec $one hostname) $(oci exec $two hostname)" 'box box'
is 'namespaces' "$(for i in $p $one $two; do oci exec $i readlink /proc/self/ns/pid; done | sort -u | wc -l)" 3
is 'one network' "$(for i in $p $one $two; do oci exec $i readlink /proc/self/ns/net; done | sort -u | wc -l)" 1
is 'the pid leads to the network' "$(readlink /proc/$(cat $one.pid)/ns/net)" "$(readlink /proc/$kernel/ns/net)"
is 'the pid leads to the files' "$(cat /proc/$(cat $two.pid)/root/etc/who)" z

# loopback from one to the other, either way
for pair in "$one $two 7001" "$two $p 7002"; do
	set -- $pair
	oci exec $1 sh -c "echo by loopback | nc -l -p $3" & server=$!
	soon 'listening' oci exec $1 sh -c "cat /proc/net/tcp /proc/net/tcp6 | grep -q ':$(printf %04X $3) 0*:0000 0A'"
	is "loopback $pair" "$(oci exec $2 sh -c "sleep 1 | nc 127.0.0.1 $3")" 'by loopback'
	wait $server
done

# exec, kill by number: only within
oci exec -d --pid-file e.pid $one sh -c 'exec sleep 777'
soon 'exec is there' oci exec $one sh -c 'ps | grep -q "[s]leep 777"'
number=$(oci exec $one sh -c 'ps | grep "[s]leep 777"' | awk '{print $1}')
ends 'numbers of another are nobody' 1 oci exec $two kill -0 900
oci exec $two sh -c "kill -9 -1; kill -9 $number" 2>/dev/null
is 'kill -1 stays inside' "$(oci exec $one ps | grep -c 'sleep 777')" 1
matches 'limpet ps' "$(oci ps $one -o pid,comm)" '[0-9] sleep'
kill -9 "$(cat e.pid)"
soon 'its waiter killed, the program is gone' sh -c "! '$LIMPET' --root '$work/states' exec $one ps | grep -q 'sleep 777'"

# nobody looks out of their own files by /proc
is 'roots by /proc' "$(oci exec $one sh -c 'for d in /proc/[0-9]*; do cat $d/root/etc/who; done' | sort -u)" a
is 'numbers by /proc' "$(oci exec $two sh -c 'for i in $(seq 1 4000); do [ -d /proc/$i ] && cat /proc/$i/root/etc/who; done' 2>/dev/null | sort -u)" z
is 'no way up' "$(oci exec $two sh -c 'cd /; cat ../../../../etc/who; cat /proc/self/root/../etc/who; cat /proc/1/cwd/../etc/who' | sort -u)" z

# limits and the control group
is 'cgroup of one' "$(oci exec $one cat /sys/fs/cgroup/memory.max)" max
inside=$(oci exec $one cat /sys/fs/cgroup/pids.current)
matches 'its own processes are counted' "$inside" '^[2-4]$'
if [ -n "$(group $one pids)" ]; then
	for i in $(oci ps -f json $one | tr ',' '\n' | tr -d '[]') $(cat $one.pid); do
		groups=$(cat /proc/$i/cgroup 2>/dev/null) || continue
		grep -q "/limpet-$one\$" <<<"$groups" || fail "process $i is not in the container's group"
	done
	is 'nobody is in two groups' "$(cat "$(group $one pids)/cgroup.procs" "$(group $two pids)/cgroup.procs" "$(group $p pids)/cgroup.procs" | sort | uniq -d)" ''
fi
bundle m container 'sh("echo $(cat /sys/fs/cgroup/memory.max) $(grep MemTotal /proc/meminfo); dd if=/dev/zero of=/dev/null bs=300M count=1 && echo much; exit 9")' \
	'c["linux"]["resources"] = {"memory": {"limit": 80 << 20, "swap": 80 << 20}, "pids": {"limit": 200}}'
up m m$$
gone m$$
matches 'limits inside' "$(cat m$$.out)" '^83886080 MemTotal: +81920 kB'
[ -z "$(group m$$ memory)" ] || is 'too much memory' "$(grep -c much m$$.out)" 0
is 'the others live' "$(oci exec $two cat /etc/who)$(oci exec $one cat /etc/who)" za
ends 'delete' 0 oci delete m$$
ends 'update' 0 oci update --memory 50000000 $two
is 'update is seen by that one' "$(oci exec $two cat /sys/fs/cgroup/memory.max) $(oci exec $one cat /sys/fs/cgroup/memory.max)" '50000000 max'
oci exec -d --pid-file e.pid $one sh -c 'while :; do echo x >>/count; sleep 0.01; done'
soon 'counting' test -s a/rootfs/count
ends 'pause' 0 oci pause $one
matches 'paused' "$(oci state $one)" '"status": "paused"'
sleep 0.1
before=$(stat -c %s a/rootfs/count)
is 'the others go on' "$(oci exec $two cat /etc/who)$(oci exec $p cat /etc/who)" zpause
sleep 0.5
is 'it does not' "$(stat -c %s a/rootfs/count)" "$before"
ends 'pause twice' 1 oci pause $one
ends 'resume' 0 oci resume $one
soon 'it goes on' sh -c "[ \$(stat -c %s a/rootfs/count) -gt $before ]"
kill -9 "$(cat e.pid)"
bundle v container "sh('$idle')"; up v v$$
ends 'pause' 0 oci pause v$$
ends 'forced delete of a paused one' 0 oci delete --force v$$
matches 'events' "$(oci events --stats $one)" '"pids": *\{ *"current"'

# a volume of both: files, FIFOs, sockets
mkdir volume
volume="c['mounts'].append({'destination': '/data', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind', 'rw']})"
bundle v container "sh('$idle')" "$volume"; up v v$$
bundle w container "sh('exec sleep 100000')" "$volume"; up w w$$
oci exec v$$ sh -c 'echo from v >/data/f'
is 'a volume' "$(oci exec w$$ cat /data/f)" 'from v'
oci exec v$$ sh -c 'mkfifo /data/p; echo by FIFO >/data/p' &
soon 'FIFO' oci exec w$$ test -p /data/p
is 'a FIFO' "$(oci exec w$$ cat /data/p)" 'by FIFO'
# sockets, locks, System V memory; and a process that another container would like to get at
gcc -O1 -Wall -static -pthread -o volume/podpeer "$lib/podpeer.c" || fail 'podpeer'
oci exec v$$ /data/podpeer victim /data >victim & peer=$!
soon 'a socket' oci exec w$$ test -S /data/s
is 'the visitor' "$(oci exec w$$ /data/podpeer visitor /data)" visited
wait $peer
is 'the victim' "$(cat victim)" unharmed
# the end of a process is no end of one with its number elsewhere
oci exec v$$ /data/podpeer holder /data >holder & peer=$!
soon 'a holder' grep -q up holder
oci exec w$$ sh -c 'i=0; while [ $i -lt 400 ]; do cat /dev/null; i=$((i + 1)); done'
touch volume/enough
wait $peer
is 'the holder' "$(tail -n 1 holder)" held
ends 'kill' 0 oci kill v$$ KILL
gone v$$
ends 'delete' 0 oci delete v$$
is 'the other still has it' "$(oci exec w$$ cat /data/f)" 'from v'
oci delete --force w$$

# ends
ends 'delete while it runs' 1 oci delete $one
ends 'kill' 0 oci kill $one TERM
gone $one
ends 'exec when stopped' 255 oci exec $one true
matches 'kill when stopped' "$(oci kill $one 2>&1)" 'container not running'
ends 'delete' 0 oci delete $one
is 'the others live' "$(oci exec $two cat /etc/who)$(oci exec $p cat /etc/who)" zpause
kill -9 "$(cat $two.pid)"
gone $two
ends 'delete of one whose pid was killed' 0 oci delete $two
bundle a container "sh('sleep 1000 & setsid sleep 1001 & exit 3')"
ends 'run: its status, and its children go with it' 3 oci run -b a $one
ends 'run once more' 3 oci run -b a $one
bundle a container "sh('kill -9 \$\$; echo PID 1 lives; kill -TERM \$\$; exec sleep 1000')"
up a $one
soon 'a PID 1' grep -q 'PID 1 lives' $one.out
ends 'forced delete' 0 oci delete --force $one
bundle a container 'c["process"]["args"] = ["/nothere"]'
matches 'no program' "$(oci create -b a $one 2>&1)" 'unable to start container process: exec: "/nothere": stat /nothere: no such file or directory$'
bundle a container 'c["process"]["cwd"] = "/etc/passwd"'
matches 'no directory' "$(oci run -b a $one 2>&1)" 'chdir to cwd \("/etc/passwd"\)'
is 'nothing is left of those' "$(ls states)" "$p"
bundle a container "sh('exit 0')"
ends 'create' 0 oci create -b a $one
ends 'deleted before its start' 0 oci delete $one
bundle a container 'sh("id -u; id -g; ulimit -n; exit 4")' 'c["process"]["user"] = {"uid": 7, "gid": 8}' \
	'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 77, "soft": 66}]'
says 'user and limits' 4 $'7\n8\n66' oci run -b a $one

# the sandbox's processes as well, when the bundle asks for it
bundle a container "sh('ps; sleep 1000 & exec sleep 1000')" \
	"[n for n in c['linux']['namespaces'] if n['type'] == 'pid'][0]['path'] = '/proc/$sandbox/ns/pid'"
up a $one
soon 'shared processes' grep -q 'while :; do sleep 1000' $one.out
is 'PID 1 is the sandbox' "$(oci exec $one cat /proc/1/root/etc/who 2>&1)" "$(oci exec $p cat /etc/who)"
ends 'delete' 0 oci delete --force $one
is 'and its processes are gone' "$(oci exec $p ps | grep -c 'sleep 1000$')" 1
# a PID 1 that waits for nobody holds up no other container's end, nor does its own end
deaf() { bundle z container 'sh("exec sleep 100000")'; up z $two; }
shares() { bundle a container "$1" "[n for n in c['linux']['namespaces'] if n['type'] == 'pid'][0]['path'] = '/proc/$(cat $two.pid)/ns/pid'"; }
deaf
shares "sh('(sleep 0.2 &); sleep 0.7; exit 5')"
ends 'an orphan that nobody waits for' 5 timeout 20 "$LIMPET" --root states run -b a $one
for i in 1 2 3 4 5 6; do
	shares "sh('(sleep 0.01 &); while :; do sleep 0.01; done')"
	oci run -b a $one >/dev/null 2>&1 & runs=$!
	sleep 0.0$i
	oci kill $two KILL || fail 'kill'
	gone $two
	oci delete $two
	timeout 20 tail --pid=$runs -f /dev/null || fail "a container whose PID 1 is gone goes on"
	oci delete --force $one 2>/dev/null
	deaf
done
oci delete --force $two
is 'the pod lives' "$(oci exec $p cat /etc/who)" pause
bundle a container "sh('true')" "[n for n in c['linux']['namespaces'] if n['type'] == 'pid'][0]['path'] = '/proc/1/ns/pid'"
says 'processes of nobody in the pod' 1 'limpet: config.json: the PID namespace /proc/1/ns/pid is not that of a container of the pod' oci create -b a $one

# a terminal
bundle a container 'sh("tty; exit 8")' \
	"c['mounts'].append({'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts', 'options': ['newinstance']})" \
	'c["process"]["terminal"] = True' 'c["process"]["consoleSize"] = {"height": 33, "width": 99}'
is 'a terminal' "$(timeout 20 script -qec "'$LIMPET' --root $work/states run -b a $one" /dev/null | grep -o '/dev/pts/0')" /dev/pts/0

bundle a container 'sh("tty; stty size; read line; stty size; exit 8")' \
	"c['mounts'].append({'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts', 'options': ['newinstance']})" \
	'c["process"]["terminal"] = True' 'c["process"]["consoleSize"] = {"height": 33, "width": 99}'
/usr/bin/python3 - "$LIMPET" $one >console 2>&1 <<'PY'
import array, fcntl, os, select, signal, socket, struct, subprocess, sys, termios, time
lim, id = sys.argv[1:]
r = [lim, "--root", "states"]
s = socket.socket(socket.AF_UNIX); s.bind("con.sock"); s.listen(1); s.settimeout(20)
p = subprocess.Popen(r + ["create", "-b", "a", "--pid-file", "con.pid", "--console-socket", "con.sock", id], stdin=subprocess.DEVNULL)
c, _ = s.accept()
fds = array.array("i"); _, anc, _, _ = c.recvmsg(64, socket.CMSG_SPACE(4)); fds.frombytes(anc[0][2][:4])
print("create", p.wait()); m = fds[0]
subprocess.run(r + ["start", id], check=True)
def read(want):
    got, end = b"", time.time() + 10
    while want not in got and time.time() < end:
        if select.select([m], [], [], 0.2)[0]:
            try: got += os.read(m, 4096)
            except OSError: break
    return want in got
print("first", read(b"/dev/pts/0\r\n33 99"))
fcntl.ioctl(m, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
os.kill(int(open("con.pid").read()), signal.SIGWINCH); time.sleep(0.3)
os.write(m, b"go\n"); print("resized", read(b"40 120"))
PY
is 'console socket' "$(cat console)" $'create 0\nfirst True\nresized True'
gone $one
ends 'delete' 0 oci delete $one

# many, and nothing is left of them
bundle a container "sh('echo x >/tmp/x; exec true')"
used() { ls -l /proc/$kernel/fd | wc -l; }
descriptors=$(used)
for i in 1 2 3 4 5 6 7 8; do oci run -b a $one & pids=$!; oci run -b a ${one}b; wait $pids; done
[ "$(used)" -le $((descriptors + 2)) ] || fail "descriptors are left: $descriptors, then $(used)"

# what cannot be
bundle a container "c['annotations']['io.kubernetes.cri.sandbox-id'] = 'nobody$$'"
says 'no such sandbox' 1 "limpet: the pod's sandbox nobody$$ does not exist" oci create -b a $one
bundle a container "sh('exit 0')" "c['annotations']['io.kubernetes.cri.sandbox-id'] = '$two'"
bundle z container "sh('$idle')"; up z $two
says 'no sandbox' 1 "limpet: container $two, named as the pod's sandbox, is in one itself" oci create -b a $one
oci delete --force $two
config "sh('exit 0')" "c['annotations'] = {'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.sandbox-id': '$p'}"
ends 'another network: a sandbox of its own' 0 oci run -b b $one
is 'nothing is left of those' "$(ls states)" "$p"

# the sandbox ends: all end; deleted in the other order
bundle a container "sh('$idle')"; up a $one
bundle z container "sh('$idle')"; up z $two
ends 'kill the sandbox' 0 oci kill $p KILL
gone $p; gone $one; gone $two
says 'a sandbox that has ended' 1 "limpet: the pod's sandbox $p is not running" oci create -b a late$$
ends 'delete the sandbox first' 0 oci delete $p
ends 'then one' 0 oci delete $one
ends 'then two' 0 oci delete $two
new_pod
bundle a container "sh('$idle')"; up a $one
bundle z container "sh('$idle')"; up z $two
kill -9 $kernel
gone $p; gone $one; gone $two
ends 'its kernel killed' 0 oci delete --force $two
ends 'its kernel killed' 0 oci delete --force $p
ends 'its kernel killed' 0 oci delete --force $one
new_pod
bundle a container "sh('$idle')"; up a $one
ends 'forced, all at once' 0 oci delete --force $p
gone $one
ends 'and the other' 0 oci delete --force $one
is 'no state is left' "$(ls states)" ''
is 'no control group is left' "$(find /sys/fs/cgroup -name "limpet-*$$" | grep -E "limpet-(p|one|two|m|v|w|plain)$$")" ''
finish
