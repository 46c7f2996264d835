# What people do with podman, a line each.
. "$(dirname "$0")/lib.sh"
podman_setup
$P rm -f -t 0 L1 >/dev/null 2>&1
$P pod rm -f pod1 >/dev/null 2>&1
R="$P run --rm --network none"
t basic $R $image echo hello
t status $R $image sh -c 'exit 7'
t not-found $R $image /nothere
t not-executable $R $image /etc/passwd
t environment $R -e A=b -w /usr $image sh -c 'echo $A $PWD $HOME'
t user $R -u 1000:1000 $image id
t readonly $R --read-only $image sh -c 'touch /x 2>/dev/null; echo rc=$?'
t tmpfs $R --tmpfs /t:size=1m $image sh -c 'df --output=size /t | tail -1'
t tmpfs-copy $R --tmpfs /etc/default $image ls /etc/default
t read-only-tmp $R --read-only $image sh -c 'stat -c "%a %U" /run /var/tmp /tmp; ls /run | wc -l'
t volume $R -v "$WORK/vol:/v" $image sh -c 'echo hi >/v/f; cat /v/f'
t volume-ro $R -v "$WORK/vol:/v:ro" $image sh -c 'touch /v/g 2>/dev/null; echo rc=$?'
t stdin bash -c "echo input | $R -i $image cat"
t tty $R -t $image sh -c 'tty; stty size'
t hostname $R --hostname foo $image hostname
t cap-drop $R --cap-drop all $image grep CapEff /proc/self/status
t cap-add $R --cap-add SYS_PTRACE $image grep CapEff /proc/self/status
t no-new-privs $R --security-opt no-new-privileges $image grep NoNew /proc/self/status
t init $R --init $image cat /proc/1/comm
t oom $R -m 64m $image perl -e '$x="a"x(200<<20); print length $x'
t memory $R -m 64m $image sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max'
t pids $R --pids-limit 20 $image sh -c 'cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max'
t cpus $R --cpus 0.5 $image sh -c 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us || cut -d" " -f1 /sys/fs/cgroup/cpu.max'
t device $R --device /dev/fuse $image stat -c '%F %t %T' /dev/fuse
t shm $R --shm-size 1m $image sh -c 'df --output=size /dev/shm | tail -1'
t privileged $R --privileged $image grep CapEff /proc/self/status
t uts-host $R --uts host $image hostname
t id-map $R --uidmap 0:100000:65536 $image sh -c 'cat /proc/self/uid_map; id -u'
t timeout $R --timeout 1 $image sleep 20
t create bash -c "$P create --name L1 --network none $image sh -c 'trap \"exit 3\" TERM; while :; do echo tick; sleep 0.2; done' >/dev/null"
t start $P start L1
sleep 0.5
t exec $P exec L1 sh -c 'echo in; cat /proc/1/comm'
t exec-user $P exec -u 1 -w /tmp -e Q=1 L1 sh -c 'id -u; pwd; echo $Q'
t exec-tty $P exec -t L1 tty
t exec-stdin bash -c "echo xx | $P exec -i L1 cat"
t exec-status $P exec L1 sh -c 'exit 9'
t exec-missing $P exec L1 nothere
t exec-detach bash -c "$P exec -d L1 touch /tmp/det >/dev/null; sleep 0.5"
t exec-check $P exec L1 ls /tmp/det
t top bash -c "$P top L1 comm | grep -v limpet-" # the guest kernel's own are there, by name
t logs bash -c "$P logs L1 | tail -1"
t update bash -c "$P update --memory 100m L1 >/dev/null"
t pause $P pause L1
t unpause $P unpause L1
t cp bash -c "$P cp /etc/hostname L1:/tmp/hn && $P exec L1 cmp /tmp/hn /tmp/hn"
t stop $P stop -t 3 L1
t exit-code $P inspect L1 --format '{{.State.ExitCode}}'
t restart $P restart -t 1 L1
t kill $P kill -s KILL L1
t rm $P rm -f -t 0 L1
t pod-create bash -c "$P pod create --name pod1 --network none --infra=true >/dev/null"
t pod-run $P run --rm --pod pod1 $image echo inpod
t pod-rm bash -c "$P pod rm -f pod1 >/dev/null"

# and what else
t ulimit $R --ulimit nofile=512:512 --ulimit nproc=32768:32768 $image sh -c 'ulimit -n; ulimit -Hn'
t sysctl $R --sysctl kernel.msgmax=4096 $image cat /proc/sys/kernel/msgmax
t sysctl-net $R --sysctl net.ipv4.ip_unprivileged_port_start=80 $image cat /proc/sys/net/ipv4/ip_unprivileged_port_start
t ipc-host $R --ipc host $image true
t ipc-none $R --ipc none $image sh -c 'grep -c " /dev/shm " /proc/mounts'
t unconfined $R --security-opt seccomp=unconfined $image grep Seccomp: /proc/self/status
t mask $R --security-opt mask=/etc/debian_version $image sh -c 'wc -c </etc/debian_version'
t unmask $R --security-opt unmask=ALL $image grep -c MemTotal /proc/meminfo
t entrypoint $R --entrypoint '["/bin/echo", "a b"]' $image c
t workdir-new bash -c "$R -w /new/dir $image true 2>/dev/null"
t user-name $R -u daemon $image id
t user-missing $R -u nosuchuser $image id
t group-add $R --group-add 4242 $image id -G
t umask $R --umask 077 $image sh -c 'umask; touch /x; stat -c %a /x'
t add-host $R --add-host some.where:10.1.2.3 $image grep some.where /etc/hosts
t tz $R --tz UTC $image date +%Z
printf 'ONE=1\nTWO=a b\n' >"$WORK/env-file"
t env-file $R --env-file "$WORK/env-file" $image sh -c 'echo $ONE $TWO'
t mount-tmpfs $R --mount type=tmpfs,dst=/m,tmpfs-size=64k,tmpfs-mode=1700 $image stat -f -c '%b %s' /m
t mount-bind $R --mount "type=bind,src=$WORK/vol,dst=/m,ro" $image sh -c 'touch /m/x 2>/dev/null; echo $?; grep -c " /m .*ro" /proc/mounts'
t volume-named bash -c "$P volume rm -f nv >/dev/null 2>&1; $R -v nv:/v $image sh -c 'echo kept >/v/f'; $R -v nv:/v:ro $image cat /v/f"
t volume-file $R -v "$WORK/env-file:/etc/one:ro" $image cat /etc/one
t volume-copied $R -v nv2:/etc/default $image sh -c 'ls /etc/default | wc -l'
t swap $R -m 64m --memory-swap 128m $image sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max'
t cpuset $R --cpuset-cpus 0 $image sh -c 'nproc; grep Cpus_allowed_list /proc/self/status'
t cpu-shares $R --cpu-shares 512 $image true
t oom-score $R --oom-score-adj 500 $image cat /proc/self/oom_score_adj
t pids-forks $R --pids-limit 10 $image sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sleep 1 & done 2>/dev/null; wait; echo all' # how it ends
t cgroupns $R --cgroupns private $image sh -c 'tail -n 1 /proc/self/cgroup | cut -d: -f3'
t init-reaps $R --init $image sh -c '(sleep 0.1 &); sleep 0.3; ps -eo stat,comm | grep -c "^Z"'
t stop-signal bash -c "$P run -d --name S1 --stop-signal USR1 --network none $image sh -c 'trap \"exit 9\" USR1; while :; do sleep 0.1; done' >/dev/null; sleep 0.5; $P stop -t 5 S1 >/dev/null; $P inspect S1 --format '{{.State.ExitCode}}'; $P rm -f S1 >/dev/null"
t stop-killed bash -c "$P run -d --name S1 --network none $image sh -c 'trap : TERM; while :; do sleep 0.1; done' >/dev/null; sleep 0.5; $P stop -t 1 S1 >/dev/null 2>&1; $P inspect S1 --format '{{.State.ExitCode}}'; $P rm -f S1 >/dev/null"
t restart-policy bash -c "$P run -d --name S1 --restart on-failure:2 --network none $image sh -c 'exit 3' >/dev/null; sleep 4; $P inspect S1 --format '{{.RestartCount}} {{.State.ExitCode}}'; $P rm -f -t 0 S1 >/dev/null"
t health bash -c "$P run -d --name S1 --health-cmd 'test -e /tmp/well' --health-interval disable --network none $image sleep 100 >/dev/null; $P healthcheck run S1; $P exec S1 touch /tmp/well; $P healthcheck run S1; echo \$?; $P rm -f -t 0 S1 >/dev/null"
t attach bash -c "$P run -di --name S1 --network none $image sh -c 'read x; echo got \$x; exit 4' >/dev/null; (sleep 0.5; echo hi) | timeout 10 $P attach S1; echo \$?; $P rm -f -t 0 S1 >/dev/null"
t start-attach bash -c "$P create --name S1 --network none $image sh -c 'echo out; exit 6' >/dev/null; $P start -a S1; echo \$?; $P rm -f S1 >/dev/null"
t wait bash -c "$P run -d --name S1 --network none $image sh -c 'sleep 0.5; exit 7' >/dev/null; $P wait S1; $P logs --tail 1 S1; $P rm -f S1 >/dev/null"
t logs-follow bash -c "$P run -d --name S1 --network none $image sh -c 'for i in 1 2 3; do echo line \$i; sleep 0.3; done' >/dev/null; $P logs -f S1 | tail -1; $P rm -f S1 >/dev/null"
t many-exec bash -c "$P run -d --name S1 --network none $image sleep 100 >/dev/null; for i in 1 2 3 4 5 6; do $P exec S1 sh -c \"exit \$i\" & p=\"\$p \$!\"; done; for i in \$p; do wait \$i; echo -n \"\$? \"; done; $P exec --privileged S1 grep CapEff /proc/self/status"
t exec-env $P exec -e X=1 --env-file "$WORK/env-file" -w /usr S1 sh -c 'echo $X $ONE $TWO $PWD'
t exec-tty-size script -qec "stty rows 33 cols 99; $P exec -it S1 stty size" /dev/null
t exec-user-name $P exec -u daemon:daemon S1 id
t exec-signal $P exec S1 sh -c 'kill -TERM $$'
t exec-no-dir $P exec -w /nothere S1 true
t exec-paused bash -c "$P pause S1 >/dev/null; $P exec S1 true; echo \$?; $P unpause S1 >/dev/null"
t kill-paused bash -c "$P pause S1 >/dev/null; $P kill S1 >/dev/null 2>&1; sleep 1; $P inspect S1 --format '{{.State.Status}} {{.State.ExitCode}}'; $P start S1 >/dev/null; $P exec S1 echo again"
t cp-out bash -c "$P exec S1 sh -c 'mkdir -p /tmp/d; echo x >/tmp/d/f; ln -s f /tmp/d/l'; rm -rf $WORK/out; $P cp S1:/tmp/d $WORK/out && ls $WORK/out"
t cp-in-tmpfs bash -c "$P cp $WORK/env-file S1:/dev/shm/x && $P exec S1 cat /dev/shm/x"
t diff bash -c "$P exec S1 rm -f /etc/issue; $P diff S1 | grep issue"
t export bash -c "$P export S1 | tar -t | grep -c '^bin/\\|^usr/bin/env$'"
t commit bash -c "$P exec S1 sh -c 'echo mine >/mine'; $P commit -q S1 localhost/limpet-test-mine:1 >/dev/null 2>&1; $R localhost/limpet-test-mine:1 cat /mine; $P rmi -f localhost/limpet-test-mine:1 >/dev/null"
t rename bash -c "$P rename S1 S2 && $P exec S2 echo by its new name"
t ps bash -c "$P ps --filter name=S2 --format '{{.Names}} {{.Status}}' | sed 's/Up.*/Up/'"
t network-shared $P run --rm --network container:S2 $image sh -c 'cat /proc/net/dev | wc -l'
t stats bash -c "$P stats --no-stream --format '{{.Name}}' S2"
t rm-running bash -c "$P rm S2 2>/dev/null; echo \$?; $P rm -f -t 0 S2 >/dev/null"
t replace bash -c "$P run -d --name S1 --network none $image sleep 100 >/dev/null; $P run --rm --replace --name S1 --network none $image echo replaced 2>/dev/null"
t read-many bash -c "head -c 3000000 /dev/zero | $R -i $image sh -c 'wc -c'"
t write-many bash -c "$R $image sh -c 'head -c 3000000 /dev/zero' | wc -c"
t both-streams bash -c "$R $image sh -c 'echo out; echo err >&2' 2>/dev/null"
