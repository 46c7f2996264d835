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

/* Instructions of all kinds behind the call: they may run elsewhere, and any of them may be jumped to. */
long kinds(long which);
long kinds_helper(void);
extern char kinds_two[], kinds_two_jump[], kinds_call[];
static volatile long kinds_word __attribute__((used));
__asm__(".text\n"
	"kinds_helper: mov (%rsp), %rax; ret\n"
	"kinds: mov $39, %eax; cmp $1, %edi; je 2f; cmp $2, %edi; je 3f; cmp $3, %edi; je 4f; cmp $4, %edi; je 6f\n"
	/* 0: two short ones, the second a branch */
	"nop; nop; kinds_two: syscall\n test %eax, %eax\n kinds_two_jump: jg 1f; xor %eax, %eax\n 1: ret\n"
	/* 1: a call; its return address is the program's */
	"2: nop; nop; syscall\n call kinds_helper\n kinds_call: lea kinds_call(%rip), %rcx; sub %rcx, %rax; ret\n"
	/* 2: data relative to the instruction */
	"3: nop; nop; syscall\n mov %rax, kinds_word(%rip); ret\n"
	/* 3: a jump backwards */
	"5: inc %rax; ret\n 4: nop; nop; syscall\n jmp 5b\n"
	/* 4: the end, and something else right behind */
	"6: nop; nop; syscall\n ret\n int3; int3; int3; int3\n");

TEST(what_stands_behind)
{
	long me = getpid(), r;

	for (int i = 0; i < OFTEN; i++) {
		EQ(kinds(0), me);
		EQ(kinds(1), 0);
		kinds_word = 0;
		EQ(kinds(2), me);
		EQ(kinds_word, me);
		EQ(kinds(3), me + 1);
		EQ(kinds(4), me);
	}
	/* To the branch in the middle, with flags that say one thing and the other. */
	for (int i = 0; i < 3; i++) {
		__asm__ volatile("sub $128, %%rsp; lea 1f(%%rip), %%rcx; push %%rcx; cmp $5, %%eax; jmp kinds_two_jump; "
				 "1: add $128, %%rsp" : "=a"(r) : "a"(4l) : "rcx", "memory", "cc");
		EQ(r, 0);
		__asm__ volatile("sub $128, %%rsp; lea 1f(%%rip), %%rcx; push %%rcx; cmp $5, %%eax; jmp kinds_two_jump; "
				 "1: add $128, %%rsp" : "=a"(r) : "a"(6l) : "rcx", "memory", "cc");
		EQ(r, 6);
	}
}

/* mov %edi,%eax; syscall; mov %rax,%rcx; mov %rcx,%rax; ret */
static const unsigned char stub[] = { 0x89, 0xf8, 0x0f, 0x05, 0x48, 0x89, 0xc1, 0x48, 0x89, 0xc8, 0xc3 };
typedef long (*code_fn)(long);

static void run_often(code_fn fn)
{
	for (int i = 0; i < OFTEN; i++)
		EQ(fn(SYS_getppid), getppid());
}

/* Through both ways to look at it: its own bytes are there. */
static void own_bytes(const void *at)
{
	unsigned char copy[sizeof(stub)] = { 0 };
	int fd = open("/proc/self/mem", O_RDONLY);

	EQ(pread(fd, copy, sizeof(copy), (off_t)(uintptr_t)at), (ssize_t)sizeof(copy));
	close(fd);
	EQ(memcmp(copy, stub, sizeof(stub)), 0);
}

TEST(code_in_memory)
{
	char *p = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;

	for (int round = 0; round < 5; round++) {
		/* In a page, and across the border of two. */
		char *at = p + (round & 1 ? PAGE - 3 : 64 * round);

		memcpy(at, stub, sizeof(stub));
		run_often((code_fn)at);
		own_bytes(at);
		/* Written to, all of it is the program's own again. */
		at[10] = (char)0xc3;
		EQ(memcmp(at, stub, sizeof(stub)), 0);
		run_often((code_fn)at);
		at[4] = 0x31, at[5] = (char)0xc0, at[6] = (char)0xc3; /* xor %eax,%eax; ret */
		EQ(((code_fn)at)(SYS_getppid), 0);
	}
	memcpy(p, stub, sizeof(stub));
	run_often((code_fn)p);
	OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	EQ(memcmp(p, stub, sizeof(stub)), 0);
	OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	run_often((code_fn)p);
	OK(mprotect(p, PAGE, PROT_READ));
	EQ(memcmp(p, stub, sizeof(stub)), 0);
	OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	run_often((code_fn)p);
	/* Moved: to where nothing is in reach of the old jump. */
	q = mmap((void *)0x200000000000, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	EQ((long)(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) != q), 0);
	EQ(memcmp(q, stub, sizeof(stub)), 0);
	run_often((code_fn)q);
	/* Another program at the same place. */
	OK(munmap(q, PAGE));
	q = mmap(q, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memcpy(q + 1, stub, sizeof(stub));
	run_often((code_fn)(q + 1));
}

static volatile int stop_writing;

static void *write_beside(void *arg)
{
	volatile char *p = arg;

	while (!stop_writing) {
		p[200]++;
		usleep(100);
	}
	return 0;
}

/* The page is written to by one thread while others call from it. */
TEST(code_and_data_in_a_page)
{
	char *p = mmap(0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	memcpy(p, stub, sizeof(stub));
	stop_writing = 0;
	EQ(pthread_create(&t, 0, write_beside, p), 0);
	for (int i = 0; i < 20; i++)
		run_often((code_fn)p);
	stop_writing = 1;
	pthread_join(t, 0);
	p[200]++;
	EQ(memcmp(p, stub, sizeof(stub)), 0);
}
