/*
 * Robust futexes, get_robust_list(2): at a thread's exit its list of held locks is walked, and each word that still
 * says the thread owns it gets FUTEX_OWNER_DIED. The list is the program's memory: every pointer is hostile, loops
 * end at ROBUST_LIST_LIMIT, a fault ends the walk.
 */
#include "abi/linux/errno.h"
#include "core/log.h"
#include "core/wait.h"
#include "ipc/futex.h"
#include "proc/task.h"

/* A link's pointer without its lowest bit, which says PI. */
static int robust_fetch(struct uptr from, u64 *entry, bool *pi)
{
	u64 v;

	if (copy_in(&v, from, sizeof(v)))
		return -EFAULT;
	*entry = v & ~1ull;
	*pi = v & 1;
	return 0;
}

/* pending: the lock was being taken or released when the thread ended. */
static int robust_mark(struct uptr word, u32 tid, bool pi, bool pending)
{
	u32 cur, new, prev;

	if (word.addr % sizeof(u32))
		return -EINVAL;
	if (get_user_u32(word, &cur))
		return -EFAULT;
	for (;;) {
		/* Unlocked already, but the wake-up may not have been sent. */
		if (pending && !pi && !cur) {
			(void)futex_wake(word, FUTEX_F_SHARED, 1, FUTEX_BITSET_MATCH_ANY);
			return 0;
		}
		if ((cur & FUTEX_TID_MASK) != tid)
			return 0;
		new = (cur & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (cmpxchg_user_u32(word, cur, new, &prev))
			return -EFAULT;
		if (prev == cur)
			break;
		cur = prev;
	}
	if (!pi && (new & FUTEX_WAITERS))
		(void)futex_wake(word, FUTEX_F_SHARED, 1, FUTEX_BITSET_MATCH_ANY);
	return 0;
}

static void robust_walk(struct task *t)
{
	u64 head = t->robust_list.addr, entry, next = 0, pending;
	bool pi, next_pi = false, pending_pi;
	u32 tid = t->pid->nr;
	int limit = ROBUST_LIST_LIMIT;
	s64 offset;

	if (robust_fetch(uptr(head), &entry, &pi))
		return;
	if (copy_in(&offset, uptr(head + offsetof(struct robust_list_head, futex_offset)), sizeof(offset)))
		return;
	if (robust_fetch(uptr(head + offsetof(struct robust_list_head, list_op_pending)), &pending, &pending_pi))
		return;
	while (entry != head) {
		/* Before the word: whoever gets the lock may free the entry. */
		int err = robust_fetch(uptr(entry), &next, &next_pi);

		if (entry != pending && robust_mark(uptr(entry + (u64)offset), tid, pi, false))
			return;
		if (err || --limit == 0)
			break;
		entry = next;
		pi = next_pi;
	}
	if (pending)
		(void)!robust_mark(uptr(pending + (u64)offset), tid, pending_pi, true);
}

void futex_exit_robust(struct task *t)
{
	ASSERT(t == current);
	if (t->mm && !uptr_null(t->robust_list))
		robust_walk(t);
	t->robust_list = uptr(0);
	atomic_store(&t->robust_list_len, FUTEX_TASK_DEAD);
	futex_pi_exit(t);
}
