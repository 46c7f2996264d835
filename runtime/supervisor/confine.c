/* See confine.h. */
#include "runtime/supervisor/confine.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/supervisor/terminal.h"

/* Whatever their arguments. */
static const int calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(close), SCMP_SYS(wait4), SCMP_SYS(waitid),
	/* The end: control groups are removed, streams flushed. */
	SCMP_SYS(rmdir), SCMP_SYS(clock_nanosleep), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(lseek),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* libc: memory, signals. */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(getrandom),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getpgrp), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
};

/* A container's serves its commands (container/server.c). */
static const int server_calls[] = {SCMP_SYS(accept4), SCMP_SYS(getsockopt), SCMP_SYS(geteuid)};

static const unsigned ioctls[] = {TCGETS, TCSETS, TCSETSW, TCSETSF, TCGETS2, TCSETS2, TCSETSW2, TCSETSF2,
				  TIOCGPGRP, TIOCGWINSZ};

static int add_all(scmp_filter_ctx ctx, pid_t kserver, bool serves)
{
	const uint32_t allow = SCMP_ACT_ALLOW;
	uint64_t self = (uint64_t)getpid();
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(calls); i++)
		rc = seccomp_rule_add_exact(ctx, allow, calls[i], 0);
	for (size_t i = 0; !rc && serves && i < ARRAY_SIZE(server_calls); i++)
		rc = seccomp_rule_add_exact(ctx, allow, server_calls[i], 0);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(ioctls); i++)
		rc = seccomp_rule_add_exact(ctx, allow, SCMP_SYS(ioctl), 1, SCMP_A1_32(SCMP_CMP_EQ, ioctls[i]));
	if (!rc)
		rc = seccomp_rule_add_exact(ctx, allow, SCMP_SYS(fcntl), 1, SCMP_A1_32(SCMP_CMP_EQ, F_GETFL));
	if (!rc)
		rc = seccomp_rule_add_exact(ctx, allow, SCMP_SYS(fcntl), 1, SCMP_A1_32(SCMP_CMP_EQ, F_SETFL));
	/* malloc's, never executable. */
	if (!rc)
		rc = seccomp_rule_add_exact(ctx, allow, SCMP_SYS(mmap), 2, SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
					    SCMP_A4_32(SCMP_CMP_EQ, 0xffffffff));
	if (!rc)
		rc = seccomp_rule_add_exact(ctx, allow, SCMP_SYS(mprotect), 1,
					    SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!rc)
		rc = seccomp_rule_add_exact(ctx, allow, SCMP_SYS(kill), 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)kserver));
	if (!rc)
		rc = seccomp_rule_add_exact(ctx, allow, SCMP_SYS(tgkill), 1, SCMP_A0_32(SCMP_CMP_EQ, self));
	return rc;
}

static scmp_filter_ctx make(pid_t kserver, bool serves, struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int rc = ctx ? 0 : -ENOMEM;

	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!rc)
		rc = add_all(ctx, kserver, serves);
	if (!rc)
		return ctx;
	if (ctx)
		seccomp_release(ctx);
	errno = -rc;
	error_errno(err, "the supervisor's seccomp filter");
	return NULL;
}

/* The call was not made. Nothing here may make another that is not on the list. */
static void refused(int sig, siginfo_t *info, void *context)
{
	char text[100];
	int n = snprintf(text, sizeof(text), "limpet: the supervisor made a host system call outside its list: %d\n",
			 info->si_syscall);

	(void)sig;
	(void)context;
	terminal_leave();
	(void)!write(STDERR_FILENO, text, (size_t)n);
	_exit(STATUS_FAILURE); /* kserver dies with its parent */
}

int confine_supervisor(const struct sandbox *sb, bool serves, struct error *err)
{
	struct sigaction sa = {.sa_sigaction = refused, .sa_flags = SA_SIGINFO};
	scmp_filter_ctx ctx = make(sb->pid, serves, err);
	int rc;

	if (!ctx)
		return -1;
	if (sigaction(SIGSYS, &sa, NULL)) {
		seccomp_release(ctx);
		return error_errno(err, "sigaction");
	}
	rc = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -rc;
	return rc ? error_errno(err, "the supervisor's seccomp filter") : 0;
}

int confine_export(struct filter *filter, struct error *err)
{
	cleanup_close int fd = memfd_create("limpet-filter", MFD_CLOEXEC);
	scmp_filter_ctx ctx = make(1, true, err);
	struct stat st;
	int rc;

	*filter = (struct filter){0};
	if (!ctx)
		return -1;
	rc = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	if (!rc && fstat(fd, &st))
		rc = -errno;
	if (!rc) {
		filter->len = (size_t)st.st_size / sizeof(*filter->code);
		filter->code = malloc((size_t)st.st_size);
		if (!filter->code || pread(fd, filter->code, (size_t)st.st_size, 0) != st.st_size)
			rc = -EIO;
	}
	if (!rc)
		return 0;
	filter_free(filter);
	errno = -rc;
	return error_errno(err, "the supervisor's seccomp filter");
}
