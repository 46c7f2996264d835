# Processes, files and the network of the host cannot be reached from a sandbox.
. "$(dirname "$0")/../lib/sh.sh"

sleep 300 & victim=$!
disown
says 'a process outside is not there' 1 '' do_ -- sh -c "kill -0 $victim 2>/dev/null"
do_ -- sh -c "kill -9 $victim; kill -9 -1; killall sleep" >/dev/null 2>&1
kill -0 $victim 2>/dev/null || fail 'a sandbox killed a process outside'
[ "$(do_ -- sh -c 'ls -d /proc/[0-9]* | wc -l')" -le 4 ] || fail 'more than its own processes in /proc'
do_ -- sh -c "[ -e /proc/$victim ]" && fail 'sees a process outside'
kill -9 $victim

mkdir root secret; echo secret >secret/f
mkdir -p root/bin root/etc root/proc root/tmp; cp "$(command -v busybox)" root/bin/busybox || skip "busybox is not installed"
for a in sh cat ls ln mkdir mount chroot readlink grep find; do ln -s busybox root/bin/$a; done
ln -s "$work/secret" root/link; ln -s ../../../../../../../../../../.. root/up
in_() { command "$LIMPET" do --platform "$PLATFORM" --rootfs root -- /bin/sh -c "$1" 2>&1; }
is 'absolute symlink' "$(in_ 'cat /link/f' | grep -c '^secret')" 0
is 'symlink up' "$(in_ "cat /up$work/secret/f" | grep -c '^secret')" 0
is '..' "$(in_ "cd /bin/../../..; cat .$work/secret/f" | grep -c '^secret')" 0
is '/proc/1/root' "$(in_ "cat /proc/1/root$work/secret/f /proc/self/cwd/..$work/secret/f" | grep -c '^secret')" 0
is 'chroot twice' "$(in_ "mkdir /a; chroot /a /bin/sh; ls -la /proc/self/fd /proc/self/cwd" | grep -c "$work")" 0
is 'descriptors are only the streams' "$(do_ -- sh -c 'ls /proc/self/fd | wc -l')" 4
exec 7<secret/f
is 'an open descriptor is not passed on' "$(in_ 'cat <&7' | grep -c '^secret')" 0
is 'nor in /proc/self/fd' "$(in_ 'ls -l /proc/1/fd /proc/self/fd' | grep -c secret)" 0
exec 7<&-
mkdir shown; ln -s "$work/secret" shown/out; ln -s ../secret/f shown/up
bound() { command "$LIMPET" do --platform "$PLATFORM" --rootfs root --bind "$work/shown:/tmp" -- /bin/sh -c "$1" 2>&1; }
is 'symlink out of a bind mount' "$(bound 'cat /tmp/out/f /tmp/up' | grep -c '^secret')" 0
is '.. out of a bind mount' "$(bound 'cd /tmp; cat ../secret/f ../../secret/f' | grep -c '^secret')" 0
mkdir -p shown/d/e
bound 'cd /tmp/d/e; while [ -e /tmp/d/e ]; do :; done; cat ../../secret/f ../secret/f' >moved & inside=$!
sleep 0.3; mv shown/d/e e; sleep 0.3; mkdir -p shown/d/e; rmdir shown/d/e
wait $inside
is 'a directory moved out while inside' "$(grep -c '^secret' moved)" 0
is 'a symlink raced' "$(mkdir shown/r; echo fine >shown/r/f; (for i in $(seq 300); do ln -sfn "$work/secret" shown/s; ln -sfn r shown/s; done) & bound 'i=0; while [ $i -lt 300 ]; do cat /tmp/s/f; i=$((i+1)); done' | grep -c '^secret'; wait)" 0

# The network of the host.
/usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True)
u = socket.socket(socket.AF_UNIX); u.bind("\0limpet-test-%d" % s.getsockname()[1]); u.listen(); time.sleep(20)' >port &
server=$!
while ! [ -s port ]; do sleep 0.05; done
do_ -- bash -c "exec 3<>/dev/tcp/127.0.0.1/$(cat port)" 2>/dev/null && fail "reached the host's loopback"
do_ -- /usr/bin/python3 -c "import socket; socket.socket(socket.AF_UNIX).connect('\0limpet-test-$(cat port)')" 2>/dev/null && fail "reached an abstract socket of the host"
kill $server
is 'mounts do not reach the host' "$(do_ -- sh -c 'mkdir -p /tmp/m; mount -t tmpfs none /tmp/m && echo mounted' >/dev/null 2>&1; grep -c ' /tmp/m ' /proc/self/mountinfo)" 0
before=$(hostname); do_ -- hostname changed-inside >/dev/null 2>&1; is 'host name' "$(hostname)" "$before"
before=$(cat /proc/sys/kernel/threads-max); do_ -- sh -c 'echo 100 >/proc/sys/kernel/threads-max' 2>/dev/null; is 'sysctl' "$(cat /proc/sys/kernel/threads-max)" "$before"
for d in /dev/kmsg /dev/mem /dev/vda /dev/kvm /dev/fuse; do do_ -- sh -c "exec 3<$d" 2>/dev/null && fail "opened $d"; done
do_ -- sh -c 'mknod /tmp/d b 254 0 && head -c 1 /tmp/d' >/dev/null 2>&1 && fail 'a device node made inside works'
do_ --rw "$work" -- sh -c "mknod $work/dev b 254 0; mknod $work/nul c 1 3; chmod 666 $work/dev" >/dev/null 2>&1; [ -b dev ] && head -c 1 dev >/dev/null 2>&1 && fail 'made a block device on the host'
do_ --rw "$work" -- sh -c "cp /bin/true $work/suid; chmod 4755 $work/suid" >/dev/null 2>&1
finish
