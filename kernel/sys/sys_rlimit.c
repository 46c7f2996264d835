/* getrlimit(2), prlimit(2), getrusage(2). */
#include "abi/linux/capability.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/rlimit.h"
#include "proc/task.h"
#include "sys/syscall.h"

SYSCALL2(getrlimit, u32, which, struct uptr, out)
{
	struct rlimit rl;
	int err;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	err = rlimit_change(current->process, which, NULL, &rl);
	return err ? err : copy_out(out, &rl, sizeof(rl));
}

SYSCALL2(setrlimit, u32, which, struct uptr, in)
{
	struct rlimit rl;

	if (copy_in(&rl, in, sizeof(rl)))
		return -EFAULT;
	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	return rlimit_change(current->process, which, &rl, NULL);
}

static int may_limit(struct task *t)
{
	const struct cred *me = current->cred, *it;
	bool ok;

	if (t->process == current->process)
		return 0;
	it = task_get_cred(t);
	if (!it)
		return -ESRCH;
	ok = me->uid == it->euid && me->uid == it->suid && me->uid == it->uid && me->gid == it->egid &&
	     me->gid == it->sgid && me->gid == it->gid;
	cred_put(it);
	return ok || capable(CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

SYSCALL4(prlimit64, int, pid, u32, which, struct uptr, in, struct uptr, out)
{
	struct rlimit new, old;
	struct task *t;
	int err;

	if (!uptr_null(in) && copy_in(&new, in, sizeof(new)))
		return -EFAULT;
	if (pid < 0)
		return -ESRCH;
	t = pid ? task_lookup(pid) : current;
	if (!t)
		return -ESRCH;
	if (!pid)
		task_get(t);
	err = may_limit(t);
	if (!err && which >= RLIM_NLIMITS)
		err = -EINVAL;
	if (!err)
		err = rlimit_change(t->process, which, uptr_null(in) ? NULL : &new, &old);
	task_put(t);
	if (!err && !uptr_null(out))
		err = copy_out(out, &old, sizeof(old));
	return err;
}

static void rusage_fill(struct rusage *ru, const struct rusage_sum *s)
{
	memset(ru, 0, sizeof(*ru));
	ru->utime_sec = s->utime / NSEC_PER_SEC;
	ru->utime_usec = s->utime % NSEC_PER_SEC / NSEC_PER_USEC;
	ru->stime_sec = s->stime / NSEC_PER_SEC;
	ru->stime_usec = s->stime % NSEC_PER_SEC / NSEC_PER_USEC;
	ru->maxrss = s->maxrss;
	ru->minflt = s->minflt;
	ru->majflt = s->majflt;
	ru->inblock = s->inblock;
	ru->oublock = s->oublock;
	ru->nvcsw = s->nvcsw;
	ru->nivcsw = s->nivcsw;
}

SYSCALL2(getrusage, int, who, struct uptr, out)
{
	struct rusage_sum sum = { 0 };
	struct rusage ru;

	switch (who) {
	case RUSAGE_THREAD:
		task_rusage_current(&sum);
		break;
	case RUSAGE_SELF:
	case RUSAGE_CHILDREN:
		mutex_lock(&tasklist_lock);
		if (who == RUSAGE_SELF)
			process_rusage(current->process, &sum);
		else
			sum = current->process->children_ru;
		mutex_unlock(&tasklist_lock);
		break;
	default:
		return -EINVAL;
	}
	rusage_fill(&ru, &sum);
	return copy_out(out, &ru, sizeof(ru));
}
