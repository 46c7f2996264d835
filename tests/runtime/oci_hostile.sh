# seconds: 300
# Broken and hostile bundles: one clear line each, or success where that is what the text means; nothing of the host
# touched, nothing left. More than 200 of them; what must not change is looked at after each.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"; . "$lib/bundle.sh"
id=x$$
mkdir -p outside/dir/deep canary
echo secret >outside/file; echo other >outside/dir/deep/file; ln -s file outside/link
mkfifo fifo; mkdir sock; /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock/s")'
cases=0
# What of the host must stay as it is: contents, owners, modes, times.
seen() { find outside canary -printf '%p %y %m %U %G %s %l %T@ %C@\n' | sort; sha256sum outside/file outside/dir/deep/file; }
before=$(seen)

# unharmed WHAT: the outside is as it was, nothing is left
unharmed() {
	cases=$((cases + 1))
	is "$1: the outside" "$(seen)" "$before"
	is "$1: states" "$(ls states 2>/dev/null)" ''
	is "$1: groups" "$(ls -d /sys/fs/cgroup/{,*/,*/*/*/}limpet-$id 2>/dev/null)" ''
	is "$1: mounts" "$(grep -c "$work" /proc/self/mountinfo)" 0
	before=$(seen)
}
oci_() { timeout $((30 * ${TEST_SLOW:-1})) "$LIMPET" --root "$work/states" --platform "$PLATFORM" "$@"; }

# refuses WHAT PATTERN: create says one line and fails
refuses() {
	local out what=${1:0:150}
	oci_ create -b b $id >out 2>&1 </dev/null
	is "$what: status" $? 1
	out=$(head -c 4000 out)
	oci_ delete --force $id
	is "$what: lines" "$(wc -l <out)" 1
	matches "$what" "$out" "$2"
	[ ${#out} -lt 1200 ] || fail "$what: a line of ${#out} bytes"
	unharmed "$what"
}
# stays WHAT: the program runs or is refused in one line, and the host's files are as they were
stays() {
	local what=${1:0:150}
	oci_ run -b b $id >out 2>err </dev/null
	case $? in
	124 | 134 | 139) fail "$what: ended badly: $(tail -n 2 err)" ;;
	esac
	[ -e states/$id ] && { oci_ delete --force $id; fail "$what: a state is left"; }
	unharmed "$what"
}
# either WHAT: it runs to its end, or is refused in one line
either() {
	local what=${1:0:150} rc
	oci_ run -b b $id >out 2>err </dev/null
	rc=$?
	if [ $rc = 0 ] || [ $rc -gt 128 ]; then # or the program died, by a limit or a profile of its own
		is "$what: errors" "$(grep -vc 'limpet: warning: ' err)" 0
	else
		[ $rc = 1 ] || [ $rc = 127 ] || [ $rc = 126 ] || fail "$what: status $rc"
		is "$what: lines" "$(grep -vc 'limpet: warning: ' err)" 1
		matches "$what" "$(cat err)" 'limpet: .*: '
	fi
	[ -e states/$id ] && { oci_ delete --force $id; fail "$what: a state is left"; }
	[ -n "${SHOW:-}" ] && echo "$rc $what: $(head -c 200 err)"
	unharmed "$what"
}

# --- config.json that is none ---
rm -f b/config.json; refuses 'missing' 'No such file'
mkfifo b/config.json; refuses 'fifo' 'not a regular file'; rm b/config.json
mkdir b/config.json; refuses 'directory' 'not a regular file'; rmdir b/config.json
ln -s /dev/zero b/config.json; refuses 'device' 'not a regular file'; rm b/config.json
ln -s "$work/fifo" b/config.json; refuses 'link to a fifo' 'not a regular file'; rm b/config.json
ln -s "$work/sock/s" b/config.json; refuses 'socket' 'regular file|No such device'; rm b/config.json
ln -s config.json b/config.json; refuses 'loop' 'symbolic links'; rm b/config.json
ln -s nowhere b/config.json; refuses 'dangling' 'No such file'; rm b/config.json
truncate -s 1G b/config.json; refuses 'a huge file' 'larger than 16 MiB'; rm b/config.json
: >b/config.json; refuses 'empty' 'line'
for text in '{' '[]' 'null' '"x"' '{}' '{"ociVersion":"1.0.2","ociVersion":"1.0.2"}' '{"ociVersion":"1.0.2"} x' $'\xef\xbb\xbf{}' \
	'{"ociVersion":"1.0.2",}' '{"ociVersion":1e999}' '{"ociVersion":99999999999999999999}' '{"ociVersion":"\ud800"}' \
	'{"ociVersion":"1.0\u0000.2"}' $'{"ociVersion":"\xff\xfe"}' $'{"ociVersion":"a\nb"}' "{'ociVersion':1}" '{"ociVersion":"1.0.2" /*x*/}'; do
	printf '%s' "$text" >b/config.json; refuses "text $text" ': '
done
python3 -c 'print("{\"ociVersion\":\"" + "1" * 10000000 + "\"}")' >b/config.json; refuses '10 MB string' 'ociVersion'
python3 -c 'print("{\"" + "k" * 10000000 + "\": 1}")' >b/config.json; refuses '10 MB key' 'config.json: '
python3 -c 'print("[" * 1000000)' >b/config.json; refuses 'depth' 'depth|nesting'
python3 -c 'print("{\"a\":" * 100000)' >b/config.json; refuses 'depth of objects' 'depth|nesting'
python3 -c 'import json; print(json.dumps({"ociVersion": "1.0.2", **{"k%d" % i: i for i in range(100000)}}))' >b/config.json; refuses 'many keys' 'process: is missing'

# --- fields that cannot be right ---
while IFS= read -r e; do
	[ -n "$e" ] || continue
	config "$e"
	refuses "$e" ': '
done <<'CASES'
c["process"] = []
c["process"]["args"] = [1]
c["process"]["args"] = {}
c["process"]["args"] = [""]
c["process"]["args"] = ["a\0b"]
c["process"]["args"] = ["x" * 3000000] * 40
c["process"]["env"] = "x"
c["process"]["env"] = ["A=\0"]
c["process"]["env"] = [None]
c["process"]["cwd"] = ""
c["process"]["cwd"] = 5
c["process"]["cwd"] = "../.."
c["process"]["user"] = []
c["process"]["user"]["uid"] = 2**32
c["process"]["user"]["uid"] = -1
c["process"]["user"]["gid"] = -2**40
c["process"]["user"]["uid"] = 1.5
c["process"]["user"]["uid"] = "root"
c["process"]["user"]["additionalGids"] = [-1]
c["process"]["user"]["additionalGids"] = list(range(200000))
c["process"]["user"]["umask"] = 4096
c["process"]["capabilities"] = "all"
c["process"]["capabilities"] = {"bounding": [7]}
c["process"]["oomScoreAdj"] = 5000
c["process"]["terminal"] = "yes"
c["process"]["terminal"] = True
c["process"]["consoleSize"] = {"height": 70000, "width": 1}
c["process"]["rlimits"] = [5]
c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE"}]
c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 1, "soft": 2}]
c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 1, "soft": 1}] * 2
c["process"]["noNewPrivileges"] = "no"
c["root"] = "rootfs"
c["root"]["path"] = ""
c["root"]["path"] = "config.json"
c["root"]["path"] = 7
c["root"]["path"] = "/proc"
c["root"]["path"] = "/sys"
c["root"]["path"] = "nothere"
c["root"]["path"] = "../fifo"
c["root"]["path"] = "rootfs/bin/busybox"
c["root"]["path"] = "/dev/zero"
c["root"]["path"] = "x" * 5000
c["root"]["path"] = "root\0fs"
c["root"]["readonly"] = 1
c["mounts"] = {}
c["mounts"] = [7]
c["mounts"] = [{}]
c["mounts"] = [{"destination": ""}]
c["mounts"].append({"destination": "/x", "type": "bind"})
c["mounts"].append({"destination": "/x", "type": "bind", "source": "/proc/1/root"})
c["mounts"].append({"destination": "/x", "type": "bind", "source": "/proc/self", "options": ["rw"]})
c["mounts"].append({"destination": "/x", "type": "bind", "source": "/proc/self/fd/0"})
c["mounts"].append({"destination": "/x", "type": "bind", "source": "/dev/pts"})
c["mounts"].append({"destination": "/x", "type": "bind", "source": "nothere", "options": ["bind"]})
c["mounts"].append({"destination": "/x", "type": "bind", "source": "/etc\0/x"})
c["mounts"].append({"destination": "/x", "type": "bind", "source": "/" + "y" * 5000})
c["mounts"].append({"destination": "/" + "x" * 5000, "type": "tmpfs"})
c["mounts"].append({"destination": "/etc/passwd/x", "type": "tmpfs"})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["size=lots"]})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["size=99999999999999999999999"]})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["mode=99999999"]})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["uid=-1"]})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["bogus=1"]})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": "ro"})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["ro\0"]})
c["mounts"].append({"destination": "/x", "type": "nfs", "source": "h:/x"})
c["mounts"].append({"destination": "/x", "type": "ext4", "source": "/dev/sda"})
c["mounts"].append({"destination": "/x", "type": "x" * 10000})
c["hostname"] = "x" * 65
c["hostname"] = 5
c["hostname"] = "a\0b"
c["domainname"] = "x" * 65
c["hooks"] = []
c["hooks"] = {"prestart": {}}
c["hooks"] = {"prestart": [{}]}
c["hooks"] = {"prestart": [{"path": "bin/true"}]}
c["hooks"] = {"prestart": [{"path": "/bin\0/true"}]}
c["hooks"] = {"prestart": [{"path": "/nothere"}]}
c["hooks"] = {"prestart": [{"path": "/etc"}]}
c["hooks"] = {"createRuntime": [{"path": "/etc/passwd"}]}
c["hooks"] = {"prestart": [{"path": "/bin/true", "args": "x"}]}
c["hooks"] = {"prestart": [{"path": "/bin/true", "env": [5]}]}
c["hooks"] = {"prestart": [{"path": "/bin/true", "timeout": -1}]}
c["hooks"] = {"createContainer": [{"path": "/bin/sleep", "args": ["sleep", "50"], "timeout": 1}]}
c["hooks"] = {"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", "cat /dev/zero | head -c 30000000; exit 1"]}]}
c["annotations"] = []
c["annotations"] = {"x": 5}
c["annotations"] = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "../../etc"}
c["linux"] = []
c["linux"]["namespaces"] = [{}]
c["linux"]["namespaces"] = [{"type": "bogus"}]
c["linux"]["namespaces"] = {"type": "pid"}
c["linux"]["namespaces"] = [{"type": "pid", "path": "/proc/1/ns/pid"}]
c["linux"]["namespaces"] = [{"type": "mount", "path": "/proc/1/ns/mnt"}]
c["linux"]["namespaces"] = [{"type": "network", "path": "/etc/passwd"}]
c["linux"]["namespaces"] = [{"type": "network", "path": "/nothere"}]
c["linux"]["namespaces"] = [{"type": "network", "path": "/proc/self/ns/pid"}]
c["linux"]["namespaces"] = [{"type": "network", "path": "relative"}]
c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 1}]
c["linux"]["namespaces"].append({"type": "user"}); c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 0}]
c["linux"]["namespaces"].append({"type": "user"}); c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": -1, "size": 1}]
c["linux"]["namespaces"].append({"type": "user"}); c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 4000000000, "hostID": 0, "size": 4000000000}]
c["linux"]["namespaces"].append({"type": "user"}); c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 5, "hostID": 200000, "size": 10}]
c["linux"]["devices"] = [{}]
c["linux"]["devices"] = [{"path": "/dev/x", "type": "z"}]
c["linux"]["devices"] = [{"path": "x", "type": "c", "major": 1, "minor": 1}]
c["linux"]["devices"] = [{"path": "/dev/x", "type": "c", "major": 99999, "minor": 1}]
c["linux"]["devices"] = [{"path": "/dev/x\0", "type": "c", "major": 1, "minor": 1}]
c["linux"]["maskedPaths"] = ["relative"]
c["linux"]["maskedPaths"] = "/proc"
c["linux"]["readonlyPaths"] = [5]
c["linux"]["cgroupsPath"] = 5
c["linux"]["cgroupsPath"] = "/"
c["linux"]["cgroupsPath"] = "/../.."
c["linux"]["cgroupsPath"] = "/x\0y"
c["linux"]["resources"] = []
c["linux"]["resources"] = {"memory": {"limit": "1G"}}
c["linux"]["resources"] = {"memory": {"limit": -5}}
c["linux"]["resources"] = {"memory": {"limit": 1e300}}
c["linux"]["resources"] = {"memory": {"limit": 1}}
c["linux"]["resources"] = {"cpu": {"cpus": "bogus"}}
c["linux"]["resources"] = {"cpu": {"cpus": "900-1000"}}
c["linux"]["resources"] = {"pids": {"limit": 1.5}}
c["linux"]["resources"] = {"unified": {"../../x": "1"}}
c["linux"]["resources"] = {"unified": {"memory.max": 5}}
c["linux"]["seccomp"] = []
c["linux"]["seccomp"] = {}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_BOGUS"}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["bogus"]}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 9, "value": 0, "op": "SCMP_CMP_EQ"}]}]}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]}
c["linux"]["sysctl"] = []
c["linux"]["sysctl"] = {"../../etc/passwd": "x"}
c["linux"]["sysctl"] = {"kernel/../../../etc/passwd": "x"}
c["linux"]["sysctl"] = {"kernel.msgmax": 5}
c["linux"]["sysctl"] = {"kernel.msgmax": "x" * 100000}
c["linux"]["personality"] = {"domain": "BOGUS"}
c["linux"]["netDevices"] = {"eth0": {}}
c["vm"] = {"kernel": {"path": "/boot/vmlinuz"}}
c["ociVersion"] = "2.0.0"
del c["ociVersion"]
c["ociVersion"] = 1
del c["process"]
del c["root"]
CASES

# --- fields that may be right, or are too much: the program runs, or one line says why not ---
while IFS= read -r e; do
	[ -n "$e" ] || continue
	config 'sh("true")' "$e"
	either "$e"
done <<'CASES'
c["process"]["args"] = ["x"] * 3000000
c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": -1, "soft": -1}]
c["linux"]["namespaces"].append({"type": "pid"})
c["linux"]["devices"] = [{"path": "/dev/x", "type": "c", "major": -1, "minor": 1}]
c["linux"]["cgroupsPath"] = "/x/" + "y" * 300
c["linux"]["timeOffsets"] = {"bogus": {"secs": 1}}
c["mounts"].append({"destination": "/" + "x/" * 2000, "type": "tmpfs"})
c["mounts"].append({"destination": "/" + "x/" * 2500, "type": "tmpfs"})
c["process"]["cwd"] = "/" + "y/" * 2000
c["process"]["env"] = ["x"]
c["process"]["env"] = ["=x", "", "A=1", "A=2", "PATH=/bin"]
c["process"]["env"] = ["PATH=/bin"] + ["V%d=%s" % (i, "x" * 100) for i in range(10000)]
c["process"]["env"] = ["PATH=/bin", "X=" + "x" * 10000000]
c["process"]["cwd"] = "/../../../.."
c["process"]["cwd"] = "/" + "x" * 300
c["process"]["cwd"] = "/proc/self/root"
c["process"]["user"]["additionalGids"] = list(range(60000))
c["process"]["user"]["uid"] = 2**32 - 2
c["process"]["capabilities"] = {"bounding": ["CAP_BOGUS"] * 10000}
c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 2**64 - 1, "soft": 2**64 - 1}]
c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 0, "soft": 0}]
c["process"]["rlimits"] = [{"type": "RLIMIT_AS", "hard": 1, "soft": 1}]
c["process"]["rlimits"] = [{"type": "RLIMIT_STACK", "hard": 1, "soft": 1}]
c["process"]["bogus"] = {"a": [1] * 100000}
c["mounts"].insert(0, {"destination": "/", "type": "tmpfs"})
c["mounts"].append({"destination": "/", "type": "proc"})
c["mounts"].append({"destination": "relative", "type": "tmpfs"})
c["mounts"].append({"destination": "/a\nb", "type": "tmpfs"})
c["mounts"].append({"destination": "/proc", "type": "tmpfs"})
c["mounts"].append({"destination": "/proc/self/fd", "type": "tmpfs"})
c["mounts"].append({"destination": "/proc/1/root/x", "type": "tmpfs"})
c["mounts"].append({"destination": "/sys", "type": "sysfs", "options": ["ro"] * 10000})
c["mounts"].append({"destination": "/dev/null", "type": "bind", "source": "/etc/passwd", "options": ["ro"]})
c["mounts"].append({"destination": "/etc/passwd", "type": "bind", "source": "/etc", "options": ["ro"]})
c["mounts"].append({"destination": "/bin", "type": "bind", "source": "/etc/passwd", "options": ["ro"]})
c["mounts"] += [{"destination": "/m%d" % i, "type": "tmpfs"} for i in range(400)]
c["mounts"] += [{"destination": "/data", "type": "tmpfs"}] * 300
c["mounts"] += [{"destination": "/b%d" % i, "type": "bind", "source": "/etc", "options": ["ro"]} for i in range(200)]
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["x%d" % i for i in range(10000)]})
c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["size=0", "nr_inodes=1"]})
c["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup"})
c["hooks"] = {"prestart": [{"path": "/bin/true"}] * 100}
c["hooks"] = {"poststop": [{"path": "/bin/false"}]}
c["hooks"] = {"startContainer": [{"path": "/../../../bin/true"}]}
c["hooks"] = {"startContainer": [{"path": "/nothere"}]}
c["hooks"] = {"prestart": [{"path": "/bin/true", "timeout": 2**40}]}
c["annotations"] = {"k%d" % i: "x" * 100 for i in range(10000)}
c["annotations"] = {"io.kubernetes.cri.container-type": "bogus", "io.kubernetes.cri.sandbox-id": "\n"}
c["linux"]["namespaces"] = []
c["linux"]["devices"] = [{"path": "/dev/../../../x", "type": "c", "major": 1, "minor": 3}]
c["linux"]["devices"] = [{"path": "/etc/passwd", "type": "c", "major": 1, "minor": 3}]
c["linux"]["devices"] = [{"path": "/proc/x", "type": "c", "major": 1, "minor": 3}]
c["linux"]["devices"] = [{"path": "/dev/null/x", "type": "c", "major": 1, "minor": 3}]
c["linux"]["devices"] = [{"path": "/dev/d%d" % i, "type": "c", "major": 1, "minor": 3} for i in range(2000)]
c["linux"]["devices"] = [{"path": "/dev/mem", "type": "c", "major": 1, "minor": 1, "fileMode": 0o666}, {"path": "/dev/sda", "type": "b", "major": 8, "minor": 0, "fileMode": 0o666}]
c["linux"]["maskedPaths"] = ["/"]
c["linux"]["maskedPaths"] = ["/proc/../../../etc"] * 1000
c["linux"]["maskedPaths"] = ["/x%d" % i for i in range(20000)]
c["linux"]["readonlyPaths"] = ["/"]
c["linux"]["readonlyPaths"] = ["/proc/self/root", "/proc/1/cwd"]
c["linux"]["readonlyPaths"] = ["/tmp"] * 500
c["linux"]["cgroupsPath"] = "../../limpet-%s" % "x1"
c["linux"]["resources"] = {"memory": {"limit": 2**63 - 1}}
c["linux"]["resources"] = {"cpu": {"shares": 2**62}}
c["linux"]["resources"] = {"cpu": {"quota": 1, "period": 1}}
c["linux"]["resources"] = {"pids": {"limit": 2**62}}
c["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}] * 10000}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["nothere%d" % i for i in range(10000)], "action": "SCMP_ACT_ERRNO"}]}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "args": [{"index": i % 6, "value": i, "op": "SCMP_CMP_EQ"}]} for i in range(3000)]}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_KILL_PROCESS"}
c["linux"]["rootfsPropagation"] = "bogus"
c["linux"]["timeOffsets"] = {"monotonic": {"secs": 2**62}}
CASES
rm -f b/rootfs/[mb][0-9]* 2>/dev/null; find b/rootfs -mindepth 1 -maxdepth 1 \( -name '[mb][0-9]*' -o -name 'x*' -o -name 'a?b' -o -name relative \) -exec rm -rf {} +

# --- trees that lead elsewhere ---
for place in /data /dev /proc /tmp /etc /new/deep; do
	rm -rf b/rootfs/evil; ln -s "$work/outside" b/rootfs/evil
	config "c['mounts'].append({'destination': '/evil$place', 'type': 'tmpfs'}); sh('echo x >/evil$place/f')"; stays "tmpfs behind a link: $place"
	config "c['mounts'].append({'destination': '/../../evil/../..$place', 'type': 'tmpfs'}); sh('echo x >$place/f')"; stays "dots: $place"
	config "c['mounts'].append({'destination': '/evil$place', 'type': 'bind', 'source': '$work/canary', 'options': ['ro']}); sh('echo x >/evil$place/f')"; stays "bind behind a link: $place"
	config "c['root']['readonly'] = True; c['mounts'].append({'destination': '/evil$place', 'type': 'bind', 'source': '$work/canary', 'options': ['ro']}); sh('echo x >/evil$place/f')"; stays "the same, read-only: $place"
done
for target in /proc /dev /sys /etc/passwd; do
	rm -rf b/rootfs/t; ln -s $target b/rootfs/t
	config "c['mounts'].append({'destination': '/t', 'type': 'bind', 'source': '$work/outside', 'options': ['ro']}); sh('echo x >/t/file; echo y >/t/new')"; stays "bind over a link to $target"
done
rm -f b/rootfs/t; ln -s t b/rootfs/t; config "c['mounts'].append({'destination': '/t/x', 'type': 'tmpfs'}); sh('true')"; stays 'a mount behind a loop'; rm b/rootfs/t
mv b/rootfs/dev b/rootfs/dev2; ln -s "$work/outside" b/rootfs/dev; config; stays '/dev is a link'
config "c['linux']['devices'] = [{'path': '/dev/sub/x', 'type': 'b', 'major': 8, 'minor': 0}]; sh('echo x >/dev/sub/x')"; stays 'devices behind a link'
config "c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/dev']; c['linux']['devices'] = [{'path': '/dev/x', 'type': 'c', 'major': 1, 'minor': 3}]; sh('echo x >/dev/new')"; stays 'no /dev but a link'
rm b/rootfs/dev; mv b/rootfs/dev2 b/rootfs/dev
rmdir b/rootfs/proc; ln -s "$work/outside" b/rootfs/proc; config; stays '/proc is a link'; rm b/rootfs/proc; echo >b/rootfs/proc; config; stays '/proc is a file'; rm b/rootfs/proc; mkdir b/rootfs/proc
rm b/rootfs/etc/passwd; ln -s "$work/outside/file" b/rootfs/etc/passwd; config 'sh("echo $HOME")'; stays 'passwd is a link out'
rm b/rootfs/etc/passwd; mkfifo b/rootfs/etc/passwd; config 'sh("echo $HOME")'; stays 'passwd is a fifo'; is 'passwd is a fifo' "$(cat out)" /; rm b/rootfs/etc/passwd
truncate -s 8G b/rootfs/etc/passwd; config 'sh("echo $HOME")'; stays 'passwd is huge'; rm b/rootfs/etc/passwd
mkdir b/rootfs/etc/passwd; config 'sh("echo $HOME")'; stays 'passwd is a directory'; rmdir b/rootfs/etc/passwd; echo root:x:0:0:root:/root:/bin/sh >b/rootfs/etc/passwd
ln -s "$work/outside/file" b/rootfs/mask; config 'c["linux"]["maskedPaths"] = ["/mask", "/../../../etc", "/nothere"]; sh("cat /mask; echo x >/mask")'; stays 'a masked link'
config "c['process']['cwd'] = '/evil'; sh('echo x >new')"; stays 'a link as working directory'
config "c['process']['cwd'] = '/evil/sub/new'; sh('echo x >new')"; stays 'a working directory to be made behind a link'
ln -s "$work/outside/dir/sh" b/rootfs/prog; config 'c["process"]["args"] = ["/prog"]'; stays 'the program is a link out'
mkfifo b/rootfs/bin/fifo; config 'c["process"]["args"] = ["fifo"]'; stays 'the program is a fifo'
mv b/rootfs b/real; ln -s "$work/outside" b/rootfs; config; refuses 'the rootfs is a link elsewhere' 'symbolic link'; rm b/rootfs
ln -s rootfs b/rootfs; refuses 'the rootfs is a loop' 'symbolic link'; rm b/rootfs
: >b/rootfs; refuses 'the rootfs is a file' 'ot a directory'; rm b/rootfs
mkfifo b/rootfs; refuses 'the rootfs is a fifo' 'ot a directory'; rm b/rootfs
mkdir b/rootfs; oci_ create -b b $id >out 2>&1 </dev/null; is 'an empty rootfs' "$? $(wc -l <out)" '127 1'; unharmed 'an empty rootfs'; rm -r b/rootfs; mv b/real b/rootfs

# --- trees that change meanwhile: a directory and a link to the outside change places ---
rm -rf b/rootfs/evil b/rootfs/swap; mkdir -p b/rootfs/swap/sub; ln -s "$work/outside" b/rootfs/evil
/usr/bin/python3 - b/rootfs/swap b/rootfs/evil <<'P' &
import ctypes, sys, time
libc = ctypes.CDLL(None)
a, b = (x.encode() for x in sys.argv[1:])
while True:
    libc.renameat2(-100, a, -100, b, 2)
    for _ in range(300): pass
P
swapper=$!
for i in $(seq 12); do
	config "c['root']['readonly'] = bool($i & 1)" "c['mounts'] += [{'destination': '/swap/d%d' % i, 'type': t, 'source': '$work/canary', 'options': o} for i, t, o in ((1, 'bind', ['ro']), (2, 'tmpfs', []), (3, 'tmpfs', []))]" \
		"c['linux']['devices'] = [{'path': '/dev/x', 'type': 'c', 'major': 1, 'minor': 3}]; c['linux']['maskedPaths'] = ['/swap/file', '/swap/dir']" \
		"c['process']['cwd'] = '/swap/w'; sh('echo x >/swap/d2/f; echo x >file; mkdir -p /swap/a/b; rm -rf /swap/dir /swap/file; echo x >/swap/file')"
	stays "a swap $i"
done
kill $swapper; wait $swapper 2>/dev/null

config; for bad in '' . .. a/b '../x' "$(printf 'x%.0s' $(seq 300))" 'a b' $'a\nb'; do
	ends "id '${bad:0:10}'" 1 oci create -b b "$bad"
	unharmed "id '${bad:0:10}'"
done
[ $cases -ge 200 ] || fail "only $cases cases"
echo "$cases cases"
is 'no control group left' "$(find /sys/fs/cgroup -type d -name "limpet-$id" 2>/dev/null)" ''
is 'no process left' "$(pgrep -f "root $work/states" || true)" ''
finish
