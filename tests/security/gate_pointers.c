/*
 * Calls that name the kernel's memory: every one that maps, unmaps or changes memory must refuse its addresses, and every
 * pointer into it, or one that wraps, must be EFAULT (or what Linux says to such a call before it looks).
 *
 * defence: none, pointer_deputy.c shows what the range check is for
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

static const uint64_t places[] = {
	KERNEL_BASE, KERNEL_BASE + 0x1000, HEAP_BASE, HEAP_BASE + 0x123, THREADS_BASE, SCRATCH_BASE, SHOWN_BASE, BOOT_BASE,
	FILEMEM_BASE, FILEMEM_BASE + FILEMEM_SIZE - 4096, TASK_SIZE - 1, 0x7fffffffe000, 0xffff800000000000,
	0xffffffffff600000, 0xfffffffffffffff0, 0x8000000000000000,
};

static void refused(const char *what, uint64_t p, long ret, int also)
{
	if (ret == -1 && (errno == EFAULT || errno == ENOSYS || (also && errno == also)))
		return;
	broken("%s with %#lx: %ld, %s", what, p, ret, ret == -1 ? strerror(errno) : "accepted");
}

#define BAD(call, ...) refused(#call, p, syscall(SYS_##call, __VA_ARGS__), 0)
#define BAD_OR(also, call, ...) refused(#call, p, syscall(SYS_##call, __VA_ARGS__), also)

static void pointers(uint64_t p, const int *pipe_fd, int file, int epoll)
{
	struct iovec iov = { (void *)p, 64 }, good = { &iov, sizeof(iov) };
	char buf[64];

	if (write(pipe_fd[1], buf, sizeof(buf)) != sizeof(buf))
		broken("no pipe");
	BAD(read, pipe_fd[0], p, 64);
	BAD(readv, pipe_fd[0], &iov, 1);
	BAD(readv, pipe_fd[0], p, 1);
	BAD(write, pipe_fd[1], p, 64);
	BAD(writev, pipe_fd[1], &iov, 1);
	BAD(pread64, file, p, 64, 0);
	BAD(pwrite64, file, p, 64, 0);
	BAD(open, p, O_RDONLY);
	BAD(stat, p, buf);
	BAD(stat, "/", p);
	BAD(fstat, file, p);
	BAD(statx, AT_FDCWD, "/", 0, 0, p);
	BAD(getcwd, p, 64);
	BAD(readlink, "/proc/self/exe", p, 64);
	BAD(mkdir, p, 0700);
	BAD(rename, "/", p);
	BAD(execve, p, NULL, NULL);
	BAD_OR(E2BIG, execve, "/proc/self/exe", p, NULL);
	BAD(pipe2, p, 0);
	BAD(socketpair, AF_UNIX, SOCK_STREAM, 0, p);
	BAD(uname, p);
	BAD(gettimeofday, p, NULL);
	BAD(clock_gettime, CLOCK_MONOTONIC, p);
	BAD(nanosleep, p, NULL);
	BAD(times, p);
	BAD(getrusage, 0, p);
	BAD(sysinfo, p);
	BAD(getrlimit, RLIMIT_NOFILE, p);
	BAD(prlimit64, 0, RLIMIT_NOFILE, NULL, p);
	BAD(rt_sigaction, SIGUSR1, p, NULL, 8);
	BAD(rt_sigaction, SIGUSR1, NULL, p, 8);
	BAD(rt_sigprocmask, SIG_BLOCK, p, NULL, 8);
	BAD(sigaltstack, p, NULL);
	BAD(sigaltstack, NULL, p);
	BAD_OR(EINVAL, futex, p & ~3ul, FUTEX_WAIT, 0, NULL, NULL, 0);
	BAD_OR(EINVAL, futex, p & ~3ul, FUTEX_WAKE_OP, 1, 1, buf, 0);
	BAD_OR(EINVAL, futex, buf, FUTEX_WAIT, 0, p, NULL, 0);
	BAD(poll, p, 1, 0);
	BAD(ppoll, NULL, 0, p, NULL, 8);
	BAD(select, 1, p, NULL, NULL, NULL);
	BAD(epoll_ctl, epoll, EPOLL_CTL_ADD, pipe_fd[0], p);
	BAD_OR(EINVAL, epoll_wait, epoll, p, 1, 0);
	BAD(getdents64, open("/", O_RDONLY | O_DIRECTORY), p, 1024);
	BAD(getrandom, p, 64, 0);
	BAD(sched_getaffinity, 0, 8, p);
	BAD_OR(ECHILD, wait4, -1, p, 0, p);
	BAD_OR(EINVAL, clone3, p, 64);
	BAD(arch_prctl, 0x1003 /* ARCH_GET_FS */, p);
	BAD(setitimer, ITIMER_REAL, p, NULL);
	BAD(getitimer, ITIMER_REAL, p);
	BAD(timer_create, CLOCK_MONOTONIC, NULL, p);
	BAD_OR(EINVAL, mincore, buf - (uintptr_t)buf % 4096, 4096, p);
	BAD_OR(EINVAL, process_vm_readv, getpid(), &iov, 1, &good, 1, 0);
	BAD_OR(EINVAL, process_vm_readv, getpid(), &good, 1, &iov, 1, 0);
	BAD_OR(EINVAL, process_vm_writev, getpid(), &good, 1, &iov, 1, 0);
	while (read(pipe_fd[0], buf, sizeof(buf)) > 0)
		;
}

static void sockets(uint64_t p, const int *sock)
{
	struct iovec iov = { (void *)p, 64 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char buf[64];

	if (send(sock[1], buf, sizeof(buf), 0) != sizeof(buf))
		broken("no socket");
	BAD(recvfrom, sock[0], p, 64, 0, NULL, NULL);
	BAD(recvmsg, sock[0], &msg, 0);
	BAD(recvmsg, sock[0], p, 0);
	BAD(sendmsg, sock[1], &msg, 0);
	BAD(sendto, sock[1], p, 64, 0, NULL, 0);
	BAD(getsockopt, sock[0], SOL_SOCKET, SO_TYPE, p, p);
	while (recv(sock[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* Memory calls: none may succeed, whatever their error. */
static void refused_any(const char *what, uint64_t p, long ret)
{
	if (ret != -1)
		broken("%s at %#lx: %#lx", what, p, ret);
}
#define ANY(call, ...) refused_any(#call, p, syscall(SYS_##call, __VA_ARGS__))

static void memory(uint64_t p, char *own)
{
	static const int advice[] = { MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_WIPEONFORK, MADV_POPULATE_WRITE };

	p &= ~4095ul;
	ANY(mmap, p, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ANY(mmap, p, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ANY(mmap, p - 8192, 16384, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ANY(mprotect, p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	ANY(pkey_mprotect, p, 4096, PROT_READ | PROT_WRITE, -1);
	ANY(pkey_mprotect, p, 4096, PROT_READ | PROT_WRITE, 0);
	ANY(mremap, p, 4096, 4096, MREMAP_MAYMOVE, 0);
	ANY(mremap, p, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, own);
	ANY(mremap, own, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p);
	ANY(mremap, p, 0, 4096, MREMAP_MAYMOVE, 0);
	ANY(mlock, p, 4096);
	ANY(msync, p, 4096, MS_SYNC);
	ANY(mincore, p, 4096, own);
	ANY(remap_file_pages, p, 4096, 0, 0, 0);
	for (unsigned i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		ANY(madvise, p, 4096, advice[i]);
	/* As on Linux, to unmap what is not the program's own is an error or does nothing. */
	syscall(SYS_munmap, p, 4096);
	syscall(SYS_munmap, p - 4096, 1ul << 46);
	if (syscall(SYS_brk, p) == (long)p)
		broken("brk to %#lx", p);
	long got = syscall(SYS_mmap, p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (got == -1 || (uint64_t)got >= TASK_SIZE)
		broken("mmap with the hint %#lx: %#lx", p, got);
	else
		munmap((void *)got, 4096);
}

/* Addresses that are used later, when a thread ends or a call is made. */
static void later(void *arg)
{
	uint64_t p = (uint64_t)arg;

	attack_quiet = true;
	syscall(SYS_set_tid_address, p);
	syscall(SYS_set_robust_list, p, 24);
	syscall(334 /* rseq */, p & ~31ul, 32, 0, 0x53053053);
	_exit(0);
}

static void later_list(void *arg)
{
	/* A head in our own memory whose entries lead into the kernel. */
	static struct {
		uint64_t next, offset, pending;
	} head;

	attack_quiet = true;
	head.next = (uint64_t)arg;
	head.offset = 0;
	head.pending = (uint64_t)arg + 64;
	syscall(SYS_set_robust_list, &head, sizeof(head));
	_exit(0);
}

static void through_files(uint64_t p)
{
	static const char *const names[] = { "/proc/self/mem", "/proc/thread-self/mem", "/dev/mem", "/dev/kmem", "/proc/kcore" };
	char buf[64] = { 0 };

	for (unsigned i = 0; i < 5; i++) {
		int fd = open(names[i], O_RDWR);

		if (fd < 0)
			continue;
		if (pread(fd, buf, sizeof(buf), (off_t)p) > 0 || pwrite(fd, buf, sizeof(buf), (off_t)p) > 0)
			broken("%s at %#lx", names[i], p);
		close(fd);
	}
}

int main(void)
{
	int pipe_fd[2], sock[2], file = open("/tmp/gate_pointers", O_RDWR | O_CREAT, 0600), epoll = epoll_create1(0);
	char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool have_sockets = !socketpair(AF_UNIX, SOCK_STREAM, 0, sock);
	struct utsname name;

	attack_init();
	unlink("/tmp/gate_pointers");
	if (pipe2(pipe_fd, O_NONBLOCK) || epoll < 0 || file < 0) {
		perror("gate_pointers");
		return 2;
	}
	if (uname(&name) || !strstr(name.release, "limpet")) {
		printf("SKIP not in a sandbox\n");
		return 77;
	}
	write(file, own, 4096);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		pointers(places[i], pipe_fd, file, epoll);
		if (have_sockets)
			sockets(places[i], sock);
		if (places[i] == TASK_SIZE - 1)
			continue;
		memory(places[i], own);
		through_files(places[i]);
		if (in_child(later, (void *)places[i], 5) == -1 || in_child(later_list, (void *)places[i], 5) == -1)
			broken("a thread's end with %#lx hangs", places[i]);
	}
	/* Nothing below the first pages either: GS base 0 plus small offsets must lead nowhere. */
	for (uint64_t p = 0; p < USER_MIN; p += 4096)
		ANY(mmap, p, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	/* Ranges that begin in the program and end in the kernel, and lengths that wrap. */
	for (uint64_t p = TASK_SIZE - 4096; p < TASK_SIZE; p += 4095) {
		struct iovec iov = { (void *)p, 1ul << 40 };

		ANY(getrandom, p, 1ul << 40, 0);
		ANY(writev, pipe_fd[1], &iov, 1);
		iov.iov_len = ~0ul;
		ANY(writev, pipe_fd[1], &iov, 1);
		ANY(mprotect, p & ~4095ul, 1ul << 40, PROT_READ);
		ANY(mprotect, p & ~4095ul, -4096l, PROT_READ);
	}
	/* The kernel is still well, and so are we. */
	if (uname(&name) || fork() == 0)
		_exit(0);
	wait(NULL);
	return attack_result("pointers into the kernel");
}
