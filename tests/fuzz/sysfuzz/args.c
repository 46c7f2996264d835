/* Random arguments: what a kernel may meet, mostly near the edges; never the process that watches. */
#include "../../../abi/layout.h"
#include "sysfuzz.h"

uint64_t rnd(void)
{
	uint64_t z = (rng.s += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
unsigned below(unsigned n) { return (unsigned)(rnd() % n); }
int one_in(unsigned n) { return below(n) == 0; }

/* Bits of a set, mostly few. */
uint64_t subset(const uint64_t *set, unsigned n)
{
	uint64_t v = 0;

	for (unsigned k = below(4); k--;)
		v |= set[below(n)];
	if (one_in(50))
		v |= 1ull << below(64);
	return v;
}

long call(long nr, long a, long b, long c, long d, long e, long f)
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

uint64_t param(unsigned n) { return PARAM + (below(PARAM_SIZE - n - 8) & ~7u); }

uint64_t bad_pointer(void)
{
	static const uint64_t p[] = { 0, 1, 8, 0xfff, 0x10000, VDSO_ADDR, TASK_SIZE - 8, TASK_SIZE - 4,
				      TASK_SIZE, TASK_SIZE + 0x1000, HEAP_BASE + 0x10000, THREADS_BASE,
				      SHOWN_BASE, SCRATCH_BASE, FILEMEM_BASE, 0x7ffffffff000ull,
				      0x7fffffffffffull, 0x800000000000ull, 0xffff800000000000ull,
				      0xfffffffffffff000ull, ~0ull, ~7ull, ~0xfffull };

	return PICK(p) + (one_in(4) ? below(64) : 0);
}

/* Somewhere in the arena, at times just before a hole or at its very end. */
uint64_t buffer(void)
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

uint64_t size(void)
{
	static const uint64_t odd[] = { 0, 0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 32, 48, 64, 100, 128, 255, 256, 511, 512, 1023,
					1024, 4095, 4096, 4097, 8192, 65535, 65536, 65537, 131072, 1 << 20, 0x7fffffff,
					0x80000000, 0xffffffff, 0x100000000, 0x7ffff000, 0x7fffffffffffffff,
					0x8000000000000000, ~0ull, ~0xfffull, (uint64_t)-4096 };

	return one_in(3) ? below(10000) : PICK(odd);
}

uint64_t offset(void)
{
	static const uint64_t odd[] = { 0, 1, 4095, 4096, 1 << 20, (16 << 20) - 1, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32,
					1ull << 40, 0x7fffffffffffefff, 0x7ffffffffffff000, 0x7fffffffffffffff, ~0ull,
					0x8000000000000000 };

	return one_in(3) ? PICK(odd) : below(100000);
}

int fd(void)
{
	if (one_in(30))
		return (int)(rnd() % 3 ? -1 : (int)rnd());
	if (one_in(30))
		return AT_FDCWD;
	if (one_in(15))
		return (int)below(300);
	return fds[below(NFDS)];
}

int dirfd_(void) { return one_in(3) ? fd() : AT_FDCWD; }

void keep(long f)
{
	unsigned i = below(NFDS);
	int old;

	if (f < 0)
		return;
	old = __atomic_exchange_n(&fds[i], (int)f, __ATOMIC_RELAXED);
	if (old > 2)
		C1(SYS_close, old);
}

uint64_t path(void)
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

uint64_t timespec(void)
{
	struct timespec *t = (void *)param(sizeof(*t));
	static const int64_t odd[] = { -1, INT64_MAX, INT64_MIN, 1000000000, 999999999, 0x7fffffff };

	if (one_in(10))
		return one_in(2) ? 0 : buffer();
	t->tv_sec = one_in(20) ? PICK(odd) : 0;
	t->tv_nsec = one_in(20) ? PICK(odd) : (int64_t)below(3000000);
	return (uint64_t)t;
}

uint64_t itimerspec(void)
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

uint64_t iov(unsigned *n)
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
int pid(void)
{
	int p;

	if (one_in(4))
		return getpid();
	if (one_in(30))
		return 4000000 + (int)below(300000);
	p = shared->pids[below(64)];
	return p && p != main_pid && p != 1 ? p : getpid();
}

int sig(void)
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

uint64_t random_sigset(void)
{
	uint64_t *s = (void *)param(8);

	*s = rnd() & rnd() & ~(1ull << (SIGALRM - 1));
	return one_in(15) ? buffer() : (uint64_t)s;
}

uint64_t word(void) { return one_in(15) ? buffer() : (one_in(2) ? PARAM : ARENA) + below(64) * 4; }

uint64_t arena(uint64_t *len)
{
	unsigned start = below(ARENA_SIZE / PAGE), n = 1 + below(one_in(4) ? 200 : 8);

	if (start + n > ARENA_SIZE / PAGE)
		n = ARENA_SIZE / PAGE - start;
	*len = (uint64_t)n * PAGE;
	return ARENA + (uint64_t)start * PAGE;
}

int mode(void) { return (int)(one_in(3) ? below(010000) : 0777); }
