/*
 * Random system calls with arguments that make some sense: sysfuzz SEED SECONDS [WORKERS].
 *
 * The first process starts workers, replaces those that die or grow old, and at the end kills and reaps them all.
 * A worker has several threads that share descriptors of every kind, an arena of memory that comes and goes, and a
 * block of parameters (iovecs, timespecs, ...) that all of them overwrite while the kernel may read it. Wild pointers
 * are only ever passed to system calls, never followed here: under the plain gate following one could hit the kernel.
 * The same seed gives each thread the same choices; threads race, so a run is only nearly repeatable.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ARENA 0x10000000000ull
#define ARENA_SIZE (4u << 20)
#define PARAM 0x11000000000ull
#define PARAM_SIZE (256u << 10)
#define NFDS 48
#define THREADS 4
#define WORKERS 3
#define WORKER_LIFE 3 /* seconds */
#define PAGE 4096u

struct shared {
	uint64_t calls, good[512], workers, deaths;
	int pids[64]; /* of workers, threads and children: whom to aim at */
};
static struct shared *shared;
static int fds[NFDS];
static pid_t main_pid;
static char root[64];
static int only_mounts; /* SYSFUZZ_MOUNTS in the environment: mostly mounts */

struct rng {
	uint64_t s;
};
static __thread struct rng rng;

static uint64_t rnd(void)
{
	uint64_t z = (rng.s += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
static unsigned below(unsigned n) { return (unsigned)(rnd() % n); }
static int one_in(unsigned n) { return below(n) == 0; }
#define PICK(a) ((a)[below(sizeof(a) / sizeof((a)[0]))])

/* Bits of a set, mostly few. */
static uint64_t subset(const uint64_t *set, unsigned n)
{
	uint64_t v = 0;

	for (unsigned k = below(4); k--;)
		v |= set[below(n)];
	if (one_in(50))
		v |= 1ull << below(64);
	return v;
}
#define SUBSET(a) subset(a, sizeof(a) / sizeof((a)[0]))

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	__atomic_add_fetch(&shared->calls, 1, __ATOMIC_RELAXED);
	if (ret >= 0 && nr < 512)
		__atomic_add_fetch(&shared->good[nr], 1, __ATOMIC_RELAXED);
	return ret;
}
#define C0(nr) call(nr, 0, 0, 0, 0, 0, 0)
#define C1(nr, a) call(nr, (long)(a), 0, 0, 0, 0, 0)
#define C2(nr, a, b) call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define C3(nr, a, b, c) call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define C4(nr, a, b, c, d) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define C6(nr, a, b, c, d, e, f) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* ---- arguments ---- */

static uint64_t param(unsigned n) { return PARAM + (below(PARAM_SIZE - n - 8) & ~7u); }

static uint64_t bad_pointer(void)
{
	static const uint64_t p[] = { 0, 1, 8, 0xfff, 0x10000, 0x7dffffff0000ull, 0x7dfffffffff8ull, 0x7dfffffffffcull,
				      0x7e0000000000ull, 0x7e0000001000ull, 0x7e1000000000ull, 0x7e4000000000ull,
				      0x7e6000000000ull, 0x7e6010000000ull, 0x7e8000000000ull, 0x7ffffffff000ull,
				      0x7fffffffffffull, 0x800000000000ull, 0xffff800000000000ull,
				      0xfffffffffffff000ull, ~0ull, ~7ull, ~0xfffull };

	return PICK(p) + (one_in(4) ? below(64) : 0);
}

/* Somewhere in the arena, at times just before a hole or at its very end. */
static uint64_t buffer(void)
{
	if (one_in(12))
		return bad_pointer();
	if (one_in(3))
		return param(4096);
	if (one_in(8))
		return ARENA + ARENA_SIZE - below(300);
	if (one_in(4))
		return ARENA + (uint64_t)(1 + below(ARENA_SIZE / PAGE - 1)) * PAGE - below(64);
	return ARENA + (below(ARENA_SIZE) & ~7u);
}

static uint64_t size(void)
{
	static const uint64_t odd[] = { 0, 0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 32, 48, 64, 100, 128, 255, 256, 511, 512, 1023,
					1024, 4095, 4096, 4097, 8192, 65535, 65536, 65537, 131072, 1 << 20, 0x7fffffff,
					0x80000000, 0xffffffff, 0x100000000, 0x7ffff000, 0x7fffffffffffffff,
					0x8000000000000000, ~0ull, ~0xfffull, (uint64_t)-4096 };

	return one_in(3) ? below(10000) : PICK(odd);
}

static uint64_t offset(void)
{
	static const uint64_t odd[] = { 0, 1, 4095, 4096, 1 << 20, (16 << 20) - 1, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32,
					1ull << 40, 0x7fffffffffffefff, 0x7ffffffffffff000, 0x7fffffffffffffff, ~0ull,
					0x8000000000000000 };

	return one_in(3) ? PICK(odd) : below(100000);
}

static int fd(void)
{
	if (one_in(30))
		return (int)(rnd() % 3 ? -1 : (int)rnd());
	if (one_in(30))
		return AT_FDCWD;
	if (one_in(15))
		return (int)below(300);
	return fds[below(NFDS)];
}

static int dirfd_(void) { return one_in(3) ? fd() : AT_FDCWD; }

static void keep(long f)
{
	unsigned i = below(NFDS);
	int old;

	if (f < 0)
		return;
	old = __atomic_exchange_n(&fds[i], (int)f, __ATOMIC_RELAXED);
	if (old > 2)
		C1(SYS_close, old);
}

static uint64_t path(void)
{
	static const char *const names[] = { "a", "b", "c", "d", "dir", "dir/e", "dir/f", "dir/sub", "dir/sub/g", "link", "loop",
					     "fifo", "sock", "mnt", "mnt/x", "mnt/y", ".", "..", "dir/..", "", "/", "dir/", "link/",
					     "dir//sub/./../e", "hard", "new", "x/y/z", "mnt/../dir" };
	static const char *const far[] = { "/proc/self/fd/5", "/proc/self/maps", "/proc/self/status", "/proc/self/mem", "/dev/null",
					   "/dev/zero", "/dev/full", "/dev/ptmx", "/dev/pts/0", "/dev/pts/1", "/dev/tty", "/etc/passwd",
					   "/proc/self/exe", "/proc/self/root", "/proc/self/task", "/proc/1/status", "/dev/shm",
					   "/proc/self/mountinfo", "/proc/self/environ", "/proc/meminfo", "/proc/stat", "/proc",
					   "/proc/self/fdinfo/7", "/sys", "/dev/fd/9", "/proc/self/cwd", "/proc/self/ns/mnt",
					   "/usr/lib", "/dev/urandom", "/proc/sys/kernel/hostname", "/proc/mounts",
					   "/proc/self/oom_score_adj", "/proc/self/comm", "/proc/thread-self/stat" };
	uint64_t at;
	char *p;

	if (one_in(20))
		return buffer();
	at = param(5000);
	p = (char *)at;
	if (one_in(40)) {
		unsigned n = one_in(2) ? 250 + below(10) : 4080 + below(30);

		memset(p, one_in(2) ? 'n' : '/', n);
		p[n] = 0;
		return at;
	}
	strcpy(p, one_in(8) ? PICK(far) : PICK(names));
	return at;
}

static uint64_t timespec(void)
{
	struct timespec *t = (void *)param(sizeof(*t));
	static const int64_t odd[] = { -1, INT64_MAX, INT64_MIN, 1000000000, 999999999, 0x7fffffff };

	if (one_in(10))
		return one_in(2) ? 0 : buffer();
	t->tv_sec = one_in(20) ? PICK(odd) : 0;
	t->tv_nsec = one_in(20) ? PICK(odd) : (int64_t)below(3000000);
	return (uint64_t)t;
}

static uint64_t itimerspec(void)
{
	struct itimerspec *t = (void *)param(sizeof(*t));

	memset(t, 0, sizeof(*t));
	t->it_value.tv_nsec = below(5000000);
	if (one_in(3))
		t->it_interval.tv_nsec = 1000 + below(2000000);
	if (one_in(10))
		t->it_value.tv_sec = (int64_t)offset();
	return one_in(15) ? buffer() : (uint64_t)t;
}

static uint64_t iov(unsigned *n)
{
	struct iovec *v;
	static const unsigned odd[] = { 0, 1023, 1024, 1025, 0x7fffffff, 0x80000000u, ~0u };

	*n = 1 + below(6);
	v = (void *)param(sizeof(*v) * 8);
	for (unsigned i = 0; i < *n; i++) {
		v[i].iov_base = (void *)buffer();
		v[i].iov_len = one_in(10) ? size() : below(3000);
	}
	if (one_in(15))
		*n = PICK(odd);
	return one_in(20) ? buffer() : (uint64_t)v;
}

/* Never the process that watches, never everybody. */
static int pid(void)
{
	int p;

	if (one_in(4))
		return getpid();
	if (one_in(30))
		return 4000000 + (int)below(300000);
	p = shared->pids[below(64)];
	return p && p != main_pid && p != 1 ? p : getpid();
}

static int sig(void)
{
	if (one_in(20))
		return one_in(2) ? 0 : (int)below(70);
	/* What ends a process or stops it is rare, else nothing else happens. */
	for (;;) {
		int s = 1 + (int)below(64);

		if ((s == SIGKILL || s == SIGSTOP) && !one_in(30))
			continue;
		return s;
	}
}

static uint64_t random_sigset(void)
{
	uint64_t *s = (void *)param(8);

	*s = rnd() & rnd() & ~(1ull << (SIGALRM - 1));
	return one_in(15) ? buffer() : (uint64_t)s;
}

static uint64_t word(void) { return one_in(15) ? buffer() : (one_in(2) ? PARAM : ARENA) + below(64) * 4; }

static const uint64_t open_flags[] = { O_WRONLY, O_RDWR, O_RDWR, O_CREAT, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, O_NONBLOCK,
				       O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH, O_TMPFILE | O_RDWR, O_SYNC, O_DIRECT, O_NOATIME, O_NOCTTY };
static const uint64_t at_flags[] = { AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH, AT_NO_AUTOMOUNT };
static const uint64_t prots[] = { PROT_READ, PROT_READ, PROT_WRITE, PROT_WRITE, PROT_EXEC, PROT_GROWSDOWN };
static const uint64_t maps[] = { MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_ANONYMOUS, MAP_NORESERVE, MAP_POPULATE,
				 MAP_LOCKED, MAP_GROWSDOWN, MAP_STACK, MAP_HUGETLB };

static uint64_t arena(uint64_t *len)
{
	unsigned start = below(ARENA_SIZE / PAGE), n = 1 + below(one_in(4) ? 200 : 8);

	if (start + n > ARENA_SIZE / PAGE)
		n = ARENA_SIZE / PAGE - start;
	*len = (uint64_t)n * PAGE;
	return ARENA + (uint64_t)start * PAGE;
}

static int mode(void) { return (int)(one_in(3) ? below(010000) : 0777); }

/* ---- operations ---- */

static void op_open(void)
{
	int k = (int)below(24);
	int *two = (void *)param(8);
	static const uint64_t efd[] = { EFD_NONBLOCK, EFD_SEMAPHORE, EFD_CLOEXEC };
	static const int fam[] = { AF_UNIX, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	static const int typ[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW };

	switch (k) {
	case 0:
		if (C2(SYS_pipe2, two, one_in(2) ? O_NONBLOCK : one_in(3) ? O_DIRECT : 0) == 0) {
			keep(two[0]);
			keep(two[1]);
		}
		return;
	case 1:
		keep(C2(SYS_eventfd2, below(10), SUBSET(efd)));
		return;
	case 2:
		keep(C2(SYS_timerfd_create, below(12), one_in(2) ? TFD_NONBLOCK : 0));
		return;
	case 3:
		keep(C4(SYS_signalfd4, one_in(3) ? fd() : -1, random_sigset(), 8, one_in(2) ? SFD_NONBLOCK : 0));
		return;
	case 4:
	case 5:
		keep(C1(SYS_epoll_create1, one_in(2) ? EPOLL_CLOEXEC : 0));
		return;
	case 6:
		keep(C1(SYS_inotify_init1, one_in(2) ? IN_NONBLOCK : 0));
		return;
	case 7:
		keep(C2(SYS_memfd_create, path(), one_in(2) ? MFD_ALLOW_SEALING : below(32)));
		return;
	case 8:
	case 9:
		if (C4(SYS_socketpair, AF_UNIX, PICK(typ) | (one_in(2) ? SOCK_NONBLOCK : 0), 0, two) == 0) {
			keep(two[0]);
			keep(two[1]);
		}
		return;
	case 10:
		keep(C3(SYS_socket, PICK(fam), PICK(typ) | (one_in(2) ? SOCK_NONBLOCK : 0), one_in(5) ? below(20) : 0));
		return;
	case 11: {
		int m = open("/dev/ptmx", O_RDWR | O_NOCTTY | (one_in(2) ? O_NONBLOCK : 0)), zero = 0, n;
		char name[32];

		if (m < 0)
			return;
		if (!ioctl(m, TIOCSPTLCK, &zero) && !ioctl(m, TIOCGPTN, &n)) {
			snprintf(name, sizeof(name), "/dev/pts/%d", n);
			keep(open(name, O_RDWR | O_NOCTTY | O_NONBLOCK));
		}
		keep(m);
		return;
	}
	case 12:
		keep(C2(SYS_pidfd_open, pid(), one_in(3) ? O_NONBLOCK : 0));
		return;
	case 13:
		keep(C4(SYS_openat, AT_FDCWD, "fifo", O_RDWR | O_NONBLOCK, 0));
		return;
	case 14:
		keep(C3(SYS_pidfd_getfd, fd(), below(60), 0));
		return;
	case 15: {
		uint64_t *how = (void *)param(24);

		how[0] = SUBSET(open_flags);
		how[1] = how[0] & (O_CREAT | O_TMPFILE) ? (uint64_t)mode() : 0;
		how[2] = one_in(2) ? below(64) : 0;
		keep(C4(SYS_openat2, dirfd_(), path(), how, one_in(10) ? size() : 24));
		return;
	}
	default:
		keep(C4(SYS_openat, dirfd_(), path(), SUBSET(open_flags) | (one_in(2) ? O_NONBLOCK : 0), mode()));
	}
}

static void op_fd(void)
{
	switch (below(12)) {
	case 0:
		C1(SYS_close, fds[below(NFDS)]);
		return;
	case 1:
		keep(C1(SYS_dup, fd()));
		return;
	case 2:
		C3(SYS_dup3, fd(), 3 + below(200), one_in(3) ? O_CLOEXEC : 0);
		return;
	case 3: {
		static const int cmds[] = { F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_GETOWN,
					    F_SETSIG, F_GETSIG, F_OFD_SETLK, F_OFD_GETLK, F_OFD_SETLKW, F_SETPIPE_SZ, F_GETPIPE_SZ,
					    F_ADD_SEALS, F_GET_SEALS, F_SETLEASE, F_NOTIFY, F_DUPFD_CLOEXEC, F_SETOWN_EX, F_GETOWN_EX,
					    1038, 1039 };
		int cmd = PICK(cmds);
		struct flock *l = (void *)param(sizeof(*l));

		if (cmd == F_SETOWN) {
			C3(SYS_fcntl, fd(), cmd, pid());
			return;
		}
		l->l_type = (short)below(4);
		l->l_whence = (short)below(3);
		l->l_start = one_in(4) ? (long)offset() : (long)below(100);
		l->l_len = one_in(4) ? (long)offset() : (long)below(100);
		l->l_pid = one_in(5) ? 7 : 0;
		if (cmd == F_SETOWN_EX) {
			((int *)l)[0] = (int)below(3);
			((int *)l)[1] = pid();
		}
		if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
			keep(C3(SYS_fcntl, fd(), cmd, one_in(8) ? rnd() : below(100)));
		else
			C3(SYS_fcntl, fd(), cmd,
			   one_in(2) || (cmd >= F_GETLK && cmd <= F_SETLKW) || cmd >= F_OFD_GETLK ? (long)l : (long)SUBSET(open_flags));
		return;
	}
	case 4: {
		static const uint64_t cmds[] = { FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ,
						 TIOCSWINSZ, TIOCSPGRP, TIOCGPGRP, TIOCSCTTY, TIOCNOTTY, TIOCSTI, TIOCGPTN, TIOCSPTLCK,
						 TIOCGPTPEER, TIOCPKT, TIOCSIG, TIOCEXCL, TIOCNXCL, TIOCOUTQ, TCFLSH, TCXONC, TCSBRK,
						 TIOCSETD, TIOCGETD, 0x541b, 0x5421, 0x80086601, 0x40086602, 0x1268, 0x80045430, 0x8910 };

		C3(SYS_ioctl, fd(), one_in(20) ? rnd() : PICK(cmds), one_in(3) ? below(70) : buffer());
		return;
	}
	case 5:
		C2(SYS_flock, fd(), below(16));
		return;
	case 6:
		C3(SYS_close_range, 20 + below(200), one_in(5) ? ~0u : 20 + below(250), one_in(2) ? below(8) : 0);
		return;
	case 7:
		C3(SYS_lseek, fd(), offset(), below(7));
		return;
	case 8:
		C2(SYS_fstat, fd(), buffer());
		return;
	case 9:
		C4(SYS_fadvise64, fd(), offset(), offset(), below(8));
		return;
	case 10:
		C4(SYS_sync_file_range, fd(), offset(), offset(), below(9));
		return;
	default:
		C1(one_in(2) ? SYS_fsync : SYS_fdatasync, fd());
	}
}

static void op_io(void)
{
	unsigned n;
	uint64_t v, *off = (void *)param(8), *off2 = (void *)param(8);
	static const uint64_t spl[] = { 1, 2, 2, 4, 8 };
	static const uint64_t rwf[] = { 1, 2, 4, 8, 16, 32 };

	*off = offset();
	*off2 = offset();
	switch (below(16)) {
	case 0:
	case 1:
		C3(SYS_read, fd(), buffer(), size());
		return;
	case 2:
	case 3:
		C3(SYS_write, fd(), buffer(), size());
		return;
	case 4:
		C4(SYS_pread64, fd(), buffer(), size(), offset());
		return;
	case 5:
		C4(SYS_pwrite64, fd(), buffer(), size(), offset());
		return;
	case 6:
		v = iov(&n);
		C3(one_in(2) ? SYS_readv : SYS_writev, fd(), v, n);
		return;
	case 7:
		v = iov(&n);
		C6(one_in(2) ? SYS_preadv2 : SYS_pwritev2, fd(), v, n, offset(), 0, SUBSET(rwf));
		return;
	case 8:
		C4(SYS_sendfile, fd(), fd(), one_in(2) ? 0 : (long)off, size());
		return;
	case 9:
	case 10:
		C6(SYS_splice, fd(), one_in(2) ? 0 : (long)off, fd(), one_in(2) ? 0 : (long)off2, size(), SUBSET(spl));
		return;
	case 11:
		C4(SYS_tee, fd(), fd(), size(), SUBSET(spl));
		return;
	case 12:
		v = iov(&n);
		C4(SYS_vmsplice, fd(), v, n, SUBSET(spl));
		return;
	case 13:
		C6(SYS_copy_file_range, fd(), one_in(2) ? 0 : (long)off, fd(), one_in(2) ? 0 : (long)off2, size(), one_in(10));
		return;
	case 14:
		C4(SYS_fallocate, fd(), one_in(3) ? below(0x80) : below(4), offset(), offset());
		return;
	default:
		C2(SYS_ftruncate, fd(), one_in(3) ? offset() : below(20000));
	}
}

static void op_path(void)
{
	static const uint64_t rn[] = { 1, 2, 4 };
	static const uint64_t xf[] = { 1, 2 };
	static const char *const xn[] = { "user.a", "user.b", "trusted.c", "security.d", "system.posix_acl_access", "user.", "bad", "" };
	char *name = (void *)param(64);

	strcpy(name, PICK(xn));
	switch (below(26)) {
	case 0:
		C3(SYS_mkdirat, dirfd_(), path(), mode());
		return;
	case 1:
		C3(SYS_unlinkat, dirfd_(), path(), SUBSET(at_flags));
		return;
	case 2:
	case 3:
		C6(SYS_renameat2, dirfd_(), path(), dirfd_(), path(), SUBSET(rn), 0);
		return;
	case 4:
		C6(SYS_linkat, dirfd_(), path(), dirfd_(), path(), SUBSET(at_flags), 0);
		return;
	case 5:
		C3(SYS_symlinkat, path(), dirfd_(), path());
		return;
	case 6:
		C4(SYS_readlinkat, dirfd_(), path(), buffer(), size());
		return;
	case 7: {
		static const unsigned t[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFDIR, 0 };

		C4(SYS_mknodat, dirfd_(), path(), PICK(t) | (unsigned)mode(), one_in(2) ? 0x103 : rnd());
		return;
	}
	case 8:
		C4(SYS_fchmodat, dirfd_(), path(), mode(), 0);
		return;
	case 9:
		C6(SYS_fchownat, dirfd_(), path(), one_in(2) ? -1 : 0, one_in(2) ? -1 : (int)below(3), SUBSET(at_flags), 0);
		return;
	case 10:
		C4(SYS_utimensat, dirfd_(), path(), timespec(), SUBSET(at_flags));
		return;
	case 11:
	case 12:
		C6(SYS_statx, dirfd_(), path(), SUBSET(at_flags), rnd(), buffer(), 0);
		return;
	case 13:
		C4(SYS_newfstatat, dirfd_(), path(), buffer(), SUBSET(at_flags));
		return;
	case 14:
		C2(SYS_truncate, path(), one_in(3) ? offset() : below(20000));
		return;
	case 15:
		C4(SYS_faccessat2, dirfd_(), path(), below(9), SUBSET(at_flags));
		return;
	case 16:
		C3(SYS_getdents64, fd(), buffer(), size());
		return;
	case 17:
		C6(SYS_setxattr, path(), name, buffer(), one_in(4) ? size() : below(100), SUBSET(xf), 0);
		return;
	case 18:
		C6(SYS_fsetxattr, fd(), name, buffer(), one_in(4) ? size() : below(100), SUBSET(xf), 0);
		return;
	case 19:
		C4(one_in(2) ? SYS_getxattr : SYS_lgetxattr, path(), name, buffer(), size());
		return;
	case 20:
		C3(one_in(2) ? SYS_listxattr : SYS_llistxattr, path(), buffer(), size());
		return;
	case 21:
		C2(SYS_lremovexattr, path(), name);
		return;
	case 22:
		C2(SYS_getcwd, buffer(), size());
		return;
	case 23:
		if (one_in(4))
			C1(SYS_chdir, root);
		else
			C1(one_in(2) ? SYS_fchdir : SYS_chdir, one_in(2) ? (uint64_t)fd() : path());
		if (one_in(2))
			C1(SYS_chdir, root);
		return;
	case 24:
		C2(one_in(2) ? SYS_statfs : SYS_fstatfs, one_in(2) ? path() : (uint64_t)fd(), buffer());
		return;
	default:
		C3(SYS_inotify_add_watch, fd(), path(), one_in(2) ? 0xfff : rnd());
	}
}

static void op_event(void)
{
	struct epoll_event *ev = (void *)param(sizeof(*ev));
	static const uint64_t evs[] = { EPOLLIN, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLRDHUP, EPOLLWAKEUP };
	struct pollfd *p;
	unsigned n = below(10);

	switch (below(12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		ev->events = (uint32_t)SUBSET(evs);
		ev->data.u64 = rnd();
		C4(SYS_epoll_ctl, fd(), 1 + below(3), fd(), one_in(20) ? buffer() : (uint64_t)ev);
		return;
	case 4:
		C6(SYS_epoll_pwait, fd(), buffer(), one_in(10) ? rnd() : 1 + below(20), below(3), one_in(2) ? 0 : random_sigset(), 8);
		return;
	case 5:
		C6(SYS_epoll_pwait2, fd(), buffer(), 1 + below(20), timespec(), 0, 8);
		return;
	case 6:
		p = (void *)param(sizeof(*p) * 10);
		for (unsigned i = 0; i < n; i++)
			p[i] = (struct pollfd){ fd(), (short)rnd(), 0 };
		C6(SYS_ppoll, one_in(20) ? buffer() : (uint64_t)p, one_in(20) ? size() : n, timespec(), one_in(2) ? 0 : random_sigset(), 8, 0);
		return;
	case 7: {
		uint64_t sets = param(512);

		memset((void *)sets, 0, 400);
		for (unsigned i = 0; i < 8; i++)
			((uint64_t *)sets)[below(12)] |= 1ull << below(64);
		C6(SYS_pselect6, one_in(15) ? rnd() : below(256), sets, one_in(2) ? sets + 128 : 0, one_in(2) ? sets + 256 : 0, timespec(), 0);
		return;
	}
	case 8:
		C4(SYS_timerfd_settime, fd(), below(4), itimerspec(), one_in(2) ? buffer() : 0);
		return;
	case 9:
		C2(SYS_timerfd_gettime, fd(), buffer());
		return;
	case 10:
		C2(SYS_inotify_rm_watch, fd(), below(20));
		return;
	default:
		C4(SYS_signalfd4, fd(), random_sigset(), one_in(10) ? size() : 8, 0);
	}
}

static void op_mem(void)
{
	uint64_t len, len2, a = arena(&len), b = arena(&len2);
	static const uint64_t mr[] = { MREMAP_MAYMOVE, MREMAP_DONTUNMAP };
	static const int adv[] = { 0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 100 };

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
		C6(SYS_mmap, a, one_in(30) ? size() : len, SUBSET(prots) | (one_in(2) ? PROT_READ | PROT_WRITE : 0),
		   (SUBSET(maps) | MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) & ~(uint64_t)(one_in(3) ? 0 : 0x70), -1, 0);
		return;
	case 3:
	case 4: {
		uint64_t fl = SUBSET(maps) & ~(uint64_t)(MAP_ANONYMOUS | MAP_PRIVATE | MAP_SHARED);

		fl |= one_in(2) ? MAP_SHARED : MAP_PRIVATE;
		C6(SYS_mmap, a, len, SUBSET(prots) | PROT_READ, fl | (one_in(8) ? 0x100000 : MAP_FIXED), fd(), one_in(3) ? offset() & ~0xfffull : 0);
		return;
	}
	case 5:
		C2(SYS_munmap, a, len);
		return;
	case 6:
		C3(SYS_mprotect, a, len, SUBSET(prots));
		return;
	case 7: {
		uint64_t fl = SUBSET(mr), want = one_in(2) ? len : len2;

		if (one_in(3))
			fl |= MREMAP_FIXED | MREMAP_MAYMOVE;
		if (fl & MREMAP_FIXED && b + want > ARENA + ARENA_SIZE)
			want = ARENA + ARENA_SIZE - b;
		C6(SYS_mremap, a, one_in(8) ? 0 : len, want, fl, b, 0);
		return;
	}
	case 8:
	case 9:
		C3(SYS_madvise, a, len, PICK(adv));
		return;
	case 10:
		C3(SYS_msync, a, len, below(8));
		return;
	case 11:
		C3(SYS_mincore, a, len, buffer());
		return;
	case 12:
		C3(SYS_mlock2, a, len, below(3));
		return;
	case 13:
		C2(SYS_munlock, a, len);
		return;
	case 14: {
		/* The kernel must refuse these whole. */
		uint64_t bad = bad_pointer() & ~0xfffull;

		if (bad >= 0x7e0000000000ull)
			C3(one_in(2) ? SYS_munmap : SYS_mprotect, bad, len, 0);
		else
			C6(SYS_mremap, a, len, len, MREMAP_FIXED | MREMAP_MAYMOVE, 0x7e0000000000ull + (rnd() & 0xfffffff000ull), 0);
		C6(SYS_mmap, 0x7e0000000000ull + (rnd() & 0x1fffffff000ull), len, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return;
	}
	default: {
		unsigned n, m;
		uint64_t v = iov(&n), w = iov(&m);

		C6(one_in(2) ? SYS_process_vm_readv : SYS_process_vm_writev, pid(), v, n, w, m, 0);
	}
	}
	/* Keep most of the arena usable. */
	if (one_in(4))
		C6(SYS_mmap, a, len, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void op_futex(void)
{
	static const int ops[] = { 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
	uint64_t w = word();
	uint32_t val = (uint32_t)below(3);
	int op = PICK(ops) | (one_in(2) ? 128 : 0) | (one_in(4) ? 256 : 0);
	struct {
		uint64_t val, addr;
		uint32_t flags, pad;
	} *wv;

	/* Words in the parameter block hold small numbers most of the time. */
	if (one_in(3) && w >= PARAM && w < PARAM + 256)
		*(volatile uint32_t *)w = one_in(3) ? (uint32_t)getpid() : (uint32_t)below(3);
	switch (below(8)) {
	case 0:
		wv = (void *)param(sizeof(*wv) * 8);
		for (unsigned i = 0; i < 6; i++) {
			wv[i].val = below(3);
			wv[i].addr = word();
			wv[i].flags = one_in(10) ? (uint32_t)rnd() : 2 | (one_in(2) ? 128 : 0);
			wv[i].pad = 0;
		}
		C6(449, wv, one_in(10) ? rnd() : below(7), 0, timespec(), 1, 0);
		return;
	case 1:
		C2(SYS_set_robust_list, one_in(2) ? buffer() : word(), 24);
		return;
	case 2:
		C3(SYS_get_robust_list, pid(), buffer(), buffer());
		return;
	default:
		if ((op & 127) == 3 || (op & 127) == 4 || (op & 127) == 5 || (op & 127) == 12)
			C6(SYS_futex, w, op, val, below(4), word(), one_in(3) ? rnd() : val);
		else
			C6(SYS_futex, w, op, val, timespec(), word(), one_in(3) ? rnd() : ~0u);
	}
}

static void op_signal(void)
{
	uint8_t *info = (void *)param(128);

	switch (below(14)) {
	case 0:
	case 1:
		C2(SYS_kill, pid(), sig());
		return;
	case 2:
		C3(SYS_tgkill, getpid(), pid(), sig());
		return;
	case 3:
		memset(info, 0, 128);
		((int *)info)[2] = one_in(2) ? -1 : (int)rnd();
		C3(SYS_rt_sigqueueinfo, pid(), sig(), info);
		return;
	case 4:
		C4(SYS_rt_sigprocmask, below(4), one_in(8) ? 0 : random_sigset(), one_in(2) ? 0 : buffer(), one_in(20) ? size() : 8);
		return;
	case 5:
		C4(SYS_rt_sigtimedwait, random_sigset(), one_in(2) ? 0 : buffer(), timespec(), 8);
		return;
	case 6:
		C2(SYS_rt_sigpending, buffer(), below(10));
		return;
	case 7:
		C4(SYS_pidfd_send_signal, fd(), sig(), 0, one_in(10));
		return;
	case 8:
		C3(SYS_setitimer, below(3), itimerspec(), one_in(2) ? 0 : buffer());
		return;
	case 9: {
		int *ev = (void *)param(64);
		uint64_t id = param(4);

		memset(ev, 0, 64);
		ev[2] = sig();
		ev[3] = (int)below(5);
		ev[4] = one_in(2) ? (int)syscall(SYS_gettid) : pid();
		if (ev[3] == SIGEV_THREAD)
			ev[3] = 0;
		C3(SYS_timer_create, one_in(4) ? rnd() : below(12), one_in(3) ? 0 : (long)ev, id);
		return;
	}
	case 10:
		C4(SYS_timer_settime, below(30), below(2), itimerspec(), one_in(2) ? 0 : buffer());
		return;
	case 11:
		C2(SYS_timer_gettime, below(30), buffer());
		return;
	case 12:
		C1(one_in(2) ? SYS_timer_delete : SYS_timer_getoverrun, below(30));
		return;
	default:
		C4(SYS_clock_nanosleep, below(12), below(2), timespec(), one_in(2) ? 0 : buffer());
	}
}

static void op_socket(void)
{
	struct sockaddr_un *sa = (void *)param(sizeof(*sa));
	struct msghdr *m = (void *)param(sizeof(*m));
	struct cmsghdr *c = (void *)param(256);
	int alen = one_in(8) ? (int)size() : (int)sizeof(*sa);
	unsigned n;

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = one_in(10) ? (unsigned short)rnd() : AF_UNIX;
	if (one_in(2))
		snprintf(sa->sun_path + 1, 20, "abs%u", below(4));
	else
		strcpy(sa->sun_path, one_in(2) ? "sock" : one_in(2) ? "sock2" : "dir/sock3");
	if (sa->sun_path[0] == 0 && alen == sizeof(*sa))
		alen = 7;
	if (one_in(3)) {
		/* 127.0.0.1, few ports */
		*(uint16_t *)sa = AF_INET;
		((uint16_t *)sa)[1] = (uint16_t)(0x1027 + (below(4) << 8));
		((uint32_t *)sa)[1] = one_in(4) ? (uint32_t)rnd() : 0x0100007f;
		alen = 16;
	}
	memset(m, 0, sizeof(*m));
	m->msg_iov = (void *)iov(&n);
	m->msg_iovlen = n;
	if (one_in(3)) {
		m->msg_name = sa;
		m->msg_namelen = (unsigned)alen;
	}
	if (one_in(2)) {
		unsigned k = 1 + below(6);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = one_in(4) ? (int)below(6) : SCM_RIGHTS;
		c->cmsg_len = one_in(8) ? size() : CMSG_LEN(k * 4);
		for (unsigned i = 0; i < k; i++)
			((int *)CMSG_DATA(c))[i] = fd();
		m->msg_control = c;
		m->msg_controllen = one_in(8) ? size() : CMSG_SPACE(k * 4);
	}
	switch (below(16)) {
	case 0:
		C3(SYS_bind, fd(), sa, alen);
		return;
	case 1:
		C3(SYS_connect, fd(), sa, alen);
		return;
	case 2:
		C2(SYS_listen, fd(), one_in(5) ? rnd() : below(10));
		return;
	case 3:
		keep(C4(SYS_accept4, fd(), one_in(2) ? 0 : buffer(), one_in(2) ? 0 : param(4), SOCK_NONBLOCK));
		return;
	case 4:
	case 5:
	case 6:
		C3(SYS_sendmsg, fd(), m, one_in(2) ? MSG_DONTWAIT : rnd());
		return;
	case 7:
	case 8:
	case 9:
		C3(SYS_recvmsg, fd(), m, one_in(2) ? MSG_DONTWAIT : rnd());
		return;
	case 10:
		C6(SYS_sendto, fd(), buffer(), size(), MSG_DONTWAIT, one_in(2) ? 0 : (long)sa, alen);
		return;
	case 11:
		C6(SYS_recvfrom, fd(), buffer(), size(), MSG_DONTWAIT | (one_in(3) ? rnd() : 0), one_in(2) ? 0 : buffer(), param(4));
		return;
	case 12:
		C2(SYS_shutdown, fd(), below(4));
		return;
	case 13:
		C6(SYS_setsockopt, fd(), one_in(2) ? SOL_SOCKET : (int)below(50), below(60), buffer(), one_in(3) ? size() : 4, 0);
		return;
	case 14:
		*(int *)m = (int)size();
		C6(SYS_getsockopt, fd(), one_in(2) ? SOL_SOCKET : (int)below(50), below(60), buffer(), m, 0);
		return;
	default:
		C3(one_in(2) ? SYS_getsockname : SYS_getpeername, fd(), buffer(), param(4));
	}
}

static void op_ipc(void)
{
	int key = one_in(3) ? 0 : 0x1000 + (int)below(4), id = (int)below(12);
	uint16_t *so = (void *)param(64);

	if (one_in(20))
		id = (int)rnd();
	for (unsigned i = 0; i < 12; i += 3) {
		so[i] = (uint16_t)below(6);
		so[i + 1] = (uint16_t)(one_in(4) ? rnd() : below(3) - 1);
		so[i + 2] = (uint16_t)(one_in(3) ? 0x1000 : 04000);
	}
	switch (below(11)) {
	case 0:
		C3(SYS_semget, key, one_in(10) ? size() : 1 + below(6), 01600);
		return;
	case 1:
	case 2:
		C4(SYS_semtimedop, id, so, one_in(10) ? size() : 1 + below(4), timespec());
		return;
	case 3:
		C4(SYS_semctl, id, below(7), below(20), one_in(2) ? buffer() : below(100));
		return;
	case 4:
		C2(SYS_msgget, key, 01600);
		return;
	case 5:
		*(long *)so = 1 + below(4);
		C4(SYS_msgsnd, id, so, one_in(10) ? size() : below(500), 04000);
		return;
	case 6:
		C6(SYS_msgrcv, id, buffer(), size(), (long)below(5) - 2, 04000 | below(04000), 0);
		return;
	case 7:
		C3(SYS_msgctl, id, below(15), buffer());
		return;
	case 8:
		C3(SYS_shmget, key, one_in(10) ? size() : below(60000), 01600);
		return;
	case 9: {
		uint64_t len, a = arena(&len);

		C3(SYS_shmat, id, a, 040000 | (one_in(2) ? 010000 : 0));
		if (one_in(2))
			C1(SYS_shmdt, a);
		return;
	}
	default:
		C3(SYS_shmctl, id, below(16), buffer());
	}
}

static void op_misc(void)
{
	switch (below(22)) {
	case 0:
		C4(SYS_wait4, one_in(2) ? -1 : pid(), one_in(2) ? 0 : buffer(), 1 | (one_in(2) ? below(16) : 0), one_in(2) ? 0 : buffer());
		return;
	case 1:
		C6(SYS_waitid, below(5), one_in(2) ? pid() : fd(), one_in(2) ? 0 : buffer(), 1 | below(32) | (1u << (24 + below(8))), one_in(2) ? 0 : buffer(), 0);
		return;
	case 2:
		C4(SYS_prlimit64, pid(), below(17), 0, buffer());
		return;
	case 3:
		C3(SYS_sched_setaffinity, pid(), size(), buffer());
		return;
	case 4:
		C3(SYS_sched_getaffinity, pid(), size(), buffer());
		return;
	case 5: {
		static const int o[] = { 1, 2, 3, 4, 7, 8, 13, 14, 15, 16, 21, 23, 24, 25, 26, 27, 28, 29, 30, 33, 36, 37, 38, 39, 40, 41, 42, 43, 47, 0x53564d41 };

		C6(SYS_prctl, PICK(o), one_in(2) ? below(70) : buffer(), one_in(2) ? below(10) : buffer(), one_in(2) ? 0 : size(), one_in(2) ? 0 : buffer(), 0);
		C6(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0, 0);
		return;
	}
	case 6:
		C3(SYS_getgroups, below(5), buffer(), 0);
		return;
	case 7:
		C2(SYS_setpgid, pid(), one_in(2) ? 0 : pid());
		return;
	case 8:
		C1(one_in(2) ? SYS_getpgid : SYS_getsid, pid());
		return;
	case 9:
		C3(SYS_setpriority, below(4), pid(), below(20));
		return;
	case 10:
		C3(SYS_sched_setscheduler, pid(), below(8), buffer());
		return;
	case 11:
		C4(SYS_sched_setattr, pid(), buffer(), below(2), 0);
		return;
	case 12:
		C4(SYS_sched_getattr, pid(), buffer(), below(300), 0);
		return;
	case 13:
		C3(SYS_getrandom, buffer(), size(), below(8));
		return;
	case 14:
		C2(SYS_getrusage, (int)below(4) - 1, buffer());
		return;
	case 15:
		C6(SYS_kcmp, pid(), pid(), below(9), fd(), fd(), 0);
		return;
	case 16:
		C2(SYS_clone3, buffer(), one_in(2) ? size() & 0xff : size());
		return;
	case 17:
		C2(SYS_clock_gettime, one_in(3) ? rnd() : below(14), buffer());
		return;
	case 18:
		C2(one_in(2) ? SYS_uname : SYS_sysinfo, buffer(), 0);
		return;
	case 19:
		C2(SYS_capget, buffer(), buffer());
		return;
	case 20:
		C3(SYS_membarrier, one_in(3) ? rnd() : 1u << below(10), 0, 0);
		return;
	default:
		C1(SYS_sched_yield, 0);
	}
}

static void random_op(void);

static void note_pid(int p) { shared->pids[below(64)] = p; }

/* What a forked child does before its end: things that would spoil a worker. */
static void child_life(void)
{
	for (unsigned n = below(40); n--;) {
		switch (only_mounts ? 6 + 2 * below(2) : below(24)) {
		case 0:
			C0(SYS_setsid);
			break;
		case 1:
			C1(SYS_chroot, path());
			break;
		case 2: {
			uint64_t *l = (void *)param(16);

			l[0] = below(1 << 16);
			l[1] = 1 << 20;
			C4(SYS_prlimit64, 0, below(16), l, 0);
			break;
		}
		case 3:
			C3(SYS_setresuid, 1000, 1000, one_in(2) ? 0 : 1000);
			break;
		case 4:
			C2(SYS_capset, buffer(), buffer());
			break;
		case 5: {
			static const uint64_t f[] = { CLONE_NEWNS, CLONE_FILES, CLONE_FS, CLONE_SYSVSEM, CLONE_NEWUTS, CLONE_NEWNET, CLONE_SIGHAND };

			C1(SYS_unshare, SUBSET(f));
			break;
		}
		case 6:
			if (!C1(SYS_unshare, CLONE_NEWNS)) {
				static const char *const t[] = { "tmpfs", "proc", "devpts", "sysfs", "overlay", "mqueue" };
				static const uint64_t fl[] = { MS_BIND, MS_REC, MS_RDONLY, MS_REMOUNT, MS_MOVE, MS_NOEXEC, MS_PRIVATE, MS_SHARED };

				C6(SYS_mount, path(), path(), PICK(t), SUBSET(fl), one_in(2) ? 0 : buffer(), 0);
				C6(SYS_mount, "x", "mnt", "tmpfs", 0, one_in(2) ? 0 : (long)"size=1m", 0);
				C6(SYS_mount, "mnt", "dir", 0, MS_BIND, 0, 0);
				random_op();
				C2(SYS_umount2, "mnt", below(9));
			}
			break;
		case 7:
			C1(SYS_brk, 0x7e0000000000ull + below(1 << 30));
			break;
		case 8:
			C2(SYS_pivot_root, path(), path());
			break;
		case 9:
			C2(SYS_setns, fd(), 0);
			break;
		default:
			random_op();
		}
	}
}

static void handler(int s, siginfo_t *i, void *uc)
{
	(void)s;
	(void)i;
	(void)uc;
	C0(SYS_getppid);
}

static void op_sigaction(void)
{
	struct sigaction sa = { .sa_sigaction = handler };
	static const uint64_t fl[] = { SA_SIGINFO, SA_RESTART, SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_NOCLDSTOP, SA_NOCLDWAIT };
	int s = 1 + (int)below(64);

	if (s == SIGSEGV || s == SIGBUS || s == 32 || s == 33 || s == SIGALRM)
		return;
	sa.sa_flags = (int)(SUBSET(fl) | SA_SIGINFO);
	if (one_in(6))
		sa.sa_handler = one_in(8) ? SIG_DFL : SIG_IGN;
	sigaction(s, &sa, NULL);
}

static void op_exec(void);

static void op_fork(void)
{
	static const uint64_t fl[] = { CLONE_FS, CLONE_FILES, CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID, CLONE_SYSVSEM,
				       CLONE_NEWNS, CLONE_NEWUTS, CLONE_PARENT, CLONE_VFORK, CLONE_IO, CLONE_UNTRACED };
	uint64_t child_rng = rnd();
	long p;

	p = C6(SYS_clone, SUBSET(fl) | (one_in(4) ? below(65) : SIGCHLD), 0, word(), word(), 0, 0);
	if (p == 0) {
		rng.s = child_rng;
		child_life();
		if (one_in(4))
			op_exec();
		_exit((int)below(256));
	}
	if (p > 0)
		note_pid((int)p);
}

static char self_exe[64];

static void op_exec(void)
{
	char *const argv[] = { self_exe, "child", NULL };
	char *const envp[] = { "A=b", NULL };
	uint64_t p = one_in(6) ? path() : (uint64_t)self_exe;

	C6(one_in(2) ? SYS_execve : SYS_execveat, 0, 0, 0, 0, 0, 0);
	C3(SYS_execve, p, one_in(8) ? buffer() : (uint64_t)argv, one_in(8) ? buffer() : (uint64_t)envp);
}

/* The child of a vfork shares this stack: it may only exec or leave. */
static void op_vfork(void)
{
	char *argv[] = { self_exe, "child", NULL };
	volatile int how = (int)below(3);
	pid_t p = vfork();

	if (p == 0) {
		if (how)
			execv(how == 1 ? self_exe : "/nonexistent", argv);
		_exit(3);
	}
	if (p > 0)
		note_pid(p);
}

static void *short_thread(void *arg)
{
	rng.s = (uint64_t)arg;
	note_pid((int)syscall(SYS_gettid));
	for (unsigned n = below(30); n--;)
		random_op();
	if (one_in(30))
		op_exec();
	if (one_in(30))
		C1(SYS_exit_group, 1);
	return NULL;
}

static void op_thread(void)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, 64 << 10);
	pthread_create(&t, &a, short_thread, (void *)rnd());
	pthread_attr_destroy(&a);
}

static void random_op(void)
{
	unsigned k = below(1000);

	if (k < 110)
		op_open();
	else if (k < 230)
		op_fd();
	else if (k < 430)
		op_io();
	else if (k < 590)
		op_path();
	else if (k < 690)
		op_event();
	else if (k < 770)
		op_mem();
	else if (k < 810)
		op_futex();
	else if (k < 850)
		op_signal();
	else if (k < 920)
		op_socket();
	else if (k < 950)
		op_ipc();
	else if (k < 985)
		op_misc();
	else
		op_sigaction();
}

static void *thread_main(void *arg)
{
	rng.s = (uint64_t)arg;
	note_pid((int)syscall(SYS_gettid));
	for (;;) {
		random_op();
		if (one_in(only_mounts ? 4 : 300))
			op_fork();
		if (one_in(500))
			op_vfork();
		if (one_in(400))
			op_thread();
	}
	return NULL;
}

static void make_tree(void)
{
	mkdir(root, 0777);
	if (chdir(root))
		_exit(9);
	mkdir("dir", 0777);
	mkdir("dir/sub", 0777);
	mkdir("mnt", 0777);
	close(open("a", O_CREAT | O_RDWR, 0666));
	close(open("dir/e", O_CREAT | O_RDWR, 0666));
	if (symlink("dir", "link") || symlink("loop", "loop"))
		(void)0;
	mkfifo("fifo", 0666);
}

static void limits(void)
{
	struct rlimit as = { 1u << 30, 1u << 30 }, nofile = { 256, 256 }, fsize = { 4 << 20, 4 << 20 }, core = { 0, 0 }, nproc = { 300, 300 };

	setrlimit(RLIMIT_AS, &as);
	setrlimit(RLIMIT_NOFILE, &nofile);
	setrlimit(RLIMIT_FSIZE, &fsize);
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_NPROC, &nproc);
}

static void worker(uint64_t seed)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	int null = open("/dev/null", O_RDWR);
	pthread_t t;

	rng.s = seed;
	setpgid(0, 0);
	limits();
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	make_tree();
	if (mmap((void *)ARENA, ARENA_SIZE, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ||
	    mmap((void *)PARAM, PARAM_SIZE, 3, MAP_FIXED | MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		_exit(8);
	memset(fds, -1, sizeof(fds));
	for (int i = 0; i < 40; i++)
		op_open();
	sigaction(SIGALRM, &sa, NULL);
	/* A worker lives on through most signals. */
	for (int s = 1; s <= 64; s++)
		if (s != SIGSEGV && s != SIGBUS && s != 32 && s != 33)
			sigaction(s, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL); /* ends waits */
	for (int i = 1; i < THREADS; i++)
		pthread_create(&t, NULL, thread_main, (void *)rnd());
	thread_main((void *)rnd());
}

static int everybody_gone(void)
{
	for (;;) {
		pid_t p = waitpid(-1, NULL, WNOHANG | __WALL);

		if (p < 0)
			return errno == ECHILD;
		if (p == 0)
			return 0;
	}
}

/* Children of all sorts are our descendants: we are their subreaper, and /proc is not needed. */
static void kill_rest(pid_t *w, unsigned n)
{
	for (unsigned round = 0; round < 200 && !everybody_gone(); round++) {
		for (unsigned i = 0; i < n; i++)
			if (w[i] > 0)
				kill(-w[i], SIGKILL), kill(w[i], SIGKILL);
		for (unsigned i = 0; i < 64; i++) {
			int p = shared->pids[i];

			if (p > 1 && p != main_pid)
				kill(p, SIGKILL);
		}
		/* In a sandbox of our own nobody else lives, but its init. */
		if (main_pid == 1 || getenv("SYSFUZZ_RUN"))
			kill(-1, SIGKILL);
		usleep(20000);
	}
}

int main(int argc, char **argv)
{
	/* It changes files by name and signals at random: never outside a sandbox. (It once ran on a host and ruined /etc/passwd.) */
	struct utsname outside;

	if (uname(&outside) || !strstr(outside.release, "-limpet")) {
		fprintf(stderr, "sysfuzz: this is not a limpet sandbox: refusing to run\n");
		return 2;
	}
	uint64_t seed;
	unsigned seconds, nw;
	pid_t w[16] = { 0 };
	time_t born[16] = { 0 }, end;
	ssize_t n;

	if (argc == 2 && !strcmp(argv[1], "child"))
		return 0;
	if (argc < 3) {
		fprintf(stderr, "usage: sysfuzz SEED SECONDS [WORKERS]\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 0);
	seconds = (unsigned)atoi(argv[2]);
	nw = argc > 3 ? (unsigned)atoi(argv[3]) : WORKERS;
	if (nw > 16)
		nw = 16;
	printf("sysfuzz: seed %llu, %u s, %u workers\n", (unsigned long long)seed, seconds, nw);
	fflush(stdout);
	main_pid = getpid();
	only_mounts = getenv("SYSFUZZ_MOUNTS") != NULL;
	shared = mmap(NULL, sizeof(*shared), 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	n = readlink("/proc/self/exe", self_exe, sizeof(self_exe) - 1);
	if (n <= 0)
		snprintf(self_exe, sizeof(self_exe), "%s", argv[0]);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	for (int s = 1; s <= 64; s++)
		if (s != SIGCHLD && s != SIGINT && s != SIGTERM)
			signal(s, SIG_IGN);
	end = time(NULL) + seconds;
	while (time(NULL) < end) {
		for (unsigned i = 0; i < nw; i++) {
			if (w[i] > 0 && time(NULL) - born[i] >= WORKER_LIFE)
				kill(-w[i], SIGKILL);
			if (w[i] > 0 && kill(w[i], 0) == 0)
				continue;
			snprintf(root, sizeof(root), "/tmp/sysfuzz.%d.%u", main_pid, i);
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			w[i] = fork();
			if (w[i] == 0) {
				for (int s = 1; s <= 64; s++)
					signal(s, SIG_DFL);
				worker(seed);
			}
			born[i] = time(NULL);
			shared->workers++;
		}
		usleep(20000);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			shared->deaths++;
	}
	kill_rest(w, nw);
	unsigned kinds = 0;

	for (unsigned i = 0; i < 512; i++)
		kinds += shared->good[i] != 0;
	printf("sysfuzz: %llu calls, %u kinds succeeded, %llu workers, %llu deaths\n", (unsigned long long)shared->calls, kinds,
	       (unsigned long long)shared->workers, (unsigned long long)shared->deaths);
	if (!everybody_gone()) {
		printf("sysfuzz: processes are left that do not die\n");
		return 1;
	}
	return 0;
}
