#!/bin/bash
# Containers where systemd is PID 1 and cgroup v2 has all controllers: --systemd-cgroup, limits, podman with systemd's
# groups. Runs in a machine of its own: tests/vm/run.sh --systemd -t 1200 -- bash tests/vm/systemd.sh
export LIMPET=${LIMPET:-/opt/limpet/build/limpet} PLATFORM=${PLATFORM:-plain}
[ "$(ps -o comm= -p 1)" = systemd ] || { echo "systemd is not PID 1"; exit 1; }
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"; . "$lib/bundle.sh"
id=s$$
sc() { command "$LIMPET" --root "$work/states" --platform "$PLATFORM" --systemd-cgroup "$@"; }
show() { systemctl show "$1" -p "$2" --value; }
gone() { for _ in $(seq 100); do [ "$(show "$1" ActiveState)" = inactive ] && return; sleep 0.1; done; fail "$1 is still there"; }
is 'layout' "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs

config 'sh("trap \"exit 5\" TERM; while :; do sleep 0.2; done")' "c['linux']['cgroupsPath'] = 'limpettest.slice:box:$id'" \
	'c["linux"]["resources"] = {"memory": {"limit": 100 << 20}, "pids": {"limit": 50}, "cpu": {"quota": 50000, "period": 100000, "shares": 2048}}'
ends 'run' 0 sc run -d --pid-file pid -b b $id
unit=box-$id.scope
dir=/sys/fs/cgroup/limpettest.slice/$unit
is 'unit' "$(show $unit ActiveState) $(show $unit Slice) $(show $unit ControlGroup)" "active limpettest.slice /limpettest.slice/$unit"
is 'limits as properties' "$(show $unit MemoryMax) $(show $unit TasksMax) $(show $unit CPUQuotaPerSecUSec)" '104857600 82 500ms'
is 'limits in the files' "$(cat $dir/memory.max $dir/pids.max $dir/cpu.max | paste -sd ' ')" '104857600 82 50000 100000'
grep -q "$unit" "/proc/$(cat pid)/cgroup" || fail 'the supervisor is not in the unit'
is 'exec' "$(sc exec $id sh -c 'echo in; exit 0')" in
ends 'reload' 0 systemctl daemon-reload
is 'limits after a reload' "$(cat $dir/memory.max)" 104857600
ends 'update' 0 sc update --memory 200000000 $id
is 'update' "$(cat $dir/memory.max)" 199999488
ends 'reload again' 0 systemctl daemon-reload
is 'update after a reload' "$(cat $dir/memory.max) $(cat $dir/pids.max) $(show $unit MemoryMax)" '199999488 82 200000000'
ends 'pause' 0 sc pause $id
matches 'pause' "$(sc state $id)" '"paused"'
is 'frozen' "$(cat $dir/cgroup.freeze)" 1
ends 'resume' 0 sc resume $id
ends 'kill' 0 sc kill $id TERM
for _ in $(seq 100); do sc state $id | grep -q stopped && break; sleep 0.1; done
ends 'delete' 0 sc delete $id
gone $unit
[ ! -d $dir ] || fail 'the directory is left'

config 'sh("trap \"exit 5\" TERM; while :; do sleep 0.2; done")' "c['linux']['cgroupsPath'] = ':box:$id'"
ends 'run' 0 sc run -d -b b $id
is 'the default slice' "$(show $unit Slice)" system.slice
ends 'systemctl stop' 0 systemctl stop $unit
matches 'stopped by systemd' "$(sc state $id)" stopped
ends 'delete' 0 sc delete --force $id
config 'sh("sleep 1000")'
ends 'run without a path' 0 sc run -d -b b $id
is 'its unit' "$(show limpet-$id.scope ActiveState)" active
ends 'forced delete' 0 sc delete --force $id
gone limpet-$id.scope
config 'sh("true")' "c['linux']['cgroupsPath'] = '/some/path'"
matches 'a path that is none' "$(sc run -b b $id 2>&1)" 'is not slice:prefix:name'
config 'sh("true")' "c['linux']['cgroupsPath'] = 'no good name:box:$id'"
matches 'a name that systemd refuses' "$(sc run -b b $id 2>&1)" 'systemd does not start'
config 'sh("x=1; while :; do x=$x$x; done")' "c['linux']['cgroupsPath'] = ':box:$id'" 'c["linux"]["resources"] = {"memory": {"limit": 40 << 20, "swap": 40 << 20}}'
ends 'out of memory' 137 timeout 60 "$LIMPET" --root states --platform "$PLATFORM" --systemd-cgroup run -b b $id
is 'no state is left' "$(ls states)" ''
echo "limpet: $failures failed"

cat >containers.conf <<C
[engine]
cgroup_manager = "systemd"
events_logger = "file"
[containers]
log_driver = "k8s-file"
C
export CONTAINERS_CONF=$work/containers.conf
P="podman --root $work/pod --runroot $work/podrun --storage-driver vfs --runtime $LIMPET"
tar -C b/rootfs -c . | $P import --change 'ENV PATH=/bin' - localhost/box:1 >/dev/null 2>&1
is 'podman run' "$($P run --rm --network none localhost/box:1 echo hello 2>&1 | tail -n 1)" hello
ends 'podman: status' 7 $P run --rm --network none localhost/box:1 sh -c 'exit 7'
ends 'podman: detached' 0 $P run -d --name L1 --network none --memory 64m localhost/box:1 sh -c 'echo tick; exec sleep 1000'
full=$($P inspect L1 --format '{{.Id}}')
is 'podman: unit' "$(show "libpod-$full.scope" ActiveState) $(show "libpod-$full.scope" MemoryMax)" 'active 67108864'
is 'podman exec' "$($P exec L1 cat /proc/1/comm)" sleep
is 'podman logs' "$($P logs L1)" tick
is 'podman stats' "$($P stats --no-stream --format '{{.Name}}' L1)" L1
ends 'podman restart' 0 $P restart -t 1 L1
is 'podman: unit again' "$(show "libpod-$full.scope" ActiveState)" active
ends 'podman rm' 0 $P rm -f -t 0 L1
gone "libpod-$full.scope"
finish
