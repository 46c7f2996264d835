/* clone3 and pidfds. */
#include "test.h"
#include <linux/sched.h>
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static long sys_clone3(struct clone_args *a, size_t n) { return syscall(SYS_clone3, a, n); }

TEST(plain_fork)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&a, sizeof a);

	if (!pid)
		_exit(7);
	CHECK(pid > 0);
	reap_exit(pid, 7);
}

TEST(errors)
{
	struct clone_args a = { .exit_signal = 100 };
	char big[200];

	ERR(sys_clone3(&a, sizeof a), EINVAL);
	a = (struct clone_args){ .exit_signal = SIGCHLD, .stack = 0x1000 };
	ERR(sys_clone3(&a, sizeof a), EINVAL);
	a = (struct clone_args){ .flags = CLONE_SIGHAND };
	ERR(sys_clone3(&a, sizeof a), EINVAL);
	a = (struct clone_args){ .flags = 1ull << 63 };
	ERR(sys_clone3(&a, sizeof a), EINVAL);
	a = (struct clone_args){ .exit_signal = SIGCHLD };
	ERR(sys_clone3(&a, 8), EINVAL);
	ERR(sys_clone3((void *)8, sizeof a), EFAULT);
	memset(big, 0, sizeof big);
	((struct clone_args *)big)->exit_signal = SIGCHLD;
	big[150] = 1;
	ERR(sys_clone3((void *)big, sizeof big), E2BIG);
}

TEST(pidfd_from_clone)
{
	int fd = -1, st = 0;
	pid_t tid = 0;
	siginfo_t si;
	struct pollfd p;
	struct clone_args a = { .flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .exit_signal = SIGCHLD, .pidfd = (long)&fd,
		.parent_tid = (long)&tid };
	struct turn t = turn_new();
	pid_t pid = sys_clone3(&a, sizeof a);

	if (!pid) {
		hold(t);
		_exit(13);
	}
	CHECK(fd >= 0);
	EQ(tid, pid);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	p = (struct pollfd){ fd, POLLIN, 0 };
	EQ(poll(&p, 1, 0), 0);
	EQ(waitid(P_PIDFD, fd, &si, WEXITED | WNOHANG), 0);
	letgo(t);
	EQ(poll(&p, 1, 5000), 1);
	EQ(p.revents & POLLIN, POLLIN);
	EQ(waitid(P_PIDFD, fd, &si, WEXITED), 0);
	EQ(si.si_pid, pid);
	EQ(si.si_status, 13);
	ERR(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0), ESRCH);
	(void)st;
}

TEST(pidfd_open_and_kill)
{
	pid_t pid = fork();
	int fd;

	if (!pid) {
		for (;;)
			pause();
	}
	fd = OK(syscall(SYS_pidfd_open, pid, 0));
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ERR(syscall(SYS_pidfd_open, pid, 0x10000000), EINVAL);
	ERR(syscall(SYS_pidfd_open, 999999, 0), ESRCH);
	ERR(syscall(SYS_pidfd_open, 0, 0), EINVAL);
	ERR(syscall(SYS_pidfd_open, -1, 0), EINVAL);
	EQ(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0), 0);
	ERR(syscall(SYS_pidfd_send_signal, fd, 99, 0, 0), EINVAL);
	ERR(syscall(SYS_pidfd_send_signal, 0, SIGTERM, 0, 0), EBADF);
	EQ(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0), 0);
	reap_signal(pid, SIGTERM);
	close(fd);
}

TEST(pidfd_getfd)
{
	struct turn t = turn_new();
	int fd, got;
	char buf[8] = "";
	pid_t pid;

	put_file("f", "secret");
	pid = fork();
	if (!pid) {
		int f = open("f", O_RDONLY);

		dup2(f, 50);
		letgo(t);
		for (;;)
			pause();
	}
	hold(t);
	fd = OK(syscall(SYS_pidfd_open, pid, 0));
	got = OK(syscall(SYS_pidfd_getfd, fd, 50, 0));
	EQ(read(got, buf, 7), 6);
	STR(buf, "secret");
	ERR(syscall(SYS_pidfd_getfd, fd, 51, 0), EBADF);
	kill(pid, SIGKILL);
	reap_signal(pid, SIGKILL);
}

TEST(set_tid_in_child)
{
	pid_t child_tid = 0;
	struct clone_args a = { .flags = CLONE_CHILD_SETTID, .exit_signal = SIGCHLD, .child_tid = (long)&child_tid };
	pid_t pid = sys_clone3(&a, sizeof a);

	if (!pid) {
		EQ(child_tid, syscall(SYS_gettid));
		done();
	}
	reap(pid);
	EQ(child_tid, 0); /* another memory */
}

TEST(clear_sighand)
{
	struct clone_args a = { .flags = 0x100000000ull, .exit_signal = SIGCHLD };
	pid_t pid;

	handle(SIGUSR1, (void (*)(int))done, 0);
	signal(SIGUSR2, SIG_IGN);
	pid = sys_clone3(&a, sizeof a);
	if (!pid) {
		struct sigaction sa;

		sigaction(SIGUSR1, 0, &sa);
		CHECK(sa.sa_handler == SIG_DFL);
		sigaction(SIGUSR2, 0, &sa);
		CHECK(sa.sa_handler == SIG_IGN);
		done();
	}
	CHECK(pid > 0);
	reap(pid);
}
