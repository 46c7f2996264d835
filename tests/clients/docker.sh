# dockerd and docker. The daemon is ours: a socket of its own, no bridge, no iptables.
. "$(dirname "$0")/lib.sh"
D=$WORK/dk
mkdir -p "$D"
dockerd -H "unix://$D/docker.sock" --data-root "$D/data" --exec-root "$D/exec" -p "$D/pid" --iptables=false --ip6tables=false \
	--bridge=none --storage-driver=overlay2 --add-runtime under-test="$RUNTIME" >"$D/log" 2>&1 &
pid=$!
trap 'kill $pid; wait $pid 2>/dev/null' EXIT
P="docker -H unix://$D/docker.sock"
for _ in $(seq 100); do $P info >/dev/null 2>&1 && break; sleep 0.2; done
$P image inspect $image >/dev/null 2>&1 || $P import "$WORK/rootfs.tar" $image >/dev/null 2>&1
$P rm -f L1 >/dev/null 2>&1
R="$P run --rm --runtime under-test --network none"
t basic $R $image echo hello
t status $R $image sh -c 'exit 7'
t not-found $R $image /nothere
t environment $R -e A=b -w /usr $image sh -c 'echo $A $PWD $HOME'
t user $R -u 1000:1000 $image id
t readonly $R --read-only $image sh -c 'touch /x 2>/dev/null; echo rc=$?'
t volume $R -v "$WORK/vol:/v" $image sh -c 'echo hi >/v/f; cat /v/f'
t named-volume $R -v nv:/v $image sh -c 'echo hi >/v/f; cat /v/f'
t stdin bash -c "echo input | $R -i $image cat"
t tty script -qec "$R -it $image tty" /dev/null
t init $R --init $image cat /proc/1/comm
t memory $R -m 64m $image sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max'
t oom $R -m 64m $image perl -e '$x="a"x(200<<20); print length $x'
t pids $R --pids-limit 20 $image sh -c 'cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max'
t ulimit $R --ulimit nofile=512:512 $image sh -c 'ulimit -n'
t run-d bash -c "$P run -d --runtime under-test --name L1 --network none $image sh -c 'trap \"exit 3\" TERM; while :; do echo tick; sleep 0.2; done' >/dev/null"
sleep 0.5
t exec $P exec L1 sh -c 'echo in; cat /proc/1/comm'
t exec-tty script -qec "$P exec -it L1 tty" /dev/null
t exec-status $P exec L1 sh -c 'exit 9'
t logs bash -c "$P logs L1 | tail -1"
t update $P update --memory 100m --memory-swap 200m L1
t pause $P pause L1
t unpause $P unpause L1
t cp bash -c "$P cp /etc/hostname L1:/tmp/hn 2>/dev/null && $P exec L1 cmp /tmp/hn /tmp/hn"
t stop $P stop -t 3 L1
t exit-code $P inspect L1 --format '{{.State.ExitCode}}'
t restart $P restart -t 1 L1
t kill $P kill L1
t rm $P rm -f L1
