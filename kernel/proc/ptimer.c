/*
 * POSIX per-process timers, timer_create(2). Life: made by ptimer_create, found by id in process.posix_timers, gone by
 * ptimer_delete, exec or exit. A timer has at most one signal queued; what expires meanwhile counts as overrun.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/log.h"
#include "proc/ptimer.h"
#include "proc/task.h"

#define REARM_MIN (50 * NSEC_PER_USEC)
#define OVERRUN_MAX INT32_MAX

struct ptimer {
	struct list_head node; /* in process.posix_timers */
	struct process *process; /* the owner: outlives the timer */
	struct task *target; /* SIGEV_THREAD_ID: reference held; NULL = the process */
	struct task *clock_task; /* CPU clock of a thread: reference held */
	struct timer timer; /* wall clocks only */
	int id;
	int clock;
	int notify, signo;
	u64 value;

	/* Under process.timers.lock. */
	s64 expires; /* CLOCK_MONOTONIC or CPU ns; 0 = disarmed */
	s64 interval;
	u64 overrun; /* expirations since the last signal went out */
	u64 sent_overrun; /* said in that signal */
	s32 last_overrun; /* timer_getoverrun(2) */
	bool sent; /* a signal is queued, as far as we know */
	bool deleted;
};

static bool ptimer_is_cpu(const struct ptimer *t) { return cpu_clock_id(t->clock); }

static struct ptimer *ptimer_find_locked(struct process *p, int id)
{
	struct ptimer *t;

	list_for_each_entry(t, &p->posix_timers, node) {
		if (t->id == id)
			return t;
	}
	return NULL;
}

/* Moves past now on the interval's grid and counts what was missed. */
static void ptimer_advance_locked(struct ptimer *t, s64 now)
{
	u64 n;

	if (!t->interval) {
		t->expires = 0;
		return;
	}
	n = (u64)(now - t->expires) / t->interval;
	t->overrun += n;
	t->expires = ktime_add_sat(t->expires, (s64)((n + 1) * t->interval));
}

/*
 * An expiry: true when a signal is to go out (info filled). While the last one is still queued it is an overrun. A
 * signal may also have been dropped (ignored, flushed) without our hearing of it: then its number is not pending.
 */
static bool ptimer_fire_locked(struct ptimer *t, struct siginfo *info)
{
	u64 pending;

	if (t->notify == SIGEV_NONE)
		return false;
	pending = atomic_load_relaxed(t->target ? &t->target->pending.set : &t->process->shared_pending.set);
	if (t->sent && (pending & SIGMASK(t->signo))) {
		t->overrun++;
		return false;
	}
	t->sent = true;
	t->sent_overrun = min(t->overrun, (u64)OVERRUN_MAX);
	t->last_overrun = t->sent_overrun;
	t->overrun = 0;
	siginfo_init(info, t->signo, SI_TIMER);
	info->timer.id = t->id;
	info->timer.overrun = t->last_overrun;
	info->timer.value = t->value;
	return true;
}

static void ptimer_expired(struct timer *core)
{
	struct ptimer *t = container_of(core, struct ptimer, timer);
	struct process *p = t->process;
	struct task *target = NULL;
	struct siginfo info;
	s64 now = ktime_get();
	bool send;

	mutex_lock(&p->timers.lock);
	if (t->deleted || p->timers.dead || !t->expires || now < t->expires) {
		mutex_unlock(&p->timers.lock);
		return;
	}
	send = ptimer_fire_locked(t, &info);
	ptimer_advance_locked(t, now);
	if (t->expires && timer_set(core, max(t->expires, now + REARM_MIN)))
		log_warn("ptimer: no memory to arm timer %d", t->id);
	if (send && t->target) {
		target = t->target;
		task_get(target);
	}
	mutex_unlock(&p->timers.lock);
	if (target) {
		(void)signal_send_task(target, info.signo, &info);
		task_put(target);
	} else if (send) {
		(void)signal_send_process(p, info.signo, &info);
	}
}

/* The clock of a CPU timer at this sample of its process. */
static s64 ptimer_cpu_now(const struct ptimer *t, const struct cpu_sample *s)
{
	s64 u = s->utime, st = s->stime;

	if (t->clock_task)
		task_cputime(t->clock_task, &u, &st);
	return t->clock < 0 && (t->clock & CPUCLOCK_WHICH_MASK) == CPUCLOCK_VIRT ? u : u + st;
}

bool ptimer_cpu_due_locked(struct process *p, const struct cpu_sample *s, struct task **target, struct siginfo *info,
			   s64 *next)
{
	struct ptimer *t;

	list_for_each_entry(t, &p->posix_timers, node) {
		s64 now;

		if (!t->expires || !ptimer_is_cpu(t))
			continue;
		now = ptimer_cpu_now(t, s);
		if (now >= t->expires) {
			bool send = ptimer_fire_locked(t, info);

			ptimer_advance_locked(t, now);
			if (send) {
				*target = t->target;
				if (t->target)
					task_get(t->target);
				return true;
			}
		}
		if (t->expires)
			*next = min(*next, t->expires - now);
	}
	return false;
}

void ptimer_signal_taken(struct siginfo *info)
{
	struct process *p = current->process;
	struct ptimer *t;

	mutex_lock(&p->timers.lock);
	t = ptimer_find_locked(p, info->timer.id);
	if (t && t->sent && t->signo == info->signo) {
		t->last_overrun = min(t->sent_overrun + t->overrun, (u64)OVERRUN_MAX);
		info->timer.overrun = t->last_overrun;
		t->overrun = 0;
		t->sent = false;
	}
	mutex_unlock(&p->timers.lock);
}

/* Checks a clock for timers; a thread's CPU clock gives its task with a reference. */
static int ptimer_clock_check(int clock, struct task **thread)
{
	u32 id = ~(clock >> 3);

	*thread = NULL;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_PROCESS_CPUTIME_ID:
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP; /* as on a machine without a clock that wakes it up */
	case CLOCK_THREAD_CPUTIME_ID:
		*thread = current;
		task_get(current);
		return 0;
	}
	if (clock >= 0)
		return clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ?
			       -EOPNOTSUPP : -EINVAL;
	if ((clock & CPUCLOCK_WHICH_MASK) == CPUCLOCK_FD)
		return -EINVAL;
	if (clock & CPUCLOCK_PERTHREAD) {
		*thread = id ? task_lookup(id) : current;
		if (!id)
			task_get(current);
		if (*thread && (*thread)->process == current->process)
			return 0;
		if (*thread)
			task_put(*thread);
		*thread = NULL;
		return -EINVAL;
	}
	/* Other processes' CPU clocks are for reading only here. */
	return !id || id == current->process->pid->nr ? 0 : -EINVAL;
}

static void ptimer_free(struct ptimer *t)
{
	if (t->target)
		task_put(t->target);
	if (t->clock_task)
		task_put(t->clock_task);
	kfree(t);
}

/* How the timer tells: checked as timer_create(2) does. */
static int ptimer_set_event(struct ptimer *t, const struct sigevent *ev)
{
	if (!ev) {
		t->notify = SIGEV_SIGNAL;
		t->signo = SIGALRM;
		return 0;
	}
	t->notify = ev->notify;
	t->signo = ev->signo;
	t->value = ev->value;
	if (ev->notify == SIGEV_NONE)
		return 0;
	if (ev->notify != SIGEV_SIGNAL && ev->notify != SIGEV_THREAD &&
	    ev->notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID))
		return -EINVAL;
	if (ev->notify & SIGEV_THREAD_ID) {
		struct task *target = ev->tid > 0 ? task_lookup(ev->tid) : NULL;

		if (target && target->process != current->process) {
			task_put(target);
			target = NULL;
		}
		if (!target)
			return -EINVAL;
		t->target = target;
	}
	return ev->signo >= 1 && ev->signo <= NSIG ? 0 : -EINVAL;
}

int ptimer_create(int clock, const struct sigevent *ev)
{
	struct process *p = current->process;
	struct task *thread;
	struct ptimer *t;
	int err = ptimer_clock_check(clock, &thread);

	if (err)
		return err;
	t = kzalloc(sizeof(*t));
	if (!t) {
		if (thread)
			task_put(thread);
		return -EAGAIN;
	}
	list_init(&t->node);
	timer_init(&t->timer, ptimer_expired);
	t->process = p;
	t->clock = clock;
	t->clock_task = thread;
	err = ptimer_set_event(t, ev);
	if (err) {
		ptimer_free(t);
		return err;
	}
	mutex_lock(&p->timers.lock);
	/* Each timer would hold a queued signal ready: that limit bounds them. */
	if (p->timers.posix_count >= rlimit(RLIMIT_SIGPENDING)) {
		mutex_unlock(&p->timers.lock);
		ptimer_free(t);
		return -EAGAIN;
	}
	do {
		t->id = p->next_timer_id;
		p->next_timer_id = (p->next_timer_id + 1) & INT32_MAX;
	} while (ptimer_find_locked(p, t->id));
	if (!ev)
		t->value = t->id;
	list_add_tail(&t->node, &p->posix_timers);
	p->timers.posix_count++;
	err = t->id; /* another thread may delete it as soon as the lock is gone */
	mutex_unlock(&p->timers.lock);
	return err;
}

/* Now, on the scale of t->expires. No lock held. */
static int ptimer_now(int clock, s64 *now)
{
	if (cpu_clock_id(clock))
		return cpu_clock_get(clock, now);
	*now = ktime_get();
	return 0;
}

static void ptimer_read_locked(struct ptimer *t, s64 now, struct ptimer_time *out)
{
	out->interval = t->interval;
	out->value = 0;
	if (!t->expires)
		return;
	/* Nobody else moves a timer on that does not signal. */
	if (t->notify == SIGEV_NONE && t->expires <= now) {
		ptimer_advance_locked(t, now);
		if (!t->expires)
			return;
	}
	out->value = t->expires > now ? t->expires - now : 1;
}

/* The clock of timer id, which never changes; another thread may delete the timer behind our back. */
static int ptimer_clock_of(struct process *p, int id, int *clock)
{
	struct ptimer *t;

	mutex_lock(&p->timers.lock);
	t = ptimer_find_locked(p, id);
	if (t)
		*clock = t->clock;
	/* "Own thread" as a clock means the creator, not who asks now. */
	if (t && t->clock == CLOCK_THREAD_CPUTIME_ID)
		*clock = (s32)(~t->clock_task->pid->nr << 3 | CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED);
	mutex_unlock(&p->timers.lock);
	return t ? 0 : -EINVAL;
}

int ptimer_gettime(int id, struct ptimer_time *out)
{
	struct process *p = current->process;
	struct ptimer *t;
	int clock, err = ptimer_clock_of(p, id, &clock);
	s64 now;

	if (err)
		return err;
	if (ptimer_now(clock, &now))
		now = KTIME_MAX; /* the thread is gone: nothing will ever expire */
	mutex_lock(&p->timers.lock);
	t = ptimer_find_locked(p, id);
	if (!t)
		err = -EINVAL;
	else if (now == KTIME_MAX)
		*out = (struct ptimer_time){ 0, t->interval };
	else
		ptimer_read_locked(t, now, out);
	mutex_unlock(&p->timers.lock);
	return err;
}

static int ptimer_arm_locked(struct ptimer *t)
{
	if (t->notify == SIGEV_NONE)
		return 0;
	if (ptimer_is_cpu(t))
		return itimer_cpu_kick_locked(t->process);
	return timer_set(&t->timer, t->expires);
}

/* A value given by timer_settime as a moment on the scale of t->expires, never 0. */
static s64 ptimer_deadline(int clock, s64 now, bool absolute, s64 value)
{
	s64 base;

	if (!absolute)
		return ktime_add_sat(now, value);
	if (!cpu_clock_id(clock) && clock != CLOCK_MONOTONIC && !ktime_get_clock(clock, &base)) {
		if (value <= base)
			return max(now, (s64)1);
		return ktime_add_sat(now, value - base);
	}
	return value;
}

int ptimer_settime(int id, bool absolute, const struct ptimer_time *new, struct ptimer_time *old)
{
	struct process *p = current->process;
	struct ptimer *t;
	int clock, err = ptimer_clock_of(p, id, &clock);
	s64 now;

	if (err)
		return err;
	if (ptimer_now(clock, &now))
		return -ESRCH;
	mutex_lock(&p->timers.lock);
	t = ptimer_find_locked(p, id);
	if (!t || p->timers.dead) {
		mutex_unlock(&p->timers.lock);
		return -EINVAL;
	}
	if (old)
		ptimer_read_locked(t, now, old);
	timer_cancel(&t->timer);
	t->expires = 0;
	t->interval = 0;
	t->overrun = 0;
	t->last_overrun = 0;
	if (new->value) {
		t->interval = new->interval;
		t->expires = ptimer_deadline(clock, now, absolute, new->value);
		err = ptimer_arm_locked(t);
		if (err)
			t->expires = 0;
	}
	mutex_unlock(&p->timers.lock);
	return err;
}

int ptimer_getoverrun(int id)
{
	struct process *p = current->process;
	struct ptimer *t;
	int n;

	mutex_lock(&p->timers.lock);
	t = ptimer_find_locked(p, id);
	n = t ? t->last_overrun : -EINVAL;
	mutex_unlock(&p->timers.lock);
	return n;
}

/* Takes t out of its process; then nobody but its callback knows it. Drops and frees without the lock. */
static void ptimer_unlink_locked(struct ptimer *t)
{
	t->deleted = true;
	t->expires = 0;
	list_del(&t->node);
	t->process->timers.posix_count--;
}

int ptimer_delete(int id)
{
	struct process *p = current->process;
	struct ptimer *t;

	mutex_lock(&p->timers.lock);
	t = ptimer_find_locked(p, id);
	if (t)
		ptimer_unlink_locked(t);
	mutex_unlock(&p->timers.lock);
	if (!t)
		return -EINVAL;
	timer_del_sync(&t->timer);
	ptimer_free(t);
	return 0;
}

void ptimer_exec(struct process *p)
{
	for (;;) {
		struct ptimer *t;

		mutex_lock(&p->timers.lock);
		t = list_first_entry_or_null(&p->posix_timers, struct ptimer, node);
		if (t)
			ptimer_unlink_locked(t);
		mutex_unlock(&p->timers.lock);
		if (!t)
			return;
		timer_del_sync(&t->timer);
		ptimer_free(t);
	}
}

void ptimer_exit(struct process *p)
{
	mutex_lock(&p->timers.lock);
	p->timers.dead = true;
	p->timers.real_expires = 0;
	p->timers.virt.expires = p->timers.prof.expires = 0;
	mutex_unlock(&p->timers.lock);
	timer_del_sync(&p->real_timer);
	timer_del_sync(&p->timers.cpu_timer);
	ptimer_exec(p);
}
