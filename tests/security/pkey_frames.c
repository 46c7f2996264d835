/*
 * Attacks on the signal entry: the stack pointer set into the thread's signal stack before system calls, faults, single
 * steps and jumps to the entry, with registers and vector registers full of words that a forged frame would need, while
 * another thread sends signals; and GS base made 0 by loading a selector, with look-alikes of the gate's pages where its
 * accesses could then lead. A forged frame that is believed shows itself in registers that change.
 *
 * defence: none, frame_forge.c shows what the look at the frame is for
 */
#include "attack.h"

#include <pthread.h>

#define LOW 0x10000000ul
#define SIGSTACK_SIZE 0x5000ul

enum what { CALL, FAULT, STEP, ENTRY, STEP_ENTRY, WHATS };
static const char *const names[] = { "system call", "fault", "single step", "jump to the entry", "single step to the entry" };

static struct {
	uint64_t magic, rsp, flags, target;
	uint64_t keep[6]; /* r8 r9 r10 r11 r15 rbp */
} in __attribute__((used, aligned(64)));
static volatile uint64_t kept[6];
static struct {
	volatile uint64_t at[WHATS], end[WHATS], jumps, broken, entry, looked_at;
} *shared;
static char arena[1 << 16] __attribute__((aligned(64)));

void go(void *);
void call_here(void);
void fault_here(void);
#define FILL(i) "	vmovq %rax, %xmm" #i "\n	vpbroadcastq %xmm" #i ", %ymm" #i "\n"
__asm__(".text\n"
	"go:	mov in+0(%rip), %rax\n"
	FILL(0) FILL(1) FILL(2) FILL(3) FILL(4) FILL(5) FILL(6) FILL(7)
	FILL(8) FILL(9) FILL(10) FILL(11) FILL(12) FILL(13) FILL(14) FILL(15)
	"	mov in+32(%rip), %r8\n	mov in+40(%rip), %r9\n	mov in+48(%rip), %r10\n	mov in+56(%rip), %r11\n"
	"	mov in+64(%rip), %r15\n	mov in+72(%rip), %rbp\n"
	"	mov %rax, %rbx\n	mov %rax, %rsi\n	mov %rax, %r12\n	mov %rax, %r13\n	mov %rax, %r14\n"
	"	mov $33, %edi\n	xor %eax, %eax\n	xor %ecx, %ecx\n	xor %edx, %edx\n"
	"	push in+16(%rip)\n	popfq\n	mov in+8(%rip), %rsp\n	jmp *in+24(%rip)\n"
	"call_here:	mov $39, %eax\n	syscall\n	ud2\n"
	"fault_here:	movb $0, 0\n	ud2\n");

static void check_kept(int sig, siginfo_t *info, void *context)
{
	static const int regs[] = { REG_R8, REG_R9, REG_R10, REG_R11, REG_R15, REG_RBP };
	ucontext_t *uc = context;

	for (int i = 0; i < 6; i++)
		kept[i] = (uint64_t)uc->uc_mcontext.gregs[regs[i]];
	attack_caught(sig, info, context);
}

static void *storm(void *arg)
{
	for (;;)
		syscall(SYS_tgkill, getpid(), (pid_t)(uintptr_t)arg, SIGUSR1);
	return NULL;
}

static void ignore(int sig) { (void)sig; }

static void prepare(enum what what, uint64_t rsp)
{
	in.magic = shared->entry;
	in.rsp = rsp;
	in.flags = what == STEP || what == STEP_ENTRY ? 0x302 : 0x202;
	in.target = what == CALL ? (uint64_t)call_here : what == FAULT || what == STEP ? (uint64_t)fault_here : shared->entry;
	for (int i = 0; i < 6; i++)
		in.keep[i] = 0x1111111111111111ul * (unsigned)(i + 1);
	/* In its place a forged frame would have the magic word: it is RBP that lies there in one kind of overlap. */
	if (rsp & 8)
		in.keep[5] = in.magic;
}

/*
 * A signal whose frame has no room on the signal stack makes the host kill the process at once. That is the program's own
 * fault, but a sandbox does not survive it when another thread is just then at work in the kernel. So no storm there.
 */
static void scan(enum what what, uint64_t first, uint64_t last)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP };
	struct sigaction sa = { .sa_sigaction = check_kept, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	uint64_t base = shown()[3] & ~(THREAD_SLOT_SIZE - 1);
	uint64_t frame = SIGSTACK_SIZE - (shown()[3] - base);
	bool stormy = false;
	pthread_t t;

	attack_quiet = true;
	for (unsigned i = 0; i < 4; i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGUSR1, ignore);
	for (uint64_t o = first; o < last; o += 8) {
		if (o > 3 * frame + 1024 && !stormy) {
			pthread_create(&t, NULL, storm, (void *)(uintptr_t)syscall(SYS_gettid));
			stormy = true;
		}
		shared->at[what] = o;
		prepare(what, base + o);
		int sig = attempt(go, NULL);

		shared->jumps++;
		if (!rights_kept() || sig == 0 || gs_base() < SCRATCH_BASE) {
			broken("%s with the stack at %#lx: signal %d", names[what], o, sig);
			shared->broken++;
		}
		for (int i = 0; i < 6; i++) {
			/* A system call may well be made, and it gives r11. */
			if (kept[i] == in.keep[i] || (i == 3 && what == CALL))
				continue;
			broken("%s with the stack at %#lx: register %d is %#lx", names[what], o, i, kept[i]);
			shared->broken++;
		}
	}
	shared->end[what] = 1;
	_exit(0);
}

static void all(enum what what)
{
	uint64_t first = 0;
	int deaths = 0;

	while (!shared->end[what] && !shared->broken) {
		int status;
		pid_t pid;

		shared->at[what] = first;
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			scan(what, first, SIGSTACK_SIZE + 64);
		for (uint64_t at = first, still = 0; waitpid(pid, &status, WNOHANG) != pid; usleep(5000)) {
			still = shared->at[what] == at ? still + 1 : 0;
			at = shared->at[what];
			if (still == 600) {
				broken("%s: stuck at %#lx", names[what], at);
				kill(pid, SIGKILL);
			}
		}
		first = shared->at[what] + 8;
		deaths++;
	}
	printf("%s: %d processes ended\n", names[what], deaths - 1);
}

/* The signal entry is 64-byte aligned, and the first place of the gate where WRPKRU is on the way. */
static void find(void *arg)
{
	struct itimerval tick = { { 0, 4000 }, { 0, 4000 } };

	(void)arg;
	attack_quiet = true;
	setitimer(ITIMER_REAL, &tick, NULL);
	prepare(ENTRY, (uint64_t)arena + sizeof(arena) / 2);
	while (shared->looked_at < 1 << 20) {
		uint64_t at = KERNEL_BASE + shared->looked_at;

		shared->looked_at += 64;
		memset(arena, 0, sizeof(arena));
		in.magic = (uint64_t)arena + sizeof(arena) / 2;
		in.target = at;
		if (attempt(go, NULL) == SIGILL && caught.rsp == 0 && caught.rip > at && caught.rip < at + 1024) {
			shared->entry = at;
			_exit(0);
		}
	}
}

/* Pages full of what the gate would like to find, wherever a base of 0 and its offsets can lead. */
static void lose_gs(void *arg)
{
	static const uint64_t at[] = { LOW, 0xf0000000, 0x7ffff000, 0xfffff000 };

	attack_quiet = true;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t *p = mmap((void *)at[i], 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (p == (void *)at[i])
			for (int w = 0; w < 512; w++)
				p[w] = 0;
	}
	prepare((enum what)(uintptr_t)arg, LOW + 2048);
	__asm__ volatile("xor %%eax, %%eax\n mov %%eax, %%gs" ::: "rax");
	attempt(go, NULL);
	/* Here only with a GS that the kernel restored. */
	if (!rights_kept())
		shared->broken++;
}

int main(void)
{
	pkey_or_skip();
	if (!__builtin_cpu_supports("avx2")) {
		printf("SKIP no AVX2\n");
		return 77;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while (!shared->entry && shared->looked_at < 1 << 20)
		in_child(find, NULL, 20);
	if (!shared->entry)
		broken("the signal entry was not found");
	printf("entry at %#lx\n", shared->entry);
	for (int what = 0; what < WHATS; what++)
		all(what);
	for (int what = 0; what < WHATS; what++) {
		int status = in_child(lose_gs, (void *)(uintptr_t)what, 5);

		printf("no GS, %s: status %#x\n", names[what], status);
		if (status == -1)
			broken("no GS, %s: the process hangs", names[what]);
	}
	if (shared->broken)
		broken("%lu times", shared->broken);
	printf("%lu attempts\n", shared->jumps);
	if (try_read(HEAP_BASE) != SIGSEGV)
		broken("the kernel's memory is open");
	return attack_result("the signal entry");
}
