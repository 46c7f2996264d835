# long: yes
# seconds: 900
# A Debian root file system: made by debootstrap, run read-only and writable, a package installed into it with dpkg.
. "$(dirname "$0")/../lib/sh.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
mkdir -p b/rootfs pkg/DEBIAN pkg/usr/share/limpet-test
if [ -n "${LIMPET_DEBIAN_TREE:-}" ]; then # one made before, for a machine without a network
	tar -C "$LIMPET_DEBIAN_TREE" --one-file-system --exclude=./usr/lib/jvm --exclude=./opt -cf - . | tar -C b/rootfs -xf -
else
	command -v debootstrap >/dev/null || skip "debootstrap is not installed"
	debootstrap --variant=minbase stable b/rootfs >log 2>&1 || skip "debootstrap failed: $(tail -n 1 log)"
fi
printf 'Package: limpet-test\nVersion: 1.0\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n' >pkg/DEBIAN/control
printf '#!/bin/sh\necho configured >/usr/share/limpet-test/state\n' >pkg/DEBIAN/postinst; chmod 755 pkg/DEBIAN/postinst
echo data >pkg/usr/share/limpet-test/file
dpkg-deb --build pkg b/rootfs/root/test.deb >/dev/null
config() {
	/usr/bin/python3 - "$1" "$2" >b/config.json <<'PY'
import json, sys
caps = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_KILL", "CAP_SETPCAP", "CAP_SETFCAP"]
json.dump({"ociVersion": "1.0.2", "root": {"path": "rootfs", "readonly": sys.argv[1] == "ro"}, "hostname": "deb",
  "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/bash", "-c", sys.argv[2]],
    "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"],
    "capabilities": {k: caps for k in ("bounding", "effective", "permitted")}},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}],
  "linux": {"namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")]}}, sys.stdout)
PY
}
run() { command "$LIMPET" run --platform "$PLATFORM" -b b "deb-$$"; }
config ro 'dpkg -l | grep -c ^ii; perl -e "print 6*7, qq(\n)"; find / -xdev | wc -l >/dev/null && echo walked'
got=$(run 2>&1); is 'read-only' "$(tail -n 2 <<<"$got")" $'42\nwalked'
config rw 'dpkg -i /root/test.deb >/dev/null && cat /usr/share/limpet-test/{file,state} && dpkg -s limpet-test | grep ^Status && dpkg -r limpet-test >/dev/null 2>&1 && ls /usr/share/limpet-test 2>&1 | head -n 1'
says 'dpkg -i' 0 $'data\nconfigured\nStatus: install ok installed\nstate' run
is 'on the host' "$(cat b/rootfs/usr/share/limpet-test/state)" configured
config rw 'useradd -m someone && su someone -c "id -un; cd; pwd; touch f; stat -c %U f"'
says 'users' 0 $'someone\n/home/someone\nsomeone' run
finish
