# update, events, pause, resume, console socket and resize, and the formats of list, ps, spec, features; with runc beside it.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
id=t$$
py() { /usr/bin/python3 -c "import json,sys; d = json.load(sys.stdin); $1"; }

# runc's words and shapes
if command -v runc >/dev/null; then
	mkdir runcroot states
	is 'list of nothing: table' "$(oci list | tr -s ' ')" "$(runc --root runcroot list | tr -s ' ')"
	is 'list of nothing: json' "$(oci list -f json)" "$(runc --root runcroot list -f json)"
	is 'list of nothing: quiet' "$(oci list -q)" "$(runc --root runcroot list -q)"
	mkdir s1 s2
	(cd s1 && "$LIMPET" spec) && (cd s2 && runc spec)
	keys='print(sorted(d), sorted(d["process"]), [m["destination"] for m in d["mounts"]], d["process"]["args"], d["process"]["rlimits"], d["root"])'
	is 'spec' "$(py "$keys" <s1/config.json)" "$(py "$keys" <s2/config.json)"
	ends 'spec: not over another' 1 sh -c "cd s1 && '$LIMPET' spec"
fi
py 'assert "ociVersionMin" in d and "mountOptions" in d and "linux" in d and "hooks" in d' <<<"$("$LIMPET" features)" || fail features

config 'c["mounts"] += [{"destination": "/sys", "type": "sysfs", "source": "sysfs"}, {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]' \
	'sh("i=0; while :; do i=$((i + 1)); echo $i >/data/n; sleep 0.05; done")'
ends 'run' 0 oci run -d -b b $id
until [ -s b/rootfs/data/n ]; do sleep 0.05; done
is 'list: json' "$(oci list -f json | py 'print(sorted(d[0]))')" "['bundle', 'created', 'id', 'ociVersion', 'owner', 'pid', 'rootfs', 'status']"
is 'list: quiet' "$(oci list -q)" $id
ends 'list: another format' 1 oci list -f xml
is 'ps: json' "$(oci ps -f json $id | py 'print(all(isinstance(p, int) for p in d), len(d) >= 1)')" 'True True'
matches 'ps: table' "$(oci ps $id | head -n 1)" '^UID +PID +PPID'
matches 'ps: options' "$(oci ps $id -o comm,pid | head -n 1)" '^COMMAND +PID'
is 'events' "$(oci events --stats $id | py 'print(d["type"], d["id"] == "'$id'", d["data"]["memory"]["usage"]["usage"] > 0, d["data"]["cpu"]["usage"]["total"] > 0, d["data"]["pids"]["current"] > 0)')" \
	'stats True True True True'
timeout 3 "$LIMPET" --root states events --interval 1s $id >events
is 'events: one a second' "$([ "$(wc -l <events)" -ge 2 ] && echo yes)" yes

ends 'pause' 0 oci pause $id
matches 'paused' "$(oci state $id)" '"status": "paused"'
n=$(cat b/rootfs/data/n); sleep 0.4
is 'paused: nothing runs' "$(cat b/rootfs/data/n)" "$n"
ends 'resume' 0 oci resume $id
matches 'resumed' "$(oci state $id)" '"status": "running"'
for _ in $(seq 60); do [ "$(cat b/rootfs/data/n)" != "$n" ] && break; sleep 0.05; done
is 'resumed: it runs' "$([ "$(cat b/rootfs/data/n)" != "$n" ] && echo yes)" yes
ends 'resume of what runs' 1 oci resume $id

ends 'update' 0 oci update --memory 80000000 $id
bytes=$(oci exec $id sh -c 'cat /sys/fs/cgroup/memory.max')
is 'update: the program sees it' $((bytes / 4096)) $((80000000 / 4096))
echo '{"memory":{"limit":90001408}}' >r.json
ends 'update -r' 0 oci update -r r.json $id
is 'update -r: the program sees it' "$(oci exec $id cat /sys/fs/cgroup/memory.max)" 90001408
ends 'update: not a number' 1 oci update --memory much $id
ends 'delete' 0 oci delete --force $id

# a console socket: the terminal's other end comes through it; its size is the program's
config 'c["process"]["terminal"] = True; c["process"]["consoleSize"] = {"height": 33, "width": 99}' \
	'sh("trap \"stty size; exit 6\" WINCH; stty size; while :; do sleep 0.05; done")'
/usr/bin/python3 - "$LIMPET" $id >console 2>&1 <<'PY'
import array, fcntl, os, select, socket, struct, subprocess, sys, termios, time
lim, id = sys.argv[1:]
s = socket.socket(socket.AF_UNIX); s.bind("con.sock"); s.listen()
r = [lim, "--root", "states"]
p = subprocess.Popen(r + ["run", "-d", "-b", "b", "--console-socket", "con.sock", id], stdin=subprocess.DEVNULL)
c, _ = s.accept()
_, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(4))
master = array.array("i", anc[0][2])[0]
print("run", p.wait())
def until(text):
    got, end = b"", time.time() + 10
    while text not in got and time.time() < end:
        if select.select([master], [], [], 0.2)[0]:
            try: got += os.read(master, 4096)
            except OSError: break
    return text in got
print("first", until(b"33 99"))
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 111, 0, 0))
print("resized", until(b"44 111"))
PY
is 'console socket' "$(cat console)" $'run 0\nfirst True\nresized True'
ends 'delete' 0 oci delete --force $id
finish
