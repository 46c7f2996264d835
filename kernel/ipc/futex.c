/*
 * Futexes: waiting for a word in the program's memory to change.
 *
 * A word's key picks a hash bucket with a list of waiters. The promise of FUTEX_WAIT is that the check of the word
 * and the going to sleep are one step to every waker. Linux reads the word under the bucket's lock; here no lock may
 * be held over user memory, since the page may have to come from a disk. Instead the waiter
 *
 *   1. raises bucket.waiters and puts itself on the list (under the lock), then
 *   2. reads the word, without the lock, and
 *   3. takes itself off again when the word is not what was expected; else it sleeps.
 *
 * A waker changes the word first and looks for waiters second. If its change came before the read in 2, the waiter
 * sees it and does not sleep. If it came after, the waiter is on the list already and the waker finds it. Both
 * orders are kept by full fences: the waiter's atomic add, the waker's fence before it reads bucket.waiters. A waiter
 * that was woken between 1 and 3 answers 0 whatever the word says: it has used up a wake-up and must not lose it;
 * to the program it slept for a moment.
 *
 * Operations that compare a word before they move waiters (CMP_REQUEUE) note the bucket's seq before they read it and
 * touch only waiters that came no later: to those, word and list were compared in one moment.
 *
 * A waiter taken off a list gets its state last; from then on it may return and its memory, on its kernel stack, is
 * gone. So wakers take a reference to its task before, and wake it after the lock is free.
 */
#include "ipc/futex.h"

#include "abi/linux/errno.h"
#include "abi/linux/mman.h"
#include "core/alloc.h"
#include "core/wait.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/task.h"

#define FUTEX_BUCKETS 1024u
#define FUTEX_BATCH 16

static __big struct futex_bucket buckets[FUTEX_BUCKETS];

int futex_init(void)
{
	for (u32 i = 0; i < FUTEX_BUCKETS; i++) {
		mutex_init(&buckets[i].lock, LOCK_FUTEX);
		list_init(&buckets[i].list);
	}
	return 0;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	return &buckets[hash_u64((key->object >> 4) ^ (key->offset >> 2) * 0x2545f4914f6cdd1dull) % FUTEX_BUCKETS];
}

struct futex_bucket *futex_bucket_nth(u32 n)
{
	return n < FUTEX_BUCKETS ? &buckets[n] : NULL;
}

/*
 * The key of a word; its inode, if any, is referenced: futex_key_drop. -EINVAL when unaligned, -EFAULT.
 * Private memory looked up as shared gets the same key as when looked up as private.
 */
int futex_key_get(struct uptr addr, u32 flags, struct futex_key *key)
{
	struct mm *mm = current->mm;
	struct vma *v;
	int ret = 0;

	if (addr.addr % sizeof(u32))
		return -EINVAL;
	if (!user_range_ok(addr, sizeof(u32)))
		return -EFAULT;
	*key = (struct futex_key){ .object = (u64)mm, .offset = addr.addr };
	if (!(flags & FUTEX_F_SHARED))
		return 0;
	mutex_lock(&mm->lock);
	v = vma_find(mm, addr.addr);
	if (!v || v->start > addr.addr) {
		ret = -EFAULT;
	} else if (v->file && (v->flags & MAP_TYPE) != MAP_PRIVATE && v->file->inode) {
		key->inode = inode_get(v->file->inode);
		key->object = (u64)key->inode;
		key->offset = v->offset + (addr.addr - v->start);
	}
	mutex_unlock(&mm->lock);
	return ret;
}

void futex_key_drop(struct futex_key *key)
{
	if (key->inode)
		inode_put(key->inode);
	key->inode = NULL;
}

void futex_enqueue(struct futex_q *q)
{
	struct futex_bucket *b = futex_bucket_of(&q->key);

	q->task = current;
	q->state = FUTEX_Q_WAITING;
	atomic_add(&b->waiters, 1); /* a full fence: see the top */
	mutex_lock(&b->lock);
	q->seq = b->seq + 1;
	atomic_store(&b->seq, q->seq);
	list_add_tail(&q->node, &b->list);
	atomic_store(&q->bucket, b);
	mutex_unlock(&b->lock);
	atomic_fence();
}

/* Caller holds the bucket's lock, and sets q->state next if it wakes q. */
void futex_unlink_locked(struct futex_q *q)
{
	struct futex_bucket *b = q->bucket;

	list_del(&q->node);
	atomic_sub(&b->waiters, 1);
	atomic_store(&q->bucket, NULL);
}

bool futex_dequeue(struct futex_q *q)
{
	struct futex_bucket *b;
	bool was_on = false;

	while ((b = atomic_load(&q->bucket))) {
		mutex_lock(&b->lock);
		if (q->bucket == b) { /* not moved meanwhile */
			futex_unlink_locked(q);
			was_on = true;
		}
		mutex_unlock(&b->lock);
		if (was_on)
			break;
	}
	if (!was_on) {
		/* Off the list but its waker may still hold the lock and touch q: a few instructions. */
		while (atomic_load(&q->state) == FUTEX_Q_WAITING)
			__builtin_ia32_pause();
	}
	futex_key_drop(&q->key);
	return was_on;
}

/* The deadline on CLOCK_MONOTONIC. */
static s64 futex_deadline(u32 flags, s64 deadline)
{
	s64 left;

	if (deadline == KTIME_MAX || !(flags & FUTEX_F_REALTIME))
		return deadline;
	left = deadline - ktime_get_real();
	return left <= 0 ? 0 : ktime_add_sat(ktime_get(), left);
}

int futex_sleep(const u32 *state, u32 flags, s64 deadline)
{
	for (;;) {
		s64 until = futex_deadline(flags, deadline);
		int ret;

		task_prepare_sleep();
		if (atomic_load(state) != FUTEX_Q_WAITING)
			return 0;
		ret = wait_block(WAIT_INTERRUPTIBLE, until);
		if (ret == -ETIMEDOUT && (flags & FUTEX_F_REALTIME) && ktime_get_real() < deadline)
			continue; /* that clock was set back */
		if (ret)
			return ret;
	}
}

long futex_wait(struct uptr addr, u32 flags, u32 val, s64 deadline, u32 bitset)
{
	struct futex_q q = { .bitset = bitset };
	u32 now;
	int ret, err;

	if (!bitset)
		return -EINVAL;
	ret = futex_key_get(addr, flags, &q.key);
	if (ret)
		return ret;
	/* Faults the page in, and spares the list when the word has changed already. */
	ret = get_user_u32(addr, &now);
	if (!ret && now != val)
		ret = -EAGAIN;
	if (ret) {
		futex_key_drop(&q.key);
		return ret;
	}
	futex_enqueue(&q);
	err = get_user_u32(addr, &now);
	if (!err && now != val)
		err = -EAGAIN;
	if (!err)
		err = futex_sleep(&q.state, flags, deadline);
	return futex_dequeue(&q) ? err : 0;
}

static long futex_wait_restart(struct restart_block *r)
{
	return futex_wait_restartable(uptr(r->arg[0]), (u32)r->arg[1], (u32)r->arg[2], (s64)r->arg[3],
				      (u32)r->arg[4]);
}

long futex_wait_restartable(struct uptr addr, u32 flags, u32 val, s64 deadline, u32 bitset)
{
	struct restart_block *r = &current->restart;
	long ret = futex_wait(addr, flags, val, deadline, bitset);

	if (ret != -ERESTARTSYS || deadline == KTIME_MAX)
		return ret;
	r->func = futex_wait_restart;
	r->arg[0] = addr.addr;
	r->arg[1] = flags;
	r->arg[2] = val;
	r->arg[3] = (u64)deadline;
	r->arg[4] = bitset;
	return -ERESTART_RESTARTBLOCK;
}

/* Wakes up to nr waiters of the key that came no later than seq and share a bit; how many, or -EINVAL for PI ones. */
static long wake_key(const struct futex_key *key, int nr, u32 bitset, u64 seq)
{
	struct futex_bucket *b = futex_bucket_of(key);
	struct task *tasks[FUTEX_BATCH] __uninitialized;
	long woken = 0;
	u32 n;

	atomic_fence(); /* the program's store to the word, then our look: see the top */
	if (!atomic_load_relaxed(&b->waiters))
		return 0;
	do {
		struct futex_q *q, *next;

		n = 0;
		mutex_lock(&b->lock);
		list_for_each_entry_safe(q, next, &b->list, node) {
			if (woken >= nr || n == FUTEX_BATCH || q->seq > seq)
				break;
			if (!futex_key_equal(&q->key, key))
				continue;
			if (q->owner) {
				if (!woken)
					woken = -EINVAL;
				break;
			}
			if (!(q->bitset & bitset))
				continue;
			tasks[n] = q->task;
			task_get(tasks[n++]);
			futex_unlink_locked(q);
			atomic_store(&q->state, FUTEX_Q_WOKEN); /* q is gone now */
			woken++;
		}
		mutex_unlock(&b->lock);
		for (u32 i = 0; i < n; i++) {
			task_wake(tasks[i]);
			task_put(tasks[i]);
		}
	} while (n == FUTEX_BATCH && woken < nr);
	return woken;
}

long futex_wake(struct uptr addr, u32 flags, int nr, u32 bitset)
{
	struct futex_key key;
	long ret;

	if (!bitset)
		return -EINVAL;
	ret = futex_key_get(addr, flags, &key);
	if (ret)
		return ret;
	ret = wake_key(&key, max(nr, 1), bitset, ~0ull); /* Linux too wakes one when asked for none */
	futex_key_drop(&key);
	return ret;
}

/* op:4 cmp:4 oparg:12 cmparg:12. The old value's comparison, or -EFAULT, -ENOSYS. */
static int futex_op(struct uptr addr, u32 encoded)
{
	unsigned op = (encoded >> 28) & 7, cmp = (encoded >> 24) & 15;
	s32 arg = (s32)(encoded << 8) >> 20, cmparg = (s32)(encoded << 20) >> 20;
	u32 prev;
	s32 old;

	if ((encoded >> 28) & FUTEX_OP_OPARG_SHIFT)
		arg = (s32)(1u << (arg & 31));
	if (op > 4 || cmp > FUTEX_OP_CMP_GE)
		return -ENOSYS;
	if (atomic_op_user_u32(addr, op, (u32)arg, &prev))
		return -EFAULT;
	old = (s32)prev;
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:
		return old == cmparg;
	case FUTEX_OP_CMP_NE:
		return old != cmparg;
	case FUTEX_OP_CMP_LT:
		return old < cmparg;
	case FUTEX_OP_CMP_LE:
		return old <= cmparg;
	case FUTEX_OP_CMP_GT:
		return old > cmparg;
	default:
		return old >= cmparg;
	}
}

long futex_wake_op(struct uptr addr1, u32 flags, struct uptr addr2, int nr1, int nr2, u32 op)
{
	struct futex_key key1, key2;
	long ret, more;
	int also;

	ret = futex_key_get(addr1, flags, &key1);
	if (ret)
		return ret;
	ret = futex_key_get(addr2, flags, &key2);
	if (ret)
		goto out1;
	also = futex_op(addr2, op);
	if (also < 0) {
		ret = also;
		goto out2;
	}
	ret = wake_key(&key1, max(nr1, 1), FUTEX_BITSET_MATCH_ANY, ~0ull);
	if (ret >= 0 && also) {
		more = wake_key(&key2, max(nr2, 1), FUTEX_BITSET_MATCH_ANY, ~0ull);
		ret = more < 0 ? more : ret + more;
	}
out2:
	futex_key_drop(&key2);
out1:
	futex_key_drop(&key1);
	return ret;
}

/* Moves up to nr waiters of key1 that came no later than seq to key2; how many. */
static long move_waiters(const struct futex_key *key1, struct futex_key *key2, int nr, u64 seq)
{
	struct futex_bucket *b1 = futex_bucket_of(key1), *b2 = futex_bucket_of(key2);
	struct inode *old = key1->inode; /* the caller's reference keeps it when the waiters drop theirs */
	struct futex_q *q, *next;
	bool same = futex_key_equal(key1, key2);
	long moved = 0;

	mutex_lock_two(&b1->lock, &b2->lock);
	list_for_each_entry_safe(q, next, &b1->list, node) {
		if (moved >= nr || q->seq > seq)
			break;
		if (!futex_key_equal(&q->key, key1))
			continue;
		if (q->owner) {
			if (!moved)
				moved = -EINVAL;
			break;
		}
		moved++;
		if (same)
			continue;
		q->key = *key2;
		if (key2->inode)
			inode_get(key2->inode);
		if (old)
			ref_put(&old->ref); /* not the last */
		if (b1 != b2) {
			atomic_add(&b2->waiters, 1);
			atomic_sub(&b1->waiters, 1);
			list_move_tail(&q->node, &b2->list);
			q->seq = b2->seq + 1;
			atomic_store(&b2->seq, q->seq);
			atomic_store(&q->bucket, b2);
		}
	}
	mutex_unlock_two(&b1->lock, &b2->lock);
	return moved;
}

long futex_requeue(struct uptr addr1, u32 flags1, struct uptr addr2, u32 flags2, int nr_wake, int nr_requeue,
		   const u32 *cmpval)
{
	struct futex_key key1, key2;
	u64 seq = ~0ull;
	long ret, moved;

	if (nr_wake < 0 || nr_requeue < 0)
		return -EINVAL;
	ret = futex_key_get(addr1, flags1, &key1);
	if (ret)
		return ret;
	ret = futex_key_get(addr2, flags2, &key2);
	if (ret)
		goto out1;
	if (cmpval) {
		u32 now;

		seq = atomic_load(&futex_bucket_of(&key1)->seq);
		atomic_fence();
		ret = get_user_u32(addr1, &now);
		if (!ret && now != *cmpval)
			ret = -EAGAIN;
		if (ret)
			goto out2;
	}
	ret = nr_wake ? wake_key(&key1, nr_wake, FUTEX_BITSET_MATCH_ANY, seq) : 0;
	if (ret >= 0 && nr_requeue && atomic_load_relaxed(&futex_bucket_of(&key1)->waiters)) {
		moved = move_waiters(&key1, &key2, nr_requeue, seq);
		ret = moved < 0 ? moved : ret + moved;
	}
out2:
	futex_key_drop(&key2);
out1:
	futex_key_drop(&key1);
	return ret;
}

/* Takes all off their lists: the index of the last that was woken, or -1. */
static long dequeue_multiple(struct futex_q *q, u32 n)
{
	long woken = -1;

	for (u32 i = 0; i < n; i++)
		if (!futex_dequeue(&q[i]))
			woken = i;
	return woken;
}

static int sleep_multiple(const struct futex_q *q, u32 n, u32 flags, s64 deadline)
{
	for (;;) {
		s64 until = futex_deadline(flags, deadline);
		int ret;

		task_prepare_sleep();
		for (u32 i = 0; i < n; i++)
			if (!atomic_load(&q[i].bucket))
				return 0;
		ret = wait_block(WAIT_INTERRUPTIBLE, until);
		if (ret == -ETIMEDOUT && (flags & FUTEX_F_REALTIME) && ktime_get_real() < deadline)
			continue;
		if (ret)
			return ret;
	}
}

long futex_wait_multiple(const struct futex_waitv *w, u32 n, u32 clock_flags, s64 deadline)
{
	struct futex_q *q = kcalloc(n, sizeof(*q));
	long woken;
	int ret = 0;
	u32 i, now;

	if (!q)
		return -ENOMEM;
	for (i = 0; i < n && !ret; i++) {
		u32 flags = w[i].flags & FUTEX2_PRIVATE ? 0 : FUTEX_F_SHARED;

		ret = futex_key_get(uptr(w[i].uaddr), flags, &q[i].key);
		if (ret)
			break;
		q[i].bitset = FUTEX_BITSET_MATCH_ANY;
		futex_enqueue(&q[i]);
	}
	for (u32 k = 0; k < i && !ret; k++) {
		ret = get_user_u32(uptr(w[k].uaddr), &now);
		if (!ret && now != (u32)w[k].val)
			ret = -EAGAIN;
	}
	if (!ret)
		ret = sleep_multiple(q, n, clock_flags, deadline);
	woken = dequeue_multiple(q, i);
	kfree(q);
	return woken >= 0 ? woken : ret;
}
