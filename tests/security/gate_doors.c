/*
 * Other ways to the host than the gate's: int 0x80, sysenter, 32-bit code, the vsyscall page, x32 numbers, frames forged
 * for rt_sigreturn, GS moved, and the host's processes. Each must end in the guest kernel or in a signal of the program.
 *
 * defence: none, every door here has two locks, the dispatch and the filter
 */
#include "attack.h"

#include <dirent.h>
#include <sys/utsname.h>

#define LOW 0x10100000ul

static bool have_keys;

static void still_well(const char *what)
{
	struct utsname name;

	if (have_keys && !rights_kept())
		broken("%s: the rights register changed", what);
	if (uname(&name) || !strstr(name.release, "limpet"))
		broken("%s: another kernel answers: %s", what, name.release);
}

static void int80(void *arg)
{
	long ret = (long)arg;

	__asm__ volatile("int $0x80" : "+a"(ret) : "b"(0), "c"(0), "d"(0) : "memory");
	if (ret > 0)
		broken("int 0x80 call %ld answered %ld", (long)arg, ret);
}

/* 64-bit code cannot come back from it: in a child. */
static void enter32(void *arg)
{
	(void)arg;
	attack_quiet = true;
	__asm__ volatile("mov $20, %%eax\n mov %%rsp, %%rbp\n sysenter" ::: "memory", "rax", "rcx", "rdx");
}

/* mov $20,%eax; int $0x80; hlt */
static void far_jump(void *arg)
{
	struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to = { (uint32_t)(uintptr_t)arg, 0x23 };

	__asm__ volatile("mov %0, %%rsp\n ljmp *%1" ::"r"((uint64_t)arg + 2048), "m"(to) : "memory");
}

static void vsyscall(void *arg)
{
	long (*fn)(long *, void *) = (long (*)(long *, void *))arg;
	long t[2] = { 0, 0 };

	fn(t, NULL);
}

static void vsyscall_bad(void *arg)
{
	long (*fn)(uint64_t, uint64_t) = (long (*)(uint64_t, uint64_t))arg;

	fn(HEAP_BASE, HEAP_BASE + 4096);
}

/* What a handler does to its frame before it returns. */
static struct {
	int reg;
	uint64_t value;
	int how;
} forge;
enum { REGISTER, FP_POINTER, FP_RIGHTS, FP_HEADER, FP_COMPACT, FP_MXCSR, FP_SIZE, STACK, MASK };

static void forger(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;

	(void)sig;
	(void)info;
	switch (forge.how) {
	case REGISTER:
		uc->uc_mcontext.gregs[forge.reg] = (long)forge.value;
		break;
	case FP_POINTER:
		uc->uc_mcontext.fpregs = (void *)forge.value;
		break;
	case FP_RIGHTS: /* xfeatures: the rights register, and every byte behind the header 0 */
		*(uint64_t *)(fp + 512) |= 0x200;
		*(uint64_t *)(fp + 472) |= 0x200;
		memset(fp + 576, 0, *(uint32_t *)(fp + 480) - 576);
		break;
	case FP_HEADER:
		memset(fp + 528, 0xff, 48);
		break;
	case FP_COMPACT:
		*(uint64_t *)(fp + 520) = 1ul << 63 | 0x207;
		break;
	case FP_MXCSR:
		memset(fp + 24, 0xff, 4);
		break;
	case FP_SIZE:
		*(uint32_t *)(fp + 468) = *(uint32_t *)(fp + 480) = (uint32_t)forge.value;
		break;
	case STACK:
		uc->uc_stack.ss_sp = (void *)forge.value;
		uc->uc_stack.ss_size = 1 << 20;
		uc->uc_stack.ss_flags = 0;
		break;
	case MASK:
		memset(&uc->uc_sigmask, 0xff, 8);
		break;
	}
}

static void raise_it(void *arg)
{
	(void)arg;
	raise(SIGUSR1);
}

static void forge_one(const char *what, int how, int reg, uint64_t value)
{
	struct sigaction sa = { .sa_sigaction = forger, .sa_flags = SA_SIGINFO };
	stack_t ss = { .ss_sp = attack_stack, .ss_size = sizeof(attack_stack) };
	sigset_t none;

	sigaction(SIGUSR1, &sa, NULL);
	forge.how = how;
	forge.reg = reg;
	forge.value = value;
	attempt(raise_it, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaltstack(&ss, NULL);
	still_well(what);
	if (have_keys && how == REGISTER && reg == REG_RIP && caught.sig == 0)
		broken("%s: %#lx ran", what, value);
}

static void frames(void)
{
	static const uint64_t bad[] = { KERNEL_BASE + 64, KERNEL_BASE, HEAP_BASE, THREADS_BASE + 0x4000, SHOWN_BASE,
					0x800000000000, 0xffffffff81000000, 0xffffffffff600000, 0x8000000000000000, ~0ul };
	/* Not the alignment check: on Linux too the handler has it on, and traps. */
	static const uint64_t flags[] = { 1 << 17, 1 << 14, 3 << 12, 1 << 16, 1 << 19, 1 << 20, 1 << 8, 1 << 10,
					  ~(1ul << 18) };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		forge_one("forged fpstate", FP_POINTER, 0, bad[i]);
		forge_one("forged fpstate, aligned", FP_POINTER, 0, bad[i] & ~63ul);
		forge_one("forged signal stack", STACK, 0, bad[i]);
		/* Without keys a program may well run the kernel's code and use its stacks, and harm its own sandbox. */
		if (!have_keys && bad[i] < TASK_SIZE + (2ul << 40))
			continue;
		forge_one("forged rsp", REGISTER, REG_RSP, bad[i]);
		forge_one("forged rip", REGISTER, REG_RIP, bad[i]);
	}
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		forge_one("forged flags", REGISTER, REG_EFL, flags[i]);
	forge_one("forged selectors", REGISTER, REG_CSGSFS, 0x0010001000100010);
	forge_one("forged selectors", REGISTER, REG_CSGSFS, 0x002b000000000023);
	forge_one("forged rights", FP_RIGHTS, 0, 0);
	forge_one("forged header", FP_HEADER, 0, 0);
	forge_one("compacted area", FP_COMPACT, 0, 0);
	forge_one("forged mxcsr", FP_MXCSR, 0, 0);
	forge_one("forged size 0", FP_SIZE, 0, 0);
	forge_one("forged size", FP_SIZE, 0, 0x7fffffff);
	forge_one("forged size", FP_SIZE, 0, 600);
	forge_one("forged mask", MASK, 0, 0);
}

static void sigreturn_at(void *arg)
{
	__asm__ volatile("mov %0, %%rsp\n mov $15, %%eax\n syscall\n ud2" ::"r"(arg) : "memory");
}

static void gs(void)
{
	uint64_t base = gs_base(), got = 0;

	if (syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, HEAP_BASE) == 0 ||
	    syscall(SYS_arch_prctl, 0x1001, LOW) == 0 || syscall(SYS_arch_prctl, 0x1001, 0) == 0)
		broken("arch_prctl sets GS");
	if (gs_base() != base)
		broken("GS base moved to %#lx", gs_base());
	if (syscall(SYS_arch_prctl, 0x1004 /* ARCH_GET_GS */, &got) == 0 && got >= TASK_SIZE)
		broken("arch_prctl tells the gate's GS base");
	if (syscall(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, HEAP_BASE) == 0)
		broken("arch_prctl sets FS into the kernel");
	still_well("GS");
}

/* Nobody but the guest's own processes can be named. */
static void others(void)
{
	DIR *proc = opendir("/proc");
	int listed = 0, reached = 0;

	for (struct dirent *d; proc && (d = readdir(proc));)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9')
			listed++;
	if (proc)
		closedir(proc);
	for (int pid = 1; pid < 40000; pid++)
		if (kill(pid, 0) == 0 || errno != ESRCH)
			reached++;
	if (proc && listed && reached != listed)
		broken("/proc lists %d processes, kill reaches %d", listed, reached);
	if (reached > 8)
		broken("%d processes within reach", reached);
	if (syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, 1, 0, 0) == 0 && getppid() != 1 && getpid() != 1)
		broken("process 1 can be traced");
}

static void child32(void *arg)
{
	attack_quiet = true;
	attempt(enter32, arg);
}

int main(void)
{
	uint8_t *low = mmap((void *)LOW, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	static const uint8_t code[] = { 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xf4 };
	struct utsname name;

	attack_init();
	if (uname(&name) || !strstr(name.release, "limpet")) {
		printf("SKIP not in a sandbox\n");
		return 77;
	}
	have_keys = attempt(read_pkru, &pkru) == 0 && pkru != 0x55555554 && pkru != 0;
	if (low != (void *)LOW)
		return 2;
	memcpy(low, code, sizeof(code));
	mprotect(low, 4096, PROT_READ | PROT_EXEC);

	for (long nr = 0; nr < 460; nr++) {
		if (attempt(int80, (void *)nr) != SIGSEGV)
			broken("int 0x80, call %ld: signal %d", nr, caught.sig);
	}
	still_well("int 0x80");
	attempt(far_jump, low);
	if (caught.sig != SIGSEGV)
		broken("32-bit code: signal %d", caught.sig);
	still_well("32-bit code");
	in_child(child32, NULL, 5);
	still_well("sysenter");
	for (uint64_t p = 0xffffffffff600000; p < 0xffffffffff601000; p += 0x400) {
		attempt(vsyscall, (void *)p);
		attempt(vsyscall_bad, (void *)p);
		attempt(vsyscall_bad, (void *)(p + 9));
		still_well("vsyscall");
	}
	for (long nr = 0; nr < 600; nr++)
		if (syscall(nr | 0x40000000, 0, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS)
			broken("x32 call %ld is there", nr);
	if (syscall(-1) != -1 || errno != ENOSYS || syscall(1l << 31) != -1 || syscall(5000) != -1)
		broken("calls that do not exist");
	frames();
	for (uint64_t p = 0; p < 64; p += 8) {
		attempt(sigreturn_at, (void *)(KERNEL_BASE + p));
		attempt(sigreturn_at, (void *)(THREADS_BASE + 0x4000 + p));
		attempt(sigreturn_at, (void *)(TASK_SIZE - p));
		attempt(sigreturn_at, (void *)-p);
	}
	still_well("rt_sigreturn");
	gs();
	others();
	return attack_result("doors beside the gate");
}
