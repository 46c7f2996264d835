/*
 * The host's seccomp filter, seen by somebody who has taken over the guest kernel: host calls from the kernel's own text,
 * each in a process of its own, which has to die of a refused one and of no other. Such calls can be made in a debug build
 * only, without the defence "calls" (host_filter_debug.sh does that); elsewhere the way to make them has to be missing.
 * `off`: the filter is off, and everything has to pass. `ask N`: the N-th call that kserver's filter must refuse.
 * All are made so that the host, when it gets them, does nothing or fails.
 *
 * defence: none, host_filter_debug.sh switches calls and filter off for it
 */
#include "attack.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

#define HOST_CALL 0x6c690000ul
#define ASK 0x8000ul
#define NOFD 99999l
#define NOPID 0x3fffffffl
#define KERN ((long)KERNEL_BASE)
#define HEAP ((long)HEAP_BASE)
#define TOP ((long)TASK_SIZE)
#define SHARED_FIXED 0x11
#define SIGSETSIZE 8

static char page[8192] __attribute__((aligned(4096)));
#define PAGE_ ((long)page)

static long host_call(unsigned long nr, const long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(HOST_CALL + nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

struct call {
	const char *what;
	unsigned nr;
	long a[6];
};

static const struct call refused[] = {
	{ "mmap over the kernel", SYS_mmap, { KERN, 0, 1, SHARED_FIXED, NOFD } },
	{ "mmap over its heap", SYS_mmap, { HEAP, 4096, 1, SHARED_FIXED, NOFD } },
	{ "mmap into the kernel", SYS_mmap, { TOP - 4096, 8192, 1, SHARED_FIXED, NOFD } },
	{ "mmap into the kernel, long", SYS_mmap, { 0x100000, TOP, 1, SHARED_FIXED, NOFD } },
	{ "mmap that wraps", SYS_mmap, { 0x100000, -8192, 1, SHARED_FIXED, NOFD } },
	{ "mmap at the end of the world", SYS_mmap, { -4096, 8192, 1, SHARED_FIXED, NOFD } },
	{ "mmap executable", SYS_mmap, { 0x100000, 4096, 5, SHARED_FIXED, NOFD } },
	{ "mmap writable and executable", SYS_mmap, { 0x100000, 4096, 7, SHARED_FIXED, NOFD } },
	{ "mmap anywhere", SYS_mmap, { 0x100000, 4096, 1, MAP_SHARED, NOFD } },
	{ "mmap of huge pages", SYS_mmap, { 0x100000, 4096, 1, SHARED_FIXED | MAP_HUGETLB, NOFD } },
	{ "mmap that grows", SYS_mmap, { 0x100000, 4096, 1, SHARED_FIXED | MAP_GROWSDOWN, NOFD } },
	{ "munmap of the kernel", SYS_munmap, { KERN, 0 } },
	{ "munmap into the kernel", SYS_munmap, { TOP - 4095, 8192 } },
	{ "pkey_mprotect of the kernel", SYS_pkey_mprotect, { KERN, 0, 1, -1 } },
	{ "pkey_mprotect writable and executable", SYS_pkey_mprotect, { PAGE_, 4096, 7, -1 } },
	{ "pkey_mprotect with a key", SYS_pkey_mprotect, { PAGE_, 4096, 1, 9 } },
	{ "pkey_mprotect with the kernel's key", SYS_pkey_mprotect, { PAGE_, 4096, 1, 1 } },
	{ "pkey_mprotect writable with the code's key", SYS_pkey_mprotect, { PAGE_, 4096, 3, 3 } },
	{ "pkey_mprotect executable with key 0", SYS_pkey_mprotect, { PAGE_, 4096, 5, 0 } },
	{ "pkey_mprotect of the kernel with key 0", SYS_pkey_mprotect, { KERN, 4096, 1, 0 } },
	{ "pkey_mprotect with PROT_GROWSDOWN", SYS_pkey_mprotect, { PAGE_, 0, 1 | 0x01000000, -1 } },
	{ "mremap of the kernel", SYS_mremap, { KERN + 1, 4096, 4096, 3, 0x100000 } },
	{ "mremap onto the kernel", SYS_mremap, { PAGE_, 4096, 4096, 3, KERN + 1 } },
	{ "mremap into the kernel", SYS_mremap, { PAGE_, 4096, 8192, 3, TOP - 4095 } },
	{ "mremap in place", SYS_mremap, { PAGE_, 4096, 4096, 0, 0 } },
	{ "madvise on the kernel", SYS_madvise, { KERN, 0, MADV_DONTNEED } },
	{ "madvise(MADV_REMOVE) on the kernel's globals", SYS_madvise, { KERN, 0, MADV_REMOVE } },
	{ "madvise(MADV_DONTNEED) on the kernel's heap", SYS_madvise, { HEAP, 0, MADV_DONTNEED } },
	{ "madvise(MADV_HWPOISON)", SYS_madvise, { PAGE_, 0, 100 } },
	{ "madvise(MADV_MERGEABLE)", SYS_madvise, { PAGE_, 0, MADV_MERGEABLE } },
	{ "mlock2 of the kernel", SYS_mlock2, { KERN, 0, 0 } },
	{ "mlock2 with unknown flags", SYS_mlock2, { PAGE_, 0, 2 } },
	{ "munlock of the kernel", SYS_munlock, { KERN, 0 } },
	{ "mprotect", SYS_mprotect, { PAGE_, 0, 1 } },
	{ "clone: no flags of ours", SYS_clone, { CLONE_SIGHAND | CLONE_FS | SIGCHLD, KERN, KERN } },
	{ "clone: a user namespace", SYS_clone, { CLONE_NEWUSER | CLONE_FS | SIGCHLD, KERN, KERN } },
	{ "clone: a thread in a PID namespace", SYS_clone, { CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND, KERN, KERN } },
	{ "clone3", 435, { 0, 0 } },
	{ "futex: requeue", SYS_futex, { HEAP, 3, 0, 0, HEAP, 0 } },
	{ "futex: a private one", SYS_futex, { HEAP, 1 | 128, 0 } },
	{ "futex: a program's word", SYS_futex, { PAGE_, 1, 1 } },
	{ "prctl: name", SYS_prctl, { PR_GET_NAME, PAGE_ } },
	{ "prctl: a name from the program's memory", SYS_prctl, { PR_SET_NAME, PAGE_ } },
	{ "prctl: dumpable", SYS_prctl, { PR_GET_DUMPABLE } },
	{ "prctl: dispatch with an exempt range", SYS_prctl, { 59, 1, 1, 0, KERN } },
	{ "arch_prctl: FS", SYS_arch_prctl, { 0x1003, PAGE_ } },
	{ "arch_prctl: CPUID faulting", SYS_arch_prctl, { 0x1011 } },
	{ "tgkill: another signal", SYS_tgkill, { NOPID, NOPID, SIGKILL } },
	{ "tgkill: none", SYS_tgkill, { 1, 1, 0 } },
	{ "rt_sigprocmask: block", SYS_rt_sigprocmask, { SIG_BLOCK, 0, 0, SIGSETSIZE } },
	{ "sigaltstack: look", SYS_sigaltstack, { 0, PAGE_ } },
	{ "getrandom: blocking pool", SYS_getrandom, { PAGE_, 1, 2 } },
	{ "getrusage: children", SYS_getrusage, { -1, PAGE_ } },
	{ "membarrier: rseq", SYS_membarrier, { 128, 0 } },
	{ "membarrier: flags", SYS_membarrier, { 0, 1 } },
	{ "preadv2: no descriptor", SYS_preadv2, { -1, PAGE_, 0, -1, 0, 0 } },
	{ "preadv2: flags", SYS_preadv2, { NOFD, PAGE_, 0, -1, 0, 1 } },
	{ "pwritev2: flags", SYS_pwritev2, { NOFD, PAGE_, 0, -1, 0, 4 } },
	{ "openat: working directory", SYS_openat, { AT_FDCWD, (long)"", O_CLOEXEC } },
	{ "openat: not close-on-exec", SYS_openat, { NOFD, (long)"x", 0 } },
	{ "openat: O_DIRECT", SYS_openat, { NOFD, (long)"x", O_CLOEXEC | O_DIRECT } },
	{ "statx: working directory", SYS_statx, { AT_FDCWD, (long)"x", 0, 0, PAGE_ } },
	{ "statx: flags", SYS_statx, { NOFD, (long)"x", 0x2000, 0, PAGE_ } },
	{ "readlinkat: working directory", SYS_readlinkat, { AT_FDCWD, (long)"", PAGE_, 8 } },
	{ "unlinkat: working directory", SYS_unlinkat, { AT_FDCWD, (long)"", 0 } },
	{ "unlinkat: flags", SYS_unlinkat, { NOFD, (long)"x", 1 } },
	{ "renameat2: from the working directory", SYS_renameat2, { AT_FDCWD, (long)"", NOFD, (long)"", 0 } },
	{ "renameat2: to the working directory", SYS_renameat2, { NOFD, (long)"", AT_FDCWD, (long)"", 0 } },
	{ "renameat2: whiteout", SYS_renameat2, { NOFD, (long)"x", NOFD, (long)"x", 4 } },
	{ "fchmodat: working directory", SYS_fchmodat, { AT_FDCWD, (long)"", 0 } },
	{ "fchmodat: mode", SYS_fchmodat, { NOFD, (long)"x", 010000 } },
	{ "utimensat: working directory", SYS_utimensat, { AT_FDCWD, (long)"", 0, 0 } },
	{ "sendmsg: fast open", SYS_sendmsg, { NOFD, PAGE_, 0x20000000 } },
	{ "recvmsg: flags", SYS_recvmsg, { NOFD, PAGE_, 0x10000 } },
	{ "ppoll: many", SYS_ppoll, { 1, 65, 0, 0, SIGSETSIZE } },
	{ "ppoll: with a mask", SYS_ppoll, { 1, 1, 0, PAGE_, SIGSETSIZE } },
	{ "epoll_ctl: operation", SYS_epoll_ctl, { NOFD, 4, NOFD, 0 } },
	/* Not on the list at all: what kserver does for others, then what nobody does. */
	{ "read", SYS_read, { NOFD, PAGE_, 0 } },
	{ "write", SYS_write, { NOFD, PAGE_, 0 } },
	{ "pread64", SYS_pread64, { NOFD, PAGE_, 0, 0 } },
	{ "lseek", SYS_lseek, { NOFD, 0, 0 } },
	{ "mkdirat", SYS_mkdirat, { NOFD, (long)"x", 0 } },
	{ "mknodat", SYS_mknodat, { NOFD, (long)"x", 0, 0 } },
	{ "symlinkat", SYS_symlinkat, { (long)"x", NOFD, (long)"x" } },
	{ "linkat", SYS_linkat, { NOFD, (long)"x", NOFD, (long)"x", 0 } },
	{ "fchownat", SYS_fchownat, { NOFD, (long)"x", 0, 0, 0 } },
	{ "fallocate", SYS_fallocate, { NOFD, 0, 0, 1 } },
	{ "fsync", SYS_fsync, { NOFD } },
	{ "fsetxattr", SYS_fsetxattr, { NOFD, (long)"user.x", 0, 0, 0 } },
	{ "ioctl", SYS_ioctl, { NOFD, 0, 0 } },
	{ "fcntl", SYS_fcntl, { NOFD, 3, 0 } },
	{ "process_vm_readv", SYS_process_vm_readv, { NOPID, 0, 0, 0, 0, 0 } },
	{ "process_vm_writev", SYS_process_vm_writev, { NOPID, 0, 0, 0, 0, 0 } },
	{ "seccomp", SYS_seccomp, { 99, 0, 0 } },
	{ "memfd_create", SYS_memfd_create, { 1, 0 } },
	{ "rt_sigaction", SYS_rt_sigaction, { 99, 0, 0, SIGSETSIZE } },
	{ "prlimit64", SYS_prlimit64, { NOPID, 0, 0, 0 } },
	{ "kill", SYS_kill, { NOPID, 0 } },
	{ "ptrace", SYS_ptrace, { -1, NOPID, 0, 0 } },
	{ "execve", SYS_execve, { 1, 1, 1 } },
	{ "socket", SYS_socket, { -1, -1, -1 } },
	{ "bpf", SYS_bpf, { -1, 0, 0 } },
	{ "io_uring_setup", 425, { 0, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { -1 } },
	{ "perf_event_open", SYS_perf_event_open, { 1, 0, 0, 0, 0 } },
	{ "open", SYS_open, { 1, 0, 0 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { NOFD, 1, 0 } },
	{ "mount", SYS_mount, { 1, 1, 1, 0, 1 } },
	{ "unshare", SYS_unshare, { -1 } },
	{ "setns", SYS_setns, { -1, 0 } },
	{ "keyctl", SYS_keyctl, { -1, 0, 0, 0, 0 } },
	{ "personality", SYS_personality, { 0xffffffff } },
	{ "modify_ldt", SYS_modify_ldt, { 99, 0, 0 } },
	{ "init_module", SYS_init_module, { 1, 0, 1 } },
	{ "kexec_load", SYS_kexec_load, { 0, 0, 0, -1 } },
	{ "getppid", SYS_getppid, { 0 } },
	{ "a number of nobody's", 900, { 0 } },
};

static const struct call allowed[] = {
	{ "mmap", SYS_mmap, { 0x10000000, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1 } },
	{ "mmap up to the end", SYS_mmap, { TOP - 8192, 4096, 1, SHARED_FIXED, NOFD } },
	{ "munmap", SYS_munmap, { 0x10000000, 4096 } },
	{ "mremap", SYS_mremap, { PAGE_ + 1, 4096, 4096, 3, 0x10000000 } },
	{ "madvise", SYS_madvise, { PAGE_, 0, MADV_DONTNEED } },
	{ "madvise(MADV_REMOVE) on the kernel's heap", SYS_madvise, { HEAP, 0, MADV_REMOVE } },
	{ "pkey_mprotect", SYS_pkey_mprotect, { PAGE_, 4096, 3, -1 } },
	{ "pkey_mprotect, executable", SYS_pkey_mprotect, { PAGE_, 4096, 5, -1 } },
	{ "futex", SYS_futex, { HEAP, 1, 0 } },
	{ "openat", SYS_openat, { NOFD, (long)"x", O_CLOEXEC } },
	{ "preadv2", SYS_preadv2, { NOFD, PAGE_, 0, -1, 0, 0 } },
	{ "getrandom", SYS_getrandom, { PAGE_, 1, 0 } },
	{ "sched_yield", SYS_sched_yield, { 0 } },
	{ "membarrier", SYS_membarrier, { 0, 0 } },
};

/* kserver dies of each, and the sandbox with it. */
static const struct call asked[] = {
	{ "ioctl(TIOCSTI)", SYS_ioctl, { NOFD, 0x5412, 0 } },
	{ "ioctl(TIOCLINUX)", SYS_ioctl, { NOFD, 0x541c, 0 } },
	{ "fcntl(F_SETFL)", SYS_fcntl, { NOFD, F_SETFL, 0 } },
	{ "a block device", SYS_mknodat, { NOFD, (long)"x", 0060600, 0 } },
	{ "a device that is no whiteout", SYS_mknodat, { NOFD, (long)"x", 0020600, 0x103 } },
	{ "symlinkat: working directory", SYS_symlinkat, { KERN, AT_FDCWD, KERN } },
	{ "mkdirat: working directory", SYS_mkdirat, { AT_FDCWD, KERN, 0 } },
	{ "linkat: working directory", SYS_linkat, { NOFD, KERN, AT_FDCWD, KERN, 0 } },
	{ "fchownat: flags", SYS_fchownat, { NOFD, KERN, 0, 0, 1 } },
	{ "fallocate: mode", SYS_fallocate, { NOFD, 0x100, 0, 1 } },
	{ "process_vm_readv: flags", SYS_process_vm_readv, { NOPID, 0, 0, 0, 0, 1 } },
	{ "setpriority: user", SYS_setpriority, { 2, NOPID, 0 } },
};
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* True: it died of it. */
static bool dies(const struct call *c)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		host_call(c->nr, c->a);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		broken("fork for %s", c->what);
		return false;
	}
	if (!WIFSIGNALED(status) && status)
		broken("%s: status %#x", c->what, status);
	return WIFSIGNALED(status);
}

int main(int argc, char **argv)
{
	static const long none[6];
	bool off = argc > 1 && !strcmp(argv[1], "off");

	if (argc > 2 && !strcmp(argv[1], "ask")) {
		unsigned n = (unsigned)atoi(argv[2]);

		if (n >= COUNT(asked))
			return 42;
		host_call(ASK | asked[n].nr, asked[n].a);
		printf("passed: %s\n", asked[n].what);
		return 0;
	}
	if (argc == 1) {
		if (host_call(SYS_sched_yield, none) != -ENOSYS)
			broken("a program makes host calls");
		return failures != 0;
	}
	if (host_call(SYS_sched_yield, none)) {
		broken("no host calls: not a debug build without the defence?");
		return 1;
	}
	for (unsigned i = 0; i < COUNT(refused); i++)
		if (dies(&refused[i]) == off)
			broken("%s: %s", off ? "died without the filter" : "passed", refused[i].what);
	for (unsigned i = 0; i < COUNT(allowed); i++)
		if (dies(&allowed[i]))
			broken("refused: %s", allowed[i].what);
	printf("%zu calls refused, %zu allowed\n", COUNT(refused), COUNT(allowed));
	return failures != 0;
}
