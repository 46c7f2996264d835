# Devices of the host: only those that an operator names with --allow-device are opened, as the bundle says, with few ioctls.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
id=t$$
mkdir -p b/rootfs/usr/bin
for a in dd mknod ln chmod timeout rm mv; do ln -sf busybox b/rootfs/bin/$a; done
# A pair of the host as serial line: line.py holds the master, says what it reads, and answers each line.
cat >line.py <<'P'
import os, pty, sys, termios, tty
m, s = pty.openpty()
tty.setraw(s)
print(os.ttyname(s), os.major(os.stat(os.ttyname(s)).st_rdev), os.minor(os.stat(os.ttyname(s)).st_rdev), flush=True)
while True:
    b = os.read(m, 100)
    if b == b"x\n":
        continue
    if b.startswith(b"speed"):
        b = b"%d\n" % termios.tcgetattr(s)[4]
    os.write(m, b"answer " + b)
P
/usr/bin/python3 line.py >line 2>line.err &
peer=$!
trap 'kill $peer 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s line ] && break; sleep 0.05; done
read -r path major minor <line
[ -c "$path" ] || skip "no pseudo-terminals here"
ln -s "$path" stable
node="c['linux']['devices'] = [{'path': '/dev/line', 'type': 'c', 'major': $major, 'minor': $minor, 'fileMode': 0o660, 'uid': 0, 'gid': 0}]"
rule() { echo "c['linux'].setdefault('resources', {}).setdefault('devices', [{'allow': False, 'access': 'rwm'}]).append({'allow': True, 'type': 'c', 'major': $major, 'minor': ${2-$minor}, 'access': '$1'})"; }
talk='exec 3<>/dev/line; echo hello >&3; timeout 10 head -n 1 <&3'
config "$node" "sh('$talk')"
matches 'not allowed' "$(oci run -b b $id 2>&1)" "can't open|can't create"
is 'allowed' "$(oci --allow-device "$path" run -b b $id 2>&1)" 'answer hello'
is 'a link as PATH' "$(oci --allow-device "$PWD/stable" run -b b $id 2>&1)" 'answer hello'
matches 'another one allowed' "$(oci --allow-device /dev/ptmx --allow-device "$path" run -b b $id 2>&1)" 'has its own'
is 'absent ones do no harm' "$(oci --allow-device /dev/nothere --allow-device "$path" run -b b $id 2>/dev/null)" 'answer hello'
config "c['annotations'] = {'allow-device': '$path'}; c['process']['env'].append('LIMPET_ALLOW_DEVICE=$path')" "$node" "sh('$talk')"
matches 'the bundle cannot say it' "$(oci run -b b $id 2>&1)" "can't open|can't create"

# rules of the control group
config "$node" "$(rule rwm)" "sh('$talk')"
is 'by a rule' "$(oci --allow-device "$path" run -b b $id 2>&1)" 'answer hello'
config "$node" "$(rule r)" "sh('exec 3</dev/line && echo may read; echo x >/dev/line')"
matches 'reading only' "$(oci --allow-device "$path" run -b b $id 2>&1 | tr '\n' ' ')" "may read.*Operation not permitted"
config "$node" "$(rule w)" "sh('echo x >/dev/line && echo may write; cat /dev/line')"
matches 'writing only' "$(oci --allow-device "$path" run -b b $id 2>&1 | tr '\n' ' ')" "may write.*Operation not permitted"
config "$node" "$(rule rw 4000)" "sh('echo x >/dev/line')"
matches 'another by a rule' "$(oci --allow-device "$path" run -b b $id 2>&1)" "Operation not permitted"
config "$node" "c['process']['user'] = {'uid': 5, 'gid': 5}; c['process'].pop('capabilities')" "sh('echo x >/dev/line')"
matches "the node's mode" "$(oci --allow-device "$path" run -b b $id 2>&1)" "Permission denied"

# nodes that programs make are the guest's
config "$node" "c['process']['capabilities'] = {k: ['CAP_MKNOD'] for k in ('bounding', 'effective', 'permitted')}" \
	"sh('mknod /dev/own c $major $minor && echo made; exec 3</dev/own; echo open')"
matches 'by mknod' "$(oci --allow-device "$path" run -b b $id 2>&1 | tr '\n' ' ')" "made .*can.t open"
config "sh('exec 3</dev/line; echo open')"
matches 'no node of it' "$(oci --allow-device "$path" run -b b $id 2>&1)" "can't open"
config "$node" "sh('mv /dev/line /dev/other; $(sed s:/dev/line:/dev/other: <<<"$talk")')"
is 'renamed' "$(oci --allow-device "$path" run -b b $id 2>&1)" 'answer hello'

# settings of the line, which the other side sees; waiting; what is not passed on
config "$node" "sh('stty -F /dev/line 9600 && stty -F /dev/line speed; exec 3<>/dev/line; echo speed >&3; timeout 10 head -n 1 <&3')"
is 'speed' "$(oci --allow-device "$path" run -b b $id 2>&1 | tr '\n' ' ')" '9600 answer 13 '
config "$node" "sh('exec 3<>/dev/line; timeout 1 cat <&3; echo ended; timeout -s INT 1 dd if=/dev/line bs=1 count=1 2>/dev/null; echo again')"
is 'a read waits, and ends by a signal' "$(timeout 60 "$LIMPET" --root "$work/states" --platform "$PLATFORM" --allow-device "$path" run -b b $id 2>&1 | grep -v erminated | tr '\n' ' ')" 'ended again '
gcc -O1 -static -o b/rootfs/bin/ioctls -x c - <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#define SHOW(what) do { errno = 0; long r = (what); printf("%s %ld %s\n", #what, r, errno ? strerrorname_np(errno) : "0"); } while (0)
int main(void)
{
	int fd = open("/dev/line", O_RDWR | O_NONBLOCK | O_NOCTTY);
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	struct termios t;
	struct winsize w;
	char c = 'x', buf[64];
	int n = -1;

	SHOW(read(fd, buf, 64));
	SHOW(poll(&p, 1, 0));
	printf("%x\n", p.revents);
	SHOW(isatty(fd));
	SHOW(tcgetattr(fd, &t));
	SHOW(tcsetattr(fd, TCSADRAIN, &t));
	SHOW(tcsetattr(fd, TCSAFLUSH, &t));
	SHOW(tcdrain(fd));
	SHOW(tcflush(fd, TCIOFLUSH));
	SHOW(ioctl(fd, TIOCGWINSZ, &w));
	SHOW(ioctl(fd, TCGETS, 1));
	SHOW(ioctl(fd, TCSETS, 1));
	SHOW(ioctl(fd, TIOCSTI, &c));
	SHOW(ioctl(fd, TIOCSCTTY, 0));
	SHOW(ioctl(fd, TIOCSETD, &n));
	SHOW(ioctl(fd, TIOCCONS, 0));
	SHOW(mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW(pread(fd, buf, 1, 0));
	SHOW(write(fd, "hi\n", 3));
	p.events = POLLIN;
	SHOW(poll(&p, 1, 5000));
	SHOW(ioctl(fd, FIONREAD, &n) || n < 1);
	tcflush(fd, TCIOFLUSH);
	return 0;
}
C
config "$node" "c['process']['args'] = ['/bin/ioctls']"
is 'ioctls' "$(oci --allow-device "$path" run -b b $id 2>&1 | sed 's/^[^ ]* *.*) \(-*[0-9]* [A-Z0]*\)$/\1/; s/^.*\(MAP_FAILED\|n < 1\) //' | tr '\n' ' ')" \
	'-1 EAGAIN 1 0 4 1 0 0 0 0 0 0 0 0 0 0 0 0 0 -1 EFAULT -1 EFAULT -1 ENOTTY -1 ENOTTY -1 ENOTTY -1 ENOTTY 1 ENODEV -1 ESPIPE -1 ESPIPE 3 0 1 0 0 0 '

# what rootless engines write
config "c['mounts'].append({'destination': '/dev/line', 'type': 'bind', 'source': '$path', 'options': ['bind', 'nosuid', 'noexec']})" "sh('$talk')"
is 'a bind' "$(oci --allow-device "$path" run -b b $id 2>&1)" 'answer hello'

# it hangs up
config "$node" "sh('exec 3<>/dev/line; echo open; cat <&3; echo ended')"
oci --allow-device "$path" run -b b $id >hung 2>&1 &
run=$!
for _ in $(seq 200); do grep -q open hung && break; sleep 0.05; done
kill $peer
wait $run
matches 'the other side goes' "$(tr '\n' ' ' <hung)" 'open.*ended'

# others
config "sh('true')"
matches 'a block device' "$(mknod blk b 7 200; oci --allow-device "$PWD/blk" run -b b $id 2>&1)" 'block devices cannot be given'
matches 'a file' "$(oci --allow-device "$PWD/line.py" run -b b $id 2>&1)" 'not a character device'
matches 'relative' "$(oci --allow-device line.py run -b b $id 2>&1)" 'not an absolute path'
if [ -c /dev/net/tun ]; then
	# a descriptor of tun without an interface: what only the host's driver says
	config "c['linux']['devices'] = [{'path': '/dev/net/tun', 'type': 'c', 'major': 10, 'minor': 200}]" "sh('cat /dev/net/tun')"
	matches 'not a terminal' "$(oci --allow-device /dev/net/tun run -b b $id 2>&1)" 'bad state'
	matches 'nor allowed' "$(oci --allow-device /dev/nothere run -b b $id 2>&1)" "can't open"
fi
ends 'nothing is left' 1 oci state $id
finish
