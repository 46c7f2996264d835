# SCMP_ACT_NOTIFY: an agent of the host gets a descriptor and the container's state, is asked, answers, reads the caller's
# memory, gives files, lets calls go on; for programs of exec too. What is refused; nothing is left.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
. "$lib/bundle.sh"
[ -e /dev/fuse ] || skip 'no /dev/fuse'
cat >agent.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int receive(int sock)
{
	static char text[65536];
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {text, sizeof(text) - 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd = -1, at = accept(sock, NULL, NULL);
	ssize_t n = recvmsg(at, &msg, 0);

	if (n > 0 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	close(at);
	text[n > 0 ? n : 0] = 0;
	printf("state %s\n", text);
	return fd;
}

static void text_of(unsigned pid, unsigned long at, char out[64])
{
	char path[40];
	int mem;

	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	mem = open(path, O_RDONLY);
	memset(out, 0, 64);
	if (pread(mem, out, 63, (off_t)at) <= 0)
		strcpy(out, "?");
	close(mem);
}

static void answer(int fd, const struct seccomp_notif *n)
{
	struct seccomp_notif_resp r = {.id = n->id};
	struct seccomp_notif_addfd add = {.id = n->id, .srcfd = (unsigned)open("gift", O_RDONLY)};
	char text[64];
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	switch (n->data.nr) {
	case SYS_getsid:
		r.val = (long)n->data.args[0] * 2;
		break;
	case SYS_mkdir:
		text_of(n->pid, n->data.args[0], text);
		printf("mkdir %s valid %d\n", text, ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n->id));
		if (strstr(text, "deny"))
			r.error = -EPERM;
		else
			r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		break;
	case SYS_getppid:
		add.srcfd = (unsigned)dir;
		printf("a directory %d", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? errno : 0);
		add.srcfd = (unsigned)open("gift", O_RDONLY);
		add.flags = SECCOMP_ADDFD_FLAG_SETFD;
		add.newfd = 55;
		printf(" at %d", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
		add.flags = SECCOMP_ADDFD_FLAG_SEND;
		add.newfd = 0;
		printf(" %s\n", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 3 ? "given" : "not given");
		return;
	case SYS_pause: /* never answered */
		printf("pause\n");
		return;
	}
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r))
		printf("send: %s\n", strerror(errno));
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r) != -1 || errno != ENOENT)
		printf("send twice\n");
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	strcpy(addr.sun_path, argv[1]);
	if (bind(sock, (struct sockaddr *)&addr, sizeof(addr)) || listen(sock, 5))
		return 1;
	printf("ready\n");
	for (int rounds = atoi(argv[2]); rounds-- && (fd = receive(sock)) >= 0; close(fd)) {
		char dirt[80] = "x";

		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, dirt) != -1 || errno != EINVAL)
			printf("dirt is taken\n");
		if (argc > 3) /* holds it a moment and lets it go */
			continue;
		if (fork())
			continue;
		for (;;) {
			struct pollfd p = {.fd = fd, .events = POLLIN};
			struct seccomp_notif n = {0};

			poll(&p, 1, -1);
			if (!(p.revents & POLLIN))
				break;
			if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n))
				printf("recv: %s\n", strerror(errno));
			else
				answer(fd, &n);
		}
		struct pollfd p = {.fd = fd};
		struct seccomp_notif n = {0};

		poll(&p, 1, 0);
		printf("end %s", p.revents & POLLHUP ? "hup" : "");
		printf(" %s\n", ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n) ? strerror(errno) : "one more");
		return 0;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
C
cat >asks.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[20] = {0}, more[20] = {0};
	struct stat st;
	int fd;

	if (argc > 1 && !strcmp(argv[1], "pause"))
		return (int)syscall(SYS_pause);
	if (argc > 1) {
		long got = syscall(SYS_getsid, 21);

		printf("getsid %ld %s\n", got, got < 0 ? strerror(errno) : "");
		return 0;
	}
	printf("getsid %ld\n", syscall(SYS_getsid, 21));
	printf("mkdir %d", mkdir("/tmp/fine", 0700));
	printf(" %d\n", stat("/tmp/fine", &st));
	printf("mkdir %s\n", mkdir("/tmp/deny", 0700) ? strerror(errno) : "made");
	fd = (int)syscall(SYS_getppid);
	printf("gift %zd %s", pread(fd, text, 19, 0), text);
	printf(" %zd %s\n", pread(55, more, 19, 0), more);
	fflush(stdout);
	if (!fork()) {
		printf("child %ld\n", syscall(SYS_getsid, 100));
		return 0;
	}
	wait(NULL);
	return 0;
}
C
cc -O1 -o agent agent.c && cc -static -o b/rootfs/bin/asks asks.c || exit 1
printf present >gift
id=ask$$
profile="c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$work/agent.sock', 'listenerMetadata': 'meta \"x\"',
	'syscalls': [{'names': ['getsid', 'mkdir', 'getppid', 'pause'], 'action': 'SCMP_ACT_NOTIFY'}]}"
agent() { # ROUNDS [OPTION]
	rm -f agent.sock said
	./agent agent.sock "$@" >said 2>&1 &
	until grep -qs ready said; do sleep 0.02; done
}
config "$profile" 'c["process"]["args"] = ["asks"]' 'c["annotations"] = {"a.b": "c"}'
agent 1
says 'the program' 0 $'getsid 42\nmkdir 0 0\nmkdir Operation not permitted\ngift 7 present 7 present\nchild 200' oci run -b b $id
wait
is 'the agent' "$(grep -v state said)" $'ready\nmkdir /tmp/fine valid 0\nmkdir /tmp/deny valid 0\na directory 9 at 55 given\nend hup No such file or directory'
sed -n 's/^state //p' said >state.json
python3 - $id "$work" <<'PY' || fail 'the state'
import json, sys
s = json.load(open("state.json"))
assert s["fds"] == ["seccompFd"] and s["metadata"] == 'meta "x"' and s["pid"] == s["state"]["pid"] > 1, s
assert s["state"]["id"] == sys.argv[1] and s["state"]["status"] == "creating" and s["state"]["bundle"] == sys.argv[2] + "/b", s
assert s["state"]["annotations"] == {"a.b": "c"} and s["ociVersion"], s
PY

# Programs of exec have a descriptor each, and their state says so. The first agent holds the container's meanwhile.
config "$profile" 'sh("sleep 60")'
agent 1
first=$!
ends 'run detached' 0 oci run -d --pid-file pid -b b $id </dev/null
matches 'the container' "$(grep state said)" '"status":"creating"'
is 'its pid' "$(sed -n 's/^state .*"pid":\([0-9]*\),"metadata".*/\1/p' said)" "$(cat pid)"
mv agent.sock agent.old; mv said said.first
agent 1
says 'exec' 0 'getsid 42 ' oci exec $id asks one
wait $!
matches 'exec' "$(grep state said)" "\"state\":\{.*\"status\":\"running\",\"pid\":$(cat pid),"
is 'its end' "$(tail -n 1 said)" 'end hup No such file or directory'
# A call that nobody answers goes with its program.
agent 1
second=$!
"$LIMPET" --root "$work/states" exec $id asks pause &
until grep -qs pause said; do sleep 0.02; done
kill -KILL $!
wait $second
is 'the end of who waits' "$(tail -n 1 said)" 'end hup No such file or directory'
# Without the process between them the call is nobody's, and the agent's file is dead.
agent 1
second=$!
"$LIMPET" --root "$work/states" exec $id asks pause &
waiter=$!
until grep -qs pause said; do sleep 0.02; done
kill -KILL "$(pgrep -P $waiter -x limpet-notify)"
wait $waiter
is 'a call that nobody can answer' $? 255
wait $second
matches 'the agent of that' "$(tail -n 1 said)" '^end '
ends 'delete' 0 oci delete --force $id
wait $first
is "the container's end" "$(tail -n 1 said.first)" 'end hup No such file or directory'
# A hook in the container asks too, as a program of its own.
agent 2
config "$profile" 'c["process"]["args"] = ["asks", "one"]' 'c["hooks"] = {"startContainer": [{"path": "/bin/asks", "args": ["asks", "one"]}]}'
says 'a hook' 0 'getsid 42 ' oci run -b b $id
wait $!
is 'of a hook and of the program' "$(grep -c '^state' said) $(grep -c '^end hup' said)" '2 2'
# An agent that lets go: nobody answers.
agent 1 leave
config "$profile" 'c["process"]["args"] = ["sh", "-c", "sleep 0.3; exec asks one"]'
says 'nobody listens' 0 'getsid -1 Function not implemented' oci run -b b $id
wait $!

# A container that joins a pod's sandbox has an agent of its own; so have its programs.
cri="c['annotations'] = {'io.kubernetes.cri.container-type': '%s', 'io.kubernetes.cri.sandbox-id': 'pod$id'}"
# shellcheck disable=SC2059
config "$(printf "$cri" sandbox)" 'c["root"]["readonly"] = True' 'sh("sleep 100")'
ends 'a pod' 0 oci run -d --pid-file pid -b b pod$id </dev/null
agent 3
# shellcheck disable=SC2059
config "$(printf "$cri" container)" "$profile" "for n in c['linux']['namespaces']:
	if n['type'] == 'network': n['path'] = '/proc/$(cat pid)/ns/net'" 'sh("asks one; sleep 100")' \
	"c['mounts'].append({'destination': '/data', 'type': 'bind', 'source': '$work/mapped', 'options': ['rbind'],
		'uidMappings': [{'containerID': 0, 'hostID': 40, 'size': 3}], 'gidMappings': [{'containerID': 0, 'hostID': 50, 'size': 3}]})"
mkdir mapped
ends 'one of the pod' 0 "$LIMPET" --root "$work/states" run -d -b b $id </dev/null
is 'it joined' "$(ls -d states/*/socket)" "states/pod$id/socket"
says 'a program of it' 0 'getsid 42 ' oci exec $id asks one
says 'an id-mapped mount of it' 0 '40 50' oci exec $id stat -c '%u %g' /data
ends 'delete one' 0 oci delete --force $id
ends 'delete the pod' 0 oci delete --force pod$id
wait $!
is 'three agents' "$(grep -c '^end hup' said)" 3

# Starts that come to nothing after the agent was told.
agent 2
config "$profile" 'c["process"]["args"] = ["none-such"]'
ends 'no program' 127 oci run -b b $id
config "$profile" 'c["linux"]["resources"] = {"unified": {"none.such": "1"}}'
ends 'no such limit' 1 oci run -b b $id
wait $!
is 'agents of nothing' "$(grep -c '^state' said) $(grep -c '^end ' said)" '2 2'

refused() { # WHAT PATTERN EXPRESSION...
	local what=$1 pattern=$2; shift 2
	config "$profile" "$@"
	oci run -b b $id >out 2>&1 </dev/null && fail "$what passes"
	matches "$what" "$(cat out)" "$pattern"
}
rm -f agent.sock
refused 'no agent' "cannot connect to linux.seccomp.listenerPath $work/agent.sock: No such file"
refused 'no path' 'linux.seccomp.listenerPath: is missing: SCMP_ACT_NOTIFY' 'del c["linux"]["seccomp"]["listenerPath"]; del c["linux"]["seccomp"]["listenerMetadata"]'
refused 'metadata alone' 'linux.seccomp.listenerMetadata: is given without listenerPath' 'del c["linux"]["seccomp"]["listenerPath"]'
refused 'a relative path' 'listenerPath: is not an absolute path' 'c["linux"]["seccomp"]["listenerPath"] = "x"'
# Nobody to be asked: nobody is connected to.
config "$profile" 'c["linux"]["seccomp"]["syscalls"] = []'
says 'no rule asks' 0 hello oci run -b b $id
for _ in $(seq 50); do pgrep -x limpet-notify >/dev/null || break; sleep 0.05; done
is 'left over' "$(pgrep -x limpet-notify)" ''
finish
