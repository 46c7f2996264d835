/* Scheduling: nice values, policies, affinity. See sched.h for what reaches the host. */
#include "proc/sched.h"

#include "abi/linux/capability.h"
#include "abi/linux/sched.h"
#include "core/boot.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "proc/task.h"

#define RT_PRIO_MAX 99

static u64 visible_cpus; /* immutable after boot */

/* From the affinity that the sandbox was started with. */
void sched_init(void)
{
	u64 host[16] = { 0 }, mask;
	long n = host_sched_getaffinity(0, sizeof(host), host);

	mask = n > 0 ? host[0] : 1;
	if (!mask)
		mask = 1;
	while (boot->cpus && (u32)__builtin_popcountll(mask) > boot->cpus)
		mask &= ~(1ull << (63 - __builtin_clzll(mask)));
	visible_cpus = mask;
}

u64 sched_cpus(void) { return visible_cpus; }

u32 sched_cpu_count(void)
{
	return (u32)__builtin_popcountll(sched_cpus());
}

/*
 * Where the host says it without a call, as its vDSO does: in the limit of a segment. Without that segment (no Linux
 * that we know of) there is no telling: CPU 0.
 */
#define CPU_SELECTOR 0x7bu
#define CPU_MASK 0xfffu

u32 sched_getcpu(void)
{
	u32 limit = 0;

	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(CPU_SELECTOR) : "cc");
	return limit & CPU_MASK;
}

/* The host thread that serves t, or 0. It may end at any moment: then the host call hits nothing of importance. */
static int host_tid_of(struct task *t)
{
	struct hthread *ht = atomic_load(&t->ht);

	if (!ht || t->vfork_child || atomic_load(&ht->task) != t)
		return 0;
	return (int)atomic_load(&ht->host_tid);
}

static void apply_affinity(struct task *t, int tid)
{
	u64 mask[16] = { t->cpus_allowed & sched_cpus() };

	if (mask[0])
		host_sched_setaffinity(tid, sizeof(mask), mask);
}

void sched_apply(struct task *t)
{
	int tid = host_tid_of(t);

	if (t->nice && tid)
		host_setpriority(PRIO_PROCESS, tid, t->nice);
	if (t->cpus_allowed && (t->cpus_allowed & sched_cpus()) != sched_cpus() && tid)
		apply_affinity(t, tid);
}

bool sched_default(const struct task *t)
{
	return !t->nice && (!t->cpus_allowed || (t->cpus_allowed & sched_cpus()) == sched_cpus());
}

/* Owner check of the sched_* family: effective id equal to the target's effective or real one. */
static bool same_owner(struct task *t)
{
	const struct cred *c = task_get_cred(t);
	u32 me = current->cred->euid;
	bool ok = c && (me == c->euid || me == c->uid);

	cred_put(c);
	return ok;
}

static bool can_nice(struct task *t, int nice)
{
	return (u64)(20 - nice) <= t->process->rlim[RLIMIT_NICE].cur || capable(CAP_SYS_NICE);
}

int sched_set_nice(struct task *t, int nice)
{
	const struct cred *c;
	u32 me = current->cred->euid;
	bool ok;
	int tid;

	nice = clamp_nice(nice);
	c = task_get_cred(t);
	if (!c)
		return -ESRCH;
	ok = me == c->uid || me == c->euid;
	cred_put(c);
	if (!ok && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < t->nice && !can_nice(t, nice))
		return -EACCES;
	t->nice = nice;
	tid = host_tid_of(t);
	if (tid)
		host_setpriority(PRIO_PROCESS, tid, nice);
	return 0;
}

int sched_set_affinity(struct task *t, u64 cpus)
{
	int tid;

	if (!same_owner(t) && !capable(CAP_SYS_NICE))
		return -EPERM;
	cpus &= sched_cpus();
	if (!cpus)
		return -EINVAL;
	t->cpus_allowed = cpus;
	tid = host_tid_of(t);
	if (tid)
		apply_affinity(t, tid);
	return 0;
}

static bool policy_known(int p)
{
	return p == SCHED_OTHER || p == SCHED_FIFO || p == SCHED_RR || p == SCHED_BATCH || p == SCHED_IDLE;
}

static bool policy_rt(int p) { return p == SCHED_FIFO || p == SCHED_RR; }

/* What only CAP_SYS_NICE may do. */
static bool needs_privilege(struct task *t, const struct sched_change *c, int policy)
{
	if (!policy_rt(policy) && c->set_nice && c->nice < t->nice && !can_nice(t, c->nice))
		return true;
	if (policy_rt(policy)) {
		u64 limit = t->process->rlim[RLIMIT_RTPRIO].cur;

		if (policy != t->sched_policy && !limit)
			return true;
		if (c->priority > t->sched_priority && (u64)c->priority > limit)
			return true;
	}
	if (t->sched_policy == SCHED_IDLE && policy != SCHED_IDLE && !can_nice(t, t->nice))
		return true;
	return !same_owner(t) || (t->sched_reset_on_fork && !c->reset_on_fork);
}

int sched_set_policy(struct task *t, const struct sched_change *in)
{
	struct sched_change c = *in;
	int policy = c.policy < 0 ? t->sched_policy : c.policy;

	if (c.policy < 0)
		c.reset_on_fork = t->sched_reset_on_fork;
	if (c.keep_params) {
		c.priority = t->sched_priority;
		c.nice = t->nice;
	}
	if (policy == SCHED_DEADLINE)
		return capable(CAP_SYS_NICE) ? -EBUSY : -EPERM; /* no bandwidth to promise */
	if (!policy_known(policy))
		return -EINVAL;
	if (c.priority < 0 || c.priority > RT_PRIO_MAX || policy_rt(policy) != (c.priority != 0))
		return -EINVAL;
	if (!capable(CAP_SYS_NICE) && needs_privilege(t, &c, policy))
		return -EPERM;
	t->sched_policy = policy;
	t->sched_priority = c.priority;
	t->sched_reset_on_fork = c.reset_on_fork;
	if (c.set_nice && !policy_rt(policy))
		return sched_set_nice(t, c.nice);
	return 0;
}
