/*
 * Numbers of tasks, process groups and sessions.
 *
 * Each PID namespace counts for itself: there is one for the sandbox's first container and one for each other container
 * that does not share it, side by side, and a process has a number in its own one only. Numbers in use are bits of a
 * map (with a summary bit a word, so that the next one in order is found fast); the struct pid of each hangs in a hash
 * table. A number is free again when no task has it and it names neither a group nor a session; the struct may live on
 * in the hands of a pidfd. All under tasklist_lock.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/container.h"
#include "proc/ns.h"
#include "proc/task.h"

#define PID_HASH_BITS 12
#define PID_RESERVED 300 /* after a turn around, low numbers are left to those who started early */
#define PID_WORDS (PID_MAX / 64)
#define NS_PID_MAX 65536u /* of a namespace made later: its map is two pages, not half a MiB */

struct mutex tasklist_lock = MUTEX_INIT(LOCK_TASKLIST);

/* Under tasklist_lock: */
static __big struct hlist_head pid_hash[1u << PID_HASH_BITS];
static __sparse u64 root_used[PID_WORDS];
static __big u64 root_summary[PID_WORDS / 64];

struct pid_ns root_pid_ns = {
	.ref = { 1 }, .ino = 0xeffffffcull, .max = PID_MAX, .used = root_used, .summary = root_summary,
};

static struct hlist_head *pid_bucket(const struct pid_ns *ns, u32 nr)
{
	return &pid_hash[hash_u64((u64)ns->id << 32 | nr) >> (32 - PID_HASH_BITS)];
}

static void pid_mark(struct pid_ns *ns, u32 nr)
{
	ns->used[nr / 64] |= 1ull << (nr % 64);
	ns->summary[nr / 4096] |= 1ull << (nr / 64 % 64);
}

static void pid_unmark(struct pid_ns *ns, u32 nr)
{
	ns->used[nr / 64] &= ~(1ull << (nr % 64));
	if (!ns->used[nr / 64])
		ns->summary[nr / 4096] &= ~(1ull << (nr / 64 % 64));
}

/* The first free number in [from, ns->max); 0 = none. */
static u32 pid_next_free(const struct pid_ns *ns, u32 from)
{
	u64 free;

	if (from >= ns->max)
		return 0;
	free = ~ns->used[from / 64] & ~0ull << (from % 64);
	for (u32 w = from / 64;; free = ~ns->used[w]) {
		if (free)
			return w * 64 + (u32)__builtin_ctzll(free);
		if (++w == ns->max / 64)
			return 0;
	}
}

/* The first number in use >= from; 0 = none. */
static u32 pid_next_used(const struct pid_ns *ns, u32 from)
{
	u32 w = from / 64, s;
	u64 bits;

	if (from >= ns->max)
		return 0;
	bits = ns->used[w] & ~0ull << (from % 64);
	if (bits)
		return w * 64 + (u32)__builtin_ctzll(bits);
	if (++w == ns->max / 64)
		return 0;
	s = w / 64;
	bits = ns->summary[s] & ~0ull << (w % 64);
	while (!bits) {
		if (++s == ns->max / 4096)
			return 0;
		bits = ns->summary[s];
	}
	w = s * 64 + (u32)__builtin_ctzll(bits);
	return w * 64 + (u32)__builtin_ctzll(ns->used[w]);
}

struct pid_ns *pid_ns_alloc(void)
{
	static u32 last_id; /* atomic */
	struct pid_ns *ns = kzalloc(sizeof(*ns));

	if (!ns)
		return NULL;
	ns->used = kcalloc(NS_PID_MAX / 64 + NS_PID_MAX / 4096, sizeof(u64));
	if (!ns->used) {
		kfree(ns);
		return NULL;
	}
	ref_init(&ns->ref);
	ns->summary = ns->used + NS_PID_MAX / 64;
	ns->max = NS_PID_MAX;
	ns->id = atomic_add(&last_id, 1u);
	ns->ino = ns_next_ino();
	return ns;
}

void pid_ns_put(struct pid_ns *ns)
{
	if (!ref_put(&ns->ref))
		return;
	kfree(ns->used);
	kfree(ns);
}

struct pid_ns *current_pid_ns(void)
{
	return current->process && current->process->pid ? current->process->pid->ns : &root_pid_ns;
}

u32 pid_nr_seen(const struct pid *p) { return p->ns == current_pid_ns() ? p->nr : 0; }

struct pid *pid_find_in(const struct pid_ns *ns, u32 nr)
{
	struct pid *p;

	mutex_assert_held(&tasklist_lock);
	hlist_for_each_entry(p, pid_bucket(ns, nr), hash)
		if (p->nr == nr && p->ns == ns)
			return p;
	return NULL;
}

struct pid *pid_find(u32 nr) { return pid_find_in(current_pid_ns(), nr); }

struct pid *pid_alloc(struct pid_ns *ns, u32 want)
{
	struct pid *p;
	u32 nr = want;

	if (want >= ns->max)
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
		nr = pid_next_free(ns, ns->last + 1);
		if (!nr)
			nr = pid_next_free(ns, PID_RESERVED);
		if (nr)
			ns->last = nr;
	} else if (ns->used[nr / 64] >> (nr % 64) & 1) {
		nr = 0;
	}
	if (nr) {
		p->nr = nr;
		p->ns = ns;
		ref_get(&ns->ref);
		pid_mark(ns, nr);
		hlist_add(&p->hash, pid_bucket(ns, nr));
	}
	mutex_unlock(&tasklist_lock);
	if (!nr) {
		kfree(p);
		return err_ptr(want ? -EEXIST : -EAGAIN);
	}
	return p;
}

u32 pid_last_used(void) { return atomic_load_relaxed(&current_pid_ns()->last); }

void pid_release_unused(struct pid *p)
{
	mutex_assert_held(&tasklist_lock);
	if (p->task || !list_empty(&p->pgrp_members) || !list_empty(&p->session_members) || hlist_unhashed(&p->hash))
		return;
	hlist_del(&p->hash);
	pid_unmark(p->ns, p->nr);
}

void pid_put(struct pid *p)
{
	if (!p || !ref_put(&p->ref))
		return;
	pid_ns_put(p->ns);
	kfree(p);
}

struct task *task_find_in(const struct pid_ns *ns, u32 tid)
{
	struct pid *p = pid_find_in(ns, tid);

	return p ? p->task : NULL;
}

struct task *task_find(u32 tid) { return task_find_in(current_pid_ns(), tid); }

struct process *process_find(u32 tgid)
{
	struct task *t = task_find(tgid);

	return t && t->process->pid == t->pid ? t->process : NULL;
}

struct task *task_next_in(const struct pid_ns *ns, u32 from)
{
	mutex_assert_held(&tasklist_lock);
	for (;;) {
		struct pid *p;

		from = pid_next_used(ns, from ? from : 1);
		if (!from)
			return NULL;
		p = pid_find_in(ns, from);
		if (p && p->task)
			return p->task;
		from++;
	}
}

struct task *task_next(u32 from) { return task_next_in(current_pid_ns(), from); }

u64 task_place(const struct task *t) { return (u64)t->pid->ns->id << 32 | t->pid->nr; }

struct task *task_next_any(u64 from)
{
	struct container *c = NULL;
	struct task *t = NULL;

	mutex_assert_held(&tasklist_lock);
	while (!t && (c = container_next(c))) {
		const struct pid_ns *ns = c->pid_ns;

		if (c->own_pids && ns->id >= from >> 32)
			t = task_next_in(ns, ns->id == from >> 32 ? (u32)from : 1);
	}
	return t;
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
