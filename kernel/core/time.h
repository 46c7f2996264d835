/* Time. ktime_t-like values are s64 nanoseconds; a deadline is on CLOCK_MONOTONIC; KTIME_MAX = never. */
#ifndef LIMPET_CORE_TIME_H
#define LIMPET_CORE_TIME_H

#include "lib/types.h"

#define NSEC_PER_SEC 1000000000l
#define NSEC_PER_MSEC 1000000l
#define NSEC_PER_USEC 1000l
#define KTIME_MAX INT64_MAX
#define USER_HZ 100

/* Linux's struct __kernel_timespec and old timeval on x86-64. */
struct timespec64 {
	s64 tv_sec;
	s64 tv_nsec;
};
struct timeval64 {
	s64 tv_sec;
	s64 tv_usec;
};

s64 ktime_get(void); /* CLOCK_MONOTONIC */
s64 ktime_get_real(void); /* CLOCK_REALTIME */
s64 ktime_get_real_coarse(void); /* some milliseconds old, without a host call most of the time */
s64 ktime_get_boottime(void); /* CLOCK_BOOTTIME of the host; the sandbox's uptime is sandbox_uptime() */
/* Any clock id the host knows that needs no other thread; 0 or -EINVAL. */
int ktime_get_clock(int clockid, s64 *ns) __must_check;

/* Saturates at KTIME_MAX. */
static inline s64 ktime_add_sat(s64 a, s64 b)
{
	s64 r;

	if (__builtin_add_overflow(a, b, &r))
		return KTIME_MAX;
	return r;
}
/* True for a valid, non-negative time as nanosleep(2) wants it. */
static inline bool timespec64_valid(const struct timespec64 *ts)
{
	return ts->tv_sec >= 0 && (u64)ts->tv_nsec < (u64)NSEC_PER_SEC;
}
/* Saturates. */
static inline s64 timespec64_to_ns(const struct timespec64 *ts)
{
	if (ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
		return KTIME_MAX;
	return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}
static inline struct timespec64 ns_to_timespec64(s64 ns)
{
	struct timespec64 ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	if (ts.tv_nsec < 0) {
		ts.tv_nsec += NSEC_PER_SEC;
		ts.tv_sec--;
	}
	return ts;
}

/*
 * Timers: func runs once, on kserver's timer thread, with no lock held, at or after the deadline; it may take
 * locks of any class but not block on the guest. It may add the timer again.
 * A zeroed struct timer after timer_init is idle. The owner keeps the memory until timer_del_sync returned.
 */
struct timer {
	s64 expires; /* under the timer lock */
	u32 heap_index; /* 1-based place in the queue; 0 = idle; under the timer lock */
	u32 pad;
	void (*func)(struct timer *t); /* immutable after timer_init */
};
void timer_init(struct timer *t, void (*func)(struct timer *t));
/* Arms or re-arms. -ENOMEM possible when arming. */
int timer_set(struct timer *t, s64 deadline) __must_check;
/* True when it was armed and now is not; func may still be running. */
bool timer_cancel(struct timer *t);
/* As timer_cancel, and func does not run any more when it returns. Hold no lock that func takes. */
void timer_del_sync(struct timer *t);

#endif
