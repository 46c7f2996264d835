/* See view.h. */
#include "runtime/container/view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A place in the rootfs, whatever links the image has on the way. */
static int open_inside(int root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* Trees stand at /m/N in the sandbox's own mount namespace (sandbox/mounts.c). Places that are missing are left out. */
static void place_trees(int trees, int root, const struct spec *spec)
{
	size_t tree = 1;

	for (size_t i = 0; i < spec->nmounts; i++) {
		cleanup_close int from = -1, to = -1;
		char name[32];

		if (strcmp(spec->mounts[i].type, "hostfs"))
			continue;
		snprintf(name, sizeof(name), "%zu", tree++);
		from = open_tree(trees, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		to = open_inside(root, spec->mounts[i].target);
		if (from >= 0 && to >= 0)
			move_mount(from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	}
}

/*
 * A procfs shows the PID namespace of who makes it: a child born into the sandbox's does, and leaves it as this
 * descriptor. In a user namespace the host allows it only where a whole procfs is in sight: before we move. -1: not to
 * be had.
 */
int view_proc(int pidfd)
{
	cleanup_close int place = open("/", O_PATH | O_CLOEXEC);
	int status = -1;
	pid_t pid;

	if (place < 0 || setns(pidfd, CLONE_NEWPID))
		return -1;
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		int fs = fsopen("proc", FSOPEN_CLOEXEC), mnt = -1;
		const unsigned flags = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

		if (fs >= 0 && !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
			mnt = fsmount(fs, FSMOUNT_CLOEXEC, flags);
		_exit(close(fs) || mnt < 0 || dup3(mnt, place, O_CLOEXEC) < 0 || close(mnt));
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -1 : steal_fd(&place);
}

static void place_proc(int root, int proc)
{
	cleanup_close int to = open_inside(root, "/proc");

	/* Like other runtimes: the place of a mount is made. */
	if (to < 0 && errno == ENOENT && !mkdirat(root, "proc", 0755))
		to = open_inside(root, "/proc");
	if (to >= 0 && proc >= 0)
		move_mount(proc, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int view_enter(const struct sandbox *sb, const struct spec *spec, struct error *err)
{
	int proc = view_proc(sb->pidfd), rc = setns(sb->pidfd, CLONE_NEWNS) ? 0 : view_arrange(proc, spec, err);

	if (proc >= 0)
		close(proc);
	return rc;
}

int view_arrange(int proc, const struct spec *spec, struct error *err)
{
	cleanup_close int root = -1, trees = -1;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return error_errno(err, "cannot make the supervisor's mount namespace");
	trees = open("/m", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* A copy: what came from a user namespace below ours is locked in its place. */
	root = open_tree(AT_FDCWD, "/root", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (root < 0 || move_mount(root, "", AT_FDCWD, "/m", MOVE_MOUNT_F_EMPTY_PATH))
		return error_errno(err, "the supervisor's root");
	place_trees(trees, root, spec);
	place_proc(root, proc);
	if (fchdir(root) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		return error_errno(err, "cannot move the supervisor's root");
	return 0;
}
