/*
 * A kick after every single instruction of the gate. The program inside makes system calls in three ways, between two
 * breakpoints, with a value of its own in each register, and looks at all of them afterwards. From outside a debugger
 * lets it make n steps from the first breakpoint, sends a kick, and lets it go: for each n until the second breakpoint.
 * Then the same with a second kick m steps after the first, which goes through the entry by signal and the way out.
 *
 *   step LIMPET PLATFORM [N]  the debugger: starts `LIMPET do` with itself as the program; every N-th instruction only
 *   step inside               the program
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define KICK 33 /* kernel/gate/internal.h */
#define TF 0x100ul
#define FRAME_FLAGS (8 + 40 + 17 * 8) /* from a signal frame's begin */
#define WAYS 3
#define ROUNDS_MAX 3000
#define READY "step: ready\n"

/* --- inside ---------------------------------------------------------------------------------------------------------- */

/* In the order of the assembly below; rsp last. */
static struct regs {
	uint64_t rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15, flags, rsp, rax, moved;
} want __attribute__((used)), got __attribute__((used));
static uint64_t own_stack __attribute__((used));
static uint8_t stack[4096] __attribute__((aligned(64)));

void way_mov(void), way_moved(void), way_trap(void);
#define ENTER(name)                                                                                               \
	".globl " #name "\n" #name ":\n"                                                                          \
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"                                      \
	"mov %rsp, own_stack(%rip)\n"                                                                             \
	"push want+96(%rip); popfq\n"                                                                             \
	"mov want(%rip), %rbx; mov want+8(%rip), %rdx; mov want+16(%rip), %rsi; mov want+24(%rip), %rdi\n"        \
	"mov want+32(%rip), %rbp; mov want+40(%rip), %r8; mov want+48(%rip), %r9; mov want+56(%rip), %r10\n"      \
	"mov want+64(%rip), %r12; mov want+72(%rip), %r13; mov want+80(%rip), %r14; mov want+88(%rip), %r15\n"    \
	"mov want+104(%rip), %rsp\n"
#define LEAVE                                                                                                     \
	"int3\n"                                                                                                  \
	"mov %rsp, got+104(%rip); mov own_stack(%rip), %rsp; pushfq; pop got+96(%rip); mov %rax, got+112(%rip)\n" \
	"mov %rbx, got(%rip); mov %rdx, got+8(%rip); mov %rsi, got+16(%rip); mov %rdi, got+24(%rip)\n"            \
	"mov %rbp, got+32(%rip); mov %r8, got+40(%rip); mov %r9, got+48(%rip); mov %r10, got+56(%rip)\n"          \
	"mov %r12, got+64(%rip); mov %r13, got+72(%rip); mov %r14, got+80(%rip); mov %r15, got+88(%rip)\n"        \
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; cld; ret\n"
__asm__(".text\n" ENTER(way_mov) "int3; mov $110, %eax; syscall\n" LEAVE
	/* What follows runs elsewhere; its address is relative. */
	ENTER(way_moved) "mov $110, %eax; int3; nop; syscall; mov %rax, got+120(%rip)\n" LEAVE
	/* RDTSCP is not known to the kernel: this one stays a trap. */
	ENTER(way_trap) "mov $110, %eax; int3; nop; syscall; rdtscp; mov want+8(%rip), %rdx; mov $110, %eax\n" LEAVE);

static void ignore(int sig) { (void)sig; }

static int inside(void)
{
	static void (*const ways[WAYS])(void) = { way_mov, way_moved, way_trap };
	uint64_t *w = (uint64_t *)&want, *g = (uint64_t *)&got;
	struct sigaction sa = { .sa_handler = ignore, .sa_flags = SA_ONSTACK };
	static uint8_t handlers[65536];
	stack_t ss = { .ss_sp = handlers, .ss_size = sizeof(handlers) };
	long parent = getppid(), wrong = 0;

	sigaltstack(&ss, NULL);
	sigaction(SIGTRAP, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	for (int i = 0; i < 12; i++)
		w[i] = 0x1111111111111111ul * (unsigned)(i + 1) ^ (uint64_t)(uintptr_t)stack;
	want.rsp = (uint64_t)(uintptr_t)stack + 2048;
	want.rax = want.moved = (uint64_t)parent;
	memset(stack, 0x5a, sizeof(stack));
	for (unsigned round = 0; !wrong; round++) {
		/* Carry, zero, overflow, direction: in turn. */
		want.flags = 0x202 | (round & 1) | (round & 2 ? 0x40 : 0) | (round & 4 ? 0x800 : 0) | (round & 8 ? 0x400 : 0);
		memset(&got, 0, sizeof(got));
		ways[round % WAYS]();
		if (round % WAYS != 1)
			got.moved = want.moved;
		if (round % WAYS == 2)
			got.rax = want.rax;
		for (int i = 0; i < 16; i++)
			if (w[i] != g[i]) {
				printf("BROKEN: way %u, register %d: %#lx instead of %#lx\n", round % WAYS, i, g[i], w[i]);
				wrong++;
			}
		for (unsigned i = 0; i < sizeof(stack); i++)
			if (stack[i] != 0x5a) {
				printf("BROKEN: way %u: the stack was written to at %d\n", round % WAYS, (int)i - 2048);
				wrong++;
				break;
			}
		if (round == 100)
			write(1, READY, sizeof(READY) - 1);
		/* Nobody debugs it any more: the end. */
		if (round > 200 && round % 64 == 0) {
			char line[256] = "";
			int fd = open("end", O_RDONLY);

			if (fd >= 0) {
				read(fd, line, 1);
				return wrong != 0;
			}
		}
	}
	return 1;
}

/* --- outside --------------------------------------------------------------------------------------------------------- */

static pid_t child;

static void die(const char *what)
{
	fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
	kill(child, SIGKILL);
	exit(1);
}

/* The host process that has this program mapped, and is no child of ours: it is the sandbox's. */
static pid_t find_inside(const char *self)
{
	char path[64], line[512], inode[32];
	struct stat st;
	struct dirent *e;
	pid_t found = 0;
	DIR *d = opendir("/proc");

	if (stat(self, &st))
		die(self);
	snprintf(inode, sizeof(inode), " %lu ", st.st_ino);
	while (d && !found && (e = readdir(d))) {
		pid_t pid = atoi(e->d_name);
		FILE *f;

		if (pid <= 0 || pid == getpid() || pid == child)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/maps", pid);
		f = fopen(path, "r");
		while (f && !found && fgets(line, sizeof(line), f))
			if (strstr(line, inode))
				found = pid;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

static pid_t tracee;
static struct user_regs_struct regs;

/* Goes on with request and waits for the next stop: its signal. */
static int go(int request, int sig)
{
	int status;

	if (ptrace(request, tracee, 0, (void *)(long)sig))
		die("ptrace");
	if (waitpid(tracee, &status, __WALL) != tracee)
		die("waitpid");
	if (!WIFSTOPPED(status)) {
		fprintf(stderr, "step: the program ended: %#x\n", status);
		exit(1);
	}
	ptrace(PTRACE_GETREGS, tracee, 0, &regs);
	/* A step that a signal came before, at POPF: the host takes the flag for the program's own. */
	if (regs.eflags & TF) {
		regs.eflags &= ~TF;
		ptrace(PTRACE_SETREGS, tracee, 0, &regs);
	}
	return WSTOPSIG(status);
}

static long code_at(uint64_t rip)
{
	errno = 0;
	return ptrace(PTRACE_PEEKTEXT, tracee, rip, 0) & 0xff;
}

static int at_breakpoint(int sig) { return sig == SIGTRAP && code_at(regs.rip - 1) == 0xcc; }

/* One instruction. What the processor shows of the debugger's own flag is taken away. True: at a breakpoint. */
static int step(int *sig)
{
	int pushes = code_at(regs.rip) == 0x9c && !*sig, int3 = code_at(regs.rip) == 0xcc && !*sig, entered = *sig;
	long word;

	*sig = go(PTRACE_SINGLESTEP, *sig);
	if (entered && *sig == SIGTRAP) { /* the same in the flags of a signal's frame */
		word = ptrace(PTRACE_PEEKDATA, tracee, regs.rsp + FRAME_FLAGS, 0);
		ptrace(PTRACE_POKEDATA, tracee, regs.rsp + FRAME_FLAGS, word & ~TF);
	}
	if (pushes) {
		word = ptrace(PTRACE_PEEKDATA, tracee, regs.rsp, 0);
		ptrace(PTRACE_POKEDATA, tracee, regs.rsp, word & ~TF);
	}
	if (*sig == SIGTRAP)
		*sig = 0;
	return int3;
}

static void kick(void)
{
	if (syscall(SYS_tgkill, tracee, tracee, KICK))
		die("tgkill");
}

/* To the next breakpoint, signals passed on. */
static void run(int sig)
{
	do
		sig = go(PTRACE_CONT, sig);
	while (!at_breakpoint(sig));
}

/* n steps, a kick, m more (0: none), a second kick, and on to the second breakpoint. False: it came before the n steps. */
static int one_round(int n, int m)
{
	int sig = 0;

	for (int i = 0; i < n; i++)
		if (step(&sig))
			return 0;
	kick();
	for (int i = 0; i < m; i++)
		if (step(&sig)) {
			kick();
			return 0;
		}
	if (m)
		kick();
	run(sig);
	return 1;
}

static int debug(int by)
{
	int status, total = 0, way[WAYS], at[2] = { 3, 40 };

	/* No PTRACE_INTERRUPT: the host would start a sleep anew with a call that is not on the list. */
	if (ptrace(PTRACE_SEIZE, tracee, 0, 0))
		die("ptrace seize");
	if (waitpid(tracee, &status, __WALL) != tracee || !WIFSTOPPED(status))
		die("waitpid");
	ptrace(PTRACE_GETREGS, tracee, 0, &regs);
	if (!at_breakpoint(WSTOPSIG(status)))
		run(WSTOPSIG(status));
	/* Breakpoints come in pairs; a first one has a system call behind it. */
	for (int i = 0; i < 6 * WAYS; i++) {
		long next = code_at(regs.rip);

		if (next != 0x48)
			break;
		run(0);
	}
	for (int w = 0; w < WAYS; w++)
		way[w] = by;
	/* All three ways in turn, each with its own count of steps. */
	for (int round = 0, open = WAYS; open && round < ROUNDS_MAX; round++) {
		int w = round % WAYS;

		if (way[w] && one_round(way[w], 0)) {
			way[w] += by;
			total++;
		} else if (way[w]) {
			printf("way: %d instructions\n", way[w]);
			way[w] = 0;
			open--;
		} else {
			run(0);
		}
		run(0); /* to the first breakpoint of the next */
	}
	for (unsigned k = 0; k < 2; k++)
		for (int m = 1, misses = 0; misses < WAYS && m < 400; m += by) {
			misses = one_round(at[k], m) ? 0 : misses + 1;
			total++;
			run(0);
		}
	ptrace(PTRACE_DETACH, tracee, 0, 0);
	return total;
}

int main(int argc, char **argv)
{
	char self[256], line[512];
	int out[2], total, status, by;
	FILE *f;

	if (argc == 2 && !strcmp(argv[1], "inside"))
		return inside();
	if (argc < 3)
		return 2;
	by = argc > 3 ? atoi(argv[3]) : 1;
	self[readlink("/proc/self/exe", self, sizeof(self) - 1)] = '\0';
	unlink("end");
	if (pipe(out))
		die("pipe");
	child = fork();
	if (!child) {
		dup2(out[1], 1);
		close(out[0]);
		execl(argv[1], argv[1], "do", "--platform", argv[2], "--rw", ".", "--", self, "inside", NULL);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	if (!fgets(line, sizeof(line), f) || strcmp(line, READY)) {
		fprintf(stderr, "step: not ready: %s\n", line);
		return 1;
	}
	tracee = find_inside(self);
	if (!tracee)
		die("no such process in the sandbox");
	total = debug(by);
	close(open("end", O_CREAT | O_WRONLY, 0600));
	while (fgets(line, sizeof(line), f))
		fputs(line, stdout);
	waitpid(child, &status, 0);
	printf("%d kicks, status %#x\n", total, status);
	return status || total * by < 300;
}
