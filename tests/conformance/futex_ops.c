/* futex: wait, wake, bitsets, requeue, wake_op, PI, robust lists, between processes. */
#include "test.h"
#include <linux/futex.h>

static long futex(volatile int *w, int op, int val, const void *t, volatile int *w2, int val3)
{
	return syscall(SYS_futex, w, op, val, t, w2, val3);
}

static volatile int word, word2, done_count;

/* How many sleep on a word: to move them onto the word itself counts them and changes nothing. */
static long sleepers(volatile int *w, int private)
{
	return futex(w, FUTEX_CMP_REQUEUE | private, 0, (void *)1000, w, *w);
}

#define ASLEEP(w, n) SOON(sleepers(w, FUTEX_PRIVATE_FLAG) == (n))

TEST(errors)
{
	struct timespec bad = { 0, 1000 * MS }, ts = { 0, 30 * MS };
	long long start = now_ns();

	ERR(futex(&word, FUTEX_WAIT, 1, 0, 0, 0), EAGAIN);
	ERR(futex(&word, FUTEX_WAIT, 0, &bad, 0, 0), EINVAL);
	ERR(futex(&word, FUTEX_WAIT, 0, &ts, 0, 0), ETIMEDOUT);
	CHECK(now_ns() - start >= 30 * MS);
	ERR(futex((int *)((char *)&word + 1), FUTEX_WAIT, 0, 0, 0, 0), EINVAL);
	ERR(futex((int *)8, FUTEX_WAIT, 0, 0, 0, 0), EFAULT);
	ERR(futex((int *)8, FUTEX_WAKE, 1, 0, 0, 0), EFAULT);
	EQ(futex((int *)8, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0), 0);
	EQ(futex(&word, FUTEX_WAKE, 1, 0, 0, 0), 0);
	ERR(futex(&word, FUTEX_WAIT_BITSET, 0, 0, 0, 0), EINVAL);
	ERR(futex(&word, 99, 0, 0, 0, 0), ENOSYS);
	ERR(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word2, 7), EAGAIN);
}

TEST(absolute_time)
{
	struct timespec ts;
	long long start = now_ns();

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += 50 * MS;
	if (ts.tv_nsec >= 1000 * MS) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000 * MS;
	}
	ERR(futex(&word, FUTEX_WAIT_BITSET, 0, &ts, 0, ~0), ETIMEDOUT);
	CHECK(now_ns() - start >= 49 * MS && now_ns() - start < 2000 * MS);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec -= 10;
	ERR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &ts, 0, ~0), ETIMEDOUT);
}

static void *waiter(void *arg)
{
	long bits = (long)arg;

	while (futex(&word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, 0, 0, bits) == -1 && errno == EINTR)
		;
	__atomic_fetch_add(&done_count, 1, __ATOMIC_SEQ_CST);
	return 0;
}

TEST(wakes_as_many_as_asked)
{
	pthread_t t[6];
	long n = 0;

	word = done_count = 0;
	for (int i = 0; i < 6; i++)
		pthread_create(&t[i], 0, waiter, (void *)~0l);
	ASLEEP(&word, 6);
	EQ(futex(&word, FUTEX_WAKE_PRIVATE, 2, 0, 0, 0), 2);
	SOON(done_count == 2);
	msleep(20);
	EQ(done_count, 2);
	for (int i = 0; i < 6; i++)
		n += futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
	EQ(n, 4);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], 0);
}

TEST(bitsets)
{
	pthread_t a, b;

	word = done_count = 0;
	pthread_create(&a, 0, waiter, (void *)1l);
	pthread_create(&b, 0, waiter, (void *)2l);
	ASLEEP(&word, 2);
	EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 0, 0, 4), 0);
	EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 0, 0, 2), 1);
	pthread_join(b, 0);
	EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 0, 0, 3), 1);
	pthread_join(a, 0);
}

TEST(requeue)
{
	pthread_t t[5];

	word = word2 = done_count = 0;
	for (int i = 0; i < 5; i++)
		pthread_create(&t[i], 0, waiter, (void *)~0l);
	ASLEEP(&word, 5);
	EQ(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)3, &word2, 0), 4);
	SOON(done_count == 1);
	EQ(futex(&word2, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0), 3);
	EQ(futex(&word, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0), 1);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], 0);
}

TEST(wake_op)
{
	pthread_t t;

	word = done_count = 0;
	word2 = 5;
	pthread_create(&t, 0, waiter, (void *)~0l);
	ASLEEP(&word, 1);
	EQ(futex(&word2, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word2, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 9)), 0);
	EQ(word2, 8);
	EQ(futex(&word2, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word, FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)), 1);
	EQ(word, 1);
	pthread_join(t, 0);
}

TEST(between_processes)
{
	volatile int *s = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *f;
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	pid_t pid;

	ftruncate(fd, PAGE);
	f = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid = fork();
	if (!pid) {
		volatile int *g = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, open("f", O_RDWR), 0);

		while (*s == 0)
			futex(s, FUTEX_WAIT, 0, 0, 0, 0);
		while (*g == 0)
			futex(g, FUTEX_WAIT, 0, 0, 0, 0);
		done();
	}
	SOON(sleepers(s, 0) == 1);
	*s = 1;
	EQ(futex(s, FUTEX_WAKE, 1, 0, 0, 0), 1);
	SOON(sleepers(f, 0) == 1);
	*f = 1;
	EQ(futex(f, FUTEX_WAKE, 1, 0, 0, 0), 1);
	reap(pid);
}

TEST(private_words_of_processes_are_different)
{
	pid_t pid;

	word = 0;
	pid = fork();
	if (!pid) {
		struct timespec ts = { 0, 200 * MS };

		ERR(futex(&word, FUTEX_WAIT, 0, &ts, 0, 0), ETIMEDOUT);
		done();
	}
	msleep(80);
	EQ(futex(&word, FUTEX_WAKE, 1, 0, 0, 0), 0);
	reap(pid);
}

TEST(robust_mutexes)
{
	pthread_mutex_t *m = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pid_t pid;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &a);
	pid = fork();
	if (!pid) {
		pthread_mutex_lock(m);
		_exit(0);
	}
	reap(pid);
	EQ(pthread_mutex_lock(m), EOWNERDEAD);
	EQ(pthread_mutex_consistent(m), 0);
	pthread_mutex_unlock(m);
	pid = fork();
	if (!pid) {
		pthread_mutex_lock(m);
		for (;;)
			pause();
	}
	SOON(((*(volatile int *)m) & FUTEX_TID_MASK) == pid);
	if (!fork()) {
		msleep(50);
		kill(pid, SIGKILL);
		_exit(0);
	}
	EQ(pthread_mutex_lock(m), EOWNERDEAD); /* while waiting */
	reap_signal(pid, SIGKILL);
	wait(0);
}

static pthread_mutex_t pi;
static void *pi_work(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		EQ(pthread_mutex_lock(&pi), 0);
		++*(volatile int *)arg;
		EQ(pthread_mutex_unlock(&pi), 0);
	}
	return 0;
}

TEST(priority_inheritance)
{
	pthread_mutexattr_t a;
	pthread_t t[4];
	volatile int n = 0;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	EQ(pthread_mutex_init(&pi, &a), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], 0, pi_work, (void *)&n);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
	EQ(n, 8000);
	word = 0;
	EQ(futex(&word, FUTEX_LOCK_PI, 0, 0, 0, 0), 0);
	EQ(word & FUTEX_TID_MASK, syscall(SYS_gettid));
	ERR(futex(&word, FUTEX_LOCK_PI, 0, 0, 0, 0), EDEADLK);
	EQ(futex(&word, FUTEX_UNLOCK_PI, 0, 0, 0, 0), 0);
	ERR(futex(&word, FUTEX_UNLOCK_PI, 0, 0, 0, 0), EPERM);
	EQ(futex(&word, FUTEX_TRYLOCK_PI, 0, 0, 0, 0), 0);
}

static void *just_return(void *arg) { return arg; }

TEST(clear_child_tid)
{
	/* What pthread_join stands on. */
	for (int i = 0; i < 200; i++) {
		pthread_t t;

		NEED(!pthread_create(&t, 0, just_return, 0));
		pthread_join(t, 0);
	}
}

TEST(robust_list_calls)
{
	void *head = 0;
	size_t len = 0;

	EQ(syscall(SYS_get_robust_list, 0, &head, &len), 0);
	EQ(len, 24);
	CHECK(head != 0);
	ERR(syscall(SYS_set_robust_list, head, 23), EINVAL);
	ERR(syscall(SYS_get_robust_list, 999999, &head, &len), ESRCH);
}
