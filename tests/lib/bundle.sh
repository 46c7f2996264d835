# Sourced behind sh.sh by tests of containers: a bundle b with a busybox root file system, config() for its config.json.
command -v busybox >/dev/null || skip "busybox is not installed"
[ "$(id -u)" = 0 ] || skip "needs root"
mkdir -p b/rootfs/{bin,etc,tmp,proc,dev,sys,root,data}
chmod 1777 b/rootfs/tmp
cp "$(command -v busybox)" b/rootfs/bin/busybox
for a in sh ls cat echo tty stty cut seq wc sort id pwd env mount hostname ps touch stat grep head kill sleep true false mkdir ulimit test; do ln -sf busybox b/rootfs/bin/$a; done
echo root:x:0:0:root:/root:/bin/sh >b/rootfs/etc/passwd

# config EXPRESSION...: config.json with changes made by a python expression on c
config() {
	/usr/bin/python3 - "$@" >b/config.json <<'PY'
import json, sys
c = {
  "ociVersion": "1.0.2",
  "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "echo hello"],
    "env": ["PATH=/bin", "A=b"], "cwd": "/", "capabilities": {k: ["CAP_KILL", "CAP_CHOWN"] for k in ("bounding", "effective", "permitted")},
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 512, "soft": 256}], "noNewPrivileges": True},
  "root": {"path": "rootfs", "readonly": False}, "hostname": "box",
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "size=1m"]}],
  "linux": {"namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")]},
}
def sh(s): c["process"]["args"] = ["sh", "-c", s]
for e in sys.argv[1:]: exec(e)
json.dump(c, sys.stdout)
PY
}
oci() { command "$LIMPET" --root "$work/states" --platform "$PLATFORM" "$@"; }
