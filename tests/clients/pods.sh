# Pods: of podman; by containerd's shim with the annotations of its CRI plugin, which ctr sets; by the plugin itself.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
private_mounts
D=$WORK/pods
rm -rf "$D/logs" "$D/vol" "$D/containerd.sock"
mkdir -p "$D/logs" "$D/vol"
if [ ! -s "$D/bb.tar" ]; then
	mkdir -p "$D"/bb/{bin,etc,tmp,proc,dev,sys,run,root}
	cp "$(command -v busybox)" "$D/bb/bin/"
	for a in $(busybox --list | grep -vx busybox); do ln -sf busybox "$D/bb/bin/$a"; done
	echo root:x:0:0::/root:/bin/sh >"$D/bb/etc/passwd"
	tar -C "$D/bb" -cf "$D/bb.tar" .
fi
cat >"$D/containers.conf" <<C
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
infra_image = "localhost/pause:1"
C
export CONTAINERS_CONF=$D/containers.conf
P="nsenter --mount=$WORK/ns/mnt podman --root $D/pod --runroot $D/podrun --storage-driver=overlay --runtime $RUNTIME"
$P image exists localhost/pause:1 || $P import -c 'CMD ["/bin/sleep","100000"]' "$D/bb.tar" localhost/pause:1 >/dev/null 2>&1
$P image exists localhost/bb:1 || $P import -c 'CMD ["/bin/sh"]' "$D/bb.tar" localhost/bb:1 >/dev/null 2>&1
[ -s "$D/images.tar" ] || $P save -m -o "$D/images.tar" localhost/pause:1 localhost/bb:1 >/dev/null 2>&1

$P pod rm -t 0 -f pp >/dev/null 2>&1
t pod-create bash -c "$P pod create --name pp --network none --infra-command '/bin/sleep 100000' >/dev/null"
t pod-one bash -c "$P run -d --pod pp --name o1 localhost/bb:1 sh -c 'echo up; trap \"exit 3\" TERM; while :; do sleep 0.1; done' >/dev/null"
t pod-two bash -c "$P run -d --pod pp --name o2 localhost/bb:1 nc -ll -p 7070 -e cat >/dev/null"
sleep 0.5
t pod-loopback $P exec o1 sh -c 'echo by loopback | nc -w 1 127.0.0.1 7070'
t pod-ps bash -c "$P exec o1 ps -o args | grep -c 'nc -ll'"
t pod-logs $P logs o1
t pod-exec $P exec o2 sh -c 'exit 9'
t pod-stop $P stop -t 5 o1
t pod-status $P inspect -f '{{.State.ExitCode}} {{.State.Status}}' o1
t pod-restart $P start o1
t pod-alive $P exec o2 echo yes
t pod-restart2 bash -c "$P restart -t 1 o2 >/dev/null 2>&1; sleep 0.3; $P exec o1 sh -c 'echo again | nc -w 1 127.0.0.1 7070'"
t pod-host $P exec o1 hostname
t pod-shm bash -c "$P exec o1 sh -c 'echo x >/dev/shm/of-one'; $P exec o2 cat /dev/shm/of-one"
t pod-limit bash -c "$P run --rm -m 32m --pod pp localhost/bb:1 sh -c 'dd if=/dev/zero of=/dev/null bs=300M count=1; echo \$?' 2>/dev/null"
t pod-pause bash -c "$P pause o1 >/dev/null; $P exec o2 echo goes on; $P unpause o1 >/dev/null; $P exec o1 echo so does it"
t pod-kill bash -c "$P kill -s KILL o1 >/dev/null; sleep 0.5; $P inspect -f '{{.State.ExitCode}}' o1; $P exec o2 echo lives"
t pod-pod-stop bash -c "$P pod stop -t 1 pp >/dev/null 2>&1; $P pod start pp >/dev/null; sleep 0.3; $P exec o2 echo back"
t pod-stats bash -c "$P stats --no-stream --format '{{.Name}}' o1"
t pod-rm bash -c "$P pod rm -t 0 -f pp >/dev/null 2>&1"

cat >"$D/config.toml" <<C
version = 2
root = "$D/root"
state = "$D/state"
[grpc]
  address = "$D/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "tried"
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tried]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tried.options]
        BinaryName = "$RUNTIME"
C
nsenter --mount="$WORK/ns/mnt" containerd -c "$D/config.toml" >"$D/log" 2>&1 &
pid=$!
trap 'kill $pid; wait $pid 2>/dev/null' EXIT
for _ in $(seq 100); do [ -S "$D/containerd.sock" ] && break; sleep 0.1; done
C="ctr -a $D/containerd.sock"
for n in pause one two; do
	rm -rf "${D:?}/$n"
	cp -a "$D/bb" "$D/$n"
	echo $n >"$D/$n/etc/who"
done
# run ROOTFS TYPE ID COMMAND...
cat >"$D/run" <<X
n=\$1; t=\$2; shift 2
exec $C run -d --runtime io.containerd.runc.v2 --runc-binary $RUNTIME --env PATH=/bin --rootfs \
	--annotation io.kubernetes.cri.sandbox-id=pp --annotation io.kubernetes.cri.container-type=\$t \$N $D/\$n "\$@"
X
t ctr-sandbox bash "$D/run" pause sandbox pp sleep 100000
sleep 0.3
s=$($C task ls | awk '$1 == "pp" {print $2}')
export N="--with-ns network:/proc/$s/ns/net --with-ns ipc:/proc/$s/ns/ipc --with-ns uts:/proc/$s/ns/uts"
t ctr-one bash "$D/run" one container one sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
t ctr-two bash "$D/run" two container two nc -ll -p 7072 -e cat
sleep 0.5
t ctr-exec $C task exec --exec-id e1 one cat /etc/who
t ctr-status $C task exec --exec-id e2 one sh -c 'exit 5'
t ctr-loopback $C task exec --exec-id e3 one sh -c 'echo over loopback | nc -w 1 127.0.0.1 7072'
t ctr-metrics bash -c "$C task metrics one | grep -c memory"
t ctr-kill $C task kill -s TERM one
sleep 0.7
t ctr-delete bash -c "$C task delete one 2>&1 | grep -o 'exit code.*'"
t ctr-rm $C c rm one
t ctr-again bash "$D/run" one container one sh -c 'exit 4'
sleep 0.7
t ctr-delete2 bash -c "$C task delete one 2>&1 | grep -o 'exit code.*'; $C c rm one"
t ctr-end $C task kill -s KILL pp
[ "$RUNTIME" != "$(command -v runc)" ] || $C task kill -s KILL two # runc's go on without their sandbox
sleep 1
t ctr-ended bash -c "$C task ls | awk 'NR > 1 {print \$1, \$3}' | sort"
for i in two pp; do t ctr-gone-$i bash -c "$C task delete $i 2>&1 | grep -o 'exit code.*'; $C c rm $i"; done

$C -n k8s.io images import "$D/images.tar" >/dev/null 2>&1
sleep 1
timeout 100 python3 "$here/pods_cri.py" "$D/containerd.sock" localhost/bb:1 "$D/logs" "$D/vol" 2>&1 || printf 'cri-all rc=1 %s fails\n' "$RUNTIME"
find /sys/fs/cgroup -depth -path '*/limpet-cri*' -type d -exec rmdir {} + 2>/dev/null # the kubelet's part
