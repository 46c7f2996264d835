/*
 * Registers that no compiler makes: entries and exits of the kernel with stack pointers, flags, return addresses and
 * TLS bases of every sort. Each case runs in a child, which may die of a signal but must not take the sandbox along.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../abi/layout.h"

static const uint64_t odd[] = {
	0, 1, 8, 0xffff, 0x10000, TASK_SIZE - 8, TASK_SIZE - 4, TASK_SIZE, TASK_SIZE + 0x1000, SHOWN_BASE,
	SCRATCH_BASE, HEAP_BASE, THREADS_BASE, 0x7fffffffefff, 0x7fffffffffff, 0x800000000000, 0x8000000000000000,
	0xffff7fffffffffff, 0xffff800000000000, 0xffffffffff600000, 0xfffffffffffff000, 0xffffffffffffffff,
};
#define N (sizeof(odd) / sizeof(odd[0]))

static volatile int what;
static volatile uint64_t value;
static char altstack[65536] __attribute__((aligned(64)));

static void on_usr1(int s, siginfo_t *i, void *p)
{
	ucontext_t *uc = p;

	(void)s;
	(void)i;
	switch (what) {
	case 0:
		uc->uc_mcontext.gregs[REG_RIP] = (long long)value;
		break;
	case 1:
		uc->uc_mcontext.gregs[REG_RSP] = (long long)value;
		break;
	case 2:
		uc->uc_mcontext.gregs[REG_EFL] = (long long)value;
		break;
	case 3:
		uc->uc_mcontext.fpregs = (void *)value;
		break;
	case 4:
		uc->uc_stack.ss_sp = (void *)value;
		uc->uc_stack.ss_size = 1u << 16;
		break;
	case 5: /* reserved bits of MXCSR, header of the XSAVE image */
		memset((char *)uc->uc_mcontext.fpregs + 24, 0xff, 4);
		break;
	case 6:
		memset((char *)uc->uc_mcontext.fpregs + 512, (int)value | 1, 64);
		break;
	case 7:
		memset(uc->uc_mcontext.fpregs, (int)value, 2000);
		break;
	case 8:
		uc->uc_mcontext.gregs[REG_CSGSFS] = (long long)value;
		break;
	}
}

static void edit_frame(void)
{
	struct sigaction sa = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

static void odd_handler(void)
{
	struct sigaction sa = { .sa_handler = (void (*)(int))value };

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

static void odd_altstack(void)
{
	stack_t ss = { .ss_sp = (void *)value, .ss_size = sizeof(altstack) };
	struct sigaction sa = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	what = 99;
	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

/* A system call, and a fault, with that stack pointer. */
static void odd_rsp(void)
{
	__asm__ volatile("mov %%rsp, %%r12\n\tmov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tmov %%r12, %%rsp"
			 : : "r"(value) : "rax", "rcx", "r11", "r12", "memory");
}

static void odd_rsp_fault(void)
{
	__asm__ volatile("mov %0, %%rsp\n\tmov $0, %%rax\n\tmov (%%rax), %%rax" : : "r"(value) : "rax", "memory");
}

static void odd_rsp_kill(void)
{
	struct sigaction sa = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };

	what = 99;
	sigaction(SIGUSR1, &sa, NULL);
	__asm__ volatile("mov %%rsp, %%r12\n\tmov %0, %%rsp\n\tmov %1, %%edi\n\tmov $10, %%esi\n\tmov $62, %%eax\n\tsyscall\n\tmov %%r12, %%rsp"
			 : : "r"(value), "r"(getpid()) : "rax", "rcx", "rdi", "rsi", "r11", "r12", "memory");
}

static void odd_flags(void)
{
	__asm__ volatile("push %0\n\tpopfq\n\tmov $39, %%eax\n\tsyscall\n\tpush $2\n\tpopfq"
			 : : "r"(value | 0x100 | 0x400 | 0x40000) : "rax", "rcx", "r11", "memory", "cc");
}

static void odd_jump(void) { ((void (*)(void))value)(); }

static void odd_tls(void)
{
	struct clone_args ca = { .flags = CLONE_SETTLS, .exit_signal = SIGCHLD, .tls = value };
	long p = syscall(SYS_clone3, &ca, sizeof(ca));

	if (p == 0)
		__asm__ volatile("mov $231, %%eax\n\txor %%edi, %%edi\n\tsyscall" : : : "rax", "rdi");
	if (p > 0)
		waitpid((pid_t)p, NULL, 0);
}

static void odd_arch_prctl(void)
{
	__asm__ volatile("mov $158, %%eax\n\tmov $0x1002, %%edi\n\tmov %0, %%rsi\n\tsyscall\n\tmov $231, %%eax\n\txor %%edi, %%edi\n\tsyscall"
			 : : "r"(value) : "rax", "rcx", "rdi", "rsi", "r11", "memory");
}

/* A base from user mode, where the CPU itself is asked. */
static void odd_wrfsbase(void)
{
	__asm__ volatile("wrfsbase %0\n\tmov $39, %%eax\n\tsyscall\n\tmov $57, %%eax\n\tsyscall\n\tmov $231, %%eax\n\txor %%edi, %%edi\n\tsyscall"
			 : : "r"(value) : "rax", "rcx", "rdi", "r11", "memory");
}

static void odd_stack_clone(void)
{
	struct clone_args ca = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD, .stack = value - 4096, .stack_size = 4096 };
	long p = syscall(SYS_clone3, &ca, sizeof(ca));

	if (p == 0)
		__asm__ volatile("mov $231, %%eax\n\txor %%edi, %%edi\n\tsyscall" : : : "rax", "rdi");
}

static void (*const cases[])(void) = { odd_handler, odd_altstack, odd_rsp, odd_rsp_fault, odd_rsp_kill, odd_flags, odd_jump, odd_tls,
				       odd_arch_prctl, odd_wrfsbase, odd_stack_clone };
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void run(void (*fn)(void), int w, uint64_t v)
{
	pid_t p = fork();
	int st;

	if (p == 0) {
		alarm(2);
		what = w;
		value = v;
		fn();
		_exit(0);
	}
	if (p < 0 || waitpid(p, &st, 0) != p) {
		perror("fork or wait");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	/* Under the plain gate a jump into the kernel is a program's own fault: "nojump". */
	int nojump = argc > 1 && !strcmp(argv[1], "nojump");

	for (unsigned i = 0; i < N; i++) {
		int kernel = odd[i] >= TASK_SIZE && odd[i] < 0x7fffffffffff;

		for (int w = 0; w < 9; w++)
			if (!(nojump && kernel && (w == 0 || w == 1)))
				run(edit_frame, w, odd[i]);
		for (unsigned c = 0; c < CASES; c++)
			if (!(nojump && kernel && (cases[c] == odd_jump || cases[c] == odd_handler || cases[c] == odd_rsp_fault ||
						   cases[c] == odd_wrfsbase || cases[c] == odd_stack_clone || cases[c] == odd_rsp_kill)))
				run(cases[c], 0, odd[i]);
	}
	puts("regs: done");
	return 0;
}
