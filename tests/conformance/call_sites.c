/*
 * System call instructions that are used often: the kernel may replace them by something faster, but no program can
 * tell by their results, by what signals find, or by jumping to any instruction around them.
 */
#include "test.h"
#include <sys/auxv.h>
#include <ucontext.h>

#define OFTEN 200

/* A number in a register and an instruction behind it; and a number that is part of the code. */
long site_any(long nr, long a, long b, long c);
long site_getpid(void);
extern char site_any_call[], site_any_next[], site_any_end[], site_getpid_mov[], site_getpid_end[];
__asm__(".text\n"
	".globl site_any, site_any_call, site_any_next, site_any_end\n"
	"site_any: mov %rdi, %rax; mov %rsi, %rdi; mov %rdx, %rsi; mov %rcx, %rdx\n"
	"site_any_call: syscall\n"
	"site_any_next: cmp $-4095, %rax; jae 1f; ret\n"
	"1: neg %rax; neg %rax\n"
	"site_any_end: ret\n"
	".globl site_getpid, site_getpid_mov, site_getpid_end\n"
	"site_getpid: nop; nop; nop; nop; nop; nop\n"
	"site_getpid_mov: mov $39, %eax; syscall\n"
	"site_getpid_end: ret\n");

static void warm_up(void)
{
	for (int i = 0; i < OFTEN; i++) {
		site_any(SYS_getpid, 0, 0, 0);
		site_getpid();
	}
}

static volatile long hits, strange;

/* This program's code is its own and the vDSO: any other address is the kernel's secret. */
static void look(int sig, siginfo_t *info, void *context)
{
	extern char __executable_start[], etext[];
	char *vdso = (char *)getauxval(AT_SYSINFO_EHDR), *rip = (char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)info;
	hits++;
	if ((rip < __executable_start || rip >= etext) && (!vdso || rip < vdso || rip >= vdso + 4 * PAGE))
		strange++;
}

static void look_often(int flags)
{
	struct sigaction sa = { .sa_sigaction = look, .sa_flags = SA_SIGINFO | flags };
	struct itimerval it = { { 0, 200 }, { 0, 200 } };

	hits = strange = 0;
	OK(sigaction(SIGALRM, &sa, 0));
	OK(setitimer(ITIMER_REAL, &it, 0));
}

static void look_away(void) { OK(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, 0)); }

TEST(results)
{
	long me = getpid();

	for (int i = 0; i < OFTEN; i++) {
		EQ(site_any(SYS_getpid, 0, 0, 0), me);
		EQ(site_any(SYS_close, -1, 0, 0), -EBADF);
		EQ(site_getpid(), me);
	}
}

/* One that never was a system call's result arrives at the instruction behind it. */
TEST(jump_behind_the_call)
{
	long r;

	warm_up();
	for (int i = 0; i < 3; i++) {
		__asm__ volatile("sub $128, %%rsp; lea 1f(%%rip), %%rcx; push %%rcx; jmp site_any_next; 1: add $128, %%rsp"
				 : "=a"(r)
				 : "a"(77l)
				 : "rcx", "memory", "cc");
		EQ(r, 77);
	}
}

TEST(signals_see_the_program)
{
	long me = getpid(), wrong = 0, rounds = 0;

	warm_up();
	look_often(SA_RESTART);
	for (long long end = now_ns() + 1000 * MS; now_ns() < end; rounds++) {
		for (int i = 0; i < 1000; i++) {
			wrong += site_any(SYS_getpid, 0, 0, 0) != me;
			wrong += site_getpid() != me;
		}
	}
	look_away();
	EQ(wrong, 0);
	EQ(strange, 0);
	CHECK(hits > 10);
}

TEST(restart_and_eintr)
{
	int p[2];
	char c;
	pid_t pid;

	warm_up();
	OK(pipe(p));
	pid = fork();
	if (!pid) {
		msleep(60);
		write(p[1], "x", 1);
		_exit(0);
	}
	look_often(SA_RESTART);
	EQ(site_any(SYS_read, p[0], (long)&c, 1), 1);
	CHECK(hits > 5);
	look_often(0);
	EQ(site_any(SYS_read, p[0], (long)&c, 1), -EINTR);
	look_away();
	EQ(strange, 0);
	reap(pid);
}

TEST(fork_from_it)
{
	long me = getpid();

	warm_up();
	for (int i = 0; i < 50; i++) {
		long pid = site_any(SYS_fork, 0, 0, 0);

		if (!pid)
			_exit(site_any(SYS_getppid, 0, 0, 0) != me || site_getpid() == me);
		reap((pid_t)pid);
	}
}

/* Relatives that come to their sites one by one. */
TEST(many_relatives)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (!pid) {
			for (int j = 0; j < OFTEN; j++) {
				getppid();
				getuid();
				getgid();
				geteuid();
				umask(022);
				site_any(SYS_getegid, 0, 0, 0);
			}
			_exit(site_getpid() != getpid());
		}
		reap(pid);
	}
}

static void *in_a_thread(void *arg)
{
	long me = getpid(), wrong = 0;

	(void)arg;
	for (int i = 0; i < 20000; i++) {
		wrong += site_any(SYS_getpid, 0, 0, 0) != me;
		wrong += site_getpid() != me;
	}
	return (void *)wrong;
}

/* All of them arrive cold. */
TEST(threads_meet_at_a_site)
{
	pthread_t t[4];
	void *wrong;

	for (int i = 0; i < 4; i++)
		EQ(pthread_create(&t[i], 0, in_a_thread, 0), 0);
	for (int i = 0; i < 4; i++) {
		EQ(pthread_join(t[i], &wrong), 0);
		EQ((long)wrong, 0);
	}
}
