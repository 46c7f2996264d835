# Broken and hostile bundles: one clear line each, nothing of the host touched, nothing left.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"; . "$lib/bundle.sh"
id=x$$
mkdir outside; echo secret >outside/file
before=$(find outside | sort; cat outside/*)

# refuses WHAT PATTERN: create says one line and fails
refuses() {
	local out
	timeout 20 "$LIMPET" --root "$work/states" --platform "$PLATFORM" create -b b $id >out 2>&1 </dev/null
	is "$1: status" $? 1
	out=$(cat out)
	"$LIMPET" --root "$work/states" delete --force $id
	is "$1: lines" "$(wc -l <<<"$out")" 1
	matches "$1" "$out" "$2"
}
# stays WHAT: the program runs, and the host's files are as they were
stays() {
	timeout 20 "$LIMPET" --root "$work/states" --platform "$PLATFORM" run -b b $id >out 2>&1 </dev/null
	is "$1: the outside" "$(find outside | sort; cat outside/*)" "$before"
}

rm -f b/config.json; mkfifo b/config.json; refuses 'fifo' 'not a regular file'; rm b/config.json
mkdir b/config.json; refuses 'directory' 'not a regular file'; rmdir b/config.json
ln -s /dev/zero b/config.json; refuses 'device' 'not a regular file'; rm b/config.json
truncate -s 1G b/config.json; refuses 'a huge file' 'larger than 16 MiB'; rm b/config.json
: >b/config.json; refuses 'empty' 'line'
echo '{"ociVersion":"1.0.2","ociVersion":"1.0.2"}' >b/config.json; refuses 'duplicate keys' 'duplicate'
printf '{"ociVersion":"1.0\\u0000.2"}' >b/config.json; refuses 'a zero in a string' 'line|NUL'
printf '{"ociVersion":"\xff\xfe"}' >b/config.json; refuses 'no UTF-8' 'UTF-8|unable to decode'
python3 -c 'print("{\"ociVersion\":\"" + "1" * 10000000 + "\"}")' >b/config.json; refuses '10 MB string' 'ociVersion'
python3 -c 'print("[" * 1000000)' >b/config.json; refuses 'depth' 'depth|nesting'
python3 -c 'import json; print(json.dumps({"ociVersion": "1.0.2", **{"k%d" % i: i for i in range(100000)}}))' >b/config.json; refuses 'many keys' 'process: is missing'
for e in 'c["process"]["args"] = [1]' 'c["process"]["args"] = {}' 'c["process"]["args"] = [""]' 'c["process"]["env"] = "x"' \
	'c["process"]["cwd"] = ""' 'c["process"]["cwd"] = 5' 'c["process"]["user"] = []' 'c["process"]["user"]["uid"] = 2**32' \
	'c["process"]["user"]["uid"] = 1.5' 'c["process"]["user"]["additionalGids"] = [-1]' 'c["process"]["user"]["umask"] = 4096' \
	'c["process"]["capabilities"] = "all"' 'c["process"]["capabilities"] = {"bounding": [7]}' \
	'c["process"]["oomScoreAdj"] = 5000' 'c["process"]["terminal"] = "yes"' 'c["process"]["terminal"] = True' \
	'c["process"]["consoleSize"] = {"height": 70000, "width": 1}' 'c["process"]["rlimits"] = [5]' \
	'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE"}]' 'c["process"]["args"] = ["x" * 3000000] * 40' \
	'c["root"] = "rootfs"' 'c["root"]["path"] = ""' 'c["root"]["path"] = "config.json"' 'c["root"]["path"] = 7' \
	'c["root"]["path"] = "/proc"' 'c["root"]["path"] = "/sys"' \
	'c["mounts"] = {}' 'c["mounts"] = [7]' 'c["mounts"] = [{}]' 'c["mounts"] = [{"destination": ""}]' \
	'c["mounts"].append({"destination": "/x", "type": "bind"})' \
	'c["mounts"].append({"destination": "/x", "type": "bind", "source": "/proc/1/root"})' \
	'c["mounts"].append({"destination": "/x", "type": "bind", "source": "/proc/self", "options": ["rw"]})' \
	'c["mounts"].append({"destination": "/x", "type": "bind", "source": "/dev/pts"})' \
	'c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["size=lots"]})' \
	'c["mounts"].append({"destination": "/x", "type": "tmpfs", "options": ["bogus=1"]})' \
	'c["mounts"].append({"destination": "/x", "type": "nfs", "source": "h:/x"})' \
	'c["mounts"].append({"destination": "/x", "type": "bind", "source": "/etc", "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]})' \
	'c["hostname"] = "x" * 65' 'c["hostname"] = 5' 'c["domainname"] = "x" * 65' 'c["hooks"] = []' 'c["hooks"] = {"prestart": {}}' \
	'c["hooks"] = {"prestart": [{}]}' 'c["hooks"] = {"prestart": [{"path": "/bin/true", "timeout": -1}]}' \
	'c["linux"] = []' 'c["linux"]["namespaces"] = [{}]' 'c["linux"]["namespaces"] = [{"type": "bogus"}]' \
	'c["linux"]["namespaces"] = [{"type": "pid", "path": "/proc/1/ns/pid"}]' 'c["linux"]["namespaces"] = [{"type": "mount", "path": "/proc/1/ns/mnt"}]' \
	'c["linux"]["namespaces"].append({"type": "user"})' 'c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 1}]' \
	'c["linux"]["namespaces"].append({"type": "user"}); c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 0}]' \
	'c["linux"]["namespaces"].append({"type": "user"}); c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 4000000000, "hostID": 0, "size": 4000000000}]' \
	'c["linux"]["devices"] = [{}]' 'c["linux"]["devices"] = [{"path": "/dev/x", "type": "z"}]' 'c["linux"]["devices"] = [{"path": "x", "type": "c", "major": 1, "minor": 1}]' \
	'c["linux"]["devices"] = [{"path": "/dev/x", "type": "c", "major": 99999, "minor": 1}]' 'c["linux"]["maskedPaths"] = ["relative"]' \
	'c["linux"]["readonlyPaths"] = [5]' 'c["linux"]["cgroupsPath"] = 5' 'c["linux"]["cgroupsPath"] = "/"' 'c["linux"]["cgroupsPath"] = "/../.."' \
	'c["linux"]["resources"] = {"memory": {"limit": "1G"}}' 'c["linux"]["resources"] = {"memory": {"limit": -5}}' \
	'c["linux"]["resources"] = {"memory": {"limit": 1e300}}' 'c["linux"]["resources"] = {"cpu": {"cpus": "bogus"}}' \
	'c["linux"]["resources"] = {"unified": {"../../x": "1"}}' 'c["linux"]["resources"] = {"unified": {"memory.max": 5}}' \
	'c["linux"]["netDevices"] = {"eth0": {}}' 'c["ociVersion"] = "2.0.0"' 'del c["ociVersion"]' 'c["ociVersion"] = 1'; do
	config "$e"
	refuses "$e" ': '
done

# trees that lead elsewhere
for place in /data /dev /proc /tmp /etc /new/deep; do
	rm -rf b/rootfs/evil; ln -s "$work/outside" b/rootfs/evil
	config "c['mounts'].append({'destination': '/evil$place', 'type': 'tmpfs'}); sh('echo x >/evil$place/f')"; stays "tmpfs behind a link: $place"
	config "c['mounts'].append({'destination': '/../../evil/../..$place', 'type': 'tmpfs'}); sh('echo x >$place/f')"; stays "dots: $place"
done
for target in /proc /dev /sys /etc/passwd; do
	rm -rf b/rootfs/t; ln -s $target b/rootfs/t
	config "c['mounts'].append({'destination': '/t', 'type': 'bind', 'source': '$work/outside', 'options': ['ro']}); sh('echo x >/t/file; echo y >/t/new')"; stays "bind over a link to $target"
done
mv b/rootfs/dev b/rootfs/dev2; ln -s "$work/outside" b/rootfs/dev; config; stays '/dev is a link'
config "c['linux']['devices'] = [{'path': '/dev/sub/x', 'type': 'b', 'major': 8, 'minor': 0}]; sh('echo x >/dev/sub/x')"; stays 'devices behind a link'
rm b/rootfs/dev; mv b/rootfs/dev2 b/rootfs/dev
rmdir b/rootfs/proc; ln -s "$work/outside" b/rootfs/proc; config; stays '/proc is a link'; rm b/rootfs/proc; mkdir b/rootfs/proc
rm b/rootfs/etc/passwd; ln -s "$work/outside/file" b/rootfs/etc/passwd; config 'sh("echo $HOME")'; stays 'passwd is a link out'
rm b/rootfs/etc/passwd; mkfifo b/rootfs/etc/passwd; config 'sh("echo $HOME")'; stays 'passwd is a fifo'; is 'passwd is a fifo' "$(cat out)" /; rm b/rootfs/etc/passwd
ln -s "$work/outside/file" b/rootfs/mask; config 'c["linux"]["maskedPaths"] = ["/mask", "/../../../etc", "/nothere"]; sh("cat /mask; echo x >/mask")'; stays 'a masked link'
config "c['process']['cwd'] = '/evil'; sh('echo x >new')"; stays 'a link as working directory'
mv b/rootfs b/real; ln -s "$work/outside" b/rootfs; config; refuses 'the rootfs is a link elsewhere' 'symbolic link'; rm b/rootfs; mv b/real b/rootfs
config; for bad in '' . .. a/b '../x' "$(printf 'x%.0s' $(seq 300))" 'a b' $'a\nb'; do
	ends "id '${bad:0:10}'" 1 oci create -b b "$bad"
done
is 'no state left' "$(ls states 2>/dev/null)" ''
is 'no control group left' "$(find /sys/fs/cgroup -type d -name "limpet-$id" 2>/dev/null)" ''
is 'nothing left mounted' "$(grep -c "$work" /proc/self/mountinfo)" 0
finish
