/*
 * Numbers of tasks, process groups and sessions.
 *
 * Numbers in use are bits of a map (with a summary bit a word, so that the next one in order is found fast); the
 * struct pid of each hangs in a hash table. A number is free again when no task has it and it names neither a
 * group nor a session; the struct may live on in the hands of a pidfd. All under tasklist_lock.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/task.h"

#define PID_HASH_BITS 12
#define PID_RESERVED 300 /* after a turn around, low numbers are left to those who started early */
#define PID_WORDS (PID_MAX / 64)
#define SUMMARY_WORDS (PID_WORDS / 64)

struct mutex tasklist_lock = MUTEX_INIT(LOCK_TASKLIST);

/* Under tasklist_lock: */
static __big struct hlist_head pid_hash[1u << PID_HASH_BITS];
static __big u64 pid_used[PID_WORDS];
static __big u64 pid_summary[SUMMARY_WORDS]; /* bit n: pid_used[n] is not 0 */
static u32 pid_last;

static struct hlist_head *pid_bucket(u32 nr)
{
	return &pid_hash[hash_u64(nr) >> (32 - PID_HASH_BITS)];
}

static void pid_mark(u32 nr)
{
	pid_used[nr / 64] |= 1ull << (nr % 64);
	pid_summary[nr / 4096] |= 1ull << (nr / 64 % 64);
}

static void pid_unmark(u32 nr)
{
	pid_used[nr / 64] &= ~(1ull << (nr % 64));
	if (!pid_used[nr / 64])
		pid_summary[nr / 4096] &= ~(1ull << (nr / 64 % 64));
}

/* The first free number in [from, PID_MAX); 0 = none. */
static u32 pid_next_free(u32 from)
{
	u64 free;

	if (from >= PID_MAX)
		return 0;
	free = ~pid_used[from / 64] & ~0ull << (from % 64);
	for (u32 w = from / 64;; free = ~pid_used[w]) {
		if (free)
			return w * 64 + (u32)__builtin_ctzll(free);
		if (++w == PID_WORDS)
			return 0;
	}
}

/* The first number in use >= from; 0 = none. */
static u32 pid_next_used(u32 from)
{
	u32 w = from / 64, s;
	u64 bits;

	if (from >= PID_MAX)
		return 0;
	bits = pid_used[w] & ~0ull << (from % 64);
	if (bits)
		return w * 64 + (u32)__builtin_ctzll(bits);
	if (++w == PID_WORDS)
		return 0;
	s = w / 64;
	bits = pid_summary[s] & ~0ull << (w % 64);
	while (!bits) {
		if (++s == SUMMARY_WORDS)
			return 0;
		bits = pid_summary[s];
	}
	w = s * 64 + (u32)__builtin_ctzll(bits);
	return w * 64 + (u32)__builtin_ctzll(pid_used[w]);
}

struct pid *pid_find(u32 nr)
{
	struct pid *p;

	mutex_assert_held(&tasklist_lock);
	hlist_for_each_entry(p, pid_bucket(nr), hash)
		if (p->nr == nr)
			return p;
	return NULL;
}

struct pid *pid_alloc(u32 want)
{
	struct pid *p;
	u32 nr = want;

	if (want >= PID_MAX)
		return err_ptr(-EINVAL);
	p = kzalloc(sizeof(*p));
	if (!p)
		return err_ptr(-ENOMEM);
	ref_init(&p->ref);
	list_init(&p->pgrp_members);
	list_init(&p->session_members);
	wait_queue_init(&p->exit_wait);

	mutex_lock(&tasklist_lock);
	if (!want) {
		nr = pid_next_free(pid_last + 1);
		if (!nr)
			nr = pid_next_free(PID_RESERVED);
		if (nr)
			pid_last = nr;
	} else if (pid_used[nr / 64] >> (nr % 64) & 1) {
		nr = 0;
	}
	if (nr) {
		p->nr = nr;
		pid_mark(nr);
		hlist_add(&p->hash, pid_bucket(nr));
	}
	mutex_unlock(&tasklist_lock);
	if (!nr) {
		kfree(p);
		return err_ptr(want ? -EEXIST : -EAGAIN);
	}
	return p;
}

u32 pid_last_used(void) { return atomic_load_relaxed(&pid_last); }

void pid_release_unused(struct pid *p)
{
	mutex_assert_held(&tasklist_lock);
	if (p->task || !list_empty(&p->pgrp_members) || !list_empty(&p->session_members) || hlist_unhashed(&p->hash))
		return;
	hlist_del(&p->hash);
	pid_unmark(p->nr);
}

void pid_put(struct pid *p)
{
	if (p && ref_put(&p->ref))
		kfree(p);
}

struct task *task_find(u32 tid)
{
	struct pid *p = pid_find(tid);

	return p ? p->task : NULL;
}

struct process *process_find(u32 tgid)
{
	struct task *t = task_find(tgid);

	return t && t->process->pid == t->pid ? t->process : NULL;
}

struct task *task_next(u32 from)
{
	mutex_assert_held(&tasklist_lock);
	for (;;) {
		struct task *t;

		from = pid_next_used(from ? from : 1);
		if (!from)
			return NULL;
		t = task_find(from);
		if (t)
			return t;
		from++;
	}
}

struct task *task_lookup(u32 tid)
{
	struct task *t;

	mutex_lock(&tasklist_lock);
	t = task_find(tid);
	if (t)
		task_get(t);
	mutex_unlock(&tasklist_lock);
	return t;
}

struct process *process_lookup(u32 tgid)
{
	struct process *p;

	mutex_lock(&tasklist_lock);
	p = process_find(tgid);
	if (p)
		process_get(p);
	mutex_unlock(&tasklist_lock);
	return p;
}
