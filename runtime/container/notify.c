/* See notify.h. */
#include "runtime/container/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "runtime/container/container.h"
#include "runtime/lib/handover.h"

/* Who has but a user namespace of his own could make a file that nobody outside may use. */
static bool is_host_root(void)
{
	cleanup_free char *map = read_file(AT_FDCWD, "/proc/self/uid_map");
	unsigned inside = 1, outside = 1, count = 0;

	return geteuid() == 0 && map && sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && !inside && !outside &&
	       count == UINT32_MAX;
}

/* A file system whose root is a regular file. The mount is nowhere: it lasts as long as somebody has the file open. */
static int make_mount(int fuse, struct error *err)
{
	cleanup_close int fs = fsopen("fuse", FSOPEN_CLOEXEC);
	char number[16];
	int mnt;

	snprintf(number, sizeof(number), "%d", fuse);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "fd", number, 0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "rootmode", "100600", 0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "user_id", "0", 0) || fsconfig(fs, FSCONFIG_SET_STRING, "group_id", "0", 0) ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "allow_other", NULL, 0) || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return error_errno(err, "linux.seccomp.listenerPath: cannot make a FUSE file system");
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return mnt < 0 ? error_errno(err, "linux.seccomp.listenerPath: cannot mount a FUSE file system") : mnt;
}

/* The specification's ContainerProcessState. */
static char *describe(const struct spec *spec, json_t *state)
{
	json_t *all;
	char *text;

	if (!json_integer_value(json_object_get(state, "pid"))) /* the container's own first process */
		json_object_set_new(state, "pid", json_integer(getpid()));
	all = json_pack("{ss s[s] sI so*}", "ociVersion", OCI_VERSION, "fds", "seccompFd", "pid", (json_int_t)getpid(), "metadata",
			spec->seccomp_metadata ? json_string(spec->seccomp_metadata) : NULL);
	json_object_set(all, "state", state);
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

/* The agent's descriptor; the other end of sock serves it from now on. */
static int make_file(int sock, int other, struct error *err)
{
	cleanup_close int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), mnt = -1;
	char path[40];
	pid_t pid;
	int fd;

	if (fuse < 0)
		return error_errno(err, "linux.seccomp.listenerPath: /dev/fuse");
	mnt = make_mount(fuse, err);
	if (mnt < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return error_errno(err, "fork");
	if (pid == 0) {
		close(other);
		close(mnt); /* the file system ends with the agent's descriptor */
		notify_serve(fuse, sock);
	}
	close(steal_fd(&fuse)); /* if the server dies, the file is dead and waits for nobody */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mnt);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "linux.seccomp.listenerPath: cannot open the listener") : fd;
}

int notify_start(struct spec *spec, json_t *state, struct error *err)
{
	cleanup_close int fd = -1, ours = -1, theirs = -1;
	cleanup_free char *text = NULL;
	int pair[2];

	if (!spec->seccomp_listener) {
		json_decref(state);
		return 0;
	}
	text = describe(spec, state);
	json_decref(state);
	if (!text)
		return error_set(err, "linux.seccomp.listenerMetadata: cannot be sent");
	if (!is_host_root())
		return error_set(err, "linux.seccomp.listenerPath: needs root on the host");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_errno(err, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	fd = make_file(ours, theirs, err);
	if (fd < 0 || hand_over("linux.seccomp.listenerPath", spec->seccomp_listener, text, fd, err))
		return -1;
	spec->seccomp_fd = steal_fd(&theirs);
	return 0;
}

void notify_close(struct spec *spec)
{
	if (spec->seccomp_fd >= 0)
		close(steal_fd(&spec->seccomp_fd));
}
