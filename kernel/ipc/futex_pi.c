/*
 * Priority-inheriting futexes. The word is 0 or the owner's tid, with FUTEX_WAITERS when an unlock must come here and
 * FUTEX_OWNER_DIED. Programs in the sandbox have no real-time priorities to inherit, so what remains is an ordered
 * lock: the kernel writes the next owner into the word and wakes only that task.
 *
 * Waiting follows futex.c: set FUTEX_WAITERS, go on the list, then read the word again. Handing over: the unlocker
 * takes the first waiter off the list, writes its tid into the word with no lock held, and only then gives it its
 * state. FUTEX_WAITERS is always left set, for those who came meanwhile; waiters learn the new owner's tid, which is
 * how the exit of an owner finds them.
 */
#include "abi/linux/errno.h"
#include "core/wait.h"
#include "ipc/futex.h"
#include "proc/task.h"

static u32 pi_waiters; /* atomic: so that exits need not search */

static bool owner_alive(u32 tid)
{
	struct task *t = task_lookup(tid);
	bool alive;

	if (!t)
		return false;
	alive = !t->exited && atomic_load(&t->robust_list_len) != FUTEX_TASK_DEAD;
	task_put(t);
	return alive;
}

/* Takes a free word, or marks a held one. 0 = ours, 1 = held and marked: *word as it then was, 2 = look again. */
static int pi_try(struct uptr addr, u32 tid, bool trylock, u32 *word)
{
	u32 cur, new, prev;

	if (get_user_u32(addr, &cur))
		return -EFAULT;
	if ((cur & FUTEX_TID_MASK) == tid)
		return -EDEADLK;
	if (!(cur & FUTEX_TID_MASK))
		new = tid | (cur & (FUTEX_WAITERS | FUTEX_OWNER_DIED));
	else if (trylock)
		return owner_alive(cur & FUTEX_TID_MASK) ? -EWOULDBLOCK : -ESRCH;
	else
		new = cur | FUTEX_WAITERS;
	if (new != cur) {
		if (cmpxchg_user_u32(addr, cur, new, &prev))
			return -EFAULT;
		if (prev != cur)
			return 2;
	}
	*word = new;
	return (cur & FUTEX_TID_MASK) ? 1 : 0;
}

/* The owner ended: put our tid into the word in its place. False: somebody else was faster, or it faults. */
static bool pi_inherit(struct uptr addr, u32 dead, u32 tid)
{
	u32 cur, prev;

	for (;;) {
		if (get_user_u32(addr, &cur))
			return false;
		if ((cur & FUTEX_TID_MASK) && (cur & FUTEX_TID_MASK) != dead)
			return false;
		if (cmpxchg_user_u32(addr, cur, tid | FUTEX_WAITERS | FUTEX_OWNER_DIED, &prev))
			return false;
		if (prev == cur)
			return true;
	}
}

/* Queues behind the owner in *word and sleeps. 1 = try again; else the call's result. */
static long pi_wait(struct uptr addr, u32 flags, u32 tid, u32 word, s64 deadline)
{
	struct futex_q q = { .bitset = FUTEX_BITSET_MATCH_ANY, .owner = word & FUTEX_TID_MASK };
	u32 dead = q.owner, now;
	bool changed = false;
	int ret = futex_key_get(addr, flags, &q.key);

	if (ret)
		return ret;
	atomic_add(&pi_waiters, 1);
	futex_enqueue(&q);
	ret = get_user_u32(addr, &now);
	if (!ret)
		changed = ((now ^ word) & (FUTEX_TID_MASK | FUTEX_WAITERS)) != 0;
	if (!ret && !changed && !owner_alive(dead))
		ret = -ESRCH;
	if (!ret && !changed)
		ret = futex_sleep(&q.state, flags, deadline);
	if (futex_dequeue(&q)) {
		atomic_sub(&pi_waiters, 1);
		if (changed)
			return 1;
		return ret == -ERESTARTSYS ? -ERESTARTNOINTR : ret;
	}
	atomic_sub(&pi_waiters, 1);
	switch (q.state) {
	case FUTEX_Q_WOKEN:
		return 0;
	case FUTEX_Q_OWNER_DIED:
		return pi_inherit(addr, q.owner, tid) ? 0 : 1;
	default:
		return 1;
	}
}

long futex_lock_pi(struct uptr addr, u32 flags, s64 deadline, bool trylock)
{
	u32 tid = current->pid->nr, word = 0;
	struct futex_key key;
	long ret = futex_key_get(addr, flags, &key);

	if (ret)
		return ret;
	futex_key_drop(&key);
	for (;;) {
		ret = pi_try(addr, tid, trylock, &word);
		if (ret == 1)
			ret = pi_wait(addr, flags, tid, word, deadline);
		else if (ret == 2)
			ret = 1;
		if (ret != 1)
			return ret;
		if (fatal_pending_current())
			return -ERESTARTNOINTR;
	}
}

/* The first waiter for the key, or NULL. Caller holds the lock. */
static struct futex_q *pi_first_locked(struct futex_bucket *b, const struct futex_key *key)
{
	struct futex_q *q;

	list_for_each_entry(q, &b->list, node)
		if (q->owner && futex_key_equal(&q->key, key))
			return q;
	return NULL;
}

static void pi_set_owner_locked(struct futex_bucket *b, const struct futex_key *key, u32 owner)
{
	struct futex_q *q;

	list_for_each_entry(q, &b->list, node)
		if (q->owner && futex_key_equal(&q->key, key))
			q->owner = owner;
}

static void pi_finish(struct futex_q *q, struct task *t, enum futex_q_state state)
{
	atomic_store(&q->state, (u32)state); /* q is gone now */
	task_wake(t);
	task_put(t);
}

/* All waiters for the key look at the word again. */
static void pi_wake_all(struct futex_bucket *b, const struct futex_key *key)
{
	for (;;) {
		struct task *t = NULL;
		struct futex_q *q;

		mutex_lock(&b->lock);
		q = pi_first_locked(b, key);
		if (q) {
			t = q->task;
			task_get(t);
			futex_unlink_locked(q);
		}
		mutex_unlock(&b->lock);
		if (!q)
			return;
		pi_finish(q, t, FUTEX_Q_RETRY);
	}
}

/* Nobody waits: frees the word. 1 = it changed, look again. */
static long pi_release(struct uptr addr, struct futex_bucket *b, const struct futex_key *key, u32 cur)
{
	u32 prev;

	if (cmpxchg_user_u32(addr, cur, 0, &prev))
		return -EFAULT;
	if (prev != cur)
		return 1;
	/* One may have come between our look at the list and the change; later ones see the change. */
	atomic_fence();
	if (atomic_load_relaxed(&b->waiters))
		pi_wake_all(b, key);
	return 0;
}

/* q is off the list, t its task, referenced: write its tid and let it go. */
static long pi_hand_over(struct uptr addr, struct futex_bucket *b, const struct futex_key *key, struct futex_q *q,
			 struct task *t, u32 cur)
{
	u32 tid = cur & FUTEX_TID_MASK, prev;

	for (;;) {
		if (cmpxchg_user_u32(addr, cur, t->pid->nr | FUTEX_WAITERS, &prev)) {
			pi_finish(q, t, FUTEX_Q_RETRY);
			return -EFAULT;
		}
		if (prev == cur)
			break;
		if ((prev & FUTEX_TID_MASK) != tid) {
			pi_finish(q, t, FUTEX_Q_RETRY);
			return -EINVAL;
		}
		cur = prev;
	}
	mutex_lock(&b->lock);
	pi_set_owner_locked(b, key, t->pid->nr);
	mutex_unlock(&b->lock);
	pi_finish(q, t, FUTEX_Q_WOKEN);
	return 0;
}

long futex_unlock_pi(struct uptr addr, u32 flags)
{
	u32 tid = current->pid->nr, cur;
	struct futex_key key;
	struct futex_bucket *b;
	long ret = futex_key_get(addr, flags, &key);

	if (ret)
		return ret;
	b = futex_bucket_of(&key);
	do {
		struct task *t = NULL;
		struct futex_q *q;

		if (get_user_u32(addr, &cur)) {
			ret = -EFAULT;
			break;
		}
		if ((cur & FUTEX_TID_MASK) != tid) {
			ret = -EPERM;
			break;
		}
		mutex_lock(&b->lock);
		q = pi_first_locked(b, &key);
		if (q) {
			t = q->task;
			task_get(t);
			futex_unlink_locked(q);
		}
		mutex_unlock(&b->lock);
		ret = q ? pi_hand_over(addr, b, &key, q, t, cur) : pi_release(addr, b, &key, cur);
	} while (ret == 1 && !fatal_pending_current());
	futex_key_drop(&key);
	return ret == 1 ? -ERESTARTNOINTR : ret;
}

/*
 * One waiter of every PI futex that owner holds becomes its owner; it writes that into the word itself. The word has a
 * number only: it means who has it in the waiter's container.
 */
static bool pi_exit_one(struct futex_bucket *b, const struct pid *owner)
{
	struct futex_q *q, *first = NULL;
	struct task *t = NULL;

	mutex_lock(&b->lock);
	list_for_each_entry(q, &b->list, node) {
		if (q->owner == owner->nr && q->task->pid->ns == owner->ns) {
			first = q;
			break;
		}
	}
	if (first) {
		t = first->task;
		task_get(t);
		futex_unlink_locked(first);
		pi_set_owner_locked(b, &first->key, t->pid->nr);
	}
	mutex_unlock(&b->lock);
	if (!first)
		return false;
	pi_finish(first, t, FUTEX_Q_OWNER_DIED);
	return true;
}

/* t->robust_list_len says already that t is dead: who queues from now on sees it. */
void futex_pi_exit(struct task *t)
{
	struct futex_bucket *b;

	atomic_fence();
	if (!atomic_load(&pi_waiters))
		return;
	for (u32 i = 0; (b = futex_bucket_nth(i)); i++)
		while (atomic_load_relaxed(&b->waiters) && pi_exit_one(b, t->pid))
			;
}
