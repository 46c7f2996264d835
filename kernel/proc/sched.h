/*
 * Scheduling as programs see it, sched(7). The host schedules: policies and real-time priorities are kept and shown
 * but not passed on; nice values and CPU affinity are passed on as far as the host lets us.
 * CPU numbers are the host's own (the vDSO's getcpu shows them too); only the low 64 are seen.
 */
#ifndef LIMPET_PROC_SCHED_H
#define LIMPET_PROC_SCHED_H

#include "lib/types.h"

struct task;
struct pid;

void sched_init(void); /* kserver, at boot */
/* CPUs that the sandbox sees: those it may run on on the host, at most boot->cpus of them. Never 0. */
u64 sched_cpus(void);
u32 sched_cpu_count(void);
/* The CPU the caller runs on. */
u32 sched_getcpu(void);

/* A task starts on a fresh host thread: gives that thread the task's nice value and affinity. By that thread. */
void sched_apply(struct task *t);
/* The host thread that serves t was told of nothing out of the ordinary. */
bool sched_default(const struct task *t);

static inline int clamp_nice(int nice) { return nice < -20 ? -20 : nice > 19 ? 19 : nice; }

/* Changes of one task; permission is checked inside. -EPERM, -EACCES, -EINVAL, -ESRCH. */
int sched_set_nice(struct task *t, int nice) __must_check;
int sched_set_affinity(struct task *t, u64 cpus) __must_check;
struct sched_change {
	int policy; /* -1 = keep */
	int priority;
	int nice;
	bool keep_params;
	bool set_nice; /* sched_setattr(2) */
	bool reset_on_fork;
};
int sched_set_policy(struct task *t, const struct sched_change *c) __must_check;

#endif
