/* Decoding of futex(2), its younger relatives with one call an operation, and the robust list. */
#include "abi/linux/futex.h"
#include "core/alloc.h"
#include "core/time.h"
#include "fs/event/event.h"
#include "ipc/futex.h"
#include "proc/task.h"
#include "sys/syscall.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1

/* The deadline: absolute, or relative to CLOCK_MONOTONIC; null = none. */
static int futex_timeout(struct uptr p, bool relative, s64 *deadline)
{
	struct timespec64 ts;

	*deadline = KTIME_MAX;
	if (uptr_null(p))
		return 0;
	if (copy_in(&ts, p, sizeof(ts)))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	*deadline = timespec64_to_ns(&ts);
	if (relative)
		*deadline = ktime_add_sat(ktime_get(), *deadline);
	return 0;
}

static bool futex_has_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2;
}

SYSCALL6(futex, struct uptr, addr, int, op, u32, val, struct uptr, timeout, struct uptr, addr2, u32, val3)
{
	int cmd = op & FUTEX_CMD_MASK, nr2 = (int)timeout.addr;
	u32 flags = op & FUTEX_PRIVATE_FLAG ? 0 : FUTEX_F_SHARED;
	s64 deadline = KTIME_MAX;
	int ret;

	if (op & FUTEX_CLOCK_REALTIME) {
		if (cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_LOCK_PI2)
			return -ENOSYS;
		flags |= FUTEX_F_REALTIME;
	}
	if (futex_has_timeout(cmd)) {
		ret = futex_timeout(timeout, cmd == FUTEX_WAIT, &deadline);
		if (ret)
			return ret;
	}
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait_restartable(addr, flags, val, deadline, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait_restartable(addr, flags, val, deadline, val3);
	case FUTEX_WAKE:
		return futex_wake(addr, flags, (int)val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, flags, (int)val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, flags, addr2, flags, (int)val, nr2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, flags, addr2, flags, (int)val, nr2, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, flags, addr2, (int)val, nr2, val3);
	case FUTEX_LOCK_PI:
		return futex_lock_pi(addr, flags | FUTEX_F_REALTIME, deadline, false);
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(addr, flags, deadline, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(addr, flags, KTIME_MAX, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(addr, flags);
	}
	return -ENOSYS;
}

static bool futex2_flags_ok(u32 flags)
{
	return !(flags & ~(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE)) && (flags & FUTEX2_SIZE_MASK) == FUTEX2_SIZE_U32;
}

static u32 futex2_flags(u32 flags)
{
	return flags & FUTEX2_PRIVATE ? 0 : FUTEX_F_SHARED;
}

static int futex2_clock(int clock, u32 *flags)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	if (clock == CLOCK_REALTIME)
		*flags |= FUTEX_F_REALTIME;
	return 0;
}

static bool futex_waitv_ok(const struct futex_waitv *w)
{
	return futex2_flags_ok(w->flags) && !w->reserved && w->val <= UINT32_MAX;
}

SYSCALL5(futex_waitv, struct uptr, waiters, u32, nr, u32, flags, struct uptr, timeout, int, clock)
{
	struct futex_waitv *w;
	u32 clock_flags = 0;
	s64 deadline = KTIME_MAX;
	long ret;

	if (flags || !nr || nr > FUTEX_WAITV_MAX || uptr_null(waiters))
		return -EINVAL;
	if (!uptr_null(timeout)) {
		ret = futex2_clock(clock, &clock_flags);
		if (!ret)
			ret = futex_timeout(timeout, false, &deadline);
		if (ret)
			return ret;
	}
	w = kmalloc(nr * sizeof(*w));
	if (!w)
		return -ENOMEM;
	ret = copy_in(w, waiters, nr * sizeof(*w));
	for (u32 i = 0; i < nr && !ret; i++)
		if (!futex_waitv_ok(&w[i]))
			ret = -EINVAL;
	if (!ret)
		ret = futex_wait_multiple(w, nr, clock_flags, deadline);
	kfree(w);
	return ret;
}

SYSCALL4(futex_wake, struct uptr, addr, u64, mask, int, nr, u32, flags)
{
	if (!futex2_flags_ok(flags) || mask > UINT32_MAX || !mask)
		return -EINVAL;
	if (nr == 0)
		return 0;
	return futex_wake(addr, futex2_flags(flags), nr, (u32)mask);
}

SYSCALL6(futex_wait, struct uptr, addr, u64, val, u64, mask, u32, flags, struct uptr, timeout, int, clock)
{
	u32 f = futex2_flags(flags);
	s64 deadline = KTIME_MAX;
	int ret;

	if (!futex2_flags_ok(flags) || val > UINT32_MAX || mask > UINT32_MAX)
		return -EINVAL;
	if (!uptr_null(timeout)) {
		ret = futex2_clock(clock, &f);
		if (!ret)
			ret = futex_timeout(timeout, false, &deadline);
		if (ret)
			return ret;
	}
	return futex_wait_restartable(addr, f, (u32)val, deadline, (u32)mask);
}

SYSCALL4(futex_requeue, struct uptr, waiters, u32, flags, int, nr_wake, int, nr_requeue)
{
	struct futex_waitv w[2];
	u32 cmpval;

	if (flags || uptr_null(waiters))
		return -EINVAL;
	if (copy_in(w, waiters, sizeof(w)))
		return -EFAULT;
	if (!futex_waitv_ok(&w[0]) || !futex_waitv_ok(&w[1]))
		return -EINVAL;
	cmpval = (u32)w[0].val;
	return futex_requeue(uptr(w[0].uaddr), futex2_flags(w[0].flags), uptr(w[1].uaddr), futex2_flags(w[1].flags),
			     nr_wake, nr_requeue, &cmpval);
}

SYSCALL2(set_robust_list, struct uptr, head, u64, len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	current->robust_list_len = len;
	return 0;
}

SYSCALL3(get_robust_list, int, pid, struct uptr, head, struct uptr, len)
{
	struct uptr list = current->robust_list;
	struct task *t;
	int ret = 0;

	if (pid) {
		t = pid > 0 ? task_lookup((u32)pid) : NULL;
		if (!t)
			return -ESRCH;
		if (!pidfd_may_attach(t))
			ret = -EPERM;
		list = t->robust_list;
		task_put(t);
		if (ret)
			return ret;
	}
	ret = put_user_u64(len, sizeof(struct robust_list_head));
	return ret ? ret : put_user_u64(head, list.addr);
}
