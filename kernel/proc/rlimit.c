/* Resource limits: who may change them, and what follows from a change. */
#include "proc/rlimit.h"

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "proc/task.h"

u64 rlimit(unsigned which)
{
	const struct process *p = current->process;

	if (!p || which >= RLIM_NLIMITS)
		return RLIM_INFINITY;
	return atomic_load_relaxed(&p->rlim[which].cur);
}

int rlimit_change(struct process *p, u32 which, const struct rlimit *new, struct rlimit *old)
{
	struct rlimit *rl = &p->rlim[which];
	bool may_raise = capable(CAP_SYS_RESOURCE);
	struct rlimit set;
	int err = 0;

	if (new) {
		set = *new;
		if (set.cur > set.max)
			return -EINVAL;
		if (which == RLIMIT_NOFILE && set.max > RLIMIT_NOFILE_MAX)
			return -EPERM;
		/* A limit of 0 CPU seconds could never be met: the first second counts. */
		if (which == RLIMIT_CPU && set.cur == 0)
			set.cur = 1;
	}
	mutex_lock(&p->rlim_lock);
	if (new && set.max > rl->max && !may_raise)
		err = -EPERM;
	if (!err && old)
		*old = *rl;
	if (!err && new) {
		atomic_store_relaxed(&rl->max, set.max);
		atomic_store_relaxed(&rl->cur, set.cur);
	}
	mutex_unlock(&p->rlim_lock);
	if (!err && new && which == RLIMIT_CPU)
		ptimer_process_start(p);
	return err;
}
