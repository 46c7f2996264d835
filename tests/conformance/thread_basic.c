/* Threads: clone flags, TLS, ids, exits, joins, exec and fatal signals from threads. */
#include "test.h"
#include <linux/futex.h>
#include <semaphore.h>

static __thread int tls = 5;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static volatile int flag;

static void *add(void *arg)
{
	for (long i = 0; i < (long)arg; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	tls++;
	return (void *)(long)tls;
}

TEST(mutex_and_tls)
{
	pthread_t t[8];
	void *ret;
	int i;

	for (i = 0; i < 8; i++)
		EQ(pthread_create(&t[i], 0, add, (void *)20000), 0);
	for (i = 0; i < 8; i++) {
		EQ(pthread_join(t[i], &ret), 0);
		EQ((long)ret, 6);
	}
	EQ(counter, 160000);
	EQ(tls, 5);
}

static void *ids(void *arg)
{
	EQ(getpid(), *(pid_t *)arg);
	CHECK(syscall(SYS_gettid) != getpid());
	EQ(getppid() > 0, 1);
	EQ(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0), 0);
	return 0;
}

TEST(identity)
{
	pid_t me = getpid();
	pthread_t t;

	pthread_create(&t, 0, ids, &me);
	pthread_join(t, 0);
	ERR(syscall(SYS_tgkill, me, 999999, 0), ESRCH);
	ERR(syscall(SYS_tgkill, -1, me, 0), EINVAL);
	ERR(syscall(SYS_tkill, 0, 0), EINVAL);
}

static int queue[10], head, tail;
static void *producer(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&mutex);
		while (tail - head == 10)
			pthread_cond_wait(&cond, &mutex);
		queue[tail++ % 10] = i;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

TEST(condition_variables)
{
	pthread_t t;
	long sum = 0;

	pthread_create(&t, 0, producer, 0);
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&mutex);
		while (tail == head)
			pthread_cond_wait(&cond, &mutex);
		sum += queue[head++ % 10];
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	pthread_join(t, 0);
	EQ(sum, 5000 * 4999 / 2);
}

TEST(timed_wait)
{
	struct timespec ts;
	long long start = now_ns();

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 60 * MS;
	if (ts.tv_nsec >= 1000 * MS) {
		ts.tv_nsec -= 1000 * MS;
		ts.tv_sec++;
	}
	pthread_mutex_lock(&mutex);
	EQ(pthread_cond_timedwait(&cond, &mutex, &ts), ETIMEDOUT);
	pthread_mutex_unlock(&mutex);
	CHECK(now_ns() - start >= 55 * MS);
}

static void *exec_it(void *arg)
{
	execl("/bin/sh", "sh", "-c", "exit 21", (char *)0);
	return arg;
}

TEST(exec_from_a_thread)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		pthread_create(&t, 0, thread_pause, 0);
		pthread_create(&t, 0, exec_it, 0);
		pthread_join(t, 0);
		_exit(1);
	}
	reap_exit(pid, 21);
}

int test_helper(int argc, char **argv)
{
	(void)argc;
	return !(getpid() == atoi(argv[0]) && syscall(SYS_gettid) == getpid());
}

static void *exec_helper(void *arg)
{
	char me[16];

	snprintf(me, sizeof me, "%d", getpid());
	execl(test_self, test_self, "--helper", me, (char *)0);
	return arg;
}

TEST(exec_keeps_the_pid)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		pthread_create(&t, 0, exec_helper, 0);
		for (;;)
			pause();
	}
	reap(pid);
}

static void *late_exit(void *arg)
{
	msleep(60);
	_exit(17);
	return arg;
}

static void *nap(void *arg) { msleep(30); return arg; }
static void *just_return(void *arg) { return arg; }

TEST(main_thread_exits_first)
{
	int st;
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		pthread_create(&t, 0, late_exit, 0);
		syscall(SYS_exit, 3);
	}
	msleep(20);
	EQ(waitpid(pid, 0, WNOHANG), 0); /* a zombie leader with a live thread cannot be waited for */
	reap_exit(pid, 17);
	pid = fork();
	if (!pid) {
		pthread_t t;

		pthread_create(&t, 0, nap, 0);
		syscall(SYS_exit, 3);
	}
	st = wait_status(pid);
	CHECK(st == 3 << 8 || st == 0); /* the leader's; from 6.1 on the last thread's */
}

static void *crash(void *arg)
{
	msleep(20);
	*(volatile int *)8 = 1;
	return arg;
}

TEST(a_crash_takes_all)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		pthread_t t;
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		pthread_create(&t, 0, crash, 0);
		for (;;)
			pause();
	}
	st = wait_status(pid);
	CHECK(WIFSIGNALED(st));
	EQ(WTERMSIG(st), SIGSEGV);
}

static void on_usr1(int s) { (void)s; flag = syscall(SYS_gettid); }
static void *sleeper(void *arg)
{
	*(pid_t *)arg = syscall(SYS_gettid);
	while (!flag)
		usleep(1000);
	return 0;
}

TEST(signal_to_a_thread)
{
	volatile pid_t tid = 0;
	pthread_t t;

	handle(SIGUSR1, on_usr1, 0);
	pthread_create(&t, 0, sleeper, (void *)&tid);
	SOON(tid);
	EQ(pthread_kill(t, SIGUSR1), 0);
	pthread_join(t, 0);
	EQ(flag, tid);
}

TEST(signal_goes_to_one_not_blocking)
{
	volatile pid_t tid = 0;
	sigset_t s;
	pthread_t t;

	flag = 0;
	handle(SIGUSR1, on_usr1, 0);
	pthread_create(&t, 0, sleeper, (void *)&tid);
	SOON(tid);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &s, 0);
	kill(getpid(), SIGUSR1);
	pthread_join(t, 0);
	EQ(flag, tid);
}

static void *cancelled(void *arg)
{
	sem_post(arg);
	thread_pause(0);
}

TEST(cancel)
{
	pthread_t t;
	sem_t sem;
	void *ret;

	sem_init(&sem, 0, 0);
	pthread_create(&t, 0, cancelled, &sem);
	sem_wait(&sem);
	EQ(pthread_cancel(t), 0);
	pthread_join(t, &ret);
	EQ(ret == PTHREAD_CANCELED, 1);
}

TEST(many_short_threads)
{
	for (int i = 0; i < 500; i++) {
		pthread_t t;

		NEED(pthread_create(&t, 0, just_return, 0) == 0);
		pthread_join(t, 0);
	}
}

TEST(fork_from_a_thread_has_one_thread)
{
	pthread_t t;
	pid_t pid;

	pthread_create(&t, 0, thread_pause, 0);
	pid = fork();
	if (!pid) {
		char *text = get_file("/proc/self/status"), *p = strstr(text, "Threads:");

		CHECK(p && atoi(p + 8) == 1);
		done();
	}
	reap(pid);
	pthread_cancel(t);
	pthread_join(t, 0);
}

static char clone_stack[65536] __attribute__((aligned(16)));
static int clone_fn(void *arg) { *(volatile int *)arg = getpid(); close(100); return 44; }

TEST(clone_flags)
{
	volatile int seen = 0;
	pid_t pid, tid = 0;
	int st;

	dup2(0, 100);
	pid = clone(clone_fn, clone_stack + sizeof clone_stack, CLONE_VM | CLONE_FILES | SIGCHLD, (void *)&seen);
	reap_exit(pid, 44);
	EQ(seen, pid);
	ERR(fcntl(100, F_GETFD), EBADF); /* closed in the shared table */
	handle(SIGUSR2, on_usr1, 0); /* before the child may end */
	pid = clone(clone_fn, clone_stack + sizeof clone_stack, CLONE_VM | CLONE_PARENT_SETTID | SIGUSR2, (void *)&seen,
		&tid);
	EQ(tid, pid);
	ERR(waitpid(pid, &st, 0), ECHILD); /* its exit signal is not SIGCHLD */
	EQ(waitpid(pid, &st, __WALL), pid);
	ERR(clone(clone_fn, clone_stack + sizeof clone_stack, CLONE_SIGHAND | SIGCHLD, 0), EINVAL);
	ERR(clone(clone_fn, clone_stack + sizeof clone_stack, CLONE_THREAD | CLONE_VM, 0), EINVAL);
	ERR(clone(clone_fn, clone_stack + sizeof clone_stack, CLONE_FS | CLONE_NEWNS, 0), EINVAL);
}
