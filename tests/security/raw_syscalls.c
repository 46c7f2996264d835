/*
 * System call instructions in a program's own pages reach the guest kernel only, whatever the way in.
 *
 * defence: none, kernel_syscall.c and filter_bypass.c show what dispatch and filter are for
 */
#include "test.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int sig_no;
static void jump(int sig) { sig_no = sig; siglongjmp(back, 1); }

static void *code(const unsigned char *bytes, size_t n)
{
	void *p = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(p, bytes, n);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	return p;
}

TEST(syscall_in_a_page_of_its_own)
{
	/* mov eax, 39; syscall; ret */
	static const unsigned char getpid_code[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };
	/* mov eax, edi; syscall; ret: not the pattern that is patched first */
	static const unsigned char any_code[] = { 0x89, 0xf8, 0x0f, 0x05, 0xc3 };
	long (*f)(long) = code(getpid_code, sizeof getpid_code), (*g)(long) = code(any_code, sizeof any_code);
	pid_t pid;

	for (int i = 0; i < 1000; i++)
		if (f(0) != getpid() || g(39) != getpid()) {
			test_fail(__LINE__, "pid is %ld and %ld", f(0), g(39));
			break;
		}
	pid = fork();
	if (!pid) {
		EQ(f(0), getpid());
		EQ(g(110), getppid());
		done();
	}
	reap(pid);
	EQ(g(100000), -ENOSYS);
	EQ(g(0x40000000 + 39), -ENOSYS); /* x32 */
	EQ(g(-1), -ENOSYS);
}

TEST(sysenter_and_int80)
{
	static const unsigned char int80[] = { 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3 };
	static const unsigned char sysenter[] = { 0xb8, 20, 0, 0, 0, 0x0f, 0x34, 0xc3 };
	int st;
	pid_t pid = fork();

	if (!pid) {
		long (*f)(void) = code(int80, sizeof int80);
		long r;

		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		handle(SIGSEGV, jump, 0);
		if (sigsetjmp(back, 1))
			_exit(0);
		r = f();
		_exit(r == getpid() || r == -ENOSYS ? 0 : 1);
	}
	st = wait_status(pid);
	CHECK(st == 0 || WIFSIGNALED(st));
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		handle(SIGSEGV, jump, 0);
		handle(SIGILL, jump, 0);
		if (!sigsetjmp(back, 1))
			((long (*)(void))code(sysenter, sizeof sysenter))();
		_exit(0);
	}
	st = wait_status(pid);
	CHECK(st == 0 || WIFSIGNALED(st));
	EQ(getppid() > 0, 1); /* the sandbox lives */
}

TEST(vsyscall_page)
{
	int st;
	pid_t pid = fork();

	if (!pid) {
		long (*f)(long *) = (void *)0xffffffffff600400; /* time */
		long r;

		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		handle(SIGSEGV, jump, 0);
		if (!sigsetjmp(back, 1)) {
			r = f(0);
			_exit(labs(r - time(0)) > 2);
		}
		_exit(0);
	}
	st = wait_status(pid);
	CHECK(st == 0 || WIFSIGNALED(st));
}

TEST(jumping_into_the_kernel)
{
	/* Any address of the kernel's text with a program's registers: it dies alone or gets a signal. */
	for (unsigned long off = 0; off < 0x40000; off += 0x1357) {
		pid_t pid;

		if (getenv("PLATFORM") && !strcmp(getenv("PLATFORM"), "plain"))
			return; /* the plain gate promises nothing here */
		pid = fork();
		if (!pid) {
			setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
			alarm(2);
			((long (*)(long, long, long))(0x7e0000000000 + off))(1, 2, 3);
			_exit(0);
		}
		CHECK(wait_status(pid) != -1);
	}
}

TEST(dangerous_calls)
{
	/* What could make the host's kernel act behind the guest's back is not passed on. */
	static const struct { const char *name; int nr; long a[6]; } calls[] = {
		{ "prctl user dispatch", SYS_prctl, { 59, 0, 0, 0, 0 } },
		{ "prctl seccomp", SYS_prctl, { 22, 1, 0, 0, 0 } },
		{ "io_uring_setup", 425, { 8, 0 } },
		{ "bpf", 321, { 0, 0, 0 } },
		{ "userfaultfd", 323, { 0 } },
		{ "perf_event_open", 298, { 0, 0, -1, -1, 0 } },
		{ "kexec_load", 246, { 0, 0, 0, 0 } },
		{ "init_module", 175, { 0, 0, 0 } },
		{ "iopl", 172, { 3 } },
		{ "ioperm", 173, { 0, 10, 1 } },
		{ "modify_ldt", 154, { 1, 0, 0 } },
		{ "swapon", 167, { (long)"/dev/null", 0 } },
		{ "pkey_alloc", 330, { 0, 0 } },
		{ "open_by_handle_at", 304, { AT_FDCWD, 8, 0 } },
		{ "quotactl", 179, { 0, 0, 0, 0 } },
		{ "acct", 163, { (long)"/tmp/x" } },
	};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const long *a = calls[i].a;
		pid_t pid = fork();

		if (!pid) {
			long r = syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]);

			if (r >= 0 && calls[i].nr != SYS_prctl)
				test_fail(__LINE__, "%s gave %ld", calls[i].name, r);
			/* Strict mode, which is the guest kernel's own: nothing else ends it in peace. */
			if (calls[i].nr == SYS_prctl && a[0] == 22)
				syscall(SYS_exit, r != 0);
			done();
		}
		reap(pid);
	}
	EQ(getppid() > 0, 1);
}

TEST(storm_of_faults)
{
	for (int n = 0; n < 4; n++)
		if (!fork()) {
			handle(SIGSEGV, jump, SA_NODEFER);
			for (int i = 0; i < 3000; i++)
				if (!sigsetjmp(back, 1))
					*(volatile char *)(n & 1 ? 1ul << 60 : 8ul + i) = 1; /* the kernel itself: kernel_memory.c */
			_exit(0);
		}
	while (wait(0) > 0)
		;
	EQ(getppid() > 0, 1);
}
