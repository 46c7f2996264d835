/*
 * What tasks and processes have used: CPU time and the other sums of getrusage(2).
 *
 * The host counts; a guest task's figures are its host thread's, less what that thread had used before it served
 * the task (ru_base: lent threads). When a thread ends its figures are added to process.self_dead. The host shows
 * thread clocks only within a process, process clocks everywhere: of a thread elsewhere we know an equal share.
 */
#include "abi/linux/errno.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/internal.h"

/* Linux's encoding of CPU clocks, clock_getcpuclockid(3). */
#define CPUCLOCK_PROF 0
#define CPUCLOCK_VIRT 1
#define CPUCLOCK_SCHED 2
#define CPUCLOCK_THREAD 4

static s64 cpu_clock(u32 id, int which)
{
	struct timespec64 ts;

	if (host_clock_gettime((int)(~id << 3 | (u32)which), &ts))
		return 0;
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* value * part / whole without overflow; part <= whole. */
static u64 scale(u64 value, u64 part, u64 whole)
{
	while (whole >> 31) {
		whole >>= 1;
		part >>= 1;
	}
	if (!whole)
		return value;
	return value / whole * part + value % whole * part / whole;
}

/* The host's exact sum, split as its clock ticks say. thread: 0 or CPUCLOCK_THREAD. */
static void host_cputime(u32 id, int thread, s64 *utime, s64 *stime)
{
	s64 user = cpu_clock(id, CPUCLOCK_VIRT | thread);
	s64 both = max(cpu_clock(id, CPUCLOCK_PROF | thread), user);
	s64 total = cpu_clock(id, CPUCLOCK_SCHED | thread);

	*utime = (s64)scale((u64)total, (u64)user, (u64)both);
	*stime = total - *utime;
}

static bool base_counts(const struct task *t, const struct hthread *ht)
{
	return t->ru_base_tid && t->ru_base_tid == ht->host_tid;
}

void task_cputime(struct task *t, s64 *utime, s64 *stime)
{
	struct hthread *ht = atomic_load(&t->ht);
	struct hproc *hp = ht ? atomic_load(&ht->hp) : NULL;
	struct hthread *own = current->ht;
	u32 threads;

	*utime = t->exited ? t->ru_base.utime : 0;
	*stime = t->exited ? t->ru_base.stime : 0;
	if (t->exited || !hp || !ht->host_tid)
		return;
	if (own && own->hp == hp) {
		host_cputime(ht->host_tid, CPUCLOCK_THREAD, utime, stime);
		if (base_counts(t, ht)) {
			*utime = max(*utime - t->ru_base.utime, (s64)0);
			*stime = max(*stime - t->ru_base.stime, (s64)0);
		}
		return;
	}
	threads = max(atomic_load(&hp->nr_threads), 1u);
	host_cputime(hp->host_pid, 0, utime, stime);
	*utime /= threads;
	*stime /= threads;
}

/* A thread whose host process serves p alone, or NULL. */
static struct hproc *process_hproc(struct process *p)
{
	struct task *t;

	for_each_thread(p, t) {
		struct hthread *ht = atomic_load(&t->ht);

		if (!t->exited && ht && !t->vfork_child)
			return ht->hp;
	}
	return NULL;
}

void process_cputime(struct process *p, s64 *utime, s64 *stime)
{
	struct hproc *hp;
	struct task *t;

	mutex_assert_held(&tasklist_lock);
	hp = process_hproc(p);
	if (hp && hp->host_pid) {
		host_cputime(hp->host_pid, 0, utime, stime);
		return;
	}
	*utime = p->self_dead.utime;
	*stime = p->self_dead.stime;
	for_each_thread(p, t) {
		s64 u, s;

		if (t->exited)
			continue;
		task_cputime(t, &u, &s);
		*utime += u;
		*stime += s;
	}
}

static void rusage_from_host(struct rusage_sum *out, int who)
{
	struct rusage ru;

	memset(out, 0, sizeof(*out));
	if (host_getrusage(who, &ru))
		return;
	out->utime = ru.utime_sec * NSEC_PER_SEC + ru.utime_usec * NSEC_PER_USEC;
	out->stime = ru.stime_sec * NSEC_PER_SEC + ru.stime_usec * NSEC_PER_USEC;
	out->minflt = (u64)ru.minflt;
	out->majflt = (u64)ru.majflt;
	out->nvcsw = (u64)ru.nvcsw;
	out->nivcsw = (u64)ru.nivcsw;
	out->inblock = (u64)ru.inblock;
	out->oublock = (u64)ru.oublock;
	out->maxrss = (u64)ru.maxrss;
}

void rusage_add(struct rusage_sum *to, const struct rusage_sum *from)
{
	to->utime += from->utime;
	to->stime += from->stime;
	to->minflt += from->minflt;
	to->majflt += from->majflt;
	to->nvcsw += from->nvcsw;
	to->nivcsw += from->nivcsw;
	to->inblock += from->inblock;
	to->oublock += from->oublock;
	to->maxrss = max(to->maxrss, from->maxrss);
}

static void rusage_sub(struct rusage_sum *r, const struct rusage_sum *base)
{
	r->utime = max(r->utime - base->utime, (s64)0);
	r->stime = max(r->stime - base->stime, (s64)0);
	r->minflt -= min(r->minflt, base->minflt);
	r->majflt -= min(r->majflt, base->majflt);
	r->nvcsw -= min(r->nvcsw, base->nvcsw);
	r->nivcsw -= min(r->nivcsw, base->nivcsw);
	r->inblock -= min(r->inblock, base->inblock);
	r->oublock -= min(r->oublock, base->oublock);
}

void task_rusage_start(struct task *t)
{
	rusage_from_host(&t->ru_base, RUSAGE_THREAD);
	t->ru_base_tid = atomic_load(&current->ht->host_tid);
}

void task_rusage_current(struct rusage_sum *out)
{
	struct task *t = current;

	rusage_from_host(out, RUSAGE_THREAD);
	if (t->ht && base_counts(t, t->ht))
		rusage_sub(out, &t->ru_base);
}

/* The lender of a host thread does not pay for what the borrower did on it. */
void task_rusage_give_back(struct task *t)
{
	struct task *lender = t->lender;
	struct rusage_sum used;

	if (!lender || !t->ht)
		return;
	task_rusage_current(&used);
	if (!base_counts(lender, t->ht))
		memset(&lender->ru_base, 0, sizeof(lender->ru_base));
	lender->ru_base_tid = t->ht->host_tid;
	rusage_add(&lender->ru_base, &used);
}

void process_rusage(struct process *p, struct rusage_sum *out)
{
	struct task *self = current;

	mutex_assert_held(&tasklist_lock);
	*out = p->self_dead;
	if (p->zombie)
		return;
	if (self->process == p && !self->vfork_child) {
		rusage_from_host(out, RUSAGE_SELF);
		return;
	}
	if (self->process == p) {
		struct rusage_sum own;

		task_rusage_current(&own);
		rusage_add(out, &own);
		return;
	}
	process_cputime(p, &out->utime, &out->stime);
}
