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
