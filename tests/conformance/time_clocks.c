/* Clocks, sleeps, itimers, POSIX timers. (musl too) */
#include "test.h"
#include <sys/timex.h>

static volatile int hits, value, overrun_seen;
static timer_t timer;
static void count(int sig) { (void)sig; hits++; }
static void keep(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)uc;
	hits++;
	value = si->si_value.sival_int;
	EQ(si->si_code, SI_TIMER);
	overrun_seen += timer_getoverrun(timer);
}

static long long ns(struct timespec t) { return t.tv_sec * 1000000000ll + t.tv_nsec; }

TEST(clocks)
{
	static const int ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
		CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI };
	struct timespec a, b, res;
	struct timeval tv;
	time_t t;

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		EQ(clock_gettime(ids[i], &a), 0);
		EQ(syscall(SYS_clock_gettime, ids[i], &b), 0);
		CHECK(ns(b) >= ns(a) - 10 * MS && ns(b) - ns(a) < 1000 * MS);
		EQ(clock_getres(ids[i], &res), 0);
		CHECK(res.tv_sec == 0 && res.tv_nsec > 0);
	}
	ERR(clock_gettime(99, &a), EINVAL);
	ERR(syscall(SYS_clock_gettime, CLOCK_REALTIME, 8), EFAULT);
	gettimeofday(&tv, 0);
	t = time(0);
	CHECK(llabs((long long)tv.tv_sec - t) <= 1);
	EQ(syscall(SYS_time, 0) - t <= 1, 1);
	for (int i = 0; i < 100000; i++) {
		long long x = now_ns(), y = now_ns();

		if (y < x) {
			test_fail(__LINE__, "time went back");
			break;
		}
	}
}

TEST(cpu_clocks)
{
	struct timespec a, b;
	clockid_t id;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	msleep(100);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	CHECK(ns(b) - ns(a) < 60 * MS); /* sleeping costs nothing */
	EQ(clock_getcpuclockid(getpid(), &id), 0);
	EQ(clock_gettime(id, &a), 0);
	EQ(pthread_getcpuclockid(pthread_self(), &id), 0);
	EQ(clock_gettime(id, &b), 0);
	CHECK(clock() != -1);
}

TEST(sleeping)
{
	struct timespec ts = { 0, 20 * MS }, rem;
	long long start = now_ns();

	EQ(nanosleep(&ts, &rem), 0);
	CHECK(now_ns() - start >= 20 * MS);
	ts.tv_nsec = 1000 * MS;
	ERR(nanosleep(&ts, 0), EINVAL);
	ts.tv_nsec = -1;
	ERR(nanosleep(&ts, 0), EINVAL);
	ts = (struct timespec){ -1, 0 };
	ERR(nanosleep(&ts, 0), EINVAL);
	ERR(syscall(SYS_nanosleep, 8, 0), EFAULT);
	EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, 0), EINVAL);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec -= 1;
	EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, 0), 0);
}

TEST(itimers)
{
	struct itimerval it = { { 0, 10000 }, { 0, 20000 } }, cur;
	sigset_t none;

	sigemptyset(&none);
	handle(SIGALRM, count, 0);
	EQ(setitimer(ITIMER_REAL, &it, 0), 0);
	EQ(getitimer(ITIMER_REAL, &cur), 0);
	EQ(cur.it_interval.tv_usec, 10000);
	CHECK(cur.it_value.tv_usec > 0 && cur.it_value.tv_usec <= 20000);
	SOON(hits >= 5);
	memset(&it, 0, sizeof it);
	EQ(setitimer(ITIMER_REAL, &it, &cur), 0);
	hits = 0;
	msleep(50);
	EQ(hits, 0);
	it.it_value.tv_usec = 1000000;
	ERR(setitimer(ITIMER_REAL, &it, 0), EINVAL);
	ERR(setitimer(9, &cur, 0), EINVAL);
	ERR(getitimer(9, &cur), EINVAL);
	EQ(alarm(10), 0);
	EQ(alarm(0), 10);
	handle(SIGVTALRM, count, 0);
	handle(SIGPROF, count, 0);
	it = (struct itimerval){ { 0, 0 }, { 0, 20000 } };
	EQ(setitimer(ITIMER_VIRTUAL, &it, 0), 0);
	EQ(setitimer(ITIMER_PROF, &it, 0), 0);
	hits = 0;
	for (long long end = now_ns() + 20000 * MS; hits < 2 && now_ns() < end;)
		for (volatile int i = 0; i < 100000; i++)
			;
	EQ(hits, 2);
}

TEST(posix_timers)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 77 };
	struct itimerspec it = { { 0, 5 * MS }, { 0, 20 * MS } }, cur;
	sigset_t s;

	handle_info(SIGRTMIN, keep, 0);
	EQ(timer_create(CLOCK_MONOTONIC, &ev, &timer), 0);
	EQ(timer_settime(timer, 0, &it, &cur), 0);
	EQ(ns(cur.it_value), 0);
	SOON(hits >= 3);
	EQ(value, 77);
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, 0);
	hits = overrun_seen = 0;
	msleep(100);
	sigprocmask(SIG_UNBLOCK, &s, 0);
	CHECK(hits >= 1 && hits <= 3);
	CHECK(overrun_seen >= 8);
	EQ(timer_gettime(timer, &cur), 0);
	EQ(ns(cur.it_interval), 5 * MS);
	CHECK(ns(cur.it_value) <= 5 * MS);
	EQ(timer_delete(timer), 0);
	ERR(timer_delete(timer), EINVAL);
	ERR(timer_create(99, &ev, &timer), EINVAL);
	ev.sigev_signo = 99;
	ERR(timer_create(CLOCK_MONOTONIC, &ev, &timer), EINVAL);
	ev = (struct sigevent){ .sigev_notify = SIGEV_NONE };
	EQ(timer_create(CLOCK_REALTIME, &ev, &timer), 0);
	clock_gettime(CLOCK_REALTIME, &it.it_value);
	it.it_value.tv_sec += 100;
	EQ(timer_settime(timer, TIMER_ABSTIME, &it, 0), 0);
	timer_gettime(timer, &cur);
	CHECK(cur.it_value.tv_sec >= 98 && cur.it_value.tv_sec <= 100);
}

static void on_thread(union sigval v) { value = v.sival_int; hits++; }
TEST(timer_in_a_thread)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 5 };
	struct itimerspec it = { { 0, 0 }, { 0, 20 * MS } };

	hits = 0;
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
	EQ(timer_settime(timer, 0, &it, 0), 0);
	SOON(hits == 1);
	EQ(value, 5);
}

TEST(setting_the_clock)
{
	struct timespec ts = { 1, 0 };
	struct timex tx = { 0 };
	pid_t pid = fork();

	if (!pid) {
		if (geteuid() == 0 && setresuid(99, 99, 99))
			_exit(1);
		ERR(clock_settime(CLOCK_REALTIME, &ts), EPERM);
		CHECK(adjtimex(&tx) >= 0);
		done();
	}
	reap(pid);
	ERR(clock_settime(CLOCK_MONOTONIC, &ts), EINVAL);
}
