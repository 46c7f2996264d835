# process.scheduler, ioPriority, execCPUAffinity, linux.personality, timeOffsets, intelRdt, mountLabel of config.json: what
# the guest kernel has takes effect for the first program, for those of exec and for a pod's; all else is refused by name.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
cat >show.c <<'C'
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(void)
{
	static const char *const policies[] = {"OTHER", "FIFO", "RR", "BATCH", "ISO", "IDLE"};
	struct sched_param p;
	struct utsname u;
	int policy = sched_getscheduler(0);
	long io = syscall(SYS_ioprio_get, 1, 0);

	sched_getparam(0, &p);
	uname(&u);
	printf("%s%s %d nice %d io %ld:%ld %x %s\n", policies[policy & 7], policy & 0x40000000 ? "+reset" : "",
	       p.sched_priority, getpriority(PRIO_PROCESS, 0), io >> 13, io & 7, personality(0xffffffff), u.machine);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned long cpus[16] = {0};

	if (argc > 1) {
		syscall(SYS_sched_getaffinity, argc > 2 ? 1 : 0, sizeof(cpus), cpus);
		printf("%lx\n", cpus[0]);
		return 0;
	}
	show();
	if (fork())
		return wait(NULL) < 0;
	show();
	return 0;
}
C
cc -static -o b/rootfs/bin/show show.c || exit 1
id=t$$
shows() { # WHAT EXPECTED EXPRESSION...: of the first program and of its child
	local what=$1 expected=$2; shift 2
	config 'c["process"]["args"] = ["show"]' "$@"
	says "$what" 0 "$expected"$'\n'"$expected" oci run -b b $id
}
machine=$(uname -m)
shows 'nothing asked for' "OTHER 0 nice 0 io 0:0 0 $machine"
shows 'nice' "OTHER 0 nice 7 io 0:0 0 $machine" 'c["process"]["scheduler"] = {"policy": "SCHED_OTHER", "nice": 7}'
shows 'a better nice' "BATCH 0 nice -5 io 0:0 0 $machine" 'c["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": -5}'
shows 'real time' "FIFO 11 nice 0 io 0:0 0 $machine" 'c["process"]["scheduler"] = {"policy": "SCHED_FIFO", "priority": 11, "nice": 3}'
shows 'idle; best effort' "IDLE 0 nice 0 io 2:6 0 $machine" 'c["process"]["scheduler"] = {"policy": "SCHED_IDLE"}' \
	'c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}'
shows 'kept' "OTHER 0 nice 0 io 1:1 0 $machine" \
	'c["process"]["scheduler"] = {"policy": "SCHED_RR", "priority": 5, "flags": ["SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS"]}' \
	'c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_RT", "priority": 1}'
shows 'LINUX32' 'OTHER 0 nice 0 io 0:0 8 i686' 'c["linux"]["personality"] = {"domain": "LINUX32"}'
shows 'LINUX' "OTHER 0 nice 0 io 0:0 0 $machine" 'c["linux"]["personality"] = {"domain": "LINUX", "flags": []}'
shows 'empty objects' "OTHER 0 nice 0 io 0:0 0 $machine" \
	'c["linux"]["personality"] = c["linux"]["intelRdt"] = c["linux"]["timeOffsets"] = c["process"]["scheduler"] = c["process"]["ioPriority"] = c["process"]["execCPUAffinity"] = {}'
config 'c["process"]["args"] = ["show"]' \
	'c["process"]["scheduler"] = {"policy": "SCHED_RR", "priority": 4, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
says 'reset on fork' 0 "RR+reset 4 nice 0 io 0:0 0 $machine"$'\n'"OTHER 0 nice 0 io 0:0 0 $machine" oci run -b b $id

# exec: the container's own process, or one of its own
config 'sh("while :; do sleep 1; done")' 'c["linux"]["personality"] = {"domain": "LINUX32"}' \
	'c["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 9}; c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE"}' \
	'c["process"]["execCPUAffinity"] = {"initial": "0", "final": "0"}'
ends 'run' 0 oci run -d -b b $id
says 'exec' 0 $'BATCH 0 nice 9 io 3:0 8 i686\nBATCH 0 nice 9 io 3:0 8 i686' oci exec $id show
says 'exec: its CPUs' 0 1 oci exec $id show cpus
allowed=$(python3 -c 'import os; print("%x" % sum(1 << c for c in os.sched_getaffinity(0) if c < 64))')
says 'the first program has all' 0 "$allowed" oci exec $id show cpus first
# process_json EXPRESSION
process_json() {
	python3 - "$1" >p.json <<'P'
import json, sys
p = json.load(open("b/config.json"))["process"]
exec(sys.argv[1])
json.dump(p, sys.stdout)
P
}
process_json "p['args'] = ['show']; p['scheduler'] = {'policy': 'SCHED_RR', 'priority': 2}; del p['ioPriority']"
says 'exec -p' 0 $'RR 2 nice 0 io 0:0 8 i686\nRR 2 nice 0 io 0:0 8 i686' oci exec -p p.json $id
process_json "p['args'] = ['true']; p['execCPUAffinity'] = {'final': '63'}"
[ "${allowed: -16:1}" = 8 ] || { ends 'exec on no CPU' 255 oci exec -p p.json $id
	matches 'exec on no CPU' "$(oci exec -p p.json $id 2>&1)" 'process.execCPUAffinity.final.*none of these'; }
process_json "p['args'] = ['true']; p['scheduler'] = {'policy': 'SCHED_DEADLINE'}"
ends 'exec: refused' 255 oci exec -p p.json $id
matches 'exec: refused' "$(oci exec -p p.json $id 2>&1)" 'process.scheduler.policy.*SCHED_DEADLINE'
ends 'delete' 0 oci delete --force $id

# Clocks: by the vDSO, by calls, as the time of a start, in a wait; exec's as well.
cat >clocks.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	struct timespec m, b, now, until;
	struct sysinfo si;
	double up = 0;
	FILE *f = fopen("/proc/uptime", "r");

	clock_gettime(CLOCK_MONOTONIC, &m);
	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &b);
	sysinfo(&si);
	if (!f || fscanf(f, "%lf", &up) != 1)
		return 1;
	until = m;
	until.tv_nsec += 300000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%ld %ld %ld %ld %ld\n", (long)m.tv_sec, (long)b.tv_sec, si.uptime, (long)up,
	       (now.tv_sec - m.tv_sec) * 10 + (now.tv_nsec - m.tv_nsec) / 100000000);
	return 0;
}
C
cc -static -o b/rootfs/bin/clocks clocks.c || exit 1
clocks='c["linux"]["namespaces"].append({"type": "time"}); c["linux"]["timeOffsets"] = {"monotonic": {"secs": 1000000}, "boottime": {"secs": 5000000, "nanosecs": 5}}'
# shifted WHAT OUTPUT: by these offsets, give or take some seconds, from the host's clocks
shifted() {
	python3 - $2 <<'P' || fail "$1: $2"
import sys, time
m, b, si, up, slept = map(int, sys.argv[1:])
mono, boot = time.clock_gettime(time.CLOCK_MONOTONIC) + 1000000, time.clock_gettime(time.CLOCK_BOOTTIME) + 5000000
sys.exit(not (abs(m - mono) < 60 and all(abs(x - boot) < 60 for x in (b, si, up)) and 3 <= slept < 30))
P
}
config 'c["process"]["args"] = ["clocks"]' "$clocks"
shifted 'clocks' "$(oci run -b b $id 2>&1)"
config 'c["process"]["args"] = ["clocks"]' "$clocks" 'c["linux"]["namespaces"].append({"type": "user"})' \
	'c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]'
shifted 'clocks in a user namespace' "$(oci run -b b $id 2>&1)"
config 'sh("while :; do sleep 1; done")' "$clocks"
ends 'run with clocks' 0 oci run -d -b b $id
shifted 'clocks of exec' "$(oci exec $id clocks 2>&1)"
ends 'delete with clocks' 0 oci delete --force $id

# A pod: the sandbox has clocks, its containers scheduling of their own.
pod() {
	echo "c['annotations'] = {'io.kubernetes.cri.container-type': '$1', 'io.kubernetes.cri.sandbox-id': 'p$$'}"
	[ "$1" = sandbox ] || echo "for n in c['linux']['namespaces']:
		if n['type'] in ('network', 'ipc', 'uts'): n['path'] = '/proc/$(cat pod.pid)/ns/' + {'network': 'net'}.get(n['type'], n['type'])"
}
config 'sh("while :; do sleep 1; done")' "$clocks" "$(pod sandbox)"
ends 'pod' 0 oci run -d --pid-file pod.pid -b b p$$
config 'c["process"]["args"] = ["show"]' "$(pod container)" 'c["linux"]["personality"] = {"domain": "LINUX32"}' \
	'c["process"]["scheduler"] = {"policy": "SCHED_RR", "priority": 9}; c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 3}' \
	'c["process"]["execCPUAffinity"] = {"final": "0"}'
says 'member' 0 $'RR 9 nice 0 io 2:3 8 i686\nRR 9 nice 0 io 2:3 8 i686' oci run -b b m$$
config 'c["process"]["args"] = ["clocks"]' "$(pod container)"
shifted 'clocks of a member' "$(oci run -b b m$$ 2>&1)"
config 'c["process"]["args"] = ["clocks"]' "$(pod container)" "$clocks"
ends 'a member with clocks of its own' 1 oci run -b b m$$
matches 'a member with clocks of its own' "$(oci run -b b m$$ 2>&1)" linux.timeOffsets
ends 'delete the pod' 0 oci delete --force p$$

# refused WHERE EXPRESSION: create says one line that names the field, and leaves nothing
refused() {
	config "$2"
	oci create -b b $id >out 2>&1 </dev/null; is "$2: status" $? 1
	is "$2: lines" "$(wc -l <out)" 1
	matches "$2" "$(cat out)" "$1"
	ends "$2: nothing is left" 1 oci state $id
}
s='c["process"]["scheduler"] ='
refused process.scheduler.policy "$s {'nice': 1}"
refused process.scheduler.policy "$s {'policy': 'SCHED_DEADLINE', 'runtime': 1}"
refused process.scheduler.policy "$s {'policy': 'SCHED_ISO'}"
refused process.scheduler.nice "$s {'policy': 'SCHED_OTHER', 'nice': 20}"
refused process.scheduler.priority "$s {'policy': 'SCHED_OTHER', 'priority': 1}"
refused process.scheduler.priority "$s {'policy': 'SCHED_FIFO'}"
refused process.scheduler.priority "$s {'policy': 'SCHED_RR', 'priority': 100}"
refused process.scheduler.runtime "$s {'policy': 'SCHED_OTHER', 'runtime': 1000}"
refused process.scheduler.flags "$s {'policy': 'SCHED_OTHER', 'flags': ['SCHED_FLAG_UTIL_CLAMP_MIN']}"
refused process.scheduler "$s 'SCHED_OTHER'"
refused process.ioPriority.class 'c["process"]["ioPriority"] = {"priority": 1}'
refused process.ioPriority.class 'c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_NONE"}'
refused process.ioPriority.priority 'c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 8}'
refused process.execCPUAffinity.final 'c["process"]["execCPUAffinity"] = {"final": "0-"}'
refused process.execCPUAffinity.initial 'c["process"]["execCPUAffinity"] = {"initial": "a"}'
refused linux.personality.domain 'c["linux"]["personality"] = {"domain": "BSD"}'
refused linux.personality.domain 'c["linux"]["personality"] = {"flags": ["x"]}'
refused linux.personality.flags 'c["linux"]["personality"] = {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}'
refused linux.timeOffsets 'c["linux"]["timeOffsets"] = {"monotonic": {"secs": 5}}'
refused linux.timeOffsets.boottime.nanosecs 'c["linux"]["timeOffsets"] = {"boottime": {"nanosecs": 1000000000}}'
refused linux.timeOffsets 'c["linux"]["namespaces"].append({"type": "time"}); c["linux"]["timeOffsets"] = {"boottime": {"secs": -2000000000}}'
refused linux.intelRdt 'c["linux"]["intelRdt"] = {"closID": "x"}'
finish
