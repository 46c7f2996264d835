/*
 * Under the plain gate a program can open the dispatch selector, which lies in its reach: then only the filter stands
 * between its own system call instructions and the host. Calls from its own pages must trap, and calls outside the list
 * from the kernel's text must end the process. The host's name, or a call that was made, are the harm.
 *
 * defence: filter
 */
#include "kernel_elf.h"

#include <sys/utsname.h>

#define SELECTOR(gs) (*(volatile uint8_t *)((gs) + SHOWN_OFFSET))

static struct utsname *name;

/* The selector is "allow" for the one instruction. */
static long host_call(long nr, long a, long b, long c)
{
	uint64_t gs = gs_base();
	register long ret __asm__("rax") = nr;

	SELECTOR(gs) = 0;
	__asm__ volatile("syscall" : "+r"(ret) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	SELECTOR(gs) = 1;
	return ret;
}

static void own_uname(void *arg)
{
	(void)arg;
	host_call(SYS_uname, (long)name, 0, 0);
}

static struct {
	uint64_t target, nr, a;
} in __attribute__((used));
void enter(void);
__asm__(".text\n"
	"enter:	mov in+8(%rip), %rax\n	mov in+16(%rip), %rdi\n	mov $0x1000, %esi\n	xor %edx, %edx\n"
	"	xor %r10d, %r10d\n	xor %r8d, %r8d\n	xor %r9d, %r9d\n	jmp *in+0(%rip)\n");

/* From the kernel's text: what is not on the list ends the process. */
static void listed_not(void *arg)
{
	in.nr = (uint64_t)arg;
	in.a = (uint64_t)name;
	attack_quiet = true;
	SELECTOR(gs_base()) = 0;
	enter();
}

int main(void)
{
	/* uname; socket, execve, ptrace, mount, bpf, io_uring_setup, unshare are not answered by a filter with 0. */
	static const long calls[] = { SYS_uname, SYS_socket, SYS_execve, SYS_ptrace, SYS_mount, SYS_bpf, 425, SYS_unshare,
				      SYS_setns, SYS_open, SYS_fork, SYS_getdents, 0x40000000 | SYS_read };
	int answered = 0;

	attack_init();
	kernel_elf();
	if (have_keys() || gs_base() < SCRATCH_BASE) {
		printf("SKIP the selector is out of reach under this gate\n");
		return 77;
	}
	name = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 1000; i++) {
		memset(name, 0, sizeof(*name));
		attempt(own_uname, NULL);
		SELECTOR(gs_base()) = 1;
		if (name->release[0] && !strstr(name->release, "limpet"))
			answered++;
	}
	if (answered)
		broken("the host's uname answered %d times", answered);
	in.target = kernel_bytes(KERNEL_BASE, "\x0f\x05", 2);
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		memset(name, 0, sizeof(*name));
		int status = in_child(listed_not, (void *)calls[i], 5);

		if (calls[i] == SYS_uname && name->release[0] && !strstr(name->release, "limpet"))
			broken("the host's uname answered the kernel's instruction");
		/* The host ends it; the guest says SIGKILL. Code behind an answered call ends in another way. */
		if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGSYS))
			broken("call %#lx from the kernel's text: status %#x", calls[i], status);
	}
	return attack_result("calls past the dispatch selector");
}
