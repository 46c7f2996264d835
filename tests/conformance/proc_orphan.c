/* Process groups, sessions, orphans, subreapers. */
#include "test.h"
#include <sys/prctl.h>

TEST(setpgid_rules)
{
	struct turn t = turn_new();
	pid_t pid = fork();

	if (!pid) {
		hold(t);
		_exit(0);
	}
	EQ(getpgid(pid), getpgrp());
	EQ(setpgid(pid, pid), 0);
	EQ(getpgid(pid), pid);
	EQ(setpgid(pid, getpgrp()), 0);
	EQ(getpgid(pid), getpgrp());
	EQ(setpgid(pid, 0), 0);
	EQ(getpgid(pid), pid);
	ERR(setpgid(pid, -1), EINVAL);
	ERR(setpgid(pid, 999999), EPERM);
	ERR(setpgid(999999, 0), ESRCH);
	ERR(setpgid(getppid(), 0), ESRCH);
	ERR(getpgid(999999), ESRCH);
	ERR(getsid(999999), ESRCH);
	letgo(t);
	reap(pid);
}

TEST(setsid_rules)
{
	pid_t pid;

	ERR(setsid(), EPERM); /* leader of a group */
	pid = fork();
	if (!pid) {
		EQ(setsid(), getpid());
		EQ(getsid(0), getpid());
		EQ(getpgrp(), getpid());
		ERR(setsid(), EPERM);
		ERR(setpgid(0, 0), EPERM); /* a session leader */
		ERR(open("/dev/tty", O_RDWR), ENXIO);
		pid = fork();
		if (!pid) {
			EQ(getsid(0), getppid());
			EQ(setpgid(0, 0), 0);
			done();
		}
		reap(pid);
		done();
	}
	reap(pid);
}

TEST(setpgid_other_session)
{
	struct turn t = turn_new(), go = turn_new();
	pid_t pid = fork();

	if (!pid) {
		setsid();
		letgo(go);
		hold(t);
		_exit(0);
	}
	hold(go);
	ERR(setpgid(pid, getpgrp()), EPERM);
	ERR(setpgid(0, pid), EPERM);
	letgo(t);
	reap(pid);
}

TEST(setpgid_after_exec)
{
	int p[2];
	char c;
	pid_t pid;

	pipe2(p, O_CLOEXEC);
	pid = fork();
	if (!pid) {
		execl("/bin/sleep", "sleep", "100", (char *)0);
		_exit(1);
	}
	close(p[1]);
	EQ(read(p[0], &c, 1), 0); /* exec has happened */
	ERR(setpgid(pid, pid), EACCES);
	kill(pid, SIGKILL);
	reap_signal(pid, SIGKILL);
}

TEST(orphan_goes_to_init)
{
	int p[2];
	pid_t pid, got = 0;

	pipe(p);
	pid = fork();
	if (!pid) {
		pid_t parent = getpid();

		if (fork())
			_exit(0);
		SOON(getppid() != parent);
		got = getppid();
		write(p[1], &got, sizeof got);
		done();
	}
	reap(pid);
	EQ(read(p[0], &got, sizeof got), sizeof got);
	CHECK(got > 0 && got != getpid());
	ERR(waitpid(-1, 0, 0), ECHILD);
}

TEST(subreaper)
{
	int is = 0, p[2];
	pid_t pid, orphan = 0, me = getpid();

	EQ(prctl(PR_GET_CHILD_SUBREAPER, &is), 0);
	EQ(is, 0);
	EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	EQ(prctl(PR_GET_CHILD_SUBREAPER, &is), 0);
	EQ(is, 1);
	pipe(p);
	pid = fork();
	if (!pid) {
		EQ(prctl(PR_GET_CHILD_SUBREAPER, &is), 0);
		EQ(is, 0); /* not inherited */
		pid = fork();
		if (!pid) {
			SOON(getppid() == me);
			_exit(test_failures ? 99 : 42);
		}
		write(p[1], &pid, sizeof pid);
		done();
	}
	EQ(read(p[0], &orphan, sizeof orphan), sizeof orphan);
	reap(pid);
	reap_exit(orphan, 42);
}

TEST(pdeathsig)
{
	struct turn ready = turn_new();
	int is = 0, p[2];
	char c;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		if (!fork()) {
			EQ(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
			EQ(prctl(PR_GET_PDEATHSIG, &is), 0);
			EQ(is, SIGTERM);
			ERR(prctl(PR_SET_PDEATHSIG, 100), EINVAL);
			close(p[0]);
			letgo(ready);
			for (;;)
				pause();
		}
		hold(ready);
		_exit(0);
	}
	close(p[1]);
	reap(pid);
	EQ(read(p[0], &c, 1), 0); /* the grandchild is gone */
}

static volatile int got_hup, got_cont;
static void on_hup(int s) { (void)s; got_hup = 1; }
static void on_cont(int s) { (void)s; got_cont = 1; }

TEST(orphaned_stopped_group_gets_hup)
{
	int p[2], result = 0;
	struct turn ready = turn_new();
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		pid_t kid;

		setsid();
		kid = fork();
		if (!kid) {
			setpgid(0, 0);
			handle(SIGHUP, on_hup, 0);
			handle(SIGCONT, on_cont, 0);
			letgo(ready);
			kill(getpid(), SIGSTOP);
			SOON(got_hup && got_cont);
			result = got_hup * 2 + got_cont;
			write(p[1], &result, sizeof result);
			_exit(0);
		}
		hold(ready);
		waitpid(kid, 0, WUNTRACED);
		_exit(0);
	}
	reap(pid);
	EQ(read(p[0], &result, sizeof result), sizeof result);
	EQ(result, 3);
}

TEST(stop_signals_ignored_in_orphaned_group)
{
	int p[2];
	char c = 0;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		setsid(); /* a session leader's group is orphaned */
		if (!fork()) {
			kill(getpid(), SIGTSTP); /* no effect */
			write(p[1], "x", 1);
			_exit(0);
		}
		wait(0);
		_exit(0);
	}
	EQ(read(p[0], &c, 1), 1);
	EQ(c, 'x');
	reap(pid);
}

TEST(kill_whom)
{
	pid_t a, b, group;

	ERR(kill(999999, 0), ESRCH);
	ERR(kill(-999999, SIGTERM), ESRCH);
	ERR(kill(getpid(), 65), EINVAL);
	ERR(kill(getpid(), -1), EINVAL);
	EQ(kill(getpid(), 0), 0);
	EQ(kill(0, 0), 0);
	EQ(kill(-getpgrp(), 0), 0);
	a = fork();
	if (!a) {
		for (;;)
			pause();
	}
	setpgid(a, a);
	group = a;
	b = fork();
	if (!b) {
		for (;;)
			pause();
	}
	setpgid(b, group);
	EQ(kill(-group, SIGTERM), 0);
	reap_signal(a, SIGTERM);
	reap_signal(b, SIGTERM);
	ERR(kill(-group, 0), ESRCH);
}

TEST(exit_group_takes_all)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 5; i++)
			pthread_create(&t, 0, thread_pause, 0);
		syscall(SYS_exit_group, 11);
	}
	reap_exit(pid, 11);
}
