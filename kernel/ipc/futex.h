/*
 * Futexes, futex(2). See futex.c for how waiting is made safe, futex_pi.c for priority-inheriting ones.
 *
 * The functions answer as the system call does. deadline: CLOCK_MONOTONIC or CLOCK_REALTIME by `flags`, KTIME_MAX =
 * none. Guest words are read with no lock held.
 */
#ifndef LIMPET_IPC_FUTEX_H
#define LIMPET_IPC_FUTEX_H

#include "abi/linux/futex.h"
#include "core/lock.h"
#include "core/time.h"
#include "lib/list.h"
#include "mm/uaccess.h"

struct task;
struct inode;

#define FUTEX_F_SHARED 1u /* look the word up by its VMA */
#define FUTEX_F_REALTIME 2u /* the deadline's clock */

/* Names a word: of a private mapping (mm, address), of a shared file (inode, offset). */
struct futex_key {
	u64 object;
	u64 offset;
	struct inode *inode; /* NULL = object is an mm. Reference held; futex_key_drop */
};

struct futex_bucket {
	struct mutex lock; /* LOCK_FUTEX */
	u32 waiters; /* atomic: how many are, or are about to be, on the list */
	u32 pad;
	u64 seq; /* of the latest that came; written under lock, atomic */
	struct list_head list; /* futex_q.node, oldest first */
} __aligned(64);

enum futex_q_state {
	FUTEX_Q_WAITING,
	FUTEX_Q_WOKEN,
	FUTEX_Q_OWNER_DIED, /* PI: woken, the owner ended without unlocking */
	FUTEX_Q_RETRY, /* PI: woken to look at the word again */
};

/* A waiter, on its task's kernel stack or heap. Who takes it off the list sets bucket NULL, then state, and is done. */
struct futex_q {
	struct list_head node; /* under bucket->lock */
	struct futex_bucket *bucket; /* atomic; NULL = off. Changes under the locks of the old and the new one */
	struct futex_key key; /* under bucket->lock; holds its inode */
	struct task *task;
	u64 seq;
	u32 bitset;
	u32 state; /* enum futex_q_state, atomic */
	u32 owner; /* PI: tid of the owner waited for, under bucket->lock; else 0 */
};

/* task.robust_list_len of a task past futex_exit_robust: it unlocks nothing more. Exec resets the field. */
#define FUTEX_TASK_DEAD (1ull << 63)

int futex_init(void); /* at boot; 0 */

long futex_wait(struct uptr addr, u32 flags, u32 val, s64 deadline, u32 bitset);
/* As futex_wait, for the futex(2) operations: -ERESTART_RESTARTBLOCK when it has a time-out. */
long futex_wait_restartable(struct uptr addr, u32 flags, u32 val, s64 deadline, u32 bitset);
long futex_wake(struct uptr addr, u32 flags, int nr, u32 bitset);
long futex_wake_op(struct uptr addr1, u32 flags, struct uptr addr2, int nr1, int nr2, u32 op);
/* cmpval NULL = unconditional. flags2 counts for addr2. */
long futex_requeue(struct uptr addr1, u32 flags1, struct uptr addr2, u32 flags2, int nr_wake, int nr_requeue,
		   const u32 *cmpval);
/* Entries checked by the caller, in kernel memory. The index of one that was woken. */
long futex_wait_multiple(const struct futex_waitv *w, u32 n, u32 clock_flags, s64 deadline);

long futex_lock_pi(struct uptr addr, u32 flags, s64 deadline, bool trylock);
long futex_unlock_pi(struct uptr addr, u32 flags);

/*
 * Thread exit, and exec before the old address space goes: marks the robust futexes of t (the current task) as
 * FUTEX_OWNER_DIED and wakes their waiters; lets those go on who wait for PI futexes that t holds. Afterwards
 * robust_list is null and robust_list_len FUTEX_TASK_DEAD; exec sets it to 0.
 */
void futex_exit_robust(struct task *t);

/* Between futex.c, futex_pi.c and futex_robust.c. */
int futex_key_get(struct uptr addr, u32 flags, struct futex_key *key);
void futex_key_drop(struct futex_key *key);
static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}
struct futex_bucket *futex_bucket_of(const struct futex_key *key);
struct futex_bucket *futex_bucket_nth(u32 n); /* NULL behind the last */
void futex_enqueue(struct futex_q *q); /* key set: its reference is the waiter's now */
bool futex_dequeue(struct futex_q *q); /* false: somebody woke it. The key is dropped either way */
void futex_unlink_locked(struct futex_q *q);
/* Until woken (0), -ETIMEDOUT or -ERESTARTSYS; q may be woken at any time, futex_dequeue tells. */
int futex_sleep(const u32 *state, u32 flags, s64 deadline);
void futex_pi_exit(struct task *t);

#endif
