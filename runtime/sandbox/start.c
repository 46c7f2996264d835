/* The supervisor's side of a sandbox's start: see sandbox.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#include "runtime/sandbox/kernel_image.h"
#include "runtime/sandbox/lsm.h"
#include "runtime/sandbox/machine.h"
#include "runtime/sandbox/privileges.h"
#include "runtime/sandbox/start.h"
#include "runtime/sandbox/userns.h"

/* Every descriptor of the start that only the child keeps. */
static void start_close(struct start *st)
{
	int *const fds[] = {&st->image_fd, &st->control_fd, &st->sync_fd, &st->log_fd, &st->strace_fd};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(steal_fd(fds[i]));
	filter_free(&st->server_filter);
	filter_free(&st->guest_filter);
}

static int open_output(const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);

	return fd < 0 ? error_errno(err, "%s", path) : fd;
}

/*
 * A terminal as stdin is handed to the guest raw. Started in the background (`limpet do ... &`) we leave the terminal
 * alone: the program gets an empty stdin, as from a shell without job control.
 */
static int choose_terminal(struct start *st, struct error *err)
{
	struct winsize ws;
	struct termios t;

	if (st->spec->plain_stdio)
		return 0;
	if (!isatty(STDIN_FILENO)) {
		if (st->spec->want_terminal)
			return error_set(err, "config.json: process.terminal is true, but stdin is not a terminal");
		return 0;
	}
	if (tcgetpgrp(STDIN_FILENO) != getpgrp() && tcgetpgrp(STDIN_FILENO) >= 0) {
		cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (null < 0 || dup2(null, STDIN_FILENO) < 0)
			return error_errno(err, "/dev/null");
		return 0;
	}
	st->terminal = true;
	if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &ws)) {
		st->rows = ws.ws_row;
		st->cols = ws.ws_col;
	}
	if (!tcgetattr(STDIN_FILENO, &t)) {
		st->termios = (struct boot_termios){1, t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, {0}, 0};
		memcpy(st->termios.cc, t.c_cc, sizeof(st->termios.cc));
	}
	return 0;
}

static int open_debug_files(struct start *st, struct sandbox *sb, const char *fallback, struct error *err)
{
	const struct spec *spec = st->spec;
	int pipefd[2];

	if (spec->debug_log) {
		st->log_fd = open_output(spec->debug_log, err);
		if (st->log_fd < 0)
			return -1;
		if (fallback)
			dprintf(st->log_fd, "limpet: platform plain: %s\n", fallback);
	}
	sb->stats = spec->stats;
	if (spec->stats && spec->stats_file) {
		sb->stats_fd = open_output(spec->stats_file, err);
		if (sb->stats_fd < 0)
			return -1;
	}
	if (!spec->strace)
		return 0;
	if (spec->strace_file) {
		st->strace_fd = open_output(spec->strace_file, err);
		return st->strace_fd < 0 ? -1 : 0;
	}
	if (!st->terminal || !isatty(STDERR_FILENO)) {
		st->strace_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		return st->strace_fd < 0 ? error_errno(err, "stderr") : 0;
	}
	/* A raw terminal needs carriage returns: the supervisor adds them. */
	if (pipe2(pipefd, O_CLOEXEC))
		return error_errno(err, "pipe");
	sb->pump_fd = pipefd[0];
	st->strace_fd = pipefd[1];
	return fcntl(sb->pump_fd, F_SETFL, O_NONBLOCK) ? error_errno(err, "pipe") : 0;
}

static int make_channels(struct start *st, struct sandbox *sb, struct error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_errno(err, "socketpair");
	sb->control_fd = pair[0];
	st->control_fd = pair[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_errno(err, "socketpair");
	sb->sync_fd = pair[0];
	st->sync_fd = pair[1];
	return 0;
}

static int clone_child(struct start *st, struct sandbox *sb, struct error *err)
{
	enum spec_network network = st->spec->network;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			 (network == SPEC_NETWORK_NONE || network == SPEC_NETWORK_NEW ? CLONE_NEWNET : 0) |
			 (st->user_ns ? CLONE_NEWUSER : 0),
		.pidfd = (uintptr_t)&sb->pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0 && st->user_ns && (errno == EPERM || errno == ENOSPC || errno == EINVAL))
		return error_errno(err, "cannot make a user namespace (see user.max_user_namespaces, "
				   "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)");
	if (pid < 0)
		return error_errno(err, "cannot make namespaces");
	if (pid == 0) {
		close(sb->sync_fd);
		close(sb->control_fd);
		start_child(st);
	}
	sb->pid = (pid_t)pid;
	return 0;
}

/*
 * The child is to live in a given network namespace. It inherits that from us: a user namespace of its own would have
 * no rights to join it.
 */
static int clone_in_network(struct start *st, struct sandbox *sb, struct error *err)
{
	const char *path = st->spec->network_path;
	cleanup_close int home = -1, there = -1;
	int rc;

	if (st->spec->network != SPEC_NETWORK_PATH)
		return clone_child(st, sb, err);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || there < 0)
		return error_errno(err, "%s", there < 0 ? path : "/proc/self/ns/net");
	if (setns(there, CLONE_NEWNET))
		return error_errno(err, "cannot join network namespace %s", path);
	rc = clone_child(st, sb, err);
	if (setns(home, CLONE_NEWNET) && !rc)
		return error_errno(err, "cannot go back to the own network namespace");
	return rc;
}

static int set_oom_score(const struct spec *spec, pid_t pid, struct error *err)
{
	char path[64], text[16];

	if (!spec->has_oom_score_adj)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	snprintf(text, sizeof(text), "%d", spec->oom_score_adj);
	if (!write_file(AT_FDCWD, path, text) || geteuid())
		return 0;
	return error_errno(err, "cannot set oom_score_adj to %d", spec->oom_score_adj);
}

int sandbox_go(struct sandbox *sb, struct error *err)
{
	struct error theirs;
	ssize_t n;

	if (send(sb->sync_fd, "g", 1, MSG_NOSIGNAL) != 1)
		return error_errno(err, "the sandbox's first process is gone");
	do {
		n = recv(sb->sync_fd, &theirs, sizeof(theirs), 0);
	} while (n < 0 && errno == EINTR);
	close(steal_fd(&sb->sync_fd));
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(theirs))
		return error_set(err, "the sandbox could not be set up");
	theirs.text[sizeof(theirs.text) - 1] = '\0';
	*err = theirs;
	return -1;
}

static int make_cgroup(struct sandbox *sb, const struct spec *spec, bool admin, struct error *err)
{
	struct error why = {0};

	if (spec->cgroup_scope) /* it is made around a process */
		return 0;
	if (!(spec->cgroup_full || spec_wants_cgroup(spec)) || !cgroup_create(&sb->cgroup, spec, &why))
		return 0;
	if (admin) {
		*err = why;
		return -1;
	}
	warning("limits are not kept: %s", why.text);
	return 0;
}

static int check_rootfs(const struct spec *spec, struct error *err)
{
	struct stat s;

	if (stat(spec->rootfs, &s))
		return error_errno(err, "root directory %s", spec->rootfs);
	return S_ISDIR(s.st_mode) ? 0 : error_set(err, "root directory %s: is not a directory", spec->rootfs);
}

static int start_run(struct start *st, struct sandbox *sb, struct error *err)
{
	const struct spec *spec = st->spec;
	bool admin = privileges_is_admin();
	const char *fallback;
	struct machine machine;
	uint64_t text_size;

	machine_probe(&machine);
	if (lsm_check(spec, err) || machine_platform(&machine, spec->platform, &st->platform, &fallback, err) || check_rootfs(spec, err) ||
	    privileges_raise_limits(err))
		return -1;
	st->user_ns = spec->new_user_ns || !admin;
	if (kernel_image_text_size(&text_size, err) ||
	    filter_build(&st->server_filter, spec->network == SPEC_NETWORK_NONE ? FILTER_SERVER : FILTER_SERVER_NETWORK,
			 text_size, err) ||
	    filter_build(&st->guest_filter, FILTER_GUEST, text_size, err))
		return -1;
	st->image_fd = kernel_image_memfd(err);
	if (st->image_fd < 0 || choose_terminal(st, err) || open_debug_files(st, sb, fallback, err) ||
	    make_channels(st, sb, err) || make_cgroup(sb, spec, admin, err) || clone_in_network(st, sb, err))
		return -1;
	close(steal_fd(&st->sync_fd));
	close(steal_fd(&st->control_fd));
	if ((spec->cgroup_scope ? cgroup_scope(&sb->cgroup, spec, sb->pid, err)
				: cgroup_attach(&sb->cgroup, sb->pid, err)) || (st->user_ns && userns_map(sb->pid, spec, err)) ||
	    set_oom_score(spec, sb->pid, err))
		return -1;
	sb->oom_fd = cgroup_open_oom(&sb->cgroup);
	sb->terminal = st->terminal;
	return 0;
}

int sandbox_start(struct sandbox *sb, const struct spec *spec, struct error *err)
{
	struct start st = {.spec = spec, .image_fd = -1, .control_fd = -1, .sync_fd = -1, .log_fd = -1, .strace_fd = -1};
	int rc;

	*sb = (struct sandbox){.pidfd = -1, .control_fd = -1, .sync_fd = -1, .pump_fd = -1, .stats_fd = -1,
			       .oom_fd = -1};
	rc = start_run(&st, sb, err);
	start_close(&st);
	if (rc)
		sandbox_end(sb);
	return rc;
}

int sandbox_end(struct sandbox *sb)
{
	int *const fds[] = {&sb->pidfd, &sb->control_fd, &sb->sync_fd, &sb->pump_fd, &sb->stats_fd, &sb->oom_fd};
	int status = 0;

	if (sb->pid) {
		kill(sb->pid, SIGKILL); /* and with PID 1 all others; a zombie does not mind */
		while (waitpid(sb->pid, &status, 0) < 0 && errno == EINTR)
			;
		sb->pid = 0;
	}

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(steal_fd(fds[i]));
	cgroup_remove(&sb->cgroup);
	return status;
}
