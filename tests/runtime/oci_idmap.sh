# Id-mapped bind mounts: uidMappings and gidMappings of a mount, the options idmap and ridmap; what is refused.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
chmod 755 "$work"
ln -sf busybox b/rootfs/bin/chown
mkdir -p data/below
touch data/zero data/five; chown 5:6 data/five
chown 0:0 data; chmod 777 data
id=map$$
maps="{'containerID': 0, 'hostID': 100000, 'size': 65536}"
userns="c['linux']['namespaces'].append({'type': 'user'}); c['linux']['uidMappings'] = c['linux']['gidMappings'] = [$maps]"
bind() { # OPTIONS MEMBERS
	echo "c['mounts'].append({'destination': '/data', 'type': 'bind', 'source': '$work/data', 'options': ['rbind', $1], $2})"
}
both="'uidMappings': [$maps], 'gidMappings': [$maps]"
look='cd /data; stat -c "%n %u %g" zero five'

config "$userns" "$(bind '' '')" "sh('$look')"
says 'without a map' 0 $'zero 65534 65534\nfive 65534 65534' oci run -b b $id
config "$userns" "$(bind '' "$both")" "sh('$look')"
says 'mapped' 0 $'zero 0 0\nfive 5 6' oci run -b b $id
config "$userns" "$(bind '"idmap"' '')" "sh('$look')"
says "the container's map" 0 $'zero 0 0\nfive 5 6' oci run -b b $id
config "$userns" "$(bind '"ro", "ridmap"' '')" "sh('$look; touch x')"
says 'read-only' 1 $'zero 0 0\nfive 5 6\ntouch: x: Read-only file system' oci run -b b $id

# What is made and changed inside has ids of the disk, not those of the namespace.
config "$userns" "$(bind '' "$both")" "c['process']['capabilities']['effective'] += ['CAP_FOWNER', 'CAP_DAC_OVERRIDE']" \
	"c['process']['capabilities']['permitted'] += ['CAP_FOWNER', 'CAP_DAC_OVERRIDE']" \
	"sh('cd /data; touch new; mkdir dir; touch given; chown 7:8 given; stat -c \"%n %u %g\" new dir given')"
says 'new files' 0 $'new 0 0\ndir 0 0\ngiven 7 8' oci run -b b $id
is 'on the disk' "$(cd data; stat -c '%n %u %g' new dir given | tr '\n' ' ')" 'new 0 0 dir 0 0 given 7 8 '

# Other ids than the namespace's, and no namespace at all.
config "$(bind '' "'uidMappings': [{'containerID': 0, 'hostID': 40, 'size': 3}, {'containerID': 5, 'hostID': 77, 'size': 1}],
	'gidMappings': [{'containerID': 0, 'hostID': 50, 'size': 10}]")" "sh('$look')"
says 'shifted' 0 $'zero 40 50\nfive 77 56' oci run -b b $id

# Below the mount: with ridmap alone.
(
	mount -t tmpfs none data/below && touch data/below/file && chmod 755 data/below || exit 1
	trap 'umount data/below' EXIT
	config "$userns" "$(bind '"idmap"' '')" 'sh("stat -c %u /data/zero /data/below/file")'
	says 'idmap' 0 $'0\n65534' oci run -b b $id
	config "$userns" "$(bind '"ridmap"' '')" 'sh("stat -c %u /data/zero /data/below/file")'
	says 'ridmap' 0 $'0\n0' oci run -b b $id
	exit $failures
) || failures=$((failures + 1))

# The ids of a user namespace that is there already, as those of a pod's containers are given.
unshare -U sleep 60 &
there=$!
until [ "$(readlink /proc/$there/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.02; done
echo '0 300000 1000' >/proc/$there/uid_map; echo '0 400000 1000' >/proc/$there/gid_map
config "c['linux']['namespaces'].append({'type': 'user', 'path': '/proc/$there/ns/user'})" "$(bind '"idmap"' '')" \
	"sh('cat /proc/self/uid_map /proc/self/gid_map; $look; touch new2')"
says 'a namespace by path' 0 $'         0     300000       1000\n         0     400000       1000\nzero 0 0\nfive 5 6' oci run -b b $id
is 'on the disk of that' "$(stat -c '%u %g' data/new2)" '0 0'
kill $there; wait $there 2>/dev/null

refused() { # WHAT PATTERN EXPRESSION...
	local what=$1 pattern=$2; shift 2
	config "$@"
	oci run -b b $id >out 2>&1 </dev/null && fail "$what passes"
	matches "$what" "$(cat out)" "$pattern"
}
refused 'half a map' 'mounts\[3\].gidMappings: is missing' "$userns" "$(bind '' "'uidMappings': [$maps]")"
refused 'no map' 'mounts: /data: is to be id-mapped, but neither it nor linux has uidMappings' "$(bind '"idmap"' '')"
refused 'a tmpfs' 'mounts\[2\]: only bind mounts' "$userns" "c['mounts'][2]['uidMappings'] = c['mounts'][2]['gidMappings'] = [$maps]"
refused 'a size' 'mounts\[3\].uidMappings\[0\].size: is out of range' "$(bind '' "'uidMappings': [{'containerID': 0, 'hostID': 4294967295, 'size': 5}], 'gidMappings': [$maps]")"
refused 'no namespace' 'linux.namespaces: the user namespace /nowhere: No such file' "c['linux']['namespaces'].append({'type': 'user', 'path': '/nowhere'})"
refused 'another kind' 'linux.namespaces: cannot join the user namespace /proc/self/ns/net' "c['linux']['namespaces'].append({'type': 'user', 'path': '/proc/self/ns/net'})"
refused 'twice the same' 'writing .id_map' "$(bind '' "'uidMappings': [$maps, $maps], 'gidMappings': [$maps, $maps]")"
finish
