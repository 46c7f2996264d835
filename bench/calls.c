/* System calls that do next to nothing: what entering and leaving a kernel costs. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static void run_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

/* As programs do it: usually without a system call. */
static void run_clock_gettime(long n)
{
	struct timespec ts;

	while (n--)
		clock_gettime(CLOCK_MONOTONIC, &ts);
}

static void run_clock_gettime_call(long n)
{
	struct timespec ts;

	while (n--)
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
}

static uint32_t word;

static void run_futex_wake(long n)
{
	while (n--)
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static int epfd, evfd;

static void setup_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t one = 1;

	epfd = epoll_create1(EPOLL_CLOEXEC);
	evfd = eventfd(0, EFD_CLOEXEC);
	need(epfd >= 0 && evfd >= 0, "epoll and eventfd");
	need(!epoll_ctl(epfd, EPOLL_CTL_ADD, evfd, &ev), "epoll_ctl");
	need(write(evfd, &one, sizeof(one)) == sizeof(one), "write to an eventfd");
}

static void run_epoll(long n)
{
	struct epoll_event ev;

	while (n--)
		need(epoll_wait(epfd, &ev, 1, -1) == 1, "epoll_wait");
}

static void teardown_epoll(void)
{
	close(epfd);
	close(evfd);
}

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	(void)sig;
	caught++;
}

static void setup_signal(void) { need(signal(SIGUSR1, on_signal) != SIG_ERR, "signal"); }

static void run_signal(long n)
{
	long expected = caught + n;

	while (n--)
		raise(SIGUSR1);
	need(caught == (sig_atomic_t)expected, "signals got lost");
}

static void teardown_signal(void) { signal(SIGUSR1, SIG_DFL); }

const struct bench calls_benches[] = {
	{ .name = "getppid", .run = run_getppid },
	{ .name = "clock_gettime", .run = run_clock_gettime },
	{ .name = "clock_gettime-call", .run = run_clock_gettime_call },
	{ .name = "futex-wake", .run = run_futex_wake },
	{ .name = "epoll-ready", .setup = setup_epoll, .run = run_epoll, .teardown = teardown_epoll },
	{ .name = "signal-self", .setup = setup_signal, .run = run_signal, .teardown = teardown_signal },
	{ 0 },
};
