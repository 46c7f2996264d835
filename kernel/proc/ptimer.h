/*
 * Interval timers (setitimer(2)), POSIX timers (timer_create(2)) and RLIMIT_CPU, per process.
 *
 * Wall-clock ones are core timers. CPU-time ones share one core timer per process, which looks at the CPU clocks at
 * the earliest moment at which one of them can expire, and then arms itself for the next such moment.
 *
 * Lock: process.timers.lock (LOCK_TIMER_OBJ) guards all of it; signals are sent with no lock held.
 */
#ifndef LIMPET_PROC_PTIMER_H
#define LIMPET_PROC_PTIMER_H

#include "abi/linux/signal.h"
#include "abi/linux/time.h"
#include "core/lock.h"
#include "core/time.h"

struct process;
struct task;

struct cpu_itimer {
	s64 expires; /* CPU ns; 0 = off */
	s64 interval;
};

struct process_timers {
	struct mutex lock; /* LOCK_TIMER_OBJ; guards process.real_interval and process.posix_timers too */
	s64 real_expires; /* ITIMER_REAL, CLOCK_MONOTONIC; 0 = off */
	struct cpu_itimer virt, prof;
	struct timer cpu_timer;
	s64 cpu_seen, cpu_backoff; /* CPU ns and wall delay at the last look */
	u32 posix_count;
	bool dead; /* nothing may be armed any more */
};

/* Life of a process: all with no lock held. */
void ptimer_process_init(struct process *p); /* on allocation, also real_timer and posix_timers */
void ptimer_process_start(struct process *p); /* published, limits in place: arms RLIMIT_CPU */
void ptimer_exec(struct process *p); /* POSIX timers go */
void ptimer_exit(struct process *p); /* all go, none can come back; before process memory is released */

/*
 * For signal.c: after an SI_TIMER info left a queue for delivery to the current task, with no lock above
 * LOCK_TIMER_OBJ held: fills in the overrun count and lets the timer queue its next signal.
 */
void ptimer_signal_taken(struct siginfo *info);

/* setitimer(2), times in ns; value 0 disarms. old_* may be NULL. */
int itimer_set(int which, s64 value, s64 interval, s64 *old_value, s64 *old_interval) __must_check;
int itimer_get(int which, s64 *value, s64 *interval) __must_check;

/* timer_create(2) & co. on the current process. */
struct ptimer_time {
	s64 value, interval; /* ns; value 0 = disarmed */
};
int ptimer_create(int clock, const struct sigevent *ev) __must_check; /* ev NULL: SIGALRM. The id or -errno */
int ptimer_settime(int id, bool absolute, const struct ptimer_time *new, struct ptimer_time *old) __must_check;
int ptimer_gettime(int id, struct ptimer_time *out) __must_check;
int ptimer_getoverrun(int id) __must_check;
int ptimer_delete(int id) __must_check;

/* Internal to itimer.c and ptimer.c. */
struct cpu_sample {
	s64 utime, stime;
};
/*
 * CPU-clock timers of p that are due at this sample of the process: handles one (true: *info is to be sent to *t, which
 * is referenced, NULL = the process), else lowers *next to the least remaining CPU time. timers.lock, tasklist_lock held.
 */
bool ptimer_cpu_due_locked(struct process *p, const struct cpu_sample *now, struct task **t, struct siginfo *info,
			   s64 *next);
/* Looks at the CPU timers soon; timers.lock held. */
int itimer_cpu_kick_locked(struct process *p) __must_check;

/* Any CPU clock id, own or another task's (clock_gettime(2)). 0 or -EINVAL. No lock held. */
int cpu_clock_get(int clock, s64 *ns) __must_check;
static inline bool cpu_clock_id(int clock)
{
	return clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

#endif
