/*
 * A program jumps to the signal entry with a frame of its choice on its stack: one forged in its own memory, and the stale
 * one that its latest signal left on the signal stack, while another thread sends it signals. The kernel must not take
 * registers from either. Forged registers that come to life are the harm.
 *
 * defence: frame
 */
#include "kernel_elf.h"

#include <pthread.h>

#define ROUNDS 1000
#define MAGIC 0x6d61676963211100ul
#define OTHER 0x0101010101010101ul
#define FRAME_UC 8
#define UC_REGS 40
#define UC_FPSTATE 224
#define UC_SIZE 304

static struct {
	uint64_t rsp, target, r8;
} in __attribute__((used));
static volatile uint64_t seen_r8, seen_r9;
static uint8_t frame[8192] __attribute__((aligned(64)));
static uint8_t xstate[8192] __attribute__((aligned(64)));

void enter(void *);
void landed(void);
void leave_frame(void *);
__asm__(".text\n"
	"enter:	mov in+16(%rip), %r8\n	mov %r8, %r9\n	mov %r8, %r10\n	mov %r8, %r15\n"
	"	mov $33, %edi\n	lea 312(%rsp), %rsi\n	mov in+0(%rip), %rsp\n	lea 8(%rsp), %rdx\n"
	"	jmp *in+8(%rip)\n"
	"landed:	ud2\n"
	"leave_frame: mov in+16(%rip), %r8\n	mov %r8, %r9\n	movb $0, 0\n	ud2\n");

static void look(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	seen_r8 = (uint64_t)uc->uc_mcontext.gregs[REG_R8];
	seen_r9 = (uint64_t)uc->uc_mcontext.gregs[REG_R9];
	attack_caught(sig, info, context);
}

/* r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, flags; CS and SS; a kick. */
static void forge(void)
{
	uint64_t *regs = (uint64_t *)(frame + 4096 + FRAME_UC + UC_REGS);

	memset(frame, 0, sizeof(frame));
	for (int i = 0; i < 15; i++)
		regs[i] = MAGIC;
	regs[15] = (uint64_t)frame + 2048;
	regs[16] = (uint64_t)landed;
	regs[17] = 0x202;
	regs[18] = 0x2b000000000033;
	*(uint64_t *)(frame + 4096 + FRAME_UC + UC_FPSTATE) = (uint64_t)xstate;
	*(uint32_t *)(frame + 4096 + FRAME_UC + UC_SIZE) = 33;
	memset(xstate, 0, sizeof(xstate));
	*(uint32_t *)(xstate + 24) = 0x1f80;
}

static volatile int stop;
static void *storm(void *arg)
{
	while (!stop) {
		syscall(SYS_tgkill, getpid(), (pid_t)(uintptr_t)arg, SIGUSR1);
		usleep(50);
	}
	return NULL;
}
static void ignore(int sig) { (void)sig; }

int main(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP };
	struct sigaction sa = { .sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	int believed = 0, stale = 0;
	pthread_t t;

	attack_init();
	kernel_elf();
	in.target = kernel_symbol(have_keys() ? "gate_pkey_signal_entry" : "gate_plain_signal_entry");
	if (!in.target || gs_base() < SCRATCH_BASE) {
		printf("SKIP no gate\n");
		return 77;
	}
	for (unsigned i = 0; i < 4; i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGUSR1, ignore);
	pthread_create(&t, NULL, storm, (void *)(uintptr_t)syscall(SYS_gettid));
	for (int i = 0; i < ROUNDS; i++) {
		forge();
		in.rsp = (uint64_t)frame + 4096;
		in.r8 = OTHER;
		if (attempt(enter, NULL) == 0 || seen_r8 == MAGIC || caught.rip == (uint64_t)landed)
			believed++;
		/* The latest frame, with registers that we knew then. */
		in.r8 = MAGIC + 1;
		if (attempt(leave_frame, NULL) != SIGSEGV || seen_r9 != MAGIC + 1)
			broken("an ordinary fault: signal %d, r9 %#lx", caught.sig, seen_r9);
		in.rsp = shown()[3];
		in.r8 = OTHER;
		attempt(enter, NULL);
		if (seen_r8 == MAGIC + 1)
			stale++;
	}
	stop = 1;
	pthread_join(t, NULL);
	if (believed)
		broken("a forged frame was believed %d of %d times", believed, ROUNDS);
	if (stale)
		broken("a stale frame was believed %d of %d times", stale, ROUNDS);
	return attack_result("forged and stale signal frames");
}
