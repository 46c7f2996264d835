/*
 * Calls with which a program on Linux has its kernel write, trap or decide for it later: personality, user dispatch,
 * seccomp, rseq, thread-end words, time stamps, descriptor tables, observers. In a sandbox none may reach the host with
 * the program's words. Harm: code runs where none should, the host answers or writes, the guest kernel's own host calls
 * change, 32-bit code runs.
 *
 * defence: none, the filter lets none of these calls through with a program's words
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

static bool still_limpet(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.release, "limpet");
}

static void call(void *p) { ((void (*)(void))p)(); }

/* READ_IMPLIES_EXEC must not make the host map memory executable that the guest kernel did not look at. */
static void personality_child(void *arg)
{
	(void)arg;
	attack_quiet = true;
	personality(READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | MMAP_PAGE_ZERO | ADDR_COMPAT_LAYOUT);
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*p = 0xc3;
	/* On Linux too it would run, were the personality honoured; then it must be told and scanned. */
	bool ran = attempt(call, p) == 0;
	bool told = (personality(0xffffffff) & READ_IMPLIES_EXEC) != 0;

	*p = 0xcc;
	if (ran && !told)
		_exit(1);
	if (try_read(0) == 0)
		_exit(2);
	_exit(still_limpet() ? 0 : 3);
}

/* Switched off by the program itself, its calls must still be the guest's. */
static void dispatch_child(void *arg)
{
	static uint8_t selector;

	(void)arg;
	for (int i = 0; i < 1000; i++) {
		prctl(59, 0, 0, 0, 0);
		prctl(59, 1, KERNEL_BASE, 1ul << 40, &selector);
		prctl(59, 1, 0, ~0ul, &selector);
		prctl(59, 1, 0, 0, SHOWN_BASE);
		if (!still_limpet())
			_exit(1);
	}
	_exit(0);
}

/* A filter that says EPERM to everything but what it takes to go on: the kernel's own reads must not meet it. */
static void seccomp_child(void *arg)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pread64, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	char buf[64];
	int fd = open("/etc/passwd", O_RDONLY);

	(void)arg;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	long set = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);

	if (set)
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	/* read(2) is pread for the kernel, on some files; a file that was never looked at needs statx. */
	if (fd >= 0 && read(fd, buf, sizeof(buf)) < 0 && errno == 77)
		_exit(1);
	if (open("/etc/hostname", O_RDONLY) < 0 && errno == 77)
		_exit(2);
	_exit(still_limpet() ? 0 : 3);
}

/* The host writes to an rseq area on its own, and jumps to what it names. */
static void rseq_child(void *arg)
{
	static uint32_t area[8] __attribute__((aligned(32)));
	static struct {
		uint32_t version, flags;
		uint64_t start, len, abort;
	} cs __attribute__((aligned(32)));

	(void)arg;
	/* The C library's own. */
	syscall(334, NULL, 0, 1, 0x53053053);
	area[0] = area[1] = 0xffffffff;
	long set = syscall(334, area, 32, 0, 0x53053053);

	cs.start = KERNEL_BASE;
	cs.len = 1ul << 30;
	cs.abort = KERNEL_BASE + 0x100;
	*(uint64_t *)(area + 2) = (uint64_t)&cs;
	for (int i = 0; i < 2000; i++) {
		getpid();
		sched_yield();
		if (set && area[0] != 0xffffffff)
			_exit(1);
	}
	_exit(still_limpet() ? 0 : 3);
}

/* 32-bit code by a descriptor of the program's own. */
static void ldt_child(void *arg)
{
	struct {
		uint32_t entry, base, limit, bits;
	} d = { 0, 0, 0xfffff, 1 | 2 << 1 | 1 << 4 };

	(void)arg;
	if (syscall(SYS_modify_ldt, 1, &d, 16) == 0 || syscall(SYS_modify_ldt, 0x11, &d, 16) == 0)
		_exit(1);
	if (syscall(SYS_set_thread_area, &d) == 0)
		_exit(2);
	if (syscall(SYS_iopl, 3) == 0 || syscall(SYS_ioperm, 0, 10, 1) == 0)
		_exit(3);
	_exit(still_limpet() ? 0 : 4);
}

/* Descriptors with which the host would tell or do more than the guest kernel knows. */
static void observers_child(void *arg)
{
	static struct {
		uint32_t type, size;
		uint64_t rest[14];
	} attr = { 1, 112, { 0 } };
	static uint64_t ring[64];
	int fd;

	(void)arg;
	if ((fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0)) >= 0)
		_exit(1);
	if ((fd = (int)syscall(SYS_bpf, 0, ring, 64)) >= 0)
		_exit(2);
	if ((fd = (int)syscall(SYS_userfaultfd, 1)) >= 0)
		_exit(3);
	if ((fd = (int)syscall(425, 8, ring)) >= 0)
		_exit(4);
	if (syscall(SYS_kexec_load, 0, 0, 0, 0) == 0 || syscall(SYS_init_module, ring, 64, "") == 0 ||
	    syscall(SYS_finit_module, 0, "", 0) == 0 || syscall(SYS_delete_module, "loop", 0) == 0)
		_exit(5);
	if (syscall(SYS_add_key, "user", "limpet", "x", 1, -4) >= 0 || syscall(SYS_keyctl, 0, -4, 1) >= 0)
		_exit(6);
	if (syscall(SYS_open_by_handle_at, AT_FDCWD, ring, O_RDONLY) >= 0)
		_exit(7);
	if (syscall(SYS_pidfd_open, 1, 0) >= 0 && syscall(438 /* pidfd_getfd */, syscall(SYS_pidfd_open, 1, 0), 3, 0) >= 0 &&
	    getppid() != 1)
		_exit(8);
	if (syscall(SYS_process_madvise, 0, ring, 1, 4, 0) >= 0)
		_exit(9);
	/* Memory that the host hides from the kernel as well. */
	if (syscall(447 /* memfd_secret */, 0) >= 0)
		_exit(11);
	_exit(still_limpet() ? 0 : 10);
}

/* What the thread's end writes to, in pages that the end of the process takes away under it. */
static void end_words_child(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		if (fork() == 0) {
			char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			syscall(SYS_set_tid_address, p + 4096 - 2);
			syscall(SYS_set_robust_list, i % 2 ? p + 4096 - 8 : (char *)HEAP_BASE + i * 8, 24);
			*(uint64_t *)(p + 4096 - 8) = i % 3 ? HEAP_BASE + (uint64_t)i * 8 : SHOWN_BASE;
			munmap(p + 4096, 4096);
			syscall(SYS_exit, 0);
		}
		wait(NULL);
	}
	_exit(still_limpet() ? 0 : 1);
}

/* The processor can be told to trap what programs do, by the host and for this thread: the kernel runs on it too. */
static void traps_child(void *arg)
{
	(void)arg;
	attack_quiet = true;
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	syscall(SYS_arch_prctl, 0x1012 /* ARCH_SET_CPUID */, 0);
	prctl(PR_SET_MM, PR_SET_MM_START_CODE, KERNEL_BASE, 0, 0);
	prctl(PR_SET_UNALIGN, 1, 0, 0, 0);
	prctl(PR_SET_SPECULATION_CTRL, 0, 8, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	syscall(SYS_arch_prctl, 0x5001 /* shadow stacks */, 1);
	syscall(SYS_arch_prctl, 0x4001 /* address masking */, 6);
	syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18);
	for (int i = 0; i < 1000; i++)
		if (!still_limpet())
			_exit(1);
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	_exit(0);
}

int main(void)
{
	static const struct {
		const char *what;
		void (*fn)(void *);
	} tests[] = {
		{ "personality", personality_child }, { "user dispatch", dispatch_child }, { "seccomp", seccomp_child },
		{ "rseq", rseq_child }, { "descriptor tables and ports", ldt_child }, { "observers", observers_child },
		{ "words at a thread's end", end_words_child }, { "traps for the processor", traps_child },
	};

	attack_init();
	if (!still_limpet()) {
		printf("SKIP not in a sandbox\n");
		return 77;
	}
	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		int status = in_child(tests[i].fn, NULL, 30);

		if (status)
			broken("%s: status %#x", tests[i].what, status);
	}
	return attack_result("calls that have a kernel act later");
}
