# containerd's runc shim and ctr. The daemon is ours, on a socket of its own.
. "$(dirname "$0")/lib.sh"
D=$WORK/ctd
mkdir -p "$D"
rm -f "$D/containerd.sock"
cat >"$D/config.toml" <<C
version = 2
root = "$D/root"
state = "$D/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$D/containerd.sock"
C
containerd -c "$D/config.toml" >"$D/log" 2>&1 &
pid=$!
trap 'kill $pid; wait $pid 2>/dev/null' EXIT
for _ in $(seq 100); do [ -S "$D/containerd.sock" ] && break; sleep 0.1; done
C="ctr -a $D/containerd.sock"
mkdir -p "$WORK/rootfs"
[ -d "$WORK/rootfs/usr" ] || tar -C "$WORK/rootfs" -xf "$WORK/rootfs.tar"
RT="--runtime io.containerd.runc.v2 --runc-binary $RUNTIME"
R="$C run --rm $RT --env PATH=/usr/bin:/bin --rootfs $WORK/rootfs"
t basic $R a1 /bin/echo hi
t status $R a2 sh -c 'exit 7'
t environment $R --cwd /usr --env A=b a5 sh -c 'pwd; echo $A'
t readonly $R --read-only a6 sh -c 'touch /x 2>/dev/null; echo $?'
t mount $R --mount "type=bind,src=$WORK/vol,dst=/v,options=rbind:ro" a7 sh -c 'touch /v/x 2>/dev/null; echo $?'
t memory $R --memory-limit 67108864 a8 true
t privileged $R --privileged a11 grep CapEff /proc/self/status
t tty script -qec "$R -t a14 tty" /dev/null
t detach $C run -d $RT --env PATH=/usr/bin:/bin --rootfs "$WORK/rootfs" d1 sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
sleep 0.5
t exec $C task exec --exec-id e1 d1 sh -c 'echo ex; cat /proc/1/comm'
t exec-status $C task exec --exec-id e2 d1 sh -c 'exit 5'
t metrics bash -c "$C task metrics d1 | grep -c memory"
t pause $C task pause d1
t resume $C task resume d1
t kill $C task kill -s TERM d1
sleep 0.5
t task-delete bash -c "$C task delete d1 2>&1 | grep -o 'exit code.*'"
t delete $C container delete d1
