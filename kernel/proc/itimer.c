/*
 * Interval timers, setitimer(2), the watch over CPU-time timers of a process, and RLIMIT_CPU.
 * See ptimer.h for the scheme.
 */
#include "abi/linux/errno.h"
#include "core/log.h"
#include "proc/ptimer.h"
#include "proc/sched.h"
#include "proc/task.h"

#define CPU_LOOK_MIN NSEC_PER_MSEC /* as good as a tick on Linux */
#define CPU_LOOK_IDLE_MAX (20 * NSEC_PER_MSEC) /* how much later a look may come when the process was idle */
#define REARM_MIN (50 * NSEC_PER_USEC) /* a shorter interval would keep the timer thread busy for one process */

static void rearm(struct timer *t, s64 deadline)
{
	if (timer_set(t, deadline))
		log_warn("itimer: no memory to arm a timer");
}

/* ITIMER_REAL */
static void real_expired(struct timer *t)
{
	struct process *p = container_of(t, struct process, real_timer);
	struct process_timers *pt = &p->timers;
	s64 now = ktime_get();

	mutex_lock(&pt->lock);
	if (pt->dead || !pt->real_expires || now < pt->real_expires) {
		mutex_unlock(&pt->lock);
		return;
	}
	if (p->real_interval) {
		/* On the grid of the interval, skipping what was missed. */
		u64 missed = (u64)(now - pt->real_expires) / p->real_interval;

		pt->real_expires = ktime_add_sat(pt->real_expires, (missed + 1) * p->real_interval);
		rearm(t, max(pt->real_expires, now + REARM_MIN));
	} else {
		pt->real_expires = 0;
	}
	mutex_unlock(&pt->lock);
	(void)signal_send_process(p, SIGALRM, NULL);
}

/* Advances a CPU interval timer that is due; lowers *next otherwise. */
static bool cpu_itimer_due(struct cpu_itimer *it, s64 now, s64 *next)
{
	if (!it->expires)
		return false;
	if (now < it->expires) {
		*next = min(*next, it->expires - now);
		return false;
	}
	if (it->interval)
		it->expires = ktime_add_sat(it->expires, ((now - it->expires) / it->interval + 1) * it->interval);
	else
		it->expires = 0;
	return true;
}

/* RLIMIT_CPU: the signal to send now, or 0. The soft limit moves on by a second with each SIGXCPU. */
static int rlimit_cpu_due(struct process *p, s64 now, s64 *next)
{
	struct rlimit *rl = &p->rlim[RLIMIT_CPU];
	u64 secs = now / NSEC_PER_SEC, at = RLIM_INFINITY;
	int sig = 0;

	mutex_lock(&p->rlim_lock);
	if (rl->max != RLIM_INFINITY && secs >= rl->max) {
		sig = SIGKILL;
	} else {
		if (rl->cur != RLIM_INFINITY && secs >= rl->cur) {
			sig = SIGXCPU;
			rl->cur = secs + 1;
		}
		at = min(rl->cur, rl->max);
	}
	mutex_unlock(&p->rlim_lock);
	if (at < (u64)(KTIME_MAX / NSEC_PER_SEC))
		*next = min(*next, (s64)at * NSEC_PER_SEC - now);
	return sig;
}

/* What is due at this sample: one signal. With timers.lock and tasklist_lock held. */
static bool cpu_due_locked(struct process *p, const struct cpu_sample *s, u32 *done, int *sig, struct task **target,
			   struct siginfo *info, s64 *next)
{
	struct process_timers *pt = &p->timers;
	s64 sum = s->utime + s->stime;

	*target = NULL;
	info->signo = 0;
	*next = KTIME_MAX;
	if (cpu_itimer_due(&pt->virt, s->utime, next)) {
		*sig = SIGVTALRM;
		return true;
	}
	if (cpu_itimer_due(&pt->prof, sum, next)) {
		*sig = SIGPROF;
		return true;
	}
	*sig = rlimit_cpu_due(p, sum, next);
	if (*sig == SIGKILL && *done) /* killed once is enough */
		return false;
	if (*sig) {
		*done |= *sig == SIGKILL;
		return true;
	}
	if (ptimer_cpu_due_locked(p, s, target, info, next)) {
		*sig = info->signo;
		return true;
	}
	return false;
}

/* Wall time after which remaining CPU time may be used up at the earliest. */
static s64 cpu_look_delay(struct process *p, const struct cpu_sample *s, s64 next)
{
	struct process_timers *pt = &p->timers;
	u32 cpus = sched_cpu_count(), threads = min(p->nr_threads ? p->nr_threads : 1, cpus);
	s64 delay = max(next / (s64)threads, (s64)CPU_LOOK_MIN);
	s64 sum = s->utime + s->stime, later = min(2 * pt->cpu_backoff, (s64)CPU_LOOK_IDLE_MAX);

	/* An idle process is not asked over and over again; the price is a late look when it wakes up. */
	if (sum == pt->cpu_seen)
		delay = max(delay, later);
	pt->cpu_seen = sum;
	pt->cpu_backoff = delay;
	return delay;
}

static void cpu_look(struct timer *t)
{
	struct process_timers *pt = container_of(t, struct process_timers, cpu_timer);
	struct process *p = container_of(pt, struct process, timers);
	struct cpu_sample s;
	u32 done = 0;

	mutex_lock(&tasklist_lock);
	process_cputime(p, &s.utime, &s.stime);
	mutex_unlock(&tasklist_lock);
	for (;;) {
		struct siginfo info;
		struct task *target;
		bool due;
		int sig;
		s64 next;

		mutex_lock(&tasklist_lock);
		mutex_lock(&pt->lock);
		due = !pt->dead && cpu_due_locked(p, &s, &done, &sig, &target, &info, &next);
		if (!pt->dead && !due && next != KTIME_MAX)
			rearm(t, ktime_add_sat(ktime_get(), cpu_look_delay(p, &s, next)));
		mutex_unlock(&pt->lock);
		mutex_unlock(&tasklist_lock);
		if (!due)
			return;
		if (target)
			(void)signal_send_task(target, sig, &info);
		else
			(void)signal_send_process(p, sig, info.signo ? &info : NULL);
		if (target)
			task_put(target);
	}
}

int itimer_cpu_kick_locked(struct process *p)
{
	mutex_assert_held(&p->timers.lock);
	if (p->timers.dead)
		return 0;
	p->timers.cpu_backoff = 0;
	return timer_set(&p->timers.cpu_timer, ktime_get());
}

void ptimer_process_init(struct process *p)
{
	mutex_init(&p->timers.lock, LOCK_TIMER_OBJ);
	p->timers.real_expires = 0;
	p->timers.virt = p->timers.prof = (struct cpu_itimer){ 0 };
	p->timers.cpu_seen = p->timers.cpu_backoff = 0;
	p->timers.posix_count = 0;
	p->timers.dead = false;
	p->real_interval = 0;
	p->next_timer_id = 0;
	list_init(&p->posix_timers);
	timer_init(&p->real_timer, real_expired);
	timer_init(&p->timers.cpu_timer, cpu_look);
}

void ptimer_process_start(struct process *p)
{
	if (p->rlim[RLIMIT_CPU].cur == RLIM_INFINITY && p->rlim[RLIMIT_CPU].max == RLIM_INFINITY)
		return;
	mutex_lock(&p->timers.lock);
	if (itimer_cpu_kick_locked(p))
		log_warn("itimer: no memory to watch RLIMIT_CPU of process %u", p->pid->nr);
	mutex_unlock(&p->timers.lock);
}

/* CPU time of the clock behind an interval timer. No lock held. */
static s64 itimer_cpu_now(struct process *p, int which)
{
	s64 u, s;

	mutex_lock(&tasklist_lock);
	process_cputime(p, &u, &s);
	mutex_unlock(&tasklist_lock);
	return which == ITIMER_VIRTUAL ? u : u + s;
}

static void itimer_read_locked(struct process *p, int which, s64 now, s64 *value, s64 *interval)
{
	struct process_timers *pt = &p->timers;
	struct cpu_itimer *it = which == ITIMER_VIRTUAL ? &pt->virt : &pt->prof;
	s64 expires = which == ITIMER_REAL ? pt->real_expires : it->expires;
	s64 least = which == ITIMER_REAL ? NSEC_PER_USEC : 4 * NSEC_PER_MSEC;

	if (interval)
		*interval = which == ITIMER_REAL ? p->real_interval : it->interval;
	/* Armed but due reads as the least there is: 0 would say that it is off. */
	if (value)
		*value = !expires ? 0 : expires > now ? expires - now : least;
}

int itimer_get(int which, s64 *value, s64 *interval)
{
	struct process *p = current->process;
	s64 now;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	now = which == ITIMER_REAL ? ktime_get() : itimer_cpu_now(p, which);
	mutex_lock(&p->timers.lock);
	itimer_read_locked(p, which, now, value, interval);
	mutex_unlock(&p->timers.lock);
	return 0;
}

int itimer_set(int which, s64 value, s64 interval, s64 *old_value, s64 *old_interval)
{
	struct process *p = current->process;
	struct process_timers *pt = &p->timers;
	int err = 0;
	s64 now;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	now = which == ITIMER_REAL ? ktime_get() : itimer_cpu_now(p, which);
	mutex_lock(&pt->lock);
	itimer_read_locked(p, which, now, old_value, old_interval);
	if (which == ITIMER_REAL) {
		timer_cancel(&p->real_timer);
		pt->real_expires = 0;
		p->real_interval = value ? interval : 0;
		if (value) {
			pt->real_expires = ktime_add_sat(now, value);
			err = timer_set(&p->real_timer, pt->real_expires);
			if (err)
				pt->real_expires = 0;
		}
	} else {
		struct cpu_itimer *it = which == ITIMER_VIRTUAL ? &pt->virt : &pt->prof;

		it->expires = value ? ktime_add_sat(now, value) : 0;
		it->interval = interval;
		if (value)
			err = itimer_cpu_kick_locked(p);
		if (err)
			it->expires = 0;
	}
	mutex_unlock(&pt->lock);
	return err;
}

/* CPU time of a live or dead-but-unreaped process or of one of our threads. */
int cpu_clock_get(int clock, s64 *ns)
{
	u32 which = CPUCLOCK_SCHED, id = 0;
	bool thread = clock == CLOCK_THREAD_CPUTIME_ID;
	s64 u, s;

	if (clock < 0) {
		which = clock & CPUCLOCK_WHICH_MASK;
		thread = clock & CPUCLOCK_PERTHREAD;
		id = ~(clock >> 3);
	} else if (!thread && clock != CLOCK_PROCESS_CPUTIME_ID) {
		return -EINVAL;
	}
	if (which == CPUCLOCK_FD || (s32)id < 0)
		return -EINVAL;
	if (thread && (!id || id == current->pid->nr)) {
		task_cputime(current, &u, &s);
	} else if (thread) {
		struct task *t = task_lookup(id);
		bool ours = t && t->process == current->process;

		if (ours)
			task_cputime(t, &u, &s);
		if (t)
			task_put(t);
		if (!ours)
			return -EINVAL;
	} else {
		/* One's own thread id names the process as well, as Linux has it. */
		struct process *p = !id || id == current->pid->nr ? current->process : NULL;

		mutex_lock(&tasklist_lock);
		if (!p)
			p = process_find(id);
		if (p)
			process_cputime(p, &u, &s);
		mutex_unlock(&tasklist_lock);
		if (!p)
			return -EINVAL;
	}
	*ns = which == CPUCLOCK_VIRT ? u : u + s;
	return 0;
}
