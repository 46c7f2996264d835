/*
 * A program jumps to every system call instruction of the kernel's text with the registers of a call that the filter
 * allows. It must be answered by the guest kernel or end in a signal: an answer with the host's file tree is the harm.
 *
 * defence: dispatch
 */
#include "kernel_elf.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct {
	uint64_t target, buffer, path;
} in __attribute__((used));
static struct statx ours;
static volatile struct statx *theirs;
static uint8_t *stack;

/* The stack is full of addresses of `landed`, wherever the kernel's code goes on and returns. */
void enter(void *);
void landed(void);
__asm__(".text\n"
	"enter:	mov $332, %eax\n	xor %edi, %edi\n	mov in+16(%rip), %rsi\n	xor %edx, %edx\n"
	"	mov $0x7ff, %r10d\n	mov in+8(%rip), %r8\n	xor %r9d, %r9d\n"
	"	mov stack(%rip), %rsp\n	add $32768, %rsp\n	mov %rsp, %rbp\n	mov %rsp, %rbx\n	mov %rsp, %r12\n"
	"	mov %rsp, %r13\n	mov %rsp, %r14\n	mov %rsp, %r15\n	jmp *in+0(%rip)\n"
	"landed:	ud2\n");

static void one(void *arg)
{
	struct itimerval tick = { { 1, 0 }, { 0, 20000 } };

	(void)arg;
	attack_quiet = true;
	setitimer(ITIMER_REAL, &tick, NULL);
	attempt(enter, NULL);
}

static int places, answers;

static void try_at(uint64_t at, int rounds)
{
	in.target = at;
	places++;
	for (int i = 0; i < rounds; i++) {
		memset((void *)theirs, 0, sizeof(*theirs));
		for (int w = 0; w < 8192; w++)
			((uint64_t *)stack)[w] = (uint64_t)landed;
		in_child(one, NULL, 5);
		if (theirs->stx_mask && (theirs->stx_ino != ours.stx_ino || theirs->stx_dev_minor != ours.stx_dev_minor ||
					 theirs->stx_btime.tv_sec != ours.stx_btime.tv_sec))
			answers++;
	}
}

int main(void)
{

	attack_init();
	kernel_elf();
	if (gs_base() < SCRATCH_BASE) {
		printf("SKIP no gate\n");
		return 77;
	}
	theirs = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	in.path = (uint64_t)"/";
	in.buffer = (uint64_t)theirs;
	if (statx(AT_FDCWD, "/", 0, 0x7ff, &ours))
		return 2;
	/* First one with a return behind it: no more of the kernel's code runs there in a program's name. */
	try_at(kernel_bytes(KERNEL_BASE, "\x0f\x05\xc3", 3), 1000);
	for (uint64_t at = KERNEL_BASE; !answers && (at = kernel_bytes(at, "\x0f\x05", 2)); at += 2)
		try_at(at, 1);
	printf("%d system call instructions\n", places);
	if (answers)
		broken("the host answered %d times", answers);
	return attack_result("the kernel's own system call instructions");
}
