/* Faults of a program as signals: addresses, codes, alternate stacks, floating point state kept. */
#include "test.h"
#include <immintrin.h>
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile int sig_no, code, hits;
static void *volatile addr;
static volatile long err_reg, trap_reg;
static char *volatile page;

static void jump(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;

	sig_no = sig;
	code = si->si_code;
	addr = si->si_addr;
	err_reg = uc->uc_mcontext.gregs[REG_ERR];
	trap_reg = uc->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(back, 1);
}

TEST(segv_addresses)
{
	char *ro = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *none = mmap(0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	handle_info(SIGSEGV, jump, 0);
	if (!sigsetjmp(back, 1))
		*(volatile char *)0x10 = 1;
	EQ(sig_no, SIGSEGV);
	EQ(code, SEGV_MAPERR);
	EQ((long)addr, 0x10);
	EQ(err_reg & 6, 6);
	EQ(trap_reg, 14);
	(void)*(volatile char *)ro;
	if (!sigsetjmp(back, 1))
		ro[77] = 1;
	EQ(code, SEGV_ACCERR);
	CHECK(addr == ro + 77);
	EQ(err_reg & 7, 7);
	if (!sigsetjmp(back, 1))
		(void)*(volatile char *)(none + 5);
	EQ(code, SEGV_ACCERR);
	CHECK(addr == none + 5);
	EQ(err_reg & 2, 0);
	munmap(none, PAGE);
	if (!sigsetjmp(back, 1))
		(void)*(volatile char *)(none + 5);
	EQ(code, SEGV_MAPERR);
	code = 0;
	if (!sigsetjmp(back, 1))
		((void (*)(void))ro)(); /* not executable */
	EQ(code, SEGV_ACCERR);
	CHECK(addr == ro);
	code = 0;
	if (!sigsetjmp(back, 1))
		*(volatile char *)0xdead000000000000ul = 1; /* not canonical */
	EQ(sig_no, SIGSEGV);
	EQ(code, SI_KERNEL);
	EQ((long)addr, 0);
}

TEST(division)
{
	volatile int zero = 0, ten = 10;

	handle_info(SIGFPE, jump, 0);
	if (!sigsetjmp(back, 1))
		zero = ten / zero;
	EQ(sig_no, SIGFPE);
	EQ(code, FPE_INTDIV);
	CHECK(addr != 0);
}

TEST(illegal_and_trap)
{
	handle_info(SIGILL, jump, 0);
	handle_info(SIGTRAP, jump, 0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ud2");
	EQ(sig_no, SIGILL);
	EQ(code, ILL_ILLOPN);
	CHECK(addr != 0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("int3");
	EQ(sig_no, SIGTRAP);
	EQ(code, SI_KERNEL);
	handle_info(SIGSEGV, jump, 0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("hlt");
	EQ(sig_no, SIGSEGV);
	EQ(code, SI_KERNEL);
}

static void grow(int sig, siginfo_t *si, void *p)
{
	(void)sig, (void)p;
	hits++;
	mprotect((void *)((long)si->si_addr & -PAGE), PAGE, PROT_READ | PROT_WRITE);
}

TEST(handler_repairs_and_returns)
{
	page = mmap(0, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	handle_info(SIGSEGV, grow, 0);
	for (int i = 0; i < 16; i++)
		page[i * PAGE + i] = i;
	EQ(hits, 16);
	for (int i = 0; i < 16; i++)
		EQ(page[i * PAGE + i], i);
}

TEST(blocked_fault_kills)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		struct rlimit none = { 0, 0 };
		sigset_t s;

		setrlimit(RLIMIT_CORE, &none);
		handle_info(SIGSEGV, jump, 0);
		sigfillset(&s);
		sigprocmask(SIG_BLOCK, &s, 0);
		if (!sigsetjmp(back, 1))
			*(volatile char *)0x10 = 1;
		_exit(0);
	}
	st = wait_status(pid);
	EQ(st & 0x7f, SIGSEGV);
	pid = fork();
	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_IGN);
		*(volatile char *)0x10 = 1;
		_exit(0);
	}
	st = wait_status(pid);
	EQ(st & 0x7f, SIGSEGV);
}

static char *alt;
static volatile int on_alt, flags_inside;
static void where(int sig)
{
	char here;
	stack_t ss;

	(void)sig;
	on_alt = &here >= alt && &here < alt + 65536;
	sigaltstack(0, &ss);
	flags_inside = ss.ss_flags;
	ss = (stack_t){ .ss_sp = alt, .ss_size = 65536 };
	ERR(sigaltstack(&ss, 0), on_alt ? EPERM : 0);
}

TEST(altstack)
{
	stack_t ss, old;

	alt = malloc(65536);
	sigaltstack(0, &old);
	EQ(old.ss_flags, SS_DISABLE);
	ss = (stack_t){ .ss_sp = alt, .ss_size = 100 };
	ERR(sigaltstack(&ss, 0), ENOMEM);
	ss = (stack_t){ .ss_sp = alt, .ss_size = 65536, .ss_flags = 77 };
	ERR(sigaltstack(&ss, 0), EINVAL);
	ss.ss_flags = 0;
	EQ(sigaltstack(&ss, 0), 0);
	handle(SIGUSR1, where, SA_ONSTACK);
	raise(SIGUSR1);
	EQ(on_alt, 1);
	EQ(flags_inside, SS_ONSTACK);
	sigaltstack(0, &old);
	EQ(old.ss_flags, 0);
	CHECK(old.ss_sp == alt);
	ss.ss_flags = SS_DISABLE;
	EQ(sigaltstack(&ss, 0), 0);
	sigaltstack(0, &old);
	EQ(old.ss_flags, SS_DISABLE);
	ss.ss_flags = 1u << 31; /* SS_AUTODISARM */
	EQ(sigaltstack(&ss, 0), 0);
}

static int deeper(int n)
{
	volatile char pad[8192];

	pad[0] = n;
	return n ? deeper(n + 1) + pad[0] : 0;
}

TEST(stack_overflow_is_caught_on_the_altstack)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };

	sigaltstack(&ss, 0);
	handle_info(SIGSEGV, jump, SA_ONSTACK);
	for (int i = 0; i < 3; i++) {
		sig_no = 0;
		if (!sigsetjmp(back, 1))
			deeper(1);
		EQ(sig_no, SIGSEGV);
	}
}

TEST(stack_overflow_without_altstack_kills)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		handle_info(SIGSEGV, jump, 0);
		if (!sigsetjmp(back, 1))
			deeper(1);
		_exit(0);
	}
	st = wait_status(pid);
	EQ(st & 0x7f, SIGSEGV);
}

static void clobber(int sig)
{
	volatile double d = 3.25;

	(void)sig;
	hits++;
	d *= hits;
	__asm__ volatile("fninit; fldpi; fldpi; fldpi; pcmpeqd %%xmm0, %%xmm0; movaps %%xmm0, %%xmm5; movaps %%xmm0, %%xmm15"
		::: "xmm0", "xmm5", "xmm15");
	__asm__ volatile("stmxcsr %0" : "=m"(code));
}

TEST(vector_state_survives_handlers_and_calls)
{
	float out[8];
	double d;
	unsigned int csr, csr_after;

	handle(SIGUSR1, clobber, 0);
	__asm__ volatile("stmxcsr %0" : "=m"(csr));
	csr |= 0x8000; /* flush to zero, as a mark */
	__asm__ volatile("ldmxcsr %0" :: "m"(csr));
	for (int i = 0; i < 2000; i++) {
		float in[4] = { i, i + 1, i + 2, i + 3 };

		__asm__ volatile("movups (%1), %%xmm15; fildl %3; mov $200, %%eax; mov %4, %%edi; mov %5, %%esi; syscall;"
			"movups %%xmm15, (%0); fstpl %2"
			:: "r"(out), "r"(in), "m"(d), "m"(i), "r"((int)syscall(SYS_gettid)), "r"(i % 4 ? 0 : SIGUSR1)
			: "rax", "rcx", "rdi", "rsi", "r11", "xmm15", "memory");
		if (memcmp(in, out, 16) || d != i) {
			test_fail(__LINE__, "lost at %d: %f %f, %f", i, out[0], out[3], d);
			break;
		}
	}
	__asm__ volatile("stmxcsr %0" : "=m"(csr_after));
	EQ(csr_after & 0xffc0, csr & 0xffc0);
	EQ(hits, 500);
}

__attribute__((target("avx"))) static void avx_loop(void)
{
	struct itimerval it = { { 0, 300 }, { 0, 300 } }, off = { 0 };
	long long end = now_ns() + 700 * MS;
	__m256d acc = _mm256_set_pd(1, 2, 3, 4), one = _mm256_set1_pd(1);
	double out[4];
	long n = 0;

	handle(SIGALRM, clobber, SA_RESTART);
	setitimer(ITIMER_REAL, &it, 0);
	while (now_ns() < end)
		for (int i = 0; i < 1000; i++, n++) {
			__asm__ volatile("" : "+x"(acc), "+x"(one));
			acc = _mm256_add_pd(acc, one);
		}
	setitimer(ITIMER_REAL, &off, 0);
	_mm256_storeu_pd(out, acc);
	EQ((long)out[0] - n, 4);
	EQ((long)out[1] - n, 3);
	EQ((long)out[2] - n, 2);
	EQ((long)out[3] - n, 1);
	CHECK(hits > 100);
}

TEST(avx_state_survives_asynchronous_signals)
{
	if (__builtin_cpu_supports("avx"))
		avx_loop();
}

static void look_fp(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;

	(void)sig, (void)si;
	CHECK(uc->uc_mcontext.fpregs != 0);
	hits++;
	if (uc->uc_mcontext.fpregs) {
		EQ(uc->uc_mcontext.fpregs->_xmm[7].element[0], 0x11223344);
		uc->uc_mcontext.fpregs->_xmm[7].element[0] = 0x55667788;
	}
}

TEST(frame_holds_the_fp_state)
{
	int v[4] = { 0x11223344, 0, 0, 0 };

	handle_info(SIGUSR1, look_fp, 0);
	__asm__ volatile("movups (%0), %%xmm7; mov $200, %%eax; mov %1, %%edi; mov %2, %%esi; syscall; movups %%xmm7, (%0)"
		:: "r"(v), "r"((int)syscall(SYS_gettid)), "r"(SIGUSR1)
		: "rax", "rcx", "rdi", "rsi", "r11", "xmm7", "memory");
	EQ(hits, 1);
	EQ(v[0], 0x55667788);
}

TEST(flags_survive)
{
	unsigned long fl;

	handle(SIGUSR1, clobber, 0);
	__asm__ volatile("mov $200, %%eax; mov %1, %%edi; mov %2, %%esi; std; stc; syscall; pushf; cld; pop %0"
		: "=r"(fl) : "r"((int)syscall(SYS_gettid)), "r"(SIGUSR1)
		: "rax", "rcx", "rdi", "rsi", "r11", "memory", "cc");
	EQ(fl & 0x401, 0x401);
}

TEST(faults_in_many_threads)
{
	pid_t pid = fork();

	if (!pid) {
		handle_info(SIGSEGV, grow, 0);
		for (int t = 0; t < 4; t++)
			if (!fork()) {
				for (int i = 0; i < 300; i++) {
					char *m = mmap(0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

					m[i] = 1;
					munmap(m, PAGE);
				}
				EQ(hits, 300);
				done();
			}
		for (int t = 0; t < 4; t++) {
			int st;

			wait(&st);
			EQ(st, 0);
		}
		done();
	}
	reap(pid);
}
