/* fork, vfork, posix_spawn: what a child inherits and what it does not. */
#include "test.h"
#include <spawn.h>
#include <sys/times.h>

static int data = 1;
static volatile int hits;
static void count(int sig) { (void)sig; hits++; }

TEST(memory_is_copied)
{
	char *heap = strdup("parent"), stack[16] = "parent";
	pid_t pid = fork();

	if (!pid) {
		data = 2;
		strcpy(heap, "child");
		strcpy(stack, "child");
		EQ(data, 2);
		STR(heap, "child");
		done();
	}
	reap(pid);
	EQ(data, 1);
	STR(heap, "parent");
	STR(stack, "parent");
}

TEST(pids)
{
	pid_t me = getpid(), pid = fork();

	if (!pid) {
		CHECK(getpid() != me);
		EQ(getppid(), me);
		EQ(syscall(SYS_gettid), getpid());
		EQ(getpgrp(), getpgid(me));
		EQ(getsid(0), getsid(me));
		done();
	}
	CHECK(pid > 0);
	reap(pid);
}

TEST(descriptors_share_the_offset)
{
	char c = 0;
	int fd;
	pid_t pid;

	put_file("f", "abcdef");
	fd = OK(open("f", O_RDONLY | O_CLOEXEC));
	pid = fork();
	if (!pid) {
		EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
		EQ(lseek(fd, 3, SEEK_SET), 3);
		close(fd);
		done();
	}
	reap(pid);
	EQ(read(fd, &c, 1), 1);
	EQ(c, 'd');
}

TEST(signal_state)
{
	sigset_t s;
	pid_t pid;

	handle(SIGUSR1, count, 0);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigaddset(&s, SIGUSR2);
	sigprocmask(SIG_BLOCK, &s, 0);
	raise(SIGUSR1);
	alarm(100);
	pid = fork();
	if (!pid) {
		sigset_t p, b;

		sigpending(&p);
		EQ(sigismember(&p, SIGUSR1), 0);
		sigprocmask(0, 0, &b);
		EQ(sigismember(&b, SIGUSR1), 1);
		EQ(sigismember(&b, SIGUSR2), 1);
		EQ(alarm(0), 0);
		EQ(hits, 0);
		sigprocmask(SIG_UNBLOCK, &s, 0);
		EQ(hits, 0);
		raise(SIGUSR1);
		EQ(hits, 1);
		done();
	}
	reap(pid);
	CHECK(alarm(0) > 90);
	sigprocmask(SIG_UNBLOCK, &s, 0);
	EQ(hits, 1);
}

TEST(vfork_waits_for_exit)
{
	volatile int shared = 0;
	pid_t pid = vfork();

	if (!pid) {
		shared = 7;
		_exit(3);
	}
	EQ(shared, 7);
	reap_exit(pid, 3);
}

TEST(vfork_waits_for_exec)
{
	long long start = now_ns();
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/sleep", "sleep", "1", (char *)0);
		_exit(1);
	}
	CHECK(now_ns() - start < 900 * MS);
	reap(pid);
	CHECK(now_ns() - start >= 1000 * MS);
}

TEST(vfork_with_failing_exec)
{
	volatile int err = 0;
	pid_t pid = vfork();

	if (!pid) {
		execl("/nonexistent", "x", (char *)0);
		err = errno;
		_exit(4);
	}
	EQ(err, ENOENT);
	reap_exit(pid, 4);
}

TEST(many_children)
{
	pid_t pids[60];
	int i;

	for (i = 0; i < 60; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(i);
		NEED(pids[i] > 0);
	}
	for (i = 59; i >= 0; i--)
		reap_exit(pids[i], i);
	ERR(waitpid(-1, 0, 0), ECHILD);
}

TEST(deep_chain)
{
	int depth = 0;
	pid_t pid;

	while (depth < 25 && !(pid = fork()))
		depth++;
	if (depth == 25)
		_exit(5);
	reap_exit(pid, 5);
	if (depth)
		_exit(test_failures ? 99 : 5);
}

TEST(spawn)
{
	extern char **environ;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t s;
	char *argv[] = { "sh", "-c", "echo hello; pwd; exec cat", 0 }, *text, want[PATH_MAX];
	pid_t pid;

	put_file("in", "input\n");
	mkdir("d", 0755);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "in", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	posix_spawn_file_actions_adddup2(&fa, 1, 2);
	posix_spawn_file_actions_addchdir_np(&fa, "d");
	posix_spawnattr_init(&at);
	sigfillset(&s);
	posix_spawnattr_setsigdefault(&at, &s);
	posix_spawnattr_setpgroup(&at, 0);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	signal(SIGPIPE, SIG_IGN);
	EQ(posix_spawn(&pid, "/bin/sh", &fa, &at, argv, environ), 0);
	reap(pid);
	text = get_file("out");
	getcwd(want, sizeof want - 2);
	EQ(strncmp(text, "hello\n", 6), 0);
	strcat(want, "/d\ninput\n");
	STR(text + 6, want);
	EQ(posix_spawn(&pid, "/nonexistent", 0, 0, argv, environ), ENOENT);
	EQ(posix_spawnp(&pid, "true", 0, 0, (char *[]){ "true", 0 }, environ), 0);
	reap(pid);
}

TEST(times_of_children)
{
	struct tms a, b;
	struct rusage ru;
	pid_t pid;

	times(&a);
	pid = fork();
	if (!pid) {
		long long end = now_ns() + 60 * 1000 * MS;
		struct rusage me;

		do {
			for (volatile int i = 0; i < 1000000; i++)
				;
			getrusage(RUSAGE_SELF, &me);
		} while (me.ru_utime.tv_sec * 1000000ll + me.ru_utime.tv_usec < 200000 && now_ns() < end);
		EQ(me.ru_nvcsw < 0, 0);
		getrusage(RUSAGE_CHILDREN, &me);
		EQ(me.ru_utime.tv_sec + me.ru_utime.tv_usec, 0);
		done();
	}
	reap(pid);
	times(&b);
	CHECK(b.tms_cutime + b.tms_cstime - a.tms_cutime - a.tms_cstime >= sysconf(_SC_CLK_TCK) / 6);
	getrusage(RUSAGE_CHILDREN, &ru);
	CHECK(ru.ru_utime.tv_sec * 1000000ll + ru.ru_utime.tv_usec >= 150000);
	CHECK(ru.ru_maxrss > 0);
}

TEST(shared_mapping_and_private_mapping)
{
	int *s = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *p = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	NEED(s != MAP_FAILED && p != MAP_FAILED);
	*s = *p = 1;
	pid = fork();
	if (!pid) {
		*s = *p = 2;
		done();
	}
	reap(pid);
	EQ(*s, 2);
	EQ(*p, 1);
}

static int at_order[4], at_n;
static void before(void) { at_order[at_n++] = 1; }
static void after_parent(void) { at_order[at_n++] = 2; }
static void after_child(void) { at_order[at_n++] = 3; }
TEST(atfork)
{
	pid_t pid;

	pthread_atfork(before, after_parent, after_child);
	pid = fork();
	if (!pid) {
		EQ(at_order[0], 1);
		EQ(at_order[1], 3);
		done();
	}
	reap(pid);
	EQ(at_order[1], 2);
}
