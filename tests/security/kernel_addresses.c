/*
 * User pointers into the kernel's range, mappings there, and pointers that wrap: all refused, nothing changes.
 *
 * defence: none, pointer_deputy.c shows what the range check is for
 */
#include "../../abi/layout.h"
#include "test.h"
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <linux/futex.h>

#define IN_HEAP (HEAP_BASE + 0x20000000)

static const unsigned long spots[] = { TASK_SIZE, TASK_SIZE + PAGE, IN_HEAP, THREADS_BASE, 0x7fffffffe000,
	TASK_SIZE - 8, 0xffff800000000000, 0xffffffffff600000, 0xfffffffffffffff8, 0x800000000000 };
#include <sys/eventfd.h>
#include <sys/shm.h>

static int eventfd_like(void)
{
	static int fd = -1;

	return fd < 0 ? fd = eventfd(0, 0) : fd;
}

static long shmat_far(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	long r = id < 0 ? -1 : (long)shmat(id, (void *)TASK_SIZE, 0);

	if (id >= 0)
		shmctl(id, IPC_RMID, 0);
	return r;
}

#define EACH for (size_t i_ = 0, once_ = 1; i_ < sizeof spots / sizeof *spots; i_++, once_ = 1) \
	for (char *k = (char *)spots[i_]; once_; once_ = 0)

/* At 0x7dfffffffff8 the first eight bytes are the program's side, but nothing is mapped there. */
#define FAULTS(call) do { \
	errno = 0; \
	long r_ = (long)(call); \
	if (r_ != -1 || errno != EFAULT) \
		test_fail(__LINE__, "%s at %p gave %ld, %s", #call, k, r_, strerror(errno)); \
} while (0)

TEST(reads_and_writes)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644), p[2];
	char buf[64] = "data";

	write(fd, buf, 64);
	pipe(p);
	EACH {
		struct iovec v = { k, 64 };

		lseek(fd, 0, SEEK_SET);
		FAULTS(syscall(SYS_read, fd, k, 64));
		FAULTS(syscall(SYS_write, fd, k, 64));
		FAULTS(syscall(SYS_pread64, fd, k, 64, 0));
		FAULTS(syscall(SYS_write, p[1], k, 64));
		FAULTS(syscall(SYS_readv, fd, &v, 1));
		FAULTS(syscall(SYS_writev, fd, &v, 1));
		FAULTS(syscall(SYS_writev, fd, k, 1));
		FAULTS(syscall(SYS_readv, fd, k, 1));
		FAULTS(syscall(SYS_getdents64, open("/", O_RDONLY), k, 4096));
		FAULTS(syscall(SYS_getrandom, k, 64, 0));
	}
	EQ(write(p[1], "abc", 3), 3);
	EACH
		FAULTS(syscall(SYS_read, p[0], k, 3));
	EQ(read(p[0], buf, 3), 3);
}

TEST(structures_in_and_out)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644), ep = epoll_create1(0);

	EACH {
		FAULTS(syscall(SYS_fstat, fd, k));
		FAULTS(syscall(SYS_stat, "/", k));
		FAULTS(syscall(SYS_statx, AT_FDCWD, "/", 0, 0xfff, k));
		FAULTS(syscall(SYS_statfs, "/", k));
		FAULTS(syscall(SYS_uname, k));
		FAULTS(syscall(SYS_sysinfo, k));
		FAULTS(syscall(SYS_getrlimit, RLIMIT_NOFILE, k));
		FAULTS(syscall(SYS_setrlimit, RLIMIT_CORE, k));
		FAULTS(syscall(SYS_getrusage, RUSAGE_SELF, k));
		FAULTS(syscall(SYS_times, k));
		FAULTS(syscall(SYS_clock_gettime, CLOCK_REALTIME, k));
		FAULTS(syscall(SYS_gettimeofday, k, 0));
		FAULTS(syscall(SYS_nanosleep, k, 0));
		FAULTS(syscall(SYS_rt_sigaction, SIGUSR1, k, 0, 8));
		FAULTS(syscall(SYS_rt_sigaction, SIGUSR1, 0, k, 8));
		FAULTS(syscall(SYS_rt_sigprocmask, 0, k, 0, 8));
		FAULTS(syscall(SYS_rt_sigprocmask, 0, 0, k, 8));
		FAULTS(syscall(SYS_rt_sigpending, k, 8));
		FAULTS(syscall(SYS_sigaltstack, k, 0));
		FAULTS(syscall(SYS_pipe2, k, 0));
		FAULTS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, k));
		FAULTS(syscall(SYS_getresuid, k, k, k));
		FAULTS(syscall(SYS_getcwd, k, 4096));
		FAULTS(syscall(SYS_sched_getaffinity, 0, 128, k));
		FAULTS(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, 0, k));
		FAULTS(syscall(SYS_poll, k, 1, 0));
		FAULTS(syscall(SYS_select, 10, k, 0, 0, 0));
		FAULTS(syscall(SYS_futex, k, FUTEX_WAIT, 0, 0, 0, 0));
		FAULTS(syscall(SYS_futex, k, FUTEX_WAKE, 1, 0, 0, 0));
		FAULTS(syscall(SYS_timer_create, CLOCK_REALTIME, k, k));
		FAULTS(syscall(SYS_setitimer, ITIMER_REAL, k, 0));
		FAULTS(syscall(SYS_sendfile, fd, fd, k, 5));
		FAULTS(syscall(SYS_fcntl, fd, F_GETLK, k));
		FAULTS(syscall(SYS_capget, k, 0));
		FAULTS(syscall(SYS_prctl, 16, k, 0, 0, 0)); /* PR_GET_NAME */
		FAULTS(syscall(SYS_prctl, 15, k, 0, 0, 0)); /* PR_SET_NAME */
		FAULTS(syscall(SYS_arch_prctl, 0x1003, k)); /* ARCH_GET_FS */
		FAULTS(syscall(SYS_clone3, k, 64));
		FAULTS(syscall(SYS_memfd_create, k, 0));
		FAULTS(syscall(SYS_ioctl, eventfd_like(), FIONBIO, k));
	}
}

TEST(paths)
{
	EACH {
		FAULTS(syscall(SYS_open, k, O_RDONLY));
		FAULTS(syscall(SYS_openat, AT_FDCWD, k, O_RDONLY));
		FAULTS(syscall(SYS_execve, k, 0, 0));
		FAULTS(syscall(SYS_execve, "/bin/true", k, 0));
		FAULTS(syscall(SYS_mkdir, k, 0755));
		FAULTS(syscall(SYS_unlink, k));
		FAULTS(syscall(SYS_rename, k, "x"));
		FAULTS(syscall(SYS_rename, "x", k));
		FAULTS(syscall(SYS_symlink, k, "x"));
		FAULTS(syscall(SYS_readlink, "/proc/self/exe", k, 100));
		FAULTS(syscall(SYS_chdir, k));
		FAULTS(syscall(SYS_access, k, 0));
		FAULTS(syscall(SYS_truncate, k, 0));
		FAULTS(syscall(SYS_setxattr, "/tmp", k, "x", 1, 0));
		FAULTS(syscall(SYS_sethostname, k, 5));
	}
}

TEST(mappings)
{
	for (size_t i = 0; i < sizeof spots / sizeof *spots; i++) {
		char *k = (char *)(spots[i] & -PAGE);

		if (k == (char *)0x7dfffffff000)
			continue;
		if (mmap(k, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
			test_fail(__LINE__, "mapped %p", k);
		if (mmap(k, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == k)
			test_fail(__LINE__, "mapped %p", k);
		if (mmap(k, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == k)
			test_fail(__LINE__, "mapped %p", k);
		if (!mprotect(k, PAGE, PROT_READ | PROT_WRITE))
			test_fail(__LINE__, "protected %p", k);
		if (!madvise(k, PAGE, MADV_DONTNEED))
			test_fail(__LINE__, "advised %p", k);
		if (mremap(k, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
			test_fail(__LINE__, "moved %p", k);
		munmap(k, PAGE); /* may say yes, as there is nothing: but the kernel has to be there afterwards */
		if (!mlock(k, PAGE))
			test_fail(__LINE__, "locked %p", k);
		if (!syscall(SYS_msync, k, PAGE, MS_SYNC))
			test_fail(__LINE__, "synced %p", k);
	}
	EQ(getppid() > 0, 1);
	/* Ranges that begin below and end inside. */
	char *below = (char *)TASK_SIZE - 4 * PAGE;

	if (mmap(below, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
		test_fail(__LINE__, "mapped across the border");
	if (!munmap(below, 8 * PAGE))
		test_fail(__LINE__, "unmapped across the border");
	if (!mprotect(below, 8 * PAGE, PROT_READ))
		test_fail(__LINE__, "protected across the border");
	char *mine = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mremap(mine, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)TASK_SIZE) != MAP_FAILED)
		test_fail(__LINE__, "moved onto the kernel");
	if (mremap(mine, PAGE, 1ul << 46, MREMAP_MAYMOVE) != MAP_FAILED)
		test_fail(__LINE__, "grew over the kernel");
	CHECK(mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED); /* page 0 */
	syscall(SYS_brk, TASK_SIZE);
	CHECK(syscall(SYS_brk, 0) < (long)TASK_SIZE);
	CHECK(shmat_far() == -1);
	EQ(getppid() > 0, 1);
}

TEST(lengths_that_wrap)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[2] = { { p, 16 }, { p, -1ul } };

	for (unsigned long n = 63; n > 30; n--) {
		syscall(SYS_read, fd, p + PAGE - 8, 1ul << n);
		syscall(SYS_write, fd, p + PAGE - 8, 1ul << n);
	}
	ERR(readv(fd, v, 2), EINVAL);
	ERR(munmap(p, -PAGE), EINVAL);
	CHECK(mprotect(p, -PAGE, PROT_READ) == -1);
	CHECK(madvise(p, -PAGE, MADV_DONTNEED) == -1);
	p[0] = 1;
}

TEST(registers_at_kernel_addresses)
{
	/* Stack pointer, thread pointer, signal stack, robust list and child-tid words in the kernel's range. */
	bool plain = getenv("PLATFORM") && !strcmp(getenv("PLATFORM"), "plain");
	int st;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		if (plain)
			_exit(0); /* the push would hit the kernel: nothing is promised */
		__asm__ volatile("mov %0, %%rsp; push %%rax; mov $39, %%eax; syscall; ud2" :: "r"(IN_HEAP + PAGE) : "memory");
	}
	st = wait_status(pid);
	CHECK(WIFSIGNALED(st) || WIFEXITED(st));
	pid = fork();
	if (!pid) {
		stack_t ss = { .ss_sp = (void *)IN_HEAP, .ss_size = 65536 };

		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		if (sigaltstack(&ss, 0) == 0) {
			struct sigaction sa = { .sa_handler = (void (*)(int))1, .sa_flags = SA_ONSTACK };

			sigaction(SIGUSR1, &sa, 0);
			raise(SIGUSR1);
		}
		_exit(0);
	}
	st = wait_status(pid);
	CHECK(st == 0 || WTERMSIG(st) == SIGSEGV);
	pid = fork();
	if (!pid) {
		syscall(SYS_set_robust_list, IN_HEAP, 24);
		syscall(SYS_set_tid_address, IN_HEAP);
		_exit(0);
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		ERR(syscall(SYS_arch_prctl, 0x1002, 0xffff800000000000), EPERM);
		_exit(0);
	}
	reap(pid);
	EQ(getppid() > 0, 1);
}
