/* wait4, waitid: whom, for what, what they say. */
#include "test.h"

TEST(status_words)
{
	int st;
	pid_t pid = fork();

	if (!pid)
		_exit(300);
	EQ(waitpid(pid, &st, 0), pid);
	CHECK(WIFEXITED(st));
	EQ(WEXITSTATUS(st), 300 & 255);
	pid = fork();
	if (!pid) {
		raise(SIGKILL);
		_exit(1);
	}
	EQ(waitpid(pid, &st, 0), pid);
	CHECK(WIFSIGNALED(st));
	EQ(WTERMSIG(st), SIGKILL);
	EQ(waitpid(pid, &st, 0), -1);
	EQ(errno, ECHILD);
}

TEST(core_flag)
{
	struct rlimit none = { 0, 0 };
	int st;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		abort();
	}
	EQ(waitpid(pid, &st, 0), pid);
	CHECK(WIFSIGNALED(st));
	EQ(WTERMSIG(st), SIGABRT);
	EQ(!!WCOREDUMP(st), 0);
}

TEST(errors)
{
	siginfo_t si;
	pid_t pid;

	ERR(waitpid(-1, 0, 0), ECHILD);
	ERR(waitpid(getpid(), 0, 0), ECHILD);
	ERR(waitpid(1, 0, 0), ECHILD);
	ERR(waitpid(-1, 0, 0x1000), EINVAL);
	ERR(waitpid(INT_MIN, 0, 0), ESRCH);
	ERR(waitid(P_PID, 0, &si, WEXITED), EINVAL);
	ERR(waitid(P_ALL, 0, &si, 0), EINVAL);
	ERR(waitid(P_ALL, 0, &si, WNOHANG), EINVAL);
	ERR(waitid(99, 0, &si, WEXITED), EINVAL);
	ERR(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
	pid = fork();
	if (!pid)
		_exit(0);
	ERR(syscall(SYS_wait4, pid, (void *)8, 0, 0), EFAULT);
	ERR(waitpid(pid, 0, 0), ECHILD); /* reaped all the same */
}

TEST(nohang)
{
	struct turn t = turn_new();
	siginfo_t si;
	int st = 0x77;
	pid_t pid = fork();

	if (!pid) {
		hold(t);
		_exit(9);
	}
	EQ(waitpid(pid, &st, WNOHANG), 0);
	EQ(waitpid(-1, &st, WNOHANG), 0);
	memset(&si, 0xff, sizeof si);
	EQ(waitid(P_PID, pid, &si, WEXITED | WNOHANG), 0);
	EQ(si.si_pid, 0);
	EQ(si.si_signo, 0);
	letgo(t);
	SOON(waitpid(pid, &st, WNOHANG) == pid);
	EQ(st, 9 << 8);
}

TEST(waitid_fields)
{
	siginfo_t si;
	struct rusage ru;
	pid_t pid = fork();

	if (!pid)
		_exit(0x1ff);
	memset(&si, 0, sizeof si);
	EQ(waitid(P_PID, pid, &si, WEXITED | WNOWAIT), 0);
	EQ(si.si_signo, SIGCHLD);
	EQ(si.si_code, CLD_EXITED);
	EQ(si.si_pid, pid);
	EQ(si.si_uid, getuid());
	EQ(si.si_status, 0xff);
	EQ(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT), 0); /* still there */
	EQ(syscall(SYS_waitid, P_PGID, 0, &si, WEXITED, &ru), 0);
	EQ(si.si_pid, pid);
	ERR(waitid(P_PID, pid, &si, WEXITED), ECHILD);

	pid = fork();
	if (!pid) {
		raise(SIGTERM);
		_exit(1);
	}
	EQ(waitid(P_PID, pid, &si, WEXITED), 0);
	EQ(si.si_code, CLD_KILLED);
	EQ(si.si_status, SIGTERM);
	EQ(waitid(P_ALL, 0, 0, WEXITED) == -1 && errno == ECHILD, 1);
}

TEST(stop_and_continue)
{
	siginfo_t si;
	int st;
	pid_t pid = fork();

	if (!pid) {
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	EQ(waitpid(pid, &st, WUNTRACED), pid);
	CHECK(WIFSTOPPED(st));
	EQ(WSTOPSIG(st), SIGSTOP);
	EQ(waitpid(pid, &st, WUNTRACED | WNOHANG), 0); /* told once */
	kill(pid, SIGCONT);
	EQ(waitpid(pid, &st, WCONTINUED), pid);
	EQ(st, 0xffff);
	CHECK(WIFCONTINUED(st));
	EQ(waitpid(pid, &st, WCONTINUED | WNOHANG), 0);
	kill(pid, SIGTSTP);
	EQ(waitid(P_PID, pid, &si, WSTOPPED), 0);
	EQ(si.si_code, CLD_STOPPED);
	EQ(si.si_status, SIGTSTP);
	kill(pid, SIGCONT);
	EQ(waitid(P_PID, pid, &si, WCONTINUED | WNOWAIT), 0);
	EQ(si.si_code, CLD_CONTINUED);
	EQ(si.si_status, SIGCONT);
	EQ(waitid(P_PID, pid, &si, WCONTINUED), 0);
	kill(pid, SIGSTOP);
	EQ(waitid(P_PID, pid, &si, WSTOPPED), 0);
	kill(pid, SIGKILL); /* kills a stopped one too */
	reap_signal(pid, SIGKILL);
}

TEST(by_group)
{
	struct turn t = turn_new();
	int st;
	pid_t a = fork(), b;

	if (!a) {
		hold(t);
		_exit(1);
	}
	setpgid(a, a);
	b = fork();
	if (!b)
		_exit(2);
	EQ(waitpid(0, &st, 0), b);
	ERR(waitpid(0, &st, 0), ECHILD);
	EQ(waitpid(-a, &st, WNOHANG), 0);
	letgo(t);
	EQ(waitpid(-a, &st, 0), a);
	EQ(st, 1 << 8);
	ERR(waitpid(-a, &st, 0), ECHILD);
}

static volatile int chld;
static siginfo_t chld_info;
static void on_chld(int sig, siginfo_t *si, void *uc) { (void)sig, (void)uc; chld++; chld_info = *si; }

TEST(sigchld_info)
{
	pid_t pid;

	handle_info(SIGCHLD, on_chld, 0);
	pid = fork();
	if (!pid)
		_exit(5);
	SOON(chld == 1);
	EQ(chld_info.si_signo, SIGCHLD);
	EQ(chld_info.si_code, CLD_EXITED);
	EQ(chld_info.si_pid, pid);
	EQ(chld_info.si_status, 5);
	reap_exit(pid, 5);
	pid = fork();
	if (!pid) {
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	SOON(chld == 2);
	EQ(chld_info.si_code, CLD_STOPPED);
	EQ(chld_info.si_status, SIGSTOP);
	kill(pid, SIGCONT);
	SOON(chld == 3);
	EQ(chld_info.si_code, CLD_CONTINUED);
	EQ(chld_info.si_status, SIGCONT);
	kill(pid, SIGTERM);
	SOON(chld == 4);
	EQ(chld_info.si_code, CLD_KILLED);
	EQ(chld_info.si_status, SIGTERM);
	reap_signal(pid, SIGTERM);
	handle_info(SIGCHLD, on_chld, SA_NOCLDSTOP);
	pid = fork();
	if (!pid) {
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	EQ(waitpid(pid, 0, WUNTRACED), pid);
	EQ(chld, 4);
	kill(pid, SIGKILL);
	SOON(chld == 5);
	reap_signal(pid, SIGKILL);
}

TEST(ignored_sigchld_reaps)
{
	struct turn t = turn_new();
	long long start;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (!pid) {
		hold(t);
		msleep(50);
		_exit(0);
	}
	letgo(t);
	start = now_ns();
	ERR(waitpid(-1, 0, 0), ECHILD); /* but only when all have ended */
	CHECK(now_ns() - start >= 40 * MS);
	ERR(kill(pid, 0), ESRCH);
	signal(SIGCHLD, SIG_DFL);
	handle(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
	pid = fork();
	if (!pid)
		_exit(0);
	ERR(waitpid(pid, 0, 0), ECHILD);
	handle(SIGCHLD, SIG_DFL, 0);
	pid = fork();
	if (!pid)
		_exit(6);
	reap_exit(pid, 6);
}

static void nothing(int sig) { (void)sig; }
TEST(interrupted)
{
	struct itimerval it = { .it_value = { 0, 50000 } };
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	handle(SIGALRM, nothing, 0);
	setitimer(ITIMER_REAL, &it, 0);
	ERR(waitpid(pid, 0, 0), EINTR);
	handle(SIGALRM, nothing, SA_RESTART);
	setitimer(ITIMER_REAL, &it, 0);
	if (!fork()) {
		msleep(150);
		kill(pid, SIGKILL);
		_exit(0);
	}
	reap_signal(pid, SIGKILL);
	wait(0);
}

TEST(rusage)
{
	struct rusage ru;
	int st;
	pid_t pid = fork();

	if (!pid) {
		struct rusage me;

		do
			getrusage(RUSAGE_SELF, &me);
		while (me.ru_utime.tv_usec + me.ru_stime.tv_usec < 60000);
		_exit(0);
	}
	memset(&ru, 0xff, sizeof ru);
	EQ(wait4(pid, &st, 0, &ru), pid);
	CHECK(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec + ru.ru_utime.tv_sec * 1000000 >= 50000);
	CHECK(ru.ru_utime.tv_sec >= 0 && ru.ru_utime.tv_sec < 20);
	CHECK(ru.ru_maxrss > 0);
}

TEST(zombie)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	SOON(proc_state(pid) == 'Z');
	EQ(kill(pid, 0), 0);
	EQ(kill(pid, SIGKILL), 0);
	EQ(getpgid(pid), getpgrp());
	reap(pid);
	ERR(kill(pid, 0), ESRCH);
	EQ(proc_state(pid), 0);
}

static void *waiter(void *arg)
{
	int st = 0;

	EQ(waitpid(*(pid_t *)arg, &st, 0), *(pid_t *)arg);
	return (void *)(long)st;
}

TEST(from_another_thread)
{
	struct turn t = turn_new();
	pthread_t th;
	void *ret;
	pid_t pid = fork();

	if (!pid) {
		hold(t);
		_exit(8);
	}
	pthread_create(&th, 0, waiter, &pid);
	msleep(20);
	letgo(t);
	pthread_join(th, &ret);
	EQ((long)ret, 8 << 8);
}

TEST(other_threads_children)
{
	/* __WNOTHREAD waits only for one's own. */
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	EQ(waitpid(pid, 0, __WNOTHREAD), pid);
	ERR(waitpid(-1, 0, __WCLONE), ECHILD);
}
