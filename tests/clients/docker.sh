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

# and what else
t tmpfs $R --tmpfs /t:size=64k,mode=1770 $image sh -c 'df --output=size /t | tail -1; stat -c %a /t'
t read-only-tmp $R --read-only --tmpfs /tmp $image sh -c 'touch /tmp/x && echo rc=$?'
t cap-drop $R --cap-drop ALL $image grep CapEff /proc/self/status
t cap-add $R --cap-drop ALL --cap-add CHOWN $image grep CapEff /proc/self/status
t no-new-privs $R --security-opt no-new-privileges $image grep NoNew /proc/self/status
t unconfined $R --security-opt seccomp=unconfined $image grep Seccomp: /proc/self/status
t sysctl $R --sysctl kernel.msgmax=4096 $image cat /proc/sys/kernel/msgmax
t hostname $R --hostname foo --domainname bar $image sh -c 'hostname; cat /proc/sys/kernel/domainname'
t ipc-host $R --ipc host $image true
t shm $R --shm-size 1m $image sh -c 'df --output=size /dev/shm | tail -1'
t uts-host $R --uts host $image hostname
t gpus $R --gpus all $image true
t device $R --device /dev/fuse $image stat -c '%F %t %T' /dev/fuse
t device-missing $R --device /dev/nothere $image true
t cpus $R --cpus 0.5 $image sh -c 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us || cut -d" " -f1 /sys/fs/cgroup/cpu.max'
t cpuset $R --cpuset-cpus 0 $image nproc
t oom-score $R --oom-score-adj 500 $image cat /proc/self/oom_score_adj
t group-add $R --group-add 4242 $image id -G
t workdir-new $R -w /new/dir $image pwd
t entrypoint $R --entrypoint /bin/echo $image a b
t mount $R --mount "type=bind,src=$WORK/vol,dst=/m,readonly" $image sh -c 'touch /m/x 2>/dev/null; echo $?'
t mount-tmpfs $R --mount type=tmpfs,dst=/m,tmpfs-size=65536 $image sh -c 'df --output=size /m | tail -1'
t signal $R $image sh -c 'kill -9 $$'
t not-executable $R $image /etc/passwd
t no-dir-user $R -u nosuchuser $image true
t stop-timeout bash -c "$P run -d --runtime under-test --name S1 --stop-timeout 1 --network none $image sh -c 'trap : TERM; while :; do sleep 0.1; done' >/dev/null; sleep 0.5; $P stop S1 >/dev/null; $P inspect S1 --format '{{.State.ExitCode}} {{.State.OOMKilled}}'; $P rm -f S1 >/dev/null"
t oom-killed bash -c "$P run -d --runtime under-test --name S1 -m 32m --network none $image perl -e '\$x=\"a\"x(200<<20)' >/dev/null; $P wait S1; $P inspect S1 --format '{{.State.OOMKilled}}'; $P rm -f S1 >/dev/null"
t restart-policy bash -c "$P run -d --runtime under-test --name S1 --restart on-failure:2 --network none $image sh -c 'exit 3' >/dev/null; sleep 4; $P inspect S1 --format '{{.RestartCount}} {{.State.ExitCode}}'; $P rm -f S1 >/dev/null"
t health bash -c "$P run -d --runtime under-test --name S1 --health-cmd 'test -e /tmp/well || exit 1' --health-interval 1s --health-retries 1 --network none $image sh -c 'touch /tmp/well; sleep 100' >/dev/null; for i in 1 2 3 4 5 6 7 8; do $P inspect S1 --format '{{.State.Health.Status}}' | grep -q starting || break; sleep 0.5; done; $P inspect S1 --format '{{.State.Health.Status}}'; $P rm -f S1 >/dev/null"
t attach bash -c "$P run -di --runtime under-test --name S1 --network none $image sh -c 'read x; echo got \$x; exit 4' >/dev/null; (sleep 2; echo hi) | timeout 10 $P attach S1; echo \$?; $P rm -f S1 >/dev/null"
t run-d2 bash -c "$P run -d --runtime under-test --name S1 --init --network none $image sleep 100 >/dev/null; sleep 0.3; $P exec -e X=1 -w /usr -u daemon S1 sh -c 'echo \$X \$PWD; id -un'"
t exec-d bash -c "$P exec -d S1 touch /tmp/det; sleep 0.5; $P exec S1 ls /tmp/det"
t exec-missing $P exec S1 nothere
t exec-signal $P exec S1 sh -c 'kill -TERM $$'
t exec-stdin bash -c "echo xx | $P exec -i S1 cat"
t exec-paused bash -c "$P pause S1 >/dev/null; $P exec S1 true; echo \$?; $P unpause S1 >/dev/null"
t kill-paused bash -c "$P pause S1 >/dev/null; $P kill S1 >/dev/null; sleep 1; $P inspect S1 --format '{{.State.Status}} {{.State.ExitCode}}'; $P start S1 >/dev/null; $P exec S1 echo again"
t cp-out bash -c "$P exec S1 sh -c 'mkdir -p /tmp/d; echo x >/tmp/d/f'; rm -rf $WORK/out; $P cp S1:/tmp/d $WORK/out 2>/dev/null && ls $WORK/out"
t diff bash -c "$P exec S1 rm -f /etc/issue; $P diff S1 | grep issue"
t export bash -c "$P export S1 | tar -t | grep -c '^usr/bin/env$'"
t commit bash -c "$P exec S1 sh -c 'echo mine >/mine'; $P commit S1 localhost/mine:1 >/dev/null; $R localhost/mine:1 cat /mine; $P rmi -f localhost/mine:1 >/dev/null"
t stats bash -c "$P stats --no-stream --format '{{.Name}} {{.CPUPerc}}' S1 | sed 's/ [0-9.]*%/ percent/'"
t top bash -c "$P top S1 -o pid,comm | grep -v limpet- | tail -n +2 | sed 's/ *[0-9]* *//' | sort | tr '\n' ' '"
t ps bash -c "$P ps --filter name=S1 --format '{{.Names}} {{.Status}}' | sed 's/Up.*/Up/'"
t update-cpus bash -c "$P update --cpus 0.5 --pids-limit 50 S1 >/dev/null && $P exec S1 sh -c 'cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max'"
t rename bash -c "$P rename S1 S2 && $P exec S2 echo by its new name"
t network-of $P run --rm --runtime under-test --network container:S2 $image sh -c 'wc -l </proc/net/dev'
t rm-running bash -c "$P rm S2 >/dev/null 2>&1; echo \$?; $P rm -f S2 >/dev/null"
t read-many bash -c "head -c 3000000 /dev/zero | $R -i $image wc -c"
t logs-many bash -c "$P run --runtime under-test --name S1 --network none $image sh -c 'seq 20000' >/dev/null; $P logs S1 | md5sum; $P rm S1 >/dev/null"
