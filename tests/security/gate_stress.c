/*
 * Registers under fire: threads hold patterns in every general register, the flags, MXCSR, the x87 control word and all
 * XMM or YMM registers, spin and make system calls, while interval timers run at 10 kHz, a thread storms them with tgkill
 * and the handlers use all of these registers themselves. What comes back must be what was there.
 *
 *   gate_stress [SECONDS]
 *
 * defence: none, it is about registers that must survive
 */
#include "attack.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define THREADS 4

struct state {
	uint64_t gpr[16]; /* rax rbx rcx rdx rsi rdi rbp r8..r15; [15] = flags */
	uint64_t vec[16][4];
	uint32_t mxcsr;
	uint16_t fcw, pad;
	double st[2];
};
_Static_assert(offsetof(struct state, vec) == 128 && offsetof(struct state, mxcsr) == 640, "offsets in the assembly");

/* torture(in, out, spins, avx, nr): nr < 0 = no system call. rsp and the pointers live in the thread's own frame. */
void torture(const struct state *in, struct state *out, uint64_t spins, int avx, long nr);
#define ALL(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
#define LOAD_Y(i) "	vmovdqu 128+32*" #i "(%rdi), %ymm" #i "\n"
#define LOAD_X(i) "	movdqu 128+32*" #i "(%rdi), %xmm" #i "\n"
#define SAVE_Y(i) "	vmovdqu %ymm" #i ", 128+32*" #i "(%rax)\n"
#define SAVE_X(i) "	movdqu %xmm" #i ", 128+32*" #i "(%rax)\n"
__asm__(".text\n"
	"torture:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
	"	push %r8\n	push %rcx\n	push %rsi\n	push %rdx\n"	/* nr, avx, out, spins: 24, 16, 8, 0 */
	"	ldmxcsr 640(%rdi)\n	fldcw 644(%rdi)\n	fldl 648(%rdi)\n	fldl 656(%rdi)\n"
	"	test %ecx, %ecx\n	jz 1f\n"
	ALL(LOAD_Y)
	"	jmp 2f\n1:\n"
	ALL(LOAD_X)
	"2:	mov 0(%rdi), %rax\n	mov 8(%rdi), %rbx\n	mov 24(%rdi), %rdx\n	mov 32(%rdi), %rsi\n"
	"	mov 48(%rdi), %rbp\n	mov 56(%rdi), %r8\n	mov 64(%rdi), %r9\n	mov 72(%rdi), %r10\n"
	"	mov 80(%rdi), %r11\n	mov 88(%rdi), %r12\n	mov 96(%rdi), %r13\n	mov 104(%rdi), %r14\n"
	"	mov 112(%rdi), %r15\n	push 120(%rdi)\n	mov 40(%rdi), %rdi\n	popfq\n"
	"	mov (%rsp), %rcx\n"
	"3:	jrcxz 4f\n	lea -1(%rcx), %rcx\n	jmp 3b\n"	/* leaves the flags alone */
	/* A system call, and whether it kept what it must: rcx = return address, r11 = flags */
	"4:	mov 24(%rsp), %rcx\n	not %rcx\n	bt $63, %rcx\n	jnc 6f\n"
	"	push %rax\n	lea -8(%rsp), %rsp\n	mov 40(%rsp), %rax\n	syscall\n"
	"torture_back:\n"
	"	mov %rax, 0(%rsp)\n	lea torture_back(%rip), %rax\n	cmp %rax, %rcx\n	je 5f\n	ud2\n"
	"5:	pushfq\n	pop %rax\n	xor %r11, %rax\n	and $0x400, %eax\n	jz 7f\n	ud2\n"
	"7:	lea 8(%rsp), %rsp\n	pop %rax\n	jmp 8f\n"
	"6:	nop\n"
	"8:	push %rax\n	mov 16(%rsp), %rax\n"
	"	mov %rbx, 8(%rax)\n	mov %rdx, 24(%rax)\n	mov %rsi, 32(%rax)\n	mov %rdi, 40(%rax)\n"
	"	mov %rbp, 48(%rax)\n	mov %r8, 56(%rax)\n	mov %r9, 64(%rax)\n	mov %r10, 72(%rax)\n"
	"	mov %r11, 80(%rax)\n	mov %r12, 88(%rax)\n	mov %r13, 96(%rax)\n	mov %r14, 104(%rax)\n"
	"	mov %r15, 112(%rax)\n	pop %rcx\n	mov %rcx, 0(%rax)\n"
	"	stmxcsr 640(%rax)\n	fnstcw 644(%rax)\n	fstpl 656(%rax)\n	fstpl 648(%rax)\n"
	"	mov 16(%rsp), %ecx\n	test %ecx, %ecx\n	jz 1f\n"
	ALL(SAVE_Y)
	"	vzeroupper\n	jmp 2f\n1:\n"
	ALL(SAVE_X)
	"2:	pop %rdx\n	pop %rsi\n	pop %rcx\n	pop %r8\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
	"	push $0x1f80\n	ldmxcsr (%rsp)\n	movl $0x37f, (%rsp)\n	fldcw (%rsp)\n	pop %rcx\n	cld\n	ret\n");

/* Flags alone: set, spin, read back. */
static uint64_t spin_flags(uint64_t flags, uint64_t spins)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n	push %0\n	popfq\n"
			 "1:	jrcxz 2f\n	lea -1(%%rcx), %%rcx\n	jmp 1b\n"
			 "2:	pushfq\n	pop %0\n	cld\n	lea 128(%%rsp), %%rsp"
			 : "+r"(flags), "+c"(spins)::"memory", "cc");
	return flags;
}

static volatile uint64_t signals_seen, rounds;
static volatile int stop, avx;
static pid_t tids[THREADS];

static uint64_t random64(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	__atomic_add_fetch(&signals_seen, 1, __ATOMIC_RELAXED);
	if (avx)
		__asm__ volatile("vpcmpeqb %%xmm0,%%xmm0,%%xmm0\n vinsertf128 $1,%%xmm0,%%ymm0,%%ymm7\n"
				 "vmovaps %%ymm7,%%ymm15\n vzeroall" ::: "memory");
	__asm__ volatile("pxor %%xmm0,%%xmm0\n movdqa %%xmm0,%%xmm3\n fninit\n fld1\n fldpi\n std\n cld" ::: "memory");
	syscall(SYS_getppid);
}

static void *worker(void *arg)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * ((uintptr_t)arg + 1);
	static const uint16_t control[] = { 0x37f, 0x27f, 0x77f, 0xf7f };
	struct timespec ts = { 0, 100000 };

	tids[(uintptr_t)arg] = (pid_t)syscall(SYS_gettid);
	while (!stop) {
		struct state in, out;
		bool call = random64(&seed) & 1;

		for (unsigned i = 0; i < sizeof(in) / 8; i++)
			((uint64_t *)&in)[i] = random64(&seed);
		in.mxcsr = 0x1f80 | (uint32_t)(random64(&seed) & 3) << 13;
		in.fcw = control[random64(&seed) & 3];
		in.st[0] = (double)(int32_t)random64(&seed);
		in.st[1] = (double)(int32_t)random64(&seed);
		in.gpr[15] = 0x202 | (random64(&seed) & 0x8d5);
		out = in;
		torture(&in, &out, random64(&seed) % 3000, avx, call ? SYS_getpid : -1);
		for (int i = 0; i < 15; i++) {
			/* rcx is the spin counter; what a system call clobbers is looked at in the assembly. */
			if (i == 2 || (i == 0 && call) || (i == 10 && call))
				continue;
			if (in.gpr[i] != out.gpr[i])
				broken("general register %d: %#lx became %#lx", i, in.gpr[i], out.gpr[i]);
		}
		for (int i = 0; i < 16; i++)
			if (memcmp(in.vec[i], out.vec[i], avx ? 32 : 16))
				broken("vector register %d changed", i);
		if (in.mxcsr != (out.mxcsr & ~0x3fu) || in.fcw != out.fcw)
			broken("mxcsr %#x, %#x; fcw %#x, %#x", in.mxcsr, out.mxcsr, in.fcw, out.fcw);
		if (memcmp(in.st, out.st, sizeof(in.st)))
			broken("x87 registers changed");
		uint64_t flags = 0x202 | (random64(&seed) & 0xcd5), after = spin_flags(flags, random64(&seed) % 3000);

		if ((flags ^ after) & 0xcd5)
			broken("flags %#lx became %#lx", flags, after);
		rounds++;
		if (rounds % 64 == 0)
			nanosleep(&ts, NULL);
	}
	return NULL;
}

static void *storm(void *arg)
{
	uint64_t seed = 88172645463325252ull;
	pid_t me = getpid();

	(void)arg;
	while (!stop) {
		pid_t tid = tids[random64(&seed) % THREADS];

		if (tid)
			syscall(SYS_tgkill, me, tid, random64(&seed) & 1 ? SIGUSR1 : SIGUSR2);
		if (random64(&seed) % 8 == 0)
			sched_yield();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 5;
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval tick = { { 0, 100 }, { 0, 100 } };
	pthread_t t[THREADS + 1];

	setvbuf(stdout, NULL, _IOLBF, 0);
	avx = __builtin_cpu_supports("avx");
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGVTALRM, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	pthread_create(&t[THREADS], NULL, storm, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	setitimer(ITIMER_VIRTUAL, &tick, NULL);
	struct timespec end, now;

	clock_gettime(CLOCK_MONOTONIC, &end);
	do {
		usleep(50000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec + seconds);
	stop = 1;
	tick = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	setitimer(ITIMER_REAL, &tick, NULL);
	setitimer(ITIMER_VIRTUAL, &tick, NULL);
	for (int i = 0; i <= THREADS; i++)
		pthread_join(t[i], NULL);
	printf("%lu rounds, %lu signals in %d s%s\n", rounds, signals_seen, seconds, avx ? ", with YMM" : "");
	if (!rounds || !signals_seen)
		broken("nothing happened");
	return attack_result("registers under fire");
}
