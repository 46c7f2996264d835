/*
 * System V semaphores. semop tries its whole list at once under ipc_lock; when that is not possible now it sleeps on the
 * set's queue and tries again after each change of the set. SEM_UNDO: a list of adjustments per process and set,
 * applied by sem_exit.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/wait.h"
#include "ipc/sysv.h"
#include "lib/string.h"
#include "proc/task.h"

struct sem {
	u16 value;
	u16 ncnt, zcnt; /* sleepers for more, for zero */
	u16 pad;
	u32 pid; /* of the last semop */
};

struct sem_set {
	struct ipc_obj ipc;
	struct wait_queue wait; /* something changed */
	struct list_head undos; /* sem_undo.set_node */
	s64 otime, ctime;
	u32 count; /* immutable */
	struct sem sem[];
};

struct sem_undo {
	struct list_head set_node, all_node;
	struct process *process; /* only compared; gone from here before the process is */
	struct sem_set *set; /* reference held */
	int16_t adjust[];
};

static __big struct ipc_table sem_table;
/* All undo lists of the sandbox, hashed by process; under ipc_lock. Heads are made on first use. */
#define UNDO_HASH 64u
static struct list_head undo_hash[UNDO_HASH];

static struct list_head *undo_bucket(struct process *p)
{
	struct list_head *h = &undo_hash[hash_u64((u64)p) % UNDO_HASH];

	if (!h->next)
		list_init(h);
	return h;
}

static s64 now_seconds(void) { return ktime_get_real() / NSEC_PER_SEC; }

#define SEM_TOTAL_MAX 1000000u /* in all sets: they are kernel memory */
static u32 sem_total; /* atomic */

static void sem_destroy(struct ipc_obj *o)
{
	struct sem_set *s = container_of(o, struct sem_set, ipc);

	atomic_sub(&sem_total, s->count);
	kfree(s);
}

static void sem_put(struct sem_set *s)
{
	if (ref_put(&s->ipc.ref))
		sem_destroy(&s->ipc);
}

static struct ipc_obj *sem_make(const struct ipc_new *n)
{
	struct sem_set *s;

	if (!n->size)
		return err_ptr(-EINVAL);
	s = NULL;
	if (atomic_add(&sem_total, (u32)n->size) <= SEM_TOTAL_MAX)
		s = kzalloc(sizeof(*s) + n->size * sizeof(s->sem[0]));
	if (!s) {
		atomic_sub(&sem_total, (u32)n->size);
		return err_ptr(-ENOSPC);
	}
	wait_queue_init(&s->wait);
	list_init(&s->undos);
	s->count = (u32)n->size;
	s->ctime = now_seconds();
	return &s->ipc;
}

static int sem_check_locked(const struct ipc_new *n, const struct ipc_obj *o)
{
	return n->size > container_of(o, const struct sem_set, ipc)->count ? -EINVAL : 0;
}

int sem_get(s32 key, u32 count, u32 flags)
{
	const struct ipc_new n = { &sem_table, sem_make, sem_check_locked, sem_destroy, key, flags, count };

	return count > SEM_NUM_MAX ? -EINVAL : ipc_get(&n);
}

/* A referenced set that the caller may access so; err_ptr. */
static struct sem_set *sem_open(int id, u32 mode)
{
	struct ipc_obj *o;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&sem_table, id);
	err = is_err(o) ? (int)ptr_err(o) : mode ? ipc_may_locked(o, mode) : 0;
	if (!err)
		ref_get(&o->ref);
	mutex_unlock(&ipc_lock);
	return err ? err_ptr(err) : container_of(o, struct sem_set, ipc);
}

static struct sem_undo *undo_find_locked(struct process *p, struct sem_set *s)
{
	struct list_head *h = undo_bucket(p);
	struct sem_undo *u;

	list_for_each_entry(u, h, all_node) {
		if (u->process == p && u->set == s)
			return u;
	}
	return NULL;
}

bool sem_has_undo(struct process *p)
{
	struct sem_undo *u;
	bool found = false;

	mutex_lock(&ipc_lock);
	list_for_each_entry(u, undo_bucket(p), all_node)
		found |= u->process == p;
	mutex_unlock(&ipc_lock);
	return found;
}

/* The current process's undo list for s, made when missing. No lock held. NULL = no memory. */
static struct sem_undo *undo_get(struct sem_set *s)
{
	struct process *p = current->process;
	struct sem_undo *u, *new;

	mutex_lock(&ipc_lock);
	u = undo_find_locked(p, s);
	mutex_unlock(&ipc_lock);
	if (u)
		return u;
	new = kzalloc(sizeof(*new) + s->count * sizeof(new->adjust[0]));
	if (!new)
		return NULL;
	new->process = p;
	new->set = s;
	mutex_lock(&ipc_lock);
	u = undo_find_locked(p, s);
	if (!u && !s->ipc.removed) {
		ref_get(&s->ipc.ref);
		list_add(&new->set_node, &s->undos);
		list_add(&new->all_node, undo_bucket(p));
		u = new;
		new = NULL;
	}
	mutex_unlock(&ipc_lock);
	kfree(new);
	return u;
}

/* Takes an undo list out of both lists; its set's reference and memory are the caller's. */
static void undo_unlink_locked(struct sem_undo *u)
{
	list_del(&u->set_node);
	list_del(&u->all_node);
}

#define SEM_MUST_WAIT 1

/* One operation on its semaphore: 0, SEM_MUST_WAIT or -ERANGE, with nothing changed unless 0. */
static int apply_one(struct sem_set *s, const struct sembuf *op, struct sem_undo *u)
{
	struct sem *sem = &s->sem[op->num];
	int value = sem->value + op->op;

	if (!op->op)
		return sem->value ? SEM_MUST_WAIT : 0;
	if (value < 0)
		return SEM_MUST_WAIT;
	if (value > SEM_VALUE_MAX)
		return -ERANGE;
	if (op->flg & SEM_UNDO) {
		int adjust = u->adjust[op->num] - op->op;

		if (adjust < -SEM_VALUE_MAX - 1 || adjust > SEM_VALUE_MAX)
			return -ERANGE;
		u->adjust[op->num] = (int16_t)adjust;
	}
	sem->value = (u16)value;
	return 0;
}

struct sem_try {
	struct sem_set *set;
	const struct sembuf *ops;
	u32 count;
	bool undo;
	const struct sembuf *blocker; /* counted as a sleeper */
	int result;
};

static void uncount_sleeper_locked(struct sem_try *t)
{
	if (!t->blocker)
		return;
	if (t->blocker->op)
		t->set->sem[t->blocker->num].ncnt--;
	else
		t->set->sem[t->blocker->num].zcnt--;
	t->blocker = NULL;
}

/* All or nothing. SEM_MUST_WAIT, or the answer. */
static int apply_all_locked(struct sem_try *t)
{
	struct sem_set *s = t->set;
	struct sem_undo *u = NULL;
	bool changed = false;
	u32 i;
	int err = 0;

	uncount_sleeper_locked(t);
	if (s->ipc.removed)
		return -EIDRM;
	if (t->undo) {
		u = undo_find_locked(current->process, s);
		if (!u)
			return -ENOMEM; /* gone between undo_get and here: only when the process is dying */
	}
	for (i = 0; i < t->count && !err; i++) {
		err = apply_one(s, &t->ops[i], u);
		changed |= !err && t->ops[i].op;
	}
	if (!err) {
		for (i = 0; i < t->count; i++)
			s->sem[t->ops[i].num].pid = current->process->pid->nr;
		s->otime = now_seconds();
		if (changed)
			wake_up_all(&s->wait);
		return 0;
	}
	/* Take back what was done before the one that failed, i - 1. */
	if (err == SEM_MUST_WAIT && (t->ops[i - 1].flg & IPC_NOWAIT))
		err = -EAGAIN;
	if (err == SEM_MUST_WAIT) {
		t->blocker = &t->ops[i - 1];
		if (t->blocker->op)
			s->sem[t->blocker->num].ncnt++;
		else
			s->sem[t->blocker->num].zcnt++;
	}
	for (i--; i-- > 0;) {
		s->sem[t->ops[i].num].value -= t->ops[i].op;
		if (t->ops[i].op && (t->ops[i].flg & SEM_UNDO))
			u->adjust[t->ops[i].num] += t->ops[i].op;
	}
	return err;
}

static bool try_done(struct sem_try *t)
{
	mutex_lock(&ipc_lock);
	t->result = apply_all_locked(t);
	mutex_unlock(&ipc_lock);
	return t->result != SEM_MUST_WAIT;
}

int sem_op(int id, const struct sembuf *ops, u32 count, s64 deadline)
{
	struct sem_try t = { .ops = ops, .count = count };
	bool alter = false;
	int err;

	for (u32 i = 0; i < count; i++) {
		alter |= ops[i].op != 0;
		t.undo |= ops[i].op && (ops[i].flg & SEM_UNDO);
	}
	t.set = sem_open(id, 0);
	if (is_err(t.set))
		return (int)ptr_err(t.set);
	err = 0;
	for (u32 i = 0; i < count && !err; i++) {
		if (ops[i].num >= t.set->count)
			err = -EFBIG;
	}
	if (!err) {
		mutex_lock(&ipc_lock);
		err = ipc_may_locked(&t.set->ipc, alter ? 0222 : 0444);
		mutex_unlock(&ipc_lock);
	}
	if (!err && t.undo && !undo_get(t.set))
		err = t.set->ipc.removed ? -EIDRM : -ENOMEM;
	if (!err) {
		err = wait_event_full(&t.set->wait, try_done(&t), WAIT_INTERRUPTIBLE, deadline, 0);
		/* Out of time or interrupted, unless the last try came through after all. */
		if (t.result != SEM_MUST_WAIT)
			err = t.result;
		else
			err = err == -ETIMEDOUT ? -EAGAIN : -EINTR;
		mutex_lock(&ipc_lock);
		uncount_sleeper_locked(&t);
		mutex_unlock(&ipc_lock);
	}
	sem_put(t.set);
	return err;
}

int sem_stat(int id, int cmd, struct semid_ds64 *out)
{
	struct sem_set *s;
	struct ipc_obj *o;
	int ret;

	memset(out, 0, sizeof(*out));
	mutex_lock(&ipc_lock);
	o = cmd == IPC_STAT ? ipc_find_locked(&sem_table, id) : ipc_at_locked(&sem_table, id);
	ret = is_err(o) ? (int)ptr_err(o) : cmd == SEM_STAT_ANY ? 0 : ipc_may_locked(o, 0444);
	if (!ret) {
		s = container_of(o, struct sem_set, ipc);
		ipc_perm_out(o, &out->perm);
		out->otime = s->otime;
		out->ctime = s->ctime;
		out->nsems = s->count;
		ret = cmd == IPC_STAT ? 0 : o->id;
	}
	mutex_unlock(&ipc_lock);
	return ret;
}

int sem_set_perm(int id, const struct ipc_perm64 *perm)
{
	struct ipc_obj *o;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&sem_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_perm_set_locked(o, perm);
	if (!err)
		container_of(o, struct sem_set, ipc)->ctime = now_seconds();
	mutex_unlock(&ipc_lock);
	return err;
}

int sem_remove(int id)
{
	struct sem_set *s = NULL;
	struct ipc_obj *o;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&sem_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_owner_locked(o);
	if (!err) {
		s = container_of(o, struct sem_set, ipc);
		ipc_remove_locked(&sem_table, o);
		while (!list_empty(&s->undos)) {
			struct sem_undo *u = list_first_entry(&s->undos, struct sem_undo, set_node);

			undo_unlink_locked(u);
			kfree(u);
			(void)ref_put(&s->ipc.ref); /* not the last: the table's is still ours */
		}
		wake_up_all(&s->wait);
	}
	mutex_unlock(&ipc_lock);
	if (s)
		sem_put(s);
	return err;
}

int sem_query(int id, u32 num, int cmd)
{
	struct sem_set *s = sem_open(id, 0444);
	int ret;

	if (is_err(s))
		return (int)ptr_err(s);
	mutex_lock(&ipc_lock);
	if (num >= s->count)
		ret = -EINVAL;
	else if (s->ipc.removed)
		ret = -EIDRM;
	else if (cmd == GETVAL)
		ret = s->sem[num].value;
	else if (cmd == GETPID)
		ret = (int)s->sem[num].pid;
	else
		ret = cmd == GETNCNT ? s->sem[num].ncnt : s->sem[num].zcnt;
	mutex_unlock(&ipc_lock);
	sem_put(s);
	return ret;
}

/* A value set from outside: nobody undoes what was before it. */
static void set_value_locked(struct sem_set *s, u32 num, u16 value)
{
	struct sem_undo *u;

	list_for_each_entry(u, &s->undos, set_node)
		u->adjust[num] = 0;
	s->sem[num].value = value;
	s->sem[num].pid = current->process->pid->nr;
}

int sem_set_value(int id, u32 num, int value)
{
	struct sem_set *s = sem_open(id, 0222);
	int err = 0;

	if (is_err(s))
		return (int)ptr_err(s);
	mutex_lock(&ipc_lock);
	if (num >= s->count)
		err = -EINVAL;
	else if (value < 0 || value > SEM_VALUE_MAX)
		err = -ERANGE;
	else if (s->ipc.removed)
		err = -EIDRM;
	if (!err) {
		set_value_locked(s, num, (u16)value);
		s->ctime = now_seconds();
		wake_up_all(&s->wait);
	}
	mutex_unlock(&ipc_lock);
	sem_put(s);
	return err;
}

int sem_count(int id, u32 mode)
{
	struct sem_set *s = sem_open(id, mode);
	int n;

	if (is_err(s))
		return (int)ptr_err(s);
	n = (int)s->count;
	sem_put(s);
	return n;
}

static int sem_all(int id, u16 *get, const u16 *set, u32 count)
{
	struct sem_set *s = sem_open(id, set ? 0222 : 0444);
	int err = 0;

	if (is_err(s))
		return (int)ptr_err(s);
	mutex_lock(&ipc_lock);
	if (count != s->count)
		err = -EINVAL;
	else if (s->ipc.removed)
		err = -EIDRM;
	for (u32 i = 0; set && !err && i < count; i++)
		err = set[i] > SEM_VALUE_MAX ? -ERANGE : 0;
	for (u32 i = 0; !err && i < count; i++) {
		if (get)
			get[i] = s->sem[i].value;
		else
			set_value_locked(s, i, set[i]);
	}
	if (!err && set) {
		s->ctime = now_seconds();
		wake_up_all(&s->wait);
	}
	mutex_unlock(&ipc_lock);
	sem_put(s);
	return err;
}

int sem_get_all(int id, u16 *values, u32 count) { return sem_all(id, values, NULL, count); }
int sem_set_all(int id, const u16 *values, u32 count) { return sem_all(id, NULL, values, count); }

int sem_info(u32 *sets, u32 *sems)
{
	int top;

	*sems = 0;
	mutex_lock(&ipc_lock);
	*sets = sem_table.count;
	for (u32 i = 0; i < sem_table.top; i++) {
		if (sem_table.obj[i])
			*sems += container_of(sem_table.obj[i], struct sem_set, ipc)->count;
	}
	top = sem_table.top ? (int)sem_table.top - 1 : 0;
	mutex_unlock(&ipc_lock);
	return top;
}

static void undo_apply_locked(struct sem_undo *u, u32 pid)
{
	struct sem_set *s = u->set;

	for (u32 i = 0; i < s->count; i++) {
		int value = s->sem[i].value + u->adjust[i];

		if (!u->adjust[i])
			continue;
		/* What does not fit is done as far as it goes. */
		s->sem[i].value = (u16)(value < 0 ? 0 : value > SEM_VALUE_MAX ? SEM_VALUE_MAX : value);
		s->sem[i].pid = pid;
	}
	s->otime = now_seconds();
	wake_up_all(&s->wait);
}

void sem_exit(struct process *p)
{
	for (;;) {
		struct sem_undo *u, *mine = NULL;

		mutex_lock(&ipc_lock);
		list_for_each_entry(u, undo_bucket(p), all_node) {
			if (u->process == p) {
				mine = u;
				break;
			}
		}
		if (mine) {
			undo_unlink_locked(mine);
			undo_apply_locked(mine, p->pid->nr);
		}
		mutex_unlock(&ipc_lock);
		if (!mine)
			return;
		sem_put(mine->set);
		kfree(mine);
	}
}
