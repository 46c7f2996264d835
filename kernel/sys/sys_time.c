/* Clocks, sleeping and timers: clock_gettime(2), nanosleep(2), setitimer(2), timer_create(2), adjtimex(2). */
#include "abi/linux/time.h"
#include "proc/ptimer.h"
#include "proc/task.h"
#include "sys/syscall.h"

/* A sleep on a clock that may be set looks again after so long. */
#define CLOCK_STEP_CHECK (10 * NSEC_PER_SEC)
#define CPU_SLEEP_MIN NSEC_PER_MSEC

static int clock_now(int clock, s64 *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
		*ns = ktime_get_real();
		return 0;
	case CLOCK_MONOTONIC:
		*ns = ktime_get();
		return 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = ktime_get_boottime();
		return 0;
	case CLOCK_REALTIME_ALARM:
		*ns = ktime_get_real();
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_TAI:
		return ktime_get_clock(clock, ns);
	}
	return cpu_clock_id(clock) ? cpu_clock_get(clock, ns) : -EINVAL;
}

static int copy_out_timespec(struct uptr to, s64 ns)
{
	struct timespec64 ts = ns_to_timespec64(ns);

	return copy_out(to, &ts, sizeof(ts));
}

SYSCALL2(clock_gettime, int, clock, struct uptr, tp)
{
	s64 ns;
	int err = clock_now(clock, &ns);

	return err ? err : copy_out_timespec(tp, ns);
}

SYSCALL2(clock_getres, int, clock, struct uptr, res)
{
	s64 ns, ignored;
	int err = clock_now(clock, &ignored);

	if (err)
		return err;
	switch (clock) {
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		ns = 4 * NSEC_PER_MSEC;
		break;
	default:
		ns = clock < 0 && (clock & CPUCLOCK_WHICH_MASK) != CPUCLOCK_SCHED ? 4 * NSEC_PER_MSEC : 1;
	}
	return uptr_null(res) ? 0 : copy_out_timespec(res, ns);
}

SYSCALL2(gettimeofday, struct uptr, tv, struct uptr, tz)
{
	if (!uptr_null(tv)) {
		s64 now = ktime_get_real();
		struct timeval64 out = { now / NSEC_PER_SEC, now % NSEC_PER_SEC / NSEC_PER_USEC };

		if (copy_out(tv, &out, sizeof(out)))
			return -EFAULT;
	}
	if (!uptr_null(tz)) {
		struct timezone utc = { 0, 0 };

		if (copy_out(tz, &utc, sizeof(utc)))
			return -EFAULT;
	}
	return 0;
}

SYSCALL1(time, struct uptr, tloc)
{
	s64 secs = ktime_get_real() / NSEC_PER_SEC;

	if (!uptr_null(tloc) && copy_out(tloc, &secs, sizeof(secs)))
		return -EFAULT;
	return secs;
}

/* The host's clocks are not ours to set; what is malformed still gets its own error. */
SYSCALL2(clock_settime, int, clock, struct uptr, tp)
{
	struct timespec64 ts;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (copy_in(&ts, tp, sizeof(ts)))
		return -EFAULT;
	return timespec64_valid(&ts) ? -EPERM : -EINVAL;
}

SYSCALL2(settimeofday, struct uptr, tv, struct uptr, tz)
{
	struct timeval64 in;

	if (!uptr_null(tv)) {
		if (copy_in(&in, tv, sizeof(in)))
			return -EFAULT;
		if (in.tv_usec < 0 || in.tv_usec > 1000000)
			return -EINVAL;
	}
	return -EPERM;
}

static long timex_query(struct uptr buf)
{
	struct timex tx = { 0 };
	s64 now = ktime_get_real();
	u32 modes;

	if (copy_in(&modes, buf, sizeof(modes)))
		return -EFAULT;
	if (modes && modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	/* An undisciplined clock that runs at its nominal rate: the defaults of a kernel without a time daemon. */
	tx.modes = modes;
	tx.maxerror = tx.esterror = 16000000;
	tx.status = STA_UNSYNC;
	tx.constant = 2;
	tx.precision = 1;
	tx.tolerance = 32768000;
	tx.time_sec = now / NSEC_PER_SEC;
	tx.time_usec = now % NSEC_PER_SEC / NSEC_PER_USEC;
	tx.tick = 1000000 / USER_HZ;
	return copy_out(buf, &tx, sizeof(tx)) ? -EFAULT : TIME_ERROR;
}

SYSCALL1(adjtimex, struct uptr, buf) { return timex_query(buf); }

SYSCALL2(clock_adjtime, int, clock, struct uptr, buf)
{
	s64 ns;

	if (clock == CLOCK_REALTIME)
		return timex_query(buf);
	return clock_now(clock, &ns) ? -EINVAL : -EOPNOTSUPP;
}

/* Wall time to sleep until a clock may have come to target; 0 = it has. */
static int sleep_left(int clock, s64 target, s64 *left)
{
	s64 now;
	int err = clock_now(clock, &now);

	if (err)
		return err;
	*left = target > now ? target - now : 0;
	if (!*left)
		return 0;
	if (cpu_clock_id(clock))
		*left = max(*left / (current->process->nr_threads ? : 1), (s64)CPU_SLEEP_MIN);
	else if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		*left = min(*left, (s64)CLOCK_STEP_CHECK);
	return 0;
}

/* Until target on the clock: 0, -ERESTARTSYS. */
static int sleep_until(int clock, s64 target)
{
	for (;;) {
		s64 left;
		int err;

		task_prepare_sleep();
		err = sleep_left(clock, target, &left);
		if (err || !left)
			return err;
		if (signal_pending_current())
			return -ERESTARTSYS;
		/* A wake-up or time-out is only a reason to look at the clock again. */
		(void)task_sleep(ktime_add_sat(ktime_get(), left));
	}
}

/* arg: clock, target, user address of the remaining time. */
static long nanosleep_restart(struct restart_block *r)
{
	int clock = (int)r->arg[0];
	s64 target = r->arg[1], now;
	struct uptr rem = uptr(r->arg[2]);
	int err = sleep_until(clock, target);

	if (err != -ERESTARTSYS)
		return err;
	if (!uptr_null(rem)) {
		err = clock_now(clock, &now);
		if (err)
			return err;
		if (now >= target)
			return 0;
		if (copy_out_timespec(rem, target - now))
			return -EFAULT;
	}
	r->func = nanosleep_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_for(int clock, s64 ns, struct uptr rem)
{
	struct restart_block *r = &current->restart;
	s64 now;
	int err = clock_now(clock, &now);

	if (err)
		return err;
	r->arg[0] = (u32)clock;
	r->arg[1] = ktime_add_sat(now, ns);
	r->arg[2] = rem.addr;
	return nanosleep_restart(r);
}

SYSCALL2(nanosleep, struct uptr, req, struct uptr, rem)
{
	struct timespec64 ts;

	if (copy_in(&ts, req, sizeof(ts)))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	return sleep_for(CLOCK_MONOTONIC, timespec64_to_ns(&ts), rem);
}

/* Which clock a sleep on this one is measured by, or -errno. */
static int sleep_clock(int clock, bool absolute)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		/* Setting the clock does not change a relative sleep. */
		return absolute ? clock : CLOCK_MONOTONIC;
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_PROCESS_CPUTIME_ID:
		return clock;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	case CLOCK_THREAD_CPUTIME_ID:
		return -EINVAL;
	}
	return clock;
}

SYSCALL4(clock_nanosleep, int, clock, int, flags, struct uptr, req, struct uptr, rem)
{
	bool absolute = flags & TIMER_ABSTIME;
	struct timespec64 ts;
	int by = sleep_clock(clock, absolute), err;
	s64 ns;

	/* Negative ids are CPU clocks, so errors must be told from them by the question itself. */
	if (clock >= 0 && by < 0)
		return by;
	err = clock_now(by, &ns);
	if (err)
		return err;
	if (copy_in(&ts, req, sizeof(ts)))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	if (clock < 0 && (clock & CPUCLOCK_PERTHREAD) &&
	    (~(clock >> 3) == 0 || (u32)~(clock >> 3) == current->pid->nr))
		return -EINVAL; /* its own clock stands still while it sleeps */
	ns = timespec64_to_ns(&ts);
	if (!absolute)
		return sleep_for(by, ns, rem);
	err = sleep_until(by, ns);
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

static int itimerval_in(struct uptr from, s64 *value, s64 *interval)
{
	struct itimerval64 in;

	if (copy_in(&in, from, sizeof(in)))
		return -EFAULT;
	if (in.value_sec < 0 || in.interval_sec < 0 || (u64)in.value_usec >= 1000000 ||
	    (u64)in.interval_usec >= 1000000)
		return -EINVAL;
	*value = timespec64_to_ns(&(struct timespec64){ in.value_sec, in.value_usec * NSEC_PER_USEC });
	*interval = timespec64_to_ns(&(struct timespec64){ in.interval_sec, in.interval_usec * NSEC_PER_USEC });
	return 0;
}

static int itimerval_out(struct uptr to, s64 value, s64 interval)
{
	struct itimerval64 out;

	/* Rounded up to what the struct can say: an armed timer never reads as 0. */
	value = ktime_add_sat(value, NSEC_PER_USEC - 1);
	out.value_sec = value / NSEC_PER_SEC;
	out.value_usec = value % NSEC_PER_SEC / NSEC_PER_USEC;
	out.interval_sec = interval / NSEC_PER_SEC;
	out.interval_usec = interval % NSEC_PER_SEC / NSEC_PER_USEC;
	return copy_out(to, &out, sizeof(out));
}

SYSCALL2(getitimer, int, which, struct uptr, curr)
{
	s64 value, interval;
	int err = itimer_get(which, &value, &interval);

	return err ? err : itimerval_out(curr, value, interval);
}

SYSCALL3(setitimer, int, which, struct uptr, new, struct uptr, old)
{
	s64 value = 0, interval = 0, old_value, old_interval;
	int err = uptr_null(new) ? 0 : itimerval_in(new, &value, &interval);

	if (!err)
		err = itimer_set(which, value, interval, &old_value, &old_interval);
	if (!err && !uptr_null(old))
		err = itimerval_out(old, old_value, old_interval);
	return err;
}

SYSCALL1(alarm, u32, seconds)
{
	s64 old, interval;
	int err = itimer_set(ITIMER_REAL, seconds * NSEC_PER_SEC, 0, &old, &interval);

	if (err)
		return err;
	/* Rounded to the nearest second, but never to 0. */
	if (!old)
		return 0;
	return max((ktime_add_sat(old, NSEC_PER_SEC / 2)) / NSEC_PER_SEC, 1ll);
}

SYSCALL3(timer_create, int, clock, struct uptr, event, struct uptr, idp)
{
	struct sigevent ev;
	int id;

	if (!uptr_null(event) && copy_in(&ev, event, sizeof(ev)))
		return -EFAULT;
	id = ptimer_create(clock, uptr_null(event) ? NULL : &ev);
	if (id < 0)
		return id;
	if (copy_out(idp, &id, sizeof(id))) {
		int err = ptimer_delete(id);

		return err ? err : -EFAULT;
	}
	return 0;
}

static int ptimer_time_out(struct uptr to, const struct ptimer_time *t)
{
	struct timespec64 v = ns_to_timespec64(t->value), i = ns_to_timespec64(t->interval);
	struct itimerspec64 out = { i.tv_sec, i.tv_nsec, v.tv_sec, v.tv_nsec };

	return copy_out(to, &out, sizeof(out));
}

SYSCALL4(timer_settime, int, id, int, flags, struct uptr, new, struct uptr, old)
{
	struct itimerspec64 in;
	struct ptimer_time set, was;
	struct timespec64 v, i;
	int err;

	if (uptr_null(new))
		return -EINVAL;
	if (copy_in(&in, new, sizeof(in)))
		return -EFAULT;
	v = (struct timespec64){ in.value_sec, in.value_nsec };
	i = (struct timespec64){ in.interval_sec, in.interval_nsec };
	if (!timespec64_valid(&v) || !timespec64_valid(&i))
		return -EINVAL;
	set.value = timespec64_to_ns(&v);
	set.interval = timespec64_to_ns(&i);
	err = ptimer_settime(id, flags & TIMER_ABSTIME, &set, uptr_null(old) ? NULL : &was);
	if (!err && !uptr_null(old))
		err = ptimer_time_out(old, &was);
	return err;
}

SYSCALL2(timer_gettime, int, id, struct uptr, curr)
{
	struct ptimer_time t;
	int err = ptimer_gettime(id, &t);

	return err ? err : ptimer_time_out(curr, &t);
}

SYSCALL1(timer_getoverrun, int, id) { return ptimer_getoverrun(id); }
SYSCALL1(timer_delete, int, id) { return ptimer_delete(id); }

SYSCALL1(times, struct uptr, buf)
{
	struct process *p = current->process;
	s64 u, s, tick = NSEC_PER_SEC / USER_HZ;
	struct tms out;

	if (!uptr_null(buf)) {
		mutex_lock(&tasklist_lock);
		process_cputime(p, &u, &s);
		out.utime = u / tick;
		out.stime = s / tick;
		out.cutime = p->children_ru.utime / tick;
		out.cstime = p->children_ru.stime / tick;
		mutex_unlock(&tasklist_lock);
		if (copy_out(buf, &out, sizeof(out)))
			return -EFAULT;
	}
	return ktime_get() / tick;
}
