/*
 * A program jumps to every byte of the kernel's text, with registers made for different ends: to run far, to have the
 * gate's WRPKRU or XRSTOR open the keys, to be taken for a host signal on the signal stack, to call the host with the
 * kernel's own syscall instruction. Each jump must end in a signal of the program, with its rights as before, and without
 * an answer from the host. Children do it, since some jumps make perfectly good system calls, exit among them.
 *
 *   pkey_jump                 each byte of the gate, samples of the rest
 *   pkey_jump all             each byte of all of it: ten minutes
 *   pkey_jump FIRST LAST      offsets in the text
 *
 * defence: none, pkey_rights.c shows what the comparisons are for
 */
#include "attack.h"

#include <sys/utsname.h>

/* Taken for clone's flags an address in it asks for CLONE_THREAD without CLONE_SIGHAND. */
#define ARENA 0x20000000ul
#define ARENA_SIZE 0x20000ul
#define POINT (ARENA + 0x10000)
#define TEXT_MAX (16ul << 20)

enum kind { FAR, NAME, OPEN_KEYS, LOAD_KEYS, FRAME, NESTED, KINDS };
static const char *const kind_names[] = { "pointers", "uname", "wrpkru", "xrstor", "frame", "nested frame" };

/* In the order of the assembly below. */
static struct {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rsp, target, flags;
} regs __attribute__((used));

static char hazard[TEXT_MAX];

static struct shared {
	volatile uint64_t at[KINDS], end[KINDS], done[KINDS];
	volatile uint64_t gate_first, gate_last; /* where jumps ended as only the gate ends them */
	volatile uint64_t ended[64], broken;
} *shared;

/* Where a return from the kernel's code leads: far from everything that it could hit by adding to it. */
#define LANDING_PAGE 0x500012345000ul
#define LANDING (LANDING_PAGE + 1024) /* that code may add to the address as well: no-operations around it */

void jump(void *);
__asm__(".text\n"
	"jump:	push regs+136(%rip)\n	popfq\n"
	"	mov regs+0(%rip), %rax\n	mov regs+8(%rip), %rbx\n	mov regs+16(%rip), %rcx\n"
	"	mov regs+24(%rip), %rdx\n	mov regs+32(%rip), %rsi\n	mov regs+40(%rip), %rdi\n"
	"	mov regs+48(%rip), %rbp\n	mov regs+56(%rip), %r8\n	mov regs+64(%rip), %r9\n"
	"	mov regs+72(%rip), %r10\n	mov regs+80(%rip), %r11\n	mov regs+88(%rip), %r12\n"
	"	mov regs+96(%rip), %r13\n	mov regs+104(%rip), %r14\n	mov regs+112(%rip), %r15\n"
	"	mov regs+120(%rip), %rsp\n	jmp *regs+128(%rip)\n");

static void fill_arena(void)
{
	for (uint64_t a = ARENA; a < ARENA + ARENA_SIZE; a += 8)
		*(uint64_t *)a = LANDING;
}

/* An XSAVE area that gives every right, and a ucontext whose RIP lies in the kernel. */
static void prepare(enum kind kind, uint64_t target)
{
	uint64_t *p = (uint64_t *)&regs;
	volatile uint64_t *s = shown();

	for (int i = 0; i < 15; i++)
		p[i] = POINT;
	regs.rsp = POINT;
	regs.target = target;
	regs.flags = 0x202;
	switch (kind) {
	case NAME:
		regs.rax = SYS_uname;
		break;
	case OPEN_KEYS:
		regs.rax = regs.rcx = regs.rdx = 0;
		break;
	case LOAD_KEYS:
		memset((void *)POINT, 0, 4096);
		((uint64_t *)POINT)[64] = 0x200;
		regs.rax = 0x200;
		regs.rdx = 0;
		/* gate_xrstor takes the mask in rsi. */
		regs.rsi = 0x200;
		break;
	case FRAME:
	case NESTED:
		regs.rax = regs.rcx = regs.rdx = 0;
		regs.rdi = 33;
		regs.r14 = POINT;
		regs.rsp = kind == FRAME ? s[3] : s[3] - s[7];
		/* A frame that wants to go on in the stub, where rt_sigreturn once was the answer. */
		((uint64_t *)POINT)[21] = KERNEL_BASE + 64;
		break;
	default:
		break;
	}
}

static void scan(enum kind kind, uint64_t first, uint64_t last, uint64_t step)
{
	struct itimerval tick = { { 0, 4000 }, { 0, 4000 } };
	struct utsname *name = (void *)POINT;
	uint64_t gs = gs_base();
	uint64_t known = shared->broken;
	pid_t me = getpid();

	attack_quiet = true;
	fill_arena();
	setitimer(ITIMER_REAL, &tick, NULL);
	for (uint64_t o = first; o < last; o += step) {
		if (hazard[o])
			continue;
		shared->at[kind] = o;
		for (int tries = 0; tries < 2; tries++) {
			prepare(kind, KERNEL_BASE + o);
			attempt(jump, NULL);
			if (getpid() != me)
				_exit(0);
			if (caught.sig != SIGALRM)
				break;
		}
		shared->ended[caught.sig & 63]++;
		shared->done[kind]++;
		if (kind == OPEN_KEYS && caught.sig == SIGILL && caught.rsp == 0 && caught.rip > KERNEL_BASE + o &&
		    caught.rip < KERNEL_BASE + o + 1024) {
			if (!shared->gate_first)
				shared->gate_first = o;
			if (o < shared->gate_first + 2048)
				shared->gate_last = o;
		}
		if (shared->broken != known) {
			known = shared->broken;
			broken("%s: offset %#lx: code ran with other rights", kind_names[kind], o);
		}
		if (!rights_kept() || gs_base() != gs || caught.sig == 0) {
			broken("%s: offset %#lx: signal %d, rights %s, gs %s", kind_names[kind], o, caught.sig,
			       rights_kept() ? "kept" : "CHANGED", gs_base() == gs ? "kept" : "CHANGED");
			shared->broken++;
			_exit(1);
		}
		if (kind == NAME) {
			if (!strcmp(name->sysname, "Linux") && !strstr(name->release, "limpet")) {
				broken("offset %#lx: the host's uname answered", o);
				shared->broken++;
			}
			memset(name, 0, sizeof(*name));
		}
		/* Where the text ends, at a page's beginning, the jump itself faults. */
		if (caught.sig == SIGSEGV && caught.rip == KERNEL_BASE + o && caught.addr == caught.rip) {
			if (o % 4096 < step) {
				shared->end[kind] = o;
				_exit(0);
			}
			printf("%s: offset %#lx cannot be jumped to, code %d\n", kind_names[kind], o, caught.code);
		}
		if (shared->done[kind] % 64 == 0)
			fill_arena();
	}
	shared->end[kind] = last;
	_exit(0);
}

static void all(enum kind kind, uint64_t first, uint64_t last, uint64_t step)
{
	int deaths = 0, hung = 0;

	while (!shared->end[kind]) {
		int status;
		pid_t pid;

		shared->at[kind] = first;
		pid = fork();
		if (pid == 0)
			scan(kind, first, last, step);
		/* A child that stops or hangs is one that made a system call of that kind. */
		for (uint64_t at = first, still = 0; waitpid(pid, &status, WNOHANG) != pid; usleep(5000)) {
			still = shared->at[kind] == at ? still + 1 : 0;
			at = shared->at[kind];
			if (still == 40) {
				kill(pid, SIGKILL);
				hung++;
			}
		}
		if (shared->broken)
			return;
		if (!shared->end[kind]) {
			first = shared->at[kind] + step;
			deaths++;
		}
	}
	printf("%s: %lu jumps, %d children ended early, %d of them stuck\n", kind_names[kind], shared->done[kind],
	       deaths, hung);
}

/*
 * An emulator with a bug: QEMU 10 lets MOV to the segment registers that are not there load TR. run.sh leaves a list of
 * the places that lead to such bytes.
 */
static void read_hazards(const char *self)
{
	char path[4096];
	unsigned long o;
	FILE *f;

	snprintf(path, sizeof(path), "%s.hazards", self);
	f = fopen(path, "r");
	while (f && fscanf(f, "%lx", &o) == 1)
		if (o < TEXT_MAX)
			hazard[o] = 1;
	if (f)
		fclose(f);
}

/* xor %ecx,%ecx; rdpkru; cmp $pkru,%eax; je 1f; mov $&broken,%rax; incq (%rax); 1: ud2 */
static void make_landing(char *code)
{
	volatile uint64_t *count = &shared->broken;

	memset(code, 0x90, 4000);
	code += 4000;
	memcpy(code, "\x31\xc9\x0f\x01\xee\x3d....\x74\x0d\x48\xb8........\x48\xff\x00\x0f\x0b", 27);
	memcpy(code + 6, &pkru, 4);
	memcpy(code + 14, &count, 8);
}

static void each_kind(uint64_t first, uint64_t last, uint64_t step)
{
	for (int k = 0; k < KINDS; k++) {
		shared->end[k] = shared->done[k] = 0;
		fflush(stdout);
		if (fork() == 0) {
			all(k, first, last, step);
			fflush(stdout);
			_exit(0);
		}
		if (k % 2)
			while (wait(NULL) > 0)
				;
	}
}

int main(int argc, char **argv)
{
	pkey_or_skip();
	char *code = mmap((void *)LANDING_PAGE, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (code != (void *)LANDING_PAGE || mmap((void *)ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != (void *)ARENA)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_landing(code);
	mprotect(code, 4096, PROT_READ | PROT_EXEC);
	read_hazards(argv[0]);
	if (argc > 2) {
		each_kind(strtoul(argv[1], NULL, 0), strtoul(argv[2], NULL, 0), 1);
	} else if (argc > 1) {
		all(OPEN_KEYS, 0, TEXT_MAX, 16);
		each_kind(0, shared->end[OPEN_KEYS], 1);
	} else {
		all(OPEN_KEYS, 0, TEXT_MAX, 16);
		uint64_t text = shared->end[OPEN_KEYS];

		if (!shared->gate_first)
			broken("the gate was not found");
		printf("the gate is at %#lx to %#lx\n", shared->gate_first, shared->gate_last);
		each_kind(shared->gate_first - 512, shared->gate_last + 512, 1);
		each_kind(7, text, 211);
	}
	if (shared->broken)
		broken("%lu times a jump left rights or the host open", shared->broken);
	for (int i = 1; i < 64; i++)
		if (shared->ended[i])
			printf("signal %d: %lu\n", i, shared->ended[i]);
	if (try_read(HEAP_BASE) != SIGSEGV || try_write(KERNEL_BASE) != SIGSEGV)
		broken("the kernel's memory is open");
	return attack_result("jumps into the kernel's text");
}
