/*
 * What every conformance program includes. TEST(name) { ... } defines a test; each runs in a process group and a
 * directory of its own, with a time limit, so that one that hangs or dies takes nothing along. A failed check prints a
 * line and goes on. Exit status of the program: 0 all passed, 1 some failed, 77 skipped with the reason printed.
 * Arguments pick tests by name.
 *
 * Children made by a test end with done(), so that their failed checks become their exit status; reap() checks it.
 * Programs that test exec define test_helper(): it is main() when the first argument is "--helper".
 */
#ifndef TEST_H
#define TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef TEST_SECONDS
#define TEST_SECONDS 30
#endif
#define MS 1000000ll
#define PAGE 4096ul

struct test_case {
	const char *name;
	void (*fn)(void);
	struct test_case *next;
};

static struct test_case *test_list, **test_tail = &test_list;
static const char *test_name = "main";
static volatile int test_failures;
static char test_self[PATH_MAX] __attribute__((unused));
static char test_root[] = "/tmp/limpet-test.XXXXXX";

int test_helper(int argc, char **argv) __attribute__((weak));

#define TEST(n) \
	static void test_##n(void); \
	static struct test_case case_##n = { #n, test_##n, 0 }; \
	__attribute__((constructor)) static void add_##n(void) { *test_tail = &case_##n; test_tail = &case_##n.next; } \
	static void test_##n(void)

__attribute__((format(printf, 2, 3), unused)) static void test_fail(int line, const char *fmt, ...)
{
	char text[600];
	int n = snprintf(text, sizeof text, "  %s:%d: ", test_name, line);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(text + n, sizeof text - n - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof text - 2)
		n = sizeof text - 2;
	text[n++] = '\n';
	if (write(2, text, n) < 0) {
	}
	test_failures++;
}

/* CHECK(condition); EQ(value, expected); OK(call) != -1, its value is the call's; ERR(call, errno). */
#define CHECK(c) ((c) ? (void)0 : test_fail(__LINE__, "not so: %s (errno %d)", #c, errno))
#define EQ(a, b) do { \
	long long a_ = (long long)(a), b_ = (long long)(b); \
	if (a_ != b_) \
		test_fail(__LINE__, "%s is %lld (0x%llx), not %s = %lld (errno %d)", #a, a_, a_, #b, b_, errno); \
} while (0)
#define OK(call) ({ \
	errno = 0; \
	__typeof__(call) r_ = (call); \
	if ((long)r_ == -1) \
		test_fail(__LINE__, "%s: %s", #call, strerror(errno)); \
	r_; })
#define ERR(call, e) do { \
	errno = 0; \
	long r_ = (long)(call); \
	if (r_ != -1) \
		test_fail(__LINE__, "%s gave %ld, not %s", #call, r_, #e); \
	else if (errno != (e)) \
		test_fail(__LINE__, "%s gave %s (%d), not %s", #call, strerror(errno), errno, #e); \
} while (0)
#define STR(a, b) do { \
	const char *sa_ = (a), *sb_ = (b); \
	if (!sa_ || strcmp(sa_, sb_)) \
		test_fail(__LINE__, "%s is \"%s\", not \"%s\"", #a, sa_ ? sa_ : "(null)", sb_); \
} while (0)
/* For what makes the rest of the test pointless. */
#define NEED(c) do { if (!(c)) { test_fail(__LINE__, "needs: %s (errno %d)", #c, errno); return; } } while (0)
/* Waits up to some milliseconds for a condition. */
#define SOON(c) ({ \
	int i_, ok_ = 0; \
	for (i_ = 0; i_ < 5000 && !ok_; i_++) \
		if (!(ok_ = !!(c))) \
			usleep(1000); \
	if (!ok_) \
		test_fail(__LINE__, "never came true: %s", #c); \
	ok_; })

__attribute__((unused)) static void skip_all(const char *why)
{
	printf("SKIP %s\n", why);
	fflush(stdout);
	_exit(77);
}

__attribute__((unused, noreturn)) static void done(void)
{
	_exit(test_failures ? 99 : 0);
}

__attribute__((unused)) static int wait_status(pid_t pid)
{
	int st = -1;
	pid_t got;

	do
		got = waitpid(pid, &st, 0);
	while (got == -1 && errno == EINTR);
	return got == pid ? st : -1;
}

__attribute__((unused)) static void reap_at(int line, pid_t pid, int want)
{
	int st = wait_status(pid);

	if (st == want)
		return;
	if (st == 99 << 8 && !want)
		test_fail(line, "checks failed in child %d", (int)pid);
	else
		test_fail(line, "child %d has status 0x%x, not 0x%x", (int)pid, st, want);
}
#define reap(pid) reap_at(__LINE__, pid, 0)
#define reap_exit(pid, code) reap_at(__LINE__, pid, (code) << 8)
#define reap_signal(pid, sig) reap_at(__LINE__, pid, sig)

__attribute__((unused)) static void msleep(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		;
}

/* What threads do that only have to be there. */
__attribute__((unused, noreturn)) static void *thread_pause(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

__attribute__((unused)) static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

__attribute__((unused)) static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		test_fail(0, "cannot write %s: %s", path, strerror(errno));
	close(fd);
}

/* The whole of a small file, in a buffer of its own; never null. */
__attribute__((unused)) static char *get_file(const char *path)
{
	size_t cap = 1 << 20, n = 0;
	char *buf = calloc(1, cap + 1);
	int fd = open(path, O_RDONLY);
	ssize_t got;

	while (fd >= 0 && n < cap && (got = read(fd, buf + n, cap - n)) > 0)
		n += got;
	if (fd >= 0)
		close(fd);
	return buf;
}

/* Are we in a sandbox? What a machine's kernel may lack, limpet's may not. */
__attribute__((unused)) static int in_limpet(void)
{
	char *text = get_file("/proc/version");
	int in = strstr(text, "limpet") != 0;

	free(text);
	return in;
}

/* One process lets another go on: letgo() in one, hold() in the other. */
struct turn { int fd[2]; };
__attribute__((unused)) static struct turn turn_new(void)
{
	struct turn t;

	OK(pipe(t.fd));
	return t;
}
__attribute__((unused)) static void letgo(struct turn t)
{
	EQ(write(t.fd[1], "x", 1), 1);
}
__attribute__((unused)) static void hold(struct turn t)
{
	char c;
	ssize_t n;

	do
		n = read(t.fd[0], &c, 1);
	while (n == -1 && errno == EINTR);
	EQ(n, 1);
}

/* The state letter of a process, as /proc says; 0 = gone. */
__attribute__((unused)) static char proc_state(pid_t pid)
{
	char path[64], text[512], *p;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	p = strrchr(text, ')');
	return p ? p[2] : 0;
}

__attribute__((unused)) static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };

	OK(sigaction(sig, &sa, 0));
}

__attribute__((unused)) static void handle_info(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO };

	OK(sigaction(sig, &sa, 0));
}

static int test_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	remove(path);
	return 0;
}

static int test_run(struct test_case *t)
{
	long long end;
	int st = 0, seconds;
	pid_t pid, got;

	fflush(NULL);
	test_name = t->name;
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		if (chdir(test_root) || mkdir(t->name, 0755) || chdir(t->name))
			test_fail(0, "no directory to work in: %s", strerror(errno));
		t->fn();
		fflush(NULL);
		done();
	}
	if (pid < 0) {
		fprintf(stderr, "  %s: fork: %s\n", t->name, strerror(errno));
		return 1;
	}
	/* TEST_SLOW: how many times slower than a real machine this one may be. */
	seconds = TEST_SECONDS * (getenv("TEST_SLOW") ? atoi(getenv("TEST_SLOW")) : 1);
	end = now_ns() + seconds * 1000 * MS;
	while ((got = waitpid(pid, &st, WNOHANG)) == 0 && now_ns() < end)
		usleep(2000);
	kill(-pid, SIGKILL);
	if (got == 0) {
		fprintf(stderr, "  %s: still running after %d s\n", t->name, seconds);
		kill(pid, SIGKILL);
		waitpid(pid, &st, 0);
		return 1;
	}
	if (got != pid)
		fprintf(stderr, "  %s: waitpid: %s\n", t->name, strerror(errno));
	else if (WIFSIGNALED(st))
		fprintf(stderr, "  %s: killed by signal %d\n", t->name, WTERMSIG(st));
	else if (st && st != 99 << 8)
		fprintf(stderr, "  %s: exit status %d\n", t->name, WEXITSTATUS(st));
	return st != 0 || got != pid;
}

int main(int argc, char **argv)
{
	int failed = 0, ran = 0;
	struct test_case *t;

	if (argc > 1 && !strcmp(argv[1], "--helper") && test_helper)
		return test_helper(argc - 2, argv + 2);
	setvbuf(stdout, 0, _IOLBF, 0);
	signal(SIGPIPE, SIG_DFL);
	umask(022);
	if (argv[0][0] == '/')
		snprintf(test_self, sizeof test_self, "%s", argv[0]);
	else if (!realpath(argv[0], test_self))
		perror("realpath");
	if (!mkdtemp(test_root) || chmod(test_root, 0755)) {
		perror(test_root);
		return 1;
	}
	for (t = test_list; t; t = t->next) {
		int i, wanted = argc < 2;

		for (i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], t->name);
		if (!wanted)
			continue;
		ran++;
		if (test_run(t)) {
			printf("failed: %s\n", t->name);
			failed++;
		}
	}
	if (chdir("/"))
		perror("/");
	nftw(test_root, test_remove, 20, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	printf("%d of %d failed\n", failed, ran);
	return failed != 0 || !ran;
}

#endif
