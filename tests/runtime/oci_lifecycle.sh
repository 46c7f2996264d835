# create, start, state, exec, kill, delete, list, ps, run and what they refuse.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
id=t$$

config 'sh("trap \"exit 5\" TERM; echo up; while :; do sleep 0.05; done")'
ends 'create' 0 oci create --pid-file pid -b b $id
matches 'state: created' "$(oci state $id)" "\"ociVersion\": \"1.2.0\".*\"id\": \"$id\".*\"status\": \"created\".*\"pid\": $(cat pid),.*\"bundle\": \"$work/b\""
ends 'create twice' 1 oci create -b b $id
matches 'create twice' "$(oci create -b b $id 2>&1)" 'container with given ID already exists'
matches 'table' "$(oci list)" "$id +$(cat pid) +created +$work/b"
is 'json list' "$(oci list -f json | python3 -c 'import json,sys; print([(c["id"], c["status"]) for c in json.load(sys.stdin)])')" "[('$id', 'created')]"
ends 'start' 0 oci start $id
ends 'start twice' 1 oci start $id
matches 'running' "$(oci state $id)" '"status": "running"'
says 'exec' 7 $'in exec\n/' oci exec $id sh -c 'echo in exec; pwd; exit 7'
says 'exec: environment, directory, user' 0 $'b\n/etc\n1000' oci exec --env Q=b --cwd /etc --user 1000:1000 $id sh -c 'echo $Q; pwd; id -u'
is 'exec reads stdin' "$(echo text | oci exec $id cat)" text
ends 'exec: not found' 255 oci exec $id nothere
matches 'exec: not found' "$(oci exec $id nothere 2>&1)" 'exec: "nothere": executable file not found in \$PATH'
ends 'exec: no directory' 255 oci exec --cwd /nothere $id true
ends 'exec: killed' 137 oci exec $id sh -c 'kill -9 $$'
is 'exec sees the container' "$(oci exec $id cat /proc/1/comm 2>&1)" sh
echo '{"args":["sh","-c","echo $A; id -u"],"cwd":"/","env":["PATH=/bin","A=json"],"user":{"uid":3,"gid":3}}' >p.json
says 'exec: process as JSON' 0 $'json\n3' oci exec -p p.json $id
ends 'exec: detached' 0 oci exec -d --pid-file epid $id sh -c 'echo done >/made; sleep 100'
for _ in $(seq 50); do [ -e b/rootfs/made ] && break; sleep 0.05; done
is 'exec: detached ran' "$(cat b/rootfs/made 2>&1)" done
rm -f b/rootfs/made
is 'exec: the program is there' "$(oci exec $id ps | grep -c 'sleep 100')" 1
kill -9 "$(cat epid)"
for _ in $(seq 50); do oci exec $id ps | grep -q 'sleep 100' || break; sleep 0.05; done
is 'exec: its waiter killed, it is gone' "$(oci exec $id ps | grep -c 'sleep 100')" 0
is 'ps' "$(oci ps -f json $id | python3 -c 'import json,sys; print(len(json.load(sys.stdin)) >= 1)')" True
matches 'ps table' "$(oci ps $id)" 'PID'
matches 'ps: names of programs' "$(oci ps $id -o pid,comm)" '[0-9] sh$|[0-9] sh[[:space:]]'
ends 'delete while it runs' 1 oci delete $id
matches 'delete while it runs' "$(oci delete $id 2>&1)" "cannot delete container $id that is not stopped: running"
ends 'kill' 0 oci kill $id TERM
for _ in $(seq 50); do oci state $id | grep -q stopped && break; sleep 0.05; done
matches 'stopped' "$(oci state $id)" '"status": "stopped".*"pid": 0'
ends 'kill when stopped' 1 oci kill $id
matches 'kill when stopped' "$(oci kill $id 2>&1)" 'container not running'
ends 'exec when stopped' 255 oci exec $id true
ends 'delete' 0 oci delete $id
ends 'state of nothing' 1 oci state $id
matches 'state of nothing' "$(oci state $id 2>&1)" 'container does not exist'
ends 'delete of nothing' 1 oci delete $id
ends 'forced delete of nothing' 0 oci delete --force $id

# the pid is a child of whoever adopts it, and ends as the program does
config 'sh("exit 3")'
python3 - "$LIMPET" $id >adopted <<'PY'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)
lim, id = sys.argv[1:]
r = [lim, "--root", "states"]
subprocess.run(r + ["create", "-b", "b", "--pid-file", "apid", id], check=True, stdin=subprocess.DEVNULL)
subprocess.run(r + ["start", id], check=True)
pid = int(open("apid").read())
got, status = os.waitpid(pid, 0)
print(got == pid, os.WEXITSTATUS(status))
subprocess.run(r + ["delete", id], check=True)
PY
is 'the client reaps the container' "$(cat adopted)" 'True 3'

config 'sh("echo out; exit 4")'
says 'run' 4 out oci run -b b $id
ends 'run leaves nothing' 1 oci state $id
ends 'run --keep' 4 oci run --keep -b b $id
matches 'run --keep' "$(oci state $id)" stopped
ends 'delete what was kept' 0 oci delete $id
config 'sh("sleep 100")'
ends 'run --detach' 0 oci run -d -b b $id
matches 'detached' "$(oci state $id)" running
ends 'kill -9' 0 oci kill $id 9
for _ in $(seq 50); do oci state $id | grep -q stopped && break; sleep 0.05; done
ends 'delete' 0 oci delete $id
config 'c["process"]["args"] = ["nothere"]'
ends 'create: not found' 127 oci create -b b $id
ends 'nothing is left of it' 1 oci state $id

# a supervisor that dies leaves what delete --force takes away
config 'sh("sleep 100")'
oci create --pid-file pid -b b $id </dev/null >/dev/null 2>&1 && oci start $id
kernel=$(python3 -c "import json; print(json.load(open('states/$id/state.json'))['kernelPid'])")
kill -9 "$(cat pid)"
for _ in $(seq 100); do [ -d /proc/$kernel ] || break; sleep 0.02; done
[ ! -d /proc/$kernel ] || fail 'the sandbox outlived its supervisor'
matches 'killed supervisor' "$(oci state $id)" stopped
ends 'forced delete' 0 oci delete --force $id
mkdir states/half
ends 'a directory without a state' 0 oci delete --force half
ends 'forced delete of a running one' 0 oci run -d -b b $id
ends 'forced delete of a running one' 0 oci delete --force $id
is 'no state left' "$(ls states)" ''
is 'no control group left' "$(find /sys/fs/cgroup -type d -name "limpet-$id" 2>/dev/null)" ''
is 'nothing left mounted' "$(grep -c "$work" /proc/self/mountinfo)" 0

# logs and flags as clients use them
oci --log log --log-format json state nothere 2>/dev/null
is 'json log' "$(python3 -c 'import json; d = json.load(open("log")); print(d["level"], d["msg"])')" 'error container does not exist'
ends 'checkpoint' 1 oci checkpoint x
matches 'checkpoint' "$(oci checkpoint x 2>&1)" 'not supported'
matches 'features' "$(oci features)" '"ociVersionMax": "1.2.0"'
oci features | python3 -m json.tool >/dev/null || fail 'features is no JSON'
matches 'version' "$(limpet --version)" $'limpet version .*\nspec: 1.2.0'
mkdir s; (cd s && command "$LIMPET" spec) && python3 -m json.tool s/config.json >/dev/null || fail spec
(cd s && command "$LIMPET" spec 2>/dev/null) && fail 'spec over a file that exists'
config 'sh("true")'
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then # tests/vm/systemd.sh has the case that works
	matches 'systemd groups: names' "$(oci --systemd-cgroup create -b b $id 2>&1)" 'systemd'
else
	matches 'systemd groups' "$(oci --systemd-cgroup create -b b $id 2>&1)" '--systemd-cgroup needs a machine with cgroup v2 alone'
fi
ends 'nothing is left' 1 oci state $id
finish
