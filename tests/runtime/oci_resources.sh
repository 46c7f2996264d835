# linux.resources of config.json and `update`: each limit is in its file of the control group; what the host lacks is an
# error that names the field. unit/setting has the names and values of both versions.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
top=/sys/fs/cgroup
id=res$$ group=limpet-res-$$
base="c['linux']['cgroupsPath'] = '/$group'"
v2=
[ "$(stat -f -c %T $top)" = cgroup2fs ] && v2=1
[ "$v2" ] || { [ -d $top/cpu ] && [ -d $top/blkio ]; } || skip 'no cgroup v2, nor v1 with cpu and blkio'
has() { # FILE EXPECTED
	local dir=$top/${1%%.*}/$group
	[ "$v2" ] && dir=$top/$group
	is "$1" "$(cat "$dir/$1" 2>&1)" "$2"
}
# with EXPRESSION-FOR-RESOURCES COMMAND...: while such a container is there
with() {
	config "$base" "c['linux']['resources'] = $1" 'sh("sleep 60")'
	shift
	ends "create" 0 oci create -b b $id </dev/null
	"$@"
	ends 'delete' 0 oci delete --force $id
}
disk=$(awk '$4 ~ /^(vd|sd|nvme|xvd)/ { print $1 ":" $2; exit }' /proc/partitions)
[ "$disk" ] || skip 'no disk'
dev="'major': ${disk%:*}, 'minor': ${disk#*:}"

refused() { # WHAT RESOURCES PATTERN
	config "$base" "c['linux']['resources'] = $2"
	oci run -b b $id >out 2>&1 </dev/null && fail "$1 passes"
	matches "$1" "$(cat out)" "$3"
	[ -e "$top/cpu/$group" ] || [ -e "$top/$group" ] && fail "$1: the control group is left"
}
looks2() {
	has cpu.max.burst 20000
	has cpu.idle 1
	has io.max "$disk rbps=1048576 wbps=2097152 riops=100 wiops=200"
	[ ! -e $top/$group/hugetlb.2MB.max ] || has hugetlb.2MB.max 4194304
	[ ! "$weight" ] || matches 'io.weight' "$(cat $top/$group/io.weight)" 'default 2930'
	ends 'update' 0 oci update --cpu-burst 5000 $id
	has cpu.max.burst 5000
	echo "{\"blockIO\": {\"throttleReadBpsDevice\": [{${dev//\'/\"}, \"rate\": 0}]}}" >r.json
	ends 'update to none' 0 oci update -r r.json $id
	has io.max "$disk rbps=max wbps=2097152 riops=100 wiops=200"
	echo '{"memory": {"limit": 8192, "checkBeforeUpdate": true}}' >r.json
	oci update -r r.json $id >out 2>&1 && fail 'a limit below what is used passes'
	matches 'checked' "$(cat out)" 'linux.resources.memory.limit: 8192 is less than what is used already'
	has memory.max max
}
quiet2() { matches 'warnings' "$(cat warned)" 'linux.resources.memory.swappiness is ignored: cgroup v2 has nothing like it'; }
if [ "$v2" ]; then
	huge= weight=
	grep -qw hugetlb $top/cgroup.controllers && huge="'hugepageLimits': [{'pageSize': '2MB', 'limit': 4194304}],"
	echo +io >$top/cgroup.subtree_control 2>/dev/null
	ls $top/*/io.weight >/dev/null 2>&1 && weight="'weight': 300,"
	with "{$huge 'cpu': {'quota': 50000, 'burst': 20000, 'idle': 1}, 'blockIO': {$weight 'throttleReadBpsDevice': [{$dev, 'rate': 1048576}],
		'throttleWriteBpsDevice': [{$dev, 'rate': 2097152}], 'throttleReadIOPSDevice': [{$dev, 'rate': 100}],
		'throttleWriteIOPSDevice': [{$dev, 'rate': 200}]}}" looks2
	config "$base" "c['linux']['resources'] = {'memory': {'swappiness': 5}, 'network': {'classID': 5}}"
	oci run -b b $id >warned 2>&1 </dev/null || fail 'what v2 has nothing like'
	quiet2
	refused 'a page size that there is not' "{'hugepageLimits': [{'pageSize': '7MB', 'limit': 4194304}]}" 'linux.resources.hugepageLimits: '
	refused 'rdma' "{'rdma': {'none_such': {'hcaHandles': 3}}}" 'linux.resources.rdma: '
	finish
fi
looks() {
	has memory.swappiness 17
	matches 'oom_control' "$(cat $top/memory/$group/memory.oom_control)" 'oom_kill_disable 1'
	has cpu.cfs_burst_us 20000
	has cpu.idle 1
	has blkio.throttle.read_bps_device "$disk 1048576"
	has blkio.throttle.write_bps_device "$disk 2097152"
	has blkio.throttle.read_iops_device "$disk 100"
	has blkio.throttle.write_iops_device "$disk 200"
}
with "{'memory': {'swappiness': 17, 'disableOOMKiller': True}, 'cpu': {'quota': 50000, 'burst': 20000, 'idle': 1},
	'blockIO': {'throttleReadBpsDevice': [{$dev, 'rate': 1048576}], 'throttleWriteBpsDevice': [{$dev, 'rate': 2097152}],
	'throttleReadIOPSDevice': [{$dev, 'rate': 100}], 'throttleWriteIOPSDevice': [{$dev, 'rate': 200}]}}" looks

updates() {
	ends 'update' 0 oci update --cpu-burst 5000 $id
	has cpu.cfs_burst_us 5000
	ends 'update idle' 0 oci update --cpu-idle 1 $id
	has cpu.idle 1
	echo "{\"blockIO\": {\"throttleReadBpsDevice\": [{${dev//\'/\"}, \"rate\": 4096}]}, \"memory\": {\"swappiness\": 3}}" >r.json
	ends 'update -r' 0 oci update -r r.json $id
	has blkio.throttle.read_bps_device "$disk 4096"
	has memory.swappiness 3
	echo "{\"blockIO\": {\"throttleReadBpsDevice\": [{${dev//\'/\"}, \"rate\": 0}]}}" >r.json
	ends 'update to none' 0 oci update -r r.json $id
	has blkio.throttle.read_bps_device ''
	oci update --cpu-burst 999999999 $id >out 2>&1 && fail 'a burst above the quota passes'
	matches 'what the kernel refuses' "$(cat out)" 'linux.resources.cpu.burst: cannot set .*cpu.cfs_burst_us to 999999999'
}
with "{'cpu': {'quota': 50000}}" updates

# What says nothing.
quiet() { has memory.swappiness "$(cat $top/memory/memory.swappiness)"; }
with "{'memory': {'swappiness': 18446744073709551615, 'disableOOMKiller': False}, 'network': {'classID': 0},
	'blockIO': {'weight': 0, 'leafWeight': 0, 'weightDevice': None}, 'rdma': {}, 'hugepageLimits': []}" quiet

[ -d $top/net_cls ] || refused 'classID' "{'network': {'classID': 5}}" 'linux.resources.network.classID: this machine has no net_cls control group'
[ -d $top/net_prio ] || refused 'priorities' "{'network': {'priorities': [{'name': 'eth0', 'priority': 5}]}}" 'linux.resources.network.priorities: this machine has no net_prio'
[ -d $top/rdma ] || refused 'rdma' "{'rdma': {'mlx5_0': {'hcaHandles': 3}}}" "linux.resources.rdma: this machine's control groups have no rdma.max"
huge() { is 'hugepageLimits' "$(cat $top/unified/$group/hugetlb.2MB.max)" 4194304; }
if grep -qs hugetlb $top/unified/cgroup.controllers; then
	with "{'hugepageLimits': [{'pageSize': '2MB', 'limit': 4194304}]}" huge
	refused 'a size that the host has not' "{'hugepageLimits': [{'pageSize': '7MB', 'limit': 4194304}]}" "linux.resources.hugepageLimits: this machine's control groups have no hugetlb.7MB.max"
elif ! [ -d $top/hugetlb ]; then
	refused 'hugepageLimits' "{'hugepageLimits': [{'pageSize': '2MB', 'limit': 4194304}]}" 'linux.resources.hugepageLimits: this machine'
fi
[ -e $top/cpu/$group ] || [ -e $top/blkio/docker/blkio.weight ] || refused 'leafWeight' "{'blockIO': {'leafWeight': 500}}" 'linux.resources.blockIO.leafWeight: this machine.*blkio.leaf_weight'
refused 'a page size' "{'hugepageLimits': [{'pageSize': '../x', 'limit': 1}]}" 'linux.resources.hugepageLimits\[0\].pageSize: ../x is no size'
refused 'a weight' "{'blockIO': {'weight': 1001}}" 'linux.resources.blockIO.weight: 1001 is out of range'
refused 'swappiness' "{'memory': {'swappiness': 101}}" 'linux.resources.memory.swappiness: 101 is out of range'
refused 'no device' "{'blockIO': {'throttleReadBpsDevice': [{'major': 8, 'rate': 1}]}}" 'throttleReadBpsDevice\[0\].minor: is missing'
refused 'no such device' "{'blockIO': {'throttleReadBpsDevice': [{'major': 4000, 'minor': 9, 'rate': 5}]}}" 'linux.resources.blockIO.throttleReadBpsDevice: cannot set'
refused 'an interface' "{'network': {'priorities': [{'name': 'a b', 'priority': 5}]}}" 'priorities\[0\].name: is no name'
refused 'an RDMA device' "{'rdma': {'a b': {'hcaHandles': 3}}}" 'linux.resources.rdma: a b is no RDMA device'
finish
