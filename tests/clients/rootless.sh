# podman as an ordinary user, limpet-test, whom it makes. Needs uidmap. The image is a busybox: no shift of ids takes long.
. "$(dirname "$0")/lib.sh"
private_mounts
user=limpet-test
home=$WORK/rootless
mkdir -p "$home/run" "$home/fs/bin" "$home/fs/etc" "$home/fs/tmp"
id $user >/dev/null 2>&1 || useradd -M -d "$home" $user
for f in /etc/subuid /etc/subgid; do grep -q "^$user:" $f || echo "$user:700000:65536" >>$f; done
cp "$(command -v busybox)" "$home/fs/bin/busybox"
for a in sh ls cat echo id sleep touch ps grep wget nc hostname mkdir; do ln -sf busybox "$home/fs/bin/$a"; done
printf 'root:x:0:0:root:/:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\n' >"$home/fs/etc/passwd"
tar -C "$home/fs" -cf "$home/image.tar" .
install -m 755 "$RUNTIME" "$home/$(basename "$RUNTIME")"
RUNTIME=$home/$(basename "$RUNTIME")
cat >"$home/containers.conf" <<C
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
infra_image = "localhost/rootless:1"
C
chown -R $user "$home"; chmod 711 "$home"; chmod 700 "$home/run"; chmod a+x "$WORK"
cd "$home" || exit 1
cat >p <<S
#!/bin/sh
exec nsenter --mount=$WORK/ns/mnt setpriv --reuid $user --regid $(id -g $user) --init-groups --reset-env env HOME=$home XDG_RUNTIME_DIR=$home/run CONTAINERS_CONF=$home/containers.conf podman --storage-driver=vfs --runtime $RUNTIME "\$@"
S
chmod +x p
P=$home/p
image=localhost/rootless:1
$P image exists $image || $P import "$home/image.tar" $image >/dev/null 2>&1
$P rm -f -t 0 R1 >/dev/null 2>&1
R="$P run --rm --pull=never --network none"
t basic $R $image sh -c 'id -u; echo hello'
t id-map $R $image cat /proc/self/uid_map
t status $R $image sh -c 'exit 7'
t user $R -u 1:1 $image sh -c 'id -u; touch /tmp/x && ls -ln /tmp/x | grep -c " 1 *1 "'
t volume $R -v "$home/run:/v" $image sh -c 'touch /v/made && ls -ln /v/made | grep -c " 0 *0 "'
t stdin bash -c "echo input | $R -i $image cat"
t tty $R -t $image sh -c 'ls -l /proc/self/fd/0 | grep -c pts'
t readonly $R --read-only $image touch /x
t hostname $R --hostname foo $image hostname
t start bash -c "$P run -d --pull=never --name R1 --network none $image sh -c 'trap \"exit 3\" TERM; echo tick; while :; do sleep 0.2; done' >/dev/null"
t exec $P exec R1 sh -c 'echo in; exit 4'
t exec-user $P exec -u 1 R1 id -u
t top bash -c "$P top R1 comm | grep -v limpet-" # the guest kernel's own are there, by name
t logs $P logs R1
t stop bash -c "$P stop -t 5 R1 >/dev/null"
t exit-code $P inspect R1 --format '{{.State.ExitCode}}'
t rm bash -c "$P rm -f -t 0 R1 >/dev/null"
$P pod rm -t 0 -f RP >/dev/null 2>&1
t pod-create bash -c "$P pod create --name RP --network none --infra-command '/bin/sleep 100000' >/dev/null"
t pod-one bash -c "$P run -d --pull=never --pod RP --name RP1 $image sh -c 'echo one; trap \"exit 3\" TERM; while :; do sleep 0.1; done' >/dev/null"
t pod-two bash -c "$P run -d --pull=never --pod RP --name RP2 $image nc -ll -p 7070 -e cat >/dev/null; sleep 0.5"
t pod-loopback $P exec RP1 sh -c 'echo by loopback | nc -w 1 127.0.0.1 7070'
t pod-host $P exec RP2 hostname
t pod-shm bash -c "$P exec RP1 sh -c 'echo x >/dev/shm/f'; $P exec RP2 cat /dev/shm/f"
t pod-alone $P exec RP1 sh -c 'ps | grep -c "[n]c -ll"'
t pod-exec $P exec RP2 sh -c 'exit 9'
t pod-logs $P logs RP1
t pod-run $P run --rm --pull=never --pod RP $image sh -c 'id -u; exit 4'
t pod-stop bash -c "$P stop -t 5 RP1 >/dev/null; $P inspect -f '{{.State.ExitCode}}' RP1; $P exec RP2 echo lives"
t pod-rm bash -c "$P pod rm -t 0 -f RP >/dev/null 2>&1"
t nothing-left bash -c "ls -A $home/run/limpet $home/run/runc 2>/dev/null | grep -v : | grep ."
