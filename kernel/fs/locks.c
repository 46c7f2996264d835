/*
 * File locks, fcntl_locking(2) and flock(2): POSIX record locks (owned by a process's descriptor table), OFD locks
 * and flock locks (owned by an open file description). They are advisory and the guest's own; the host sees none.
 *
 * inode->locks exists only while the inode has locks or waiters. Everything, the tree of who waits for whom
 * included, is under one lock: the operations are short, and deadlock detection needs the whole picture.
 * Lock order: locks_lock, then wait queues and the heap.
 */
#include "fs/locks.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/task.h"

#define LOCK_END INT64_MAX
#define DEADLOCK_DEPTH 64

struct file_lock {
	struct list_head node; /* in the context, by start for ranges of one owner */
	struct list_head all_node;
	struct inode *inode; /* pinned by the owner's file */
	const void *owner; /* struct files or struct file */
	enum lock_kind kind;
	int type;
	loff_t start, end; /* inclusive */
	u32 pid;
};

struct file_lock_ctx {
	struct list_head locks;
	struct wait_queue wait;
	u32 waiters;
};

/* A task that sleeps for a POSIX lock: an edge of the graph. */
struct lock_waiter {
	struct list_head node;
	const void *owner, *blocker;
};

static struct mutex locks_lock = MUTEX_INIT(LOCK_NOTIFY);
static struct list_head all_locks = LIST_HEAD_INIT(all_locks);
static struct list_head all_waiters = LIST_HEAD_INIT(all_waiters);

static bool same_owner(const struct file_lock *l, const struct lock_request *r)
{
	return l->kind == r->kind && l->owner == r->owner;
}

static bool overlaps(const struct file_lock *l, const struct lock_request *r)
{
	return l->start <= r->end && r->start <= l->end;
}

/* flock and record locks do not see each other; POSIX and OFD locks do. */
static bool conflicts(const struct file_lock *l, const struct lock_request *r)
{
	if ((l->kind == LOCK_KIND_FLOCK) != (r->kind == LOCK_KIND_FLOCK))
		return false;
	if (same_owner(l, r) || !overlaps(l, r))
		return false;
	return l->type == F_WRLCK || r->type == F_WRLCK;
}

static struct file_lock *find_conflict(struct file_lock_ctx *ctx, const struct lock_request *r)
{
	struct file_lock *l;

	list_for_each_entry(l, &ctx->locks, node)
		if (conflicts(l, r))
			return l;
	return NULL;
}

static void lock_unlink(struct file_lock *l)
{
	list_del(&l->node);
	list_del(&l->all_node);
	kfree(l);
}

static struct file_lock *lock_add(struct file_lock_ctx *ctx, struct file_lock *l, struct inode *inode,
				  const struct lock_request *r, loff_t start, loff_t end, int type, u32 pid)
{
	struct file_lock *at;
	struct list_head *before = &ctx->locks;

	l->inode = inode;
	l->owner = r->owner;
	l->kind = r->kind;
	l->type = type;
	l->start = start;
	l->end = end;
	l->pid = pid;
	list_for_each_entry(at, &ctx->locks, node) {
		if (at->start > start) {
			before = &at->node;
			break;
		}
	}
	list_add_tail(&l->node, before);
	list_add_tail(&l->all_node, &all_locks);
	return l;
}

static struct file_lock_ctx *ctx_get(struct inode *inode)
{
	struct file_lock_ctx *ctx = inode->locks;

	if (ctx)
		return ctx;
	ctx = kzalloc(sizeof(*ctx));
	if (!ctx)
		return NULL;
	list_init(&ctx->locks);
	wait_queue_init(&ctx->wait);
	atomic_store(&inode->locks, ctx);
	return ctx;
}

static void ctx_drop_if_idle(struct inode *inode)
{
	struct file_lock_ctx *ctx = inode->locks;

	if (!ctx || ctx->waiters || !list_empty(&ctx->locks))
		return;
	atomic_store(&inode->locks, NULL);
	kfree(ctx);
}

/*
 * Gives the owner exactly r->type on the range: what it had there is cut away, neighbours of the same type are merged.
 * spare has two nodes: a new lock, and the second half of one that is split. Used ones are NULLed.
 */
static void ctx_apply(struct file_lock_ctx *ctx, struct inode *inode, const struct lock_request *r,
		      struct file_lock *spare[2])
{
	loff_t start = r->start, end = r->end;
	struct file_lock *l, *next;

	list_for_each_entry_safe(l, next, &ctx->locks, node) {
		bool touches;

		if (!same_owner(l, r))
			continue;
		touches = r->type != F_UNLCK && l->type == r->type &&
			  (l->end == LOCK_END || l->end + 1 >= start) && (end == LOCK_END || l->start <= end + 1);
		if (touches) {
			start = min(start, l->start);
			end = max(end, l->end);
			lock_unlink(l);
			continue;
		}
		if (l->end < r->start || l->start > r->end)
			continue;
		if (l->start < r->start && l->end > r->end) {
			lock_add(ctx, spare[1], inode, r, r->end + 1, l->end, l->type, l->pid);
			spare[1] = NULL;
			l->end = r->start - 1;
		} else if (l->start < r->start) {
			l->end = r->start - 1;
		} else if (l->end > r->end) {
			/* Keeps its place well enough: order only serves merging and display. */
			l->start = r->end + 1;
		} else {
			lock_unlink(l);
		}
	}
	if (r->type != F_UNLCK) {
		lock_add(ctx, spare[0], inode, r, start, end, r->type, r->pid);
		spare[0] = NULL;
	}
	if (ctx->waiters)
		wake_up_all(&ctx->wait);
}

/* Would owner, waiting for blocker, wait for itself? */
static bool would_deadlock(const void *owner, const void *blocker)
{
	u32 depth;

	for (depth = 0; depth < DEADLOCK_DEPTH; depth++) {
		struct lock_waiter *w;
		const void *next = NULL;

		if (blocker == owner)
			return true;
		list_for_each_entry(w, &all_waiters, node) {
			if (w->owner == blocker) {
				next = w->blocker;
				break;
			}
		}
		if (!next)
			return false;
		blocker = next;
	}
	return false;
}

enum try_result { TRY_DONE, TRY_BLOCKED };

/* One attempt under the lock. Blocked: waiter's edge is brought up to date. */
static int lock_try(struct inode *inode, const struct lock_request *r, struct file_lock *spare[2], struct lock_waiter *w)
{
	struct file_lock_ctx *ctx = ctx_get(inode);
	struct file_lock *l;

	if (!ctx)
		return -ENOLCK;
	if (r->type != F_UNLCK) {
		l = find_conflict(ctx, r);
		if (l) {
			if (!r->wait)
				return -EAGAIN;
			if (r->kind == LOCK_KIND_POSIX && l->kind == LOCK_KIND_POSIX &&
			    would_deadlock(r->owner, l->owner))
				return -EDEADLK;
			w->owner = r->kind == LOCK_KIND_POSIX ? r->owner : NULL;
			w->blocker = l->kind == LOCK_KIND_POSIX ? l->owner : NULL;
			return TRY_BLOCKED;
		}
	}
	ctx_apply(ctx, inode, r, spare);
	return TRY_DONE;
}

/* Sleeps until some lock of the inode changed. The caller is counted in ctx->waiters, which keeps ctx alive. */
static int lock_sleep(struct inode *inode, const struct lock_request *r, struct file_lock *spare[2],
		      struct file_lock_ctx *ctx, struct lock_waiter *w)
{
	struct waiter waiter;
	int ret = 0, block = 0;

	waiter_init(&waiter);
	for (;;) {
		wait_prepare(&ctx->wait, &waiter);
		mutex_lock(&locks_lock);
		ret = lock_try(inode, r, spare, w);
		mutex_unlock(&locks_lock);
		if (ret != TRY_BLOCKED)
			break;
		if (block) {
			ret = block;
			break;
		}
		block = wait_block(WAIT_INTERRUPTIBLE, KTIME_MAX);
	}
	wait_remove(&waiter);
	return ret;
}

/*
 * flock(2) converts by removing the old lock first; the new one may then have to wait, or fail. True when the
 * description holds just what it asks for.
 */
static bool flock_convert(struct inode *inode, const struct lock_request *r)
{
	struct file_lock_ctx *ctx = inode->locks;
	struct file_lock *l;

	if (!ctx)
		return false;
	list_for_each_entry(l, &ctx->locks, node) {
		if (!same_owner(l, r))
			continue;
		if (l->type == r->type)
			return true;
		lock_unlink(l);
		if (ctx->waiters)
			wake_up_all(&ctx->wait);
		return false;
	}
	return false;
}

int inode_lock_set(struct inode *inode, const struct lock_request *r)
{
	struct file_lock *spare[2];
	struct lock_waiter w = { .owner = NULL };
	struct file_lock_ctx *ctx;
	int ret;

	if (r->type == F_UNLCK && !atomic_load(&inode->locks))
		return 0;
	spare[0] = kzalloc(sizeof(*spare[0]));
	spare[1] = kzalloc(sizeof(*spare[1]));
	if (!spare[0] || !spare[1]) {
		ret = -ENOLCK;
		goto out;
	}
	list_init(&w.node);
	mutex_lock(&locks_lock);
	if (r->kind == LOCK_KIND_FLOCK && flock_convert(inode, r)) {
		mutex_unlock(&locks_lock);
		ret = 0;
		goto out;
	}
	ret = lock_try(inode, r, spare, &w);
	ctx = inode->locks;
	if (ret == TRY_BLOCKED) {
		ctx->waiters++;
		list_add_tail(&w.node, &all_waiters);
		mutex_unlock(&locks_lock);
		ret = lock_sleep(inode, r, spare, ctx, &w);
		mutex_lock(&locks_lock);
		list_del(&w.node);
		ctx->waiters--;
	}
	ctx_drop_if_idle(inode);
	mutex_unlock(&locks_lock);
out:
	kfree(spare[0]);
	kfree(spare[1]);
	return ret;
}

void inode_lock_test(struct inode *inode, struct lock_request *r)
{
	struct file_lock *l = NULL;

	mutex_lock(&locks_lock);
	if (inode->locks)
		l = find_conflict(inode->locks, r);
	if (l) {
		r->type = l->type;
		r->start = l->start;
		r->end = l->end;
		r->pid = l->kind == LOCK_KIND_POSIX ? l->pid : (u32)-1;
	} else {
		r->type = F_UNLCK;
	}
	mutex_unlock(&locks_lock);
}

/* Drops all locks of an owner on an inode. */
static void locks_drop(struct inode *inode, const void *owner, bool posix)
{
	struct file_lock_ctx *ctx;
	struct file_lock *l, *next;
	bool changed = false;

	if (likely(!atomic_load(&inode->locks)))
		return;
	mutex_lock(&locks_lock);
	ctx = inode->locks;
	if (ctx) {
		list_for_each_entry_safe(l, next, &ctx->locks, node) {
			if (l->owner != owner || (l->kind == LOCK_KIND_POSIX) != posix)
				continue;
			lock_unlink(l);
			changed = true;
		}
		if (changed && ctx->waiters)
			wake_up_all(&ctx->wait);
		ctx_drop_if_idle(inode);
	}
	mutex_unlock(&locks_lock);
}

void locks_close(struct file *f, struct files *owner)
{
	locks_drop(f->inode, owner, true);
}

void locks_release(struct file *f)
{
	locks_drop(f->inode, f, false);
}

static int show_one(const struct file_lock *l, u64 n, char *buf, size_t size)
{
	static const char *const kinds[] = { "POSIX ", "OFDLCK", "FLOCK " };
	u64 dev = l->inode->sb->dev;
	char end[24];

	if (l->end == LOCK_END)
		strlcpy(end, "EOF", sizeof(end));
	else
		ksnprintf(end, sizeof(end), "%ld", l->end);
	return ksnprintf(buf, size, "%lu: %s ADVISORY  %s %d %02x:%02x:%lu %ld %s\n", n + 1, kinds[l->kind],
			 l->type == F_WRLCK ? "WRITE" : "READ ", l->kind == LOCK_KIND_OFD ? -1 : (int)l->pid,
			 MAJOR(dev), MINOR(dev), l->inode->ino, l->start, end);
}

size_t locks_show(char *buf, size_t size, u64 *n)
{
	struct file_lock *l;
	size_t used = 0;
	u64 i = 0;

	mutex_lock(&locks_lock);
	list_for_each_entry(l, &all_locks, all_node) {
		int len;

		if (i++ < *n)
			continue;
		len = show_one(l, *n, buf + used, size - used);
		if ((size_t)len >= size - used)
			break;
		used += (size_t)len;
		(*n)++;
	}
	mutex_unlock(&locks_lock);
	return used;
}
