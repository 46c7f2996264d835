/* Scheduling calls: sched(7), getpriority(2), ioprio_set(2). */
#include "abi/linux/capability.h"
#include "abi/linux/sched.h"
#include "core/alloc.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "sys/syscall.h"

SYSCALL0(sched_yield)
{
	host_sched_yield();
	return 0;
}

/* The task of a sched_* call, referenced; NULL and *err. */
static struct task *sched_target(int pid, int *err)
{
	struct task *t;

	*err = pid < 0 ? -EINVAL : -ESRCH;
	if (pid < 0)
		return NULL;
	if (!pid) {
		task_get(current);
		return current;
	}
	t = task_lookup(pid);
	if (t && t->exited) {
		task_put(t);
		t = NULL;
	}
	return t;
}

SYSCALL3(sched_setaffinity, int, pid, u32, len, struct uptr, user_mask)
{
	struct task *t;
	u64 mask = 0;
	int err;

	if (copy_in(&mask, user_mask, min(len, (u32)sizeof(mask))))
		return -EFAULT;
	t = sched_target(pid, &err);
	if (!t)
		return pid < 0 ? -ESRCH : err;
	err = sched_set_affinity(t, mask);
	task_put(t);
	return err;
}

SYSCALL3(sched_getaffinity, int, pid, u32, len, struct uptr, user_mask)
{
	struct task *t;
	u64 mask;
	int err;

	if (len & (sizeof(u64) - 1) || len < sizeof(u64))
		return -EINVAL;
	t = sched_target(pid, &err);
	if (!t)
		return pid < 0 ? -ESRCH : err;
	mask = t->cpus_allowed & sched_cpus();
	task_put(t);
	if (!mask)
		mask = sched_cpus();
	if (copy_out(user_mask, &mask, sizeof(mask)))
		return -EFAULT;
	return sizeof(mask);
}

static long set_scheduler(int pid, int policy, struct uptr param)
{
	struct sched_change c = { .policy = policy };
	struct task *t;
	s32 prio;
	int err;

	if (uptr_null(param) || pid < 0)
		return -EINVAL;
	if (copy_in(&prio, param, sizeof(prio)))
		return -EFAULT;
	c.priority = prio;
	if (policy >= 0) {
		c.reset_on_fork = policy & SCHED_RESET_ON_FORK;
		c.policy = policy & ~SCHED_RESET_ON_FORK;
	}
	t = sched_target(pid, &err);
	if (!t)
		return err;
	err = sched_set_policy(t, &c);
	task_put(t);
	return err;
}

SYSCALL3(sched_setscheduler, int, pid, int, policy, struct uptr, param)
{
	return policy < 0 ? -EINVAL : set_scheduler(pid, policy, param);
}

SYSCALL2(sched_setparam, int, pid, struct uptr, param) { return set_scheduler(pid, -1, param); }

SYSCALL1(sched_getscheduler, int, pid)
{
	struct task *t;
	int err, policy;

	t = sched_target(pid, &err);
	if (!t)
		return err;
	policy = t->sched_policy | (t->sched_reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	task_put(t);
	return policy;
}

SYSCALL2(sched_getparam, int, pid, struct uptr, param)
{
	struct task *t;
	s32 prio;
	int err;

	if (uptr_null(param))
		return -EINVAL;
	t = sched_target(pid, &err);
	if (!t)
		return err;
	prio = t->sched_priority;
	task_put(t);
	return copy_out(param, &prio, sizeof(prio));
}

static long priority_bound(int policy, int rt)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return rt;
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	}
	return -EINVAL;
}

SYSCALL1(sched_get_priority_max, int, policy) { return priority_bound(policy, 99); }
SYSCALL1(sched_get_priority_min, int, policy) { return priority_bound(policy, 1); }

SYSCALL2(sched_rr_get_interval, int, pid, struct uptr, interval)
{
	struct timespec64 ts = { 0, 0 };
	struct task *t;
	int err;

	t = sched_target(pid, &err);
	if (!t)
		return err;
	/* Linux's defaults: 100 ms of round robin, a fair slice of a few ms, none for FIFO. */
	if (t->sched_policy == SCHED_RR)
		ts.tv_nsec = 100 * NSEC_PER_MSEC;
	else if (t->sched_policy != SCHED_FIFO)
		ts.tv_nsec = 3 * NSEC_PER_MSEC;
	task_put(t);
	return copy_out(interval, &ts, sizeof(ts));
}

/* Fetches a sched_attr of whatever size the caller knows; unknown tails must be zero. */
static int sched_attr_in(struct sched_attr *attr, struct uptr from)
{
	u32 known = sizeof(*attr), size;
	u8 tail[64];

	memset(attr, 0, sizeof(*attr));
	if (get_user_u32(from, &size))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		goto too_big;
	if (copy_in(attr, from, min(size, known)))
		return -EFAULT;
	for (u32 at = known; at < size; at += sizeof(tail)) {
		u32 n = min(size - at, (u32)sizeof(tail));

		if (copy_in(tail, uptr_add(from, at), n))
			return -EFAULT;
		for (u32 i = 0; i < n; i++) {
			if (tail[i])
				goto too_big;
		}
	}
	return 0;
too_big:
	return put_user_u32(from, known) ? -EFAULT : -E2BIG;
}

SYSCALL3(sched_setattr, int, pid, struct uptr, user_attr, u32, flags)
{
	struct sched_change c = { .set_nice = true };
	struct sched_attr attr;
	struct task *t;
	int err;

	if (uptr_null(user_attr) || pid < 0 || flags)
		return -EINVAL;
	err = sched_attr_in(&attr, user_attr);
	if (err)
		return err;
	if ((s32)attr.sched_policy < 0 || (attr.sched_flags & ~SCHED_FLAG_ALL))
		return -EINVAL;
	if (attr.sched_flags & (SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX))
		return -EOPNOTSUPP;
	c.policy = attr.sched_flags & SCHED_FLAG_KEEP_POLICY ? -1 : (int)attr.sched_policy;
	c.keep_params = attr.sched_flags & SCHED_FLAG_KEEP_PARAMS;
	c.reset_on_fork = attr.sched_flags & SCHED_FLAG_RESET_ON_FORK;
	c.nice = clamp_nice(attr.sched_nice);
	if (attr.sched_priority > 99)
		return -EINVAL;
	c.priority = attr.sched_priority;
	t = sched_target(pid, &err);
	if (!t)
		return err;
	err = sched_set_policy(t, &c);
	task_put(t);
	return err;
}

SYSCALL4(sched_getattr, int, pid, struct uptr, user_attr, u32, size, u32, flags)
{
	struct sched_attr attr = { 0 };
	struct task *t;
	int err;

	if (uptr_null(user_attr) || pid < 0 || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 || flags)
		return -EINVAL;
	t = sched_target(pid, &err);
	if (!t)
		return err;
	attr.size = min(size, (u32)sizeof(attr));
	attr.sched_policy = t->sched_policy;
	attr.sched_flags = t->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	if (t->sched_policy == SCHED_FIFO || t->sched_policy == SCHED_RR)
		attr.sched_priority = t->sched_priority;
	else
		attr.sched_nice = t->nice;
	task_put(t);
	return copy_out(user_attr, &attr, attr.size);
}

/*
 * getpriority(2) and ioprio_set(2) speak of a thread, a process group or all threads of a user: a list of tasks,
 * referenced, made under tasklist_lock and worked on without it.
 */
struct task_set {
	struct task **t;
	u32 count;
};

enum { WHO_PROCESS, WHO_PGRP, WHO_USER };

static bool task_matches(struct task *t, int which, u32 who)
{
	struct process *p = t->process;

	if (!p || t->exited)
		return false;
	if (which == WHO_PROCESS)
		return t->pid && t->pid->nr == who;
	if (which == WHO_PGRP)
		return p->pgrp && p->pgrp->nr == who;
	return t->cred && t->cred->uid == who; /* the pointer stays while tasklist_lock is held */
}

/* The next match at or after *tid; tasklist_lock held. */
static struct task *next_match(u32 *tid, int which, u32 who)
{
	struct task *t;

	while ((t = task_next(*tid))) {
		*tid = t->pid->nr + 1;
		if (task_matches(t, which, who))
			return t;
	}
	return NULL;
}

/* 0, -ESRCH (none) or -ENOMEM. */
static int task_set_make(struct task_set *set, int which, u32 who)
{
	u32 room = 0, tid;
	struct task *t;

	memset(set, 0, sizeof(*set));
	if (which == WHO_PROCESS) {
		set->t = kmalloc(sizeof(*set->t));
		if (!set->t)
			return -ENOMEM;
		set->t[0] = task_lookup(who);
		set->count = set->t[0] ? 1 : 0;
		if (set->count)
			return 0;
		kfree(set->t);
		return -ESRCH;
	}
	mutex_lock(&tasklist_lock);
	for (tid = 1; next_match(&tid, which, who);)
		room++;
	set->t = kcalloc(room ? room : 1, sizeof(*set->t));
	for (tid = 1; set->t && set->count < room && (t = next_match(&tid, which, who));) {
		task_get(t);
		set->t[set->count++] = t;
	}
	mutex_unlock(&tasklist_lock);
	if (!set->t)
		return -ENOMEM;
	if (set->count)
		return 0;
	kfree(set->t);
	return -ESRCH;
}

static void task_set_free(struct task_set *set)
{
	for (u32 i = 0; i < set->count; i++)
		task_put(set->t[i]);
	kfree(set->t);
}

/* who 0 = the caller itself, its group, its user. */
static u32 who_default(int which, int who)
{
	u32 nr;

	if (who)
		return who;
	if (which == WHO_PROCESS)
		return current->pid->nr;
	if (which == WHO_USER)
		return current->cred->uid;
	mutex_lock(&tasklist_lock);
	nr = current->process->pgrp->nr;
	mutex_unlock(&tasklist_lock);
	return nr;
}

SYSCALL3(setpriority, int, which, int, who, int, nice)
{
	struct task_set set;
	int err;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	err = task_set_make(&set, which, who_default(which, who));
	if (err)
		return err;
	/* All are tried; what is told is the last failure, as on Linux. */
	for (u32 i = 0; i < set.count; i++) {
		int one = sched_set_nice(set.t[i], nice);

		if (one && (one != -ESRCH || !i))
			err = one;
	}
	task_set_free(&set);
	return err;
}

SYSCALL2(getpriority, int, which, int, who)
{
	struct task_set set;
	long best = 0;
	int err;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	err = task_set_make(&set, which, who_default(which, who));
	if (err)
		return err;
	for (u32 i = 0; i < set.count; i++)
		best = max(best, 20l - set.t[i]->nice);
	task_set_free(&set);
	return best; /* 40..1 for -20..19, so that no priority looks like an error */
}

static int ioprio_allowed(u16 ioprio)
{
	u32 class = ioprio >> IOPRIO_CLASS_SHIFT, data = ioprio & 7;

	switch (class) {
	case IOPRIO_CLASS_RT:
		if (!capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
			return -EPERM;
		return 0;
	case IOPRIO_CLASS_BE:
	case IOPRIO_CLASS_IDLE:
		return 0;
	case IOPRIO_CLASS_NONE:
		return data ? -EINVAL : 0;
	}
	return -EINVAL;
}

static bool ioprio_owner(struct task *t)
{
	const struct cred *c = task_get_cred(t), *me = current->cred;
	bool ok = c && (c->uid == me->euid || c->uid == me->uid);

	cred_put(c);
	return ok || capable(CAP_SYS_NICE);
}

SYSCALL3(ioprio_set, int, which, int, who, int, ioprio)
{
	struct task_set set;
	int err = ioprio_allowed((u16)ioprio);

	if (err)
		return err;
	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	which -= IOPRIO_WHO_PROCESS;
	err = task_set_make(&set, which, who_default(which, who));
	if (err)
		return err;
	for (u32 i = 0; i < set.count && !err; i++) {
		if (!ioprio_owner(set.t[i]))
			err = -EPERM;
		else
			set.t[i]->ioprio = (u16)ioprio;
	}
	task_set_free(&set);
	return err;
}

/* A task without a priority of its own has one by its nice value. */
static u32 ioprio_effective(const struct task *t)
{
	if (t->ioprio >> IOPRIO_CLASS_SHIFT)
		return t->ioprio;
	return IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | (u32)((t->nice + 20) / 5);
}

SYSCALL2(ioprio_get, int, which, int, who)
{
	struct task_set set;
	u32 best = 0;
	int err;

	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	which -= IOPRIO_WHO_PROCESS;
	err = task_set_make(&set, which, who_default(which, who));
	if (err)
		return err;
	/* One task: what was set. Several: the best of what counts. Lower is better, class first. */
	for (u32 i = 0; i < set.count; i++) {
		u32 p = which == WHO_PROCESS ? set.t[i]->ioprio : ioprio_effective(set.t[i]);

		best = i ? min(best, p) : p;
	}
	task_set_free(&set);
	return best;
}

SYSCALL3(getcpu, struct uptr, cpu, struct uptr, node, struct uptr, unused)
{
	u32 n = sched_getcpu(), zero = 0;

	if (!uptr_null(cpu) && copy_out(cpu, &n, sizeof(n)))
		return -EFAULT;
	if (!uptr_null(node) && copy_out(node, &zero, sizeof(zero)))
		return -EFAULT;
	return 0;
}
