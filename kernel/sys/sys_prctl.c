/* prctl(2) and arch_prctl(2). */
#include "abi/linux/capability.h"
#include "abi/linux/prctl.h"
#include "core/log.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/task.h"
#include "sys/seccomp.h"
#include "sys/syscall.h"

#define ANON_NAME_MAX 80 /* with the 0 */
#define TIMER_SLACK_DEFAULT 50000 /* ns */

static int put_int(struct uptr to, int v) { return copy_out(to, &v, sizeof(v)); }

static long set_name(struct uptr from)
{
	char name[TASK_COMM_LEN];
	size_t n = copy_in_partial(name, from, sizeof(name) - 1);

	if (n < sizeof(name) - 1 && !memchr(name, 0, n))
		return -EFAULT;
	name[min(n, sizeof(name) - 1)] = 0;
	task_set_comm(current, name);
	return 0;
}

static long get_name(struct uptr to)
{
	char name[TASK_COMM_LEN];

	memcpy(name, current->comm, sizeof(name));
	name[sizeof(name) - 1] = 0;
	return copy_out(to, name, sizeof(name));
}

/* With tasklist_lock: everything below p has a subreaper above it now. Walks the tree without recursion. */
static void mark_descendants(struct process *top)
{
	struct process *p = top;

	for (;;) {
		struct process *next = list_first_entry_or_null(&p->children, struct process, sibling);

		while (!next) {
			if (p == top)
				return;
			if (p->sibling.next != &p->parent->children)
				next = list_entry(p->sibling.next, struct process, sibling);
			else
				p = p->parent;
		}
		p = next;
		p->has_child_subreaper = true;
	}
}

static long set_subreaper(bool on)
{
	mutex_lock(&tasklist_lock);
	current->process->child_subreaper = on;
	if (on)
		mark_descendants(current->process);
	mutex_unlock(&tasklist_lock);
	return 0;
}

/* Replaces the securebits of the current task. */
static long install_securebits(u32 bits)
{
	struct cred *new = cred_copy(current->cred);

	if (!new)
		return -ENOMEM;
	new->securebits = bits;
	cred_install(new);
	return 0;
}

static long set_securebits(u64 bits)
{
	u32 old = current->cred->securebits;

	if (((old & SECURE_ALL_LOCKS) >> 1 & (old ^ bits)) || (old & SECURE_ALL_LOCKS & ~bits) ||
	    (bits & ~(u64)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)) || !capable(CAP_SETPCAP))
		return -EPERM;
	return install_securebits((u32)bits);
}

static long set_keepcaps(u64 on)
{
	u32 old = current->cred->securebits;

	if (on > 1)
		return -EINVAL;
	if (old & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	return install_securebits(on ? old | SECBIT_KEEP_CAPS : old & ~SECBIT_KEEP_CAPS);
}

static long capbset_drop(u64 cap)
{
	struct cred *new;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	new = cred_copy(current->cred);
	if (!new)
		return -ENOMEM;
	new->cap_bounding &= ~CAP_BIT(cap);
	cred_install(new);
	return 0;
}

static long cap_ambient(u64 op, u64 cap, u64 arg4, u64 arg5)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (op == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (cap | arg4 | arg5)
			return -EINVAL;
	} else if (cap > CAP_LAST_CAP || (arg4 | arg5)) {
		return -EINVAL;
	}
	switch (op) {
	case PR_CAP_AMBIENT_IS_SET:
		return old->cap_ambient >> cap & 1;
	case PR_CAP_AMBIENT_RAISE:
		if (!(old->cap_permitted & old->cap_inheritable & CAP_BIT(cap)) ||
		    (old->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		break;
	case PR_CAP_AMBIENT_LOWER:
	case PR_CAP_AMBIENT_CLEAR_ALL:
		break;
	default:
		return -EINVAL;
	}
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (op == PR_CAP_AMBIENT_RAISE)
		new->cap_ambient |= CAP_BIT(cap);
	else
		new->cap_ambient = op == PR_CAP_AMBIENT_LOWER ? old->cap_ambient & ~CAP_BIT(cap) : 0;
	cred_install(new);
	return 0;
}

static long mce_kill(u64 op, u64 policy, u64 arg4, u64 arg5)
{
	if (arg4 | arg5)
		return -EINVAL;
	if (op == PR_MCE_KILL_CLEAR && !policy)
		policy = PR_MCE_KILL_DEFAULT;
	else if (op != PR_MCE_KILL_SET || policy > PR_MCE_KILL_DEFAULT)
		return -EINVAL;
	/* Kept as the distance from the default, so that a zeroed task has it. */
	current->mce_kill = PR_MCE_KILL_DEFAULT - policy;
	return 0;
}

static long set_vma(u64 op, u64 addr, u64 len, struct uptr user_name)
{
	char name[ANON_NAME_MAX];
	ssize_t n;

	if (op != PR_SET_VMA_ANON_NAME)
		return -EINVAL;
	if (uptr_null(user_name))
		return mm_set_anon_name(addr, len, NULL);
	n = copy_in_str(name, user_name, sizeof(name));
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	for (ssize_t i = 0; i < n; i++) {
		/* What would confuse readers of /proc/PID/maps. */
		if (name[i] <= 0x1f || name[i] >= 0x7f || strchr("\\`$[]", name[i]))
			return -EINVAL;
	}
	return mm_set_anon_name(addr, len, name);
}

static long set_thp_disable(bool on)
{
	struct mm *mm = current->mm;

	mutex_lock(&mm->lock);
	mm->thp_disable = on;
	mutex_unlock(&mm->lock);
	/* The host process is this address space; where the host refuses, only its pages' size differs. */
	host_prctl(PR_SET_THP_DISABLE, on, 0, 0, 0);
	return 0;
}

static long set_ptracer(u64 pid)
{
	struct task *t;

	/* Nobody can trace yet, so there is nothing to restrict or allow: only the argument is checked. */
	if (!pid || pid == PR_SET_PTRACER_ANY)
		return 0;
	t = pid <= PID_MAX ? task_lookup((u32)pid) : NULL;
	if (!t)
		return -EINVAL;
	task_put(t);
	return 0;
}

/* Options about credentials and privileges; -ENOSYS = not one of them. */
static long prctl_cred(int op, u64 a, u64 b, u64 c, u64 d)
{
	const struct cred *cred = current->cred;

	switch (op) {
	case PR_GET_KEEPCAPS:
		return !!(cred->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keepcaps(a);
	case PR_CAPBSET_READ:
		return a > CAP_LAST_CAP ? -EINVAL : (long)(cred->cap_bounding >> a & 1);
	case PR_CAPBSET_DROP:
		return capbset_drop(a);
	case PR_GET_SECUREBITS:
		return cred->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(a);
	case PR_CAP_AMBIENT:
		return cap_ambient(a, b, c, d);
	case PR_SET_NO_NEW_PRIVS:
		if (a != 1 || b || c || d)
			return -EINVAL;
		current->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a | b | c | d ? -EINVAL : current->no_new_privs;
	case PR_GET_DUMPABLE:
		return current->process->dumpable;
	case PR_SET_DUMPABLE:
		if (a > 1)
			return -EINVAL;
		current->process->dumpable = a;
		return 0;
	case PR_GET_SECCOMP:
		return current->seccomp_mode;
	case PR_SET_SECCOMP:
		if (a == SECCOMP_MODE_STRICT)
			return seccomp_set_strict();
		return a == SECCOMP_MODE_FILTER ? seccomp_set_filter(0, uptr(b)) : -EINVAL;
	}
	return -ENOSYS;
}

SYSCALL5(prctl, int, op, u64, a, u64, b, u64, c, u64, d)
{
	struct task *t = current;
	long ret = prctl_cred(op, a, b, c, d);

	if (ret != -ENOSYS)
		return ret;
	switch (op) {
	case PR_SET_PDEATHSIG:
		if (a > NSIG)
			return -EINVAL;
		t->pdeath_signal = (u32)a;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_int(uptr(a), (int)t->pdeath_signal);
	case PR_SET_NAME:
		return set_name(uptr(a));
	case PR_GET_NAME:
		return get_name(uptr(a));
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return a == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TSC:
		return put_int(uptr(a), PR_TSC_ENABLE);
	case PR_SET_TSC:
		return a == PR_TSC_ENABLE ? 0 : -EINVAL; /* RDTSC cannot be taken away */
	case PR_SET_TIMERSLACK:
		t->timer_slack_ns = (s64)a <= 0 ? TIMER_SLACK_DEFAULT : a;
		return 0;
	case PR_GET_TIMERSLACK:
		return t->timer_slack_ns ? (long)min(t->timer_slack_ns, (u64)INT64_MAX) : TIMER_SLACK_DEFAULT;
	case PR_MCE_KILL:
		return mce_kill(a, b, c, d);
	case PR_MCE_KILL_GET:
		return a | b | c | d ? -EINVAL : PR_MCE_KILL_DEFAULT - t->mce_kill;
	case PR_SET_MM:
		return capable(CAP_SYS_RESOURCE) ? -EINVAL : -EPERM;
	case PR_SET_CHILD_SUBREAPER:
		return set_subreaper(a != 0);
	case PR_GET_CHILD_SUBREAPER:
		return put_int(uptr(a), t->process->child_subreaper);
	case PR_GET_TID_ADDRESS:
		return copy_out(uptr(a), &t->clear_child_tid.addr, sizeof(u64));
	case PR_SET_THP_DISABLE:
		return b | c | d ? -EINVAL : set_thp_disable(a != 0);
	case PR_GET_THP_DISABLE:
		return a | b | c | d ? -EINVAL : t->mm->thp_disable;
	case PR_SET_VMA:
		return set_vma(a, b, c, uptr(d));
	case PR_SET_PTRACER:
		return set_ptracer(a);
	}
	return -EINVAL;
}

static long set_gsbase(void)
{
	static u32 told;

	if (!atomic_xchg(&told, 1))
		log_warn("%s asked for a GS base of its own: refused, GS belongs to the gate", current->comm);
	return -EPERM;
}

static long request_xcomp(u64 feature)
{
	if (feature > ARCH_XCOMP_TILEDATA)
		return -EINVAL;
	/* What the gate saves is permitted already; more cannot be added while the process runs. */
	return feature == ARCH_XCOMP_TILEDATA && (gate_fpstate_mask() >> feature & 1) ? 0 : -EOPNOTSUPP;
}

SYSCALL2(arch_prctl, int, op, u64, arg)
{
	u64 value;

	switch (op) {
	case ARCH_SET_FS:
		if (arg >= TASK_SIZE)
			return -EPERM;
		gate_set_fsbase(arg);
		return 0;
	case ARCH_GET_FS:
		value = gate_get_fsbase();
		return copy_out(uptr(arg), &value, sizeof(value));
	case ARCH_SET_GS:
		return set_gsbase();
	case ARCH_GET_GS:
		value = 0;
		return copy_out(uptr(arg), &value, sizeof(value));
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return arg ? 0 : -ENODEV;
	case ARCH_GET_XCOMP_SUPP:
	case ARCH_GET_XCOMP_PERM:
		value = gate_fpstate_mask();
		return copy_out(uptr(arg), &value, sizeof(value));
	case ARCH_REQ_XCOMP_PERM:
		return request_xcomp(arg);
	}
	return -EINVAL;
}
