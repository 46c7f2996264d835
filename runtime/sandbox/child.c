/* The process that becomes kserver, from clone to exec: see sandbox.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runtime/sandbox/lsm.h"
#include "runtime/sandbox/privileges.h"
#include "runtime/sandbox/start.h"
#include "runtime/sandbox/targets.h"

#define FD_FIRST (BOOT_FD + 1)

static enum privileges needed_privileges(const struct spec *spec, const struct mount_tree *trees, size_t ntrees)
{
	/* What the others will bring is not known yet. */
	if (spec->pod)
		return PRIVILEGES_WRITE_FCAPS;
	for (size_t i = 0; i < ntrees; i++)
		if (!trees[i].readonly)
			return !spec->root_overlay && (spec->cap_bounding & 1ull << 31 /* CAP_SETFCAP */)
				       ? PRIVILEGES_WRITE_FCAPS
				       : PRIVILEGES_WRITE;
	return PRIVILEGES_READ;
}

/* In a user namespace whose map has a root, files are made in root's name. */
static int become_inner_root(const struct spec *spec, struct error *err)
{
	for (size_t i = 0; i < spec->ngid_map; i++)
		if (spec->gid_map[i].inside == 0 && setresgid(0, 0, 0))
			return error_errno(err, "cannot become group 0 of the sandbox's user namespace");
	for (size_t i = 0; i < spec->nuid_map; i++)
		if (spec->uid_map[i].inside == 0 && setresuid(0, 0, 0))
			return error_errno(err, "cannot become user 0 of the sandbox's user namespace");
	return 0;
}

/*
 * Packs the kept descriptors behind BOOT_FD without close-on-exec, puts image and sync channel behind those and closes
 * the rest. Each slot is a pointer to a number that is -1 or gets its new value.
 */
static int pack_descriptors(int **slots, size_t n, int *image_fd, int *sync_fd, struct error *err)
{
	int next = FD_FIRST, above = FD_FIRST + (int)n + 2;

	for (size_t i = 0; i < n + 2; i++) {
		int *slot = i < n ? slots[i] : i == n ? image_fd : sync_fd;

		if (*slot < 0)
			continue;
		*slot = fcntl(*slot, F_DUPFD_CLOEXEC, above);
		if (*slot < 0)
			return error_errno(err, "moving descriptors");
	}
	for (size_t i = 0; i < n; i++) {
		if (*slots[i] < 0)
			continue;
		if (dup2(*slots[i], next) < 0)
			return error_errno(err, "moving descriptors");
		*slots[i] = next++;
	}
	if (dup3(*image_fd, next, O_CLOEXEC) < 0 || dup3(*sync_fd, next + 1, O_CLOEXEC) < 0)
		return error_errno(err, "moving descriptors");
	*image_fd = next;
	*sync_fd = next + 1;
	if (close_range((unsigned)next + 2, ~0u, 0))
		return error_errno(err, "close_range");
	for (int fd = 0; fd <= 2; fd++)
		fcntl(fd, F_SETFD, 0);
	return 0;
}

/* The loopback of a fresh namespace is down. */
static int loopback_up(struct error *err)
{
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r))
		return error_errno(err, "cannot bring up the loopback of the sandbox's network");
	return 0;
}

/*
 * Clocks of its own are a time namespace of the host: the guest kernel's calls and the vDSO, which its programs use as it
 * is, both read them there. We enter it at once, for what is made by exec is in the caller's.
 */
static int enter_clocks(const struct spec *spec, struct error *err)
{
	const struct spec_offset *m = &spec->clocks[SPEC_CLOCK_MONOTONIC], *b = &spec->clocks[SPEC_CLOCK_BOOTTIME];
	cleanup_close int fd = -1;
	char text[160];

	if (!spec->has_clocks)
		return 0;
	snprintf(text, sizeof(text), "monotonic %" PRId64 " %u\nboottime %" PRId64 " %u\n", m->secs, m->nanosecs, b->secs,
		 b->nanosecs);
	if (unshare(CLONE_NEWTIME))
		return error_errno(err, "linux.timeOffsets: cannot make a time namespace on the host");
	if (write_file(AT_FDCWD, "/proc/self/timens_offsets", text))
		return error_errno(err, "linux.timeOffsets: the host does not take them");
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME))
		return error_errno(err, "linux.timeOffsets: cannot enter the time namespace");
	return 0;
}

static int child_run(struct start *st, struct error *err)
{
	const struct spec *spec = st->spec;
	char *const argv[] = {"limpet-kernel", NULL}, *const envp[] = {NULL};
	cleanup_free struct mount_tree *trees = NULL;
	cleanup_free int **slots = NULL;
	int preserved[SPEC_PRESERVE_MAX];
	struct boot_facts facts;
	size_t ntrees = 0, nslots = 0;
	int proc_fd, boot_fd, seccomp_fd = spec->seccomp_fd;

	setsid(); /* what is typed at our terminal signals the supervisor only */
	/* Before credentials change, after which these files are somebody else's. */
	if (enter_clocks(spec, err) || lsm_apply(spec, err))
		return -1;
	if (st->user_ns && become_inner_root(spec, err))
		return -1;
	if (spec->network == SPEC_NETWORK_NEW && loopback_up(err))
		return -1;
	unshare(CLONE_NEWCGROUP); /* not all kernels have it, and no cgroupfs is mounted inside anyway */
	if (spec->root_readonly && !spec->root_overlay)
		targets_make(spec);
	if (mounts_collect(spec, &trees, &ntrees, err) || mounts_enter(trees, ntrees, &proc_fd, err))
		return -1;

	slots = calloc(ntrees + 5 + spec->preserve_fds, sizeof(*slots));
	if (!slots)
		return error_errno(err, "allocating descriptors");
	slots[nslots++] = &st->control_fd;
	slots[nslots++] = &st->log_fd;
	slots[nslots++] = &st->strace_fd;
	slots[nslots++] = &proc_fd;
	slots[nslots++] = &seccomp_fd;
	for (size_t i = 0; i < ntrees; i++)
		slots[nslots++] = &trees[i].fd;
	for (unsigned i = 0; i < spec->preserve_fds; i++) {
		preserved[i] = (int)i + 3;
		slots[nslots++] = &preserved[i];
	}
	if (pack_descriptors(slots, nslots, &st->image_fd, &st->sync_fd, err))
		return -1;

	facts = (struct boot_facts){
		.platform = st->platform,
		.control_fd = st->control_fd,
		.log_fd = st->log_fd,
		.strace_fd = st->strace_fd,
		.host_proc_fd = proc_fd,
		.seccomp_fd = seccomp_fd,
		.server_filter = &st->server_filter,
		.guest_filter = &st->guest_filter,
		.preserved = preserved,
		.terminal = st->terminal,
		.rows = st->rows,
		.cols = st->cols,
		.termios = st->termios,
		.trees = trees,
	};
	boot_fd = boot_block_memfd(spec, &facts, err);
	if (boot_fd < 0)
		return -1;
	if (boot_fd == BOOT_FD)
		fcntl(boot_fd, F_SETFD, 0);
	else if (dup2(boot_fd, BOOT_FD) < 0 || close(boot_fd))
		return error_errno(err, "moving descriptors");

	if (privileges_drop(needed_privileges(spec, trees, ntrees), spec->network != SPEC_NETWORK_NONE, err))
		return -1;
	/* Again: changed credentials clear it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return error_errno(err, "PR_SET_PDEATHSIG");
	execveat(st->image_fd, "", argv, envp, AT_EMPTY_PATH);
	return error_errno(err, "cannot start the guest kernel");
}

_Noreturn void start_child(struct start *st)
{
	struct error err = {0};
	char go;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* End of file: the parent gave up, or is gone. */
	if (recv(st->sync_fd, &go, 1, 0) == 1) {
		child_run(st, &err);
		(void)!send(st->sync_fd, &err, sizeof(err), MSG_NOSIGNAL);
	}
	_exit(STATUS_FAILURE);
}
