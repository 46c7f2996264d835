/*
 * inotify(7).
 *
 * group: an inotify descriptor with its queue of events and its watches.
 * watch: one inode in one group. Hangs on the inode (inode.marks) and on the group; references the inode, and for a
 *        directory its dentry too: an event on a name finds the watches of the name's parent by comparing dentries,
 *        so that the file's parent needs no reference and no lock.
 *
 * Cost when nobody watches anything: one load in fs_notify. When somebody watches something else: the inode's marks
 * and one counter of a small table indexed by the parent's dentry.
 *
 * One lock (inotify_lock) guards all watches and queues; events are rare against the calls that could cause them.
 * fs_notify may be called with directories' inode locks held; it may not drop the last reference to an inode or
 * dentry there, so dead watches wait in a list until the next inotify call of anybody.
 */
#include "abi/linux/inotify.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "fs/event/event.h"
#include "lib/string.h"
#include "proc/task.h"

#define INOTIFY_MAX_QUEUED 16384u
#define INOTIFY_MAX_INSTANCES 128u /* of a user */
#define INOTIFY_MAX_WATCHES 65536u
#define INOTIFY_KEEP (IN_ALL_EVENTS | IN_UNMOUNT | IN_EXCL_UNLINK | IN_ONESHOT) /* of a watch's mask */
#define INOTIFY_NAMES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO) /* news of a directory only */
#define INOTIFY_SELF (IN_DELETE_SELF | IN_MOVE_SELF)
#define INOTIFY_DIRS 256u
#define INOTIFY_MOVES 16u

struct inotify_user {
	struct list_head node;
	u32 uid, groups, watches;
};

struct inotify_group {
	struct list_head events; /* inotify_queued.node */
	u32 queued;
	bool overflowed; /* its event is in the queue */
	size_t bytes; /* what reading all would give */
	struct list_head watches; /* inotify_watch.group_node */
	int last_wd;
	struct inotify_user *user;
	struct wait_queue wait;
};

struct inotify_queued {
	struct list_head node;
	struct inotify_event ev;
	char name[]; /* ev.len bytes, padded with zeros */
};

struct inotify_watch {
	struct list_head group_node, inode_node, dir_node;
	struct inotify_group *group;
	struct inode *inode; /* reference held */
	struct dentry *dentry; /* of a directory, reference held; else NULL */
	u32 mask;
	int wd;
};

struct inotify_marks {
	struct list_head watches; /* inotify_watch.inode_node */
};

/* MOVED_FROM and MOVED_TO of one rename come as two calls of one task. */
struct inotify_move {
	struct task *task;
	struct inode *inode;
	u32 cookie;
};

static struct mutex inotify_lock = MUTEX_INIT(LOCK_NOTIFY); /* guards everything below, and marks of all inodes */
static struct list_head users = LIST_HEAD_INIT(users);
static struct list_head dead_watches = LIST_HEAD_INIT(dead_watches); /* inotify_watch.group_node */
static struct list_head dirs[INOTIFY_DIRS]; /* inotify_watch.dir_node; initialised on first use */
static u32 dir_count[INOTIFY_DIRS]; /* of the above; read without the lock */
static u32 watch_count; /* read without the lock */
static u32 last_cookie;
static struct inotify_move moves[INOTIFY_MOVES];
static u32 next_move;

/* The name cache's lock (fs/dcache.c): a dentry's parent and name change under it. Outside of inotify_lock. */
extern struct mutex dcache_lock;

static const struct file_ops inotify_ops;

static u32 dir_slot(const struct dentry *d)
{
	return hash_u64((u64)d >> 4) % INOTIFY_DIRS;
}

/* Events. All with inotify_lock held. */

static size_t event_size(const struct inotify_queued *q)
{
	return sizeof(q->ev) + q->ev.len;
}

static void queue_put_locked(struct inotify_group *g, struct inotify_queued *q)
{
	list_add_tail(&q->node, &g->events);
	g->queued++;
	g->bytes += event_size(q);
	wake_up_poll(&g->wait, POLLIN | POLLRDNORM);
}

static struct inotify_queued *queue_new(int wd, u32 mask, u32 cookie, const char *name, u32 len)
{
	u32 padded = len ? ALIGN_UP(len + 1, (u32)sizeof(struct inotify_event)) : 0;
	struct inotify_queued *q = kzalloc(sizeof(*q) + padded);

	if (!q)
		return NULL;
	q->ev = (struct inotify_event){ .wd = wd, .mask = mask, .cookie = cookie, .len = padded };
	memcpy(q->name, name, len);
	return q;
}

static void queue_overflow_locked(struct inotify_group *g)
{
	struct inotify_queued *q;

	if (g->overflowed)
		return;
	q = queue_new(-1, IN_Q_OVERFLOW, 0, "", 0);
	if (!q)
		return;
	g->overflowed = true;
	queue_put_locked(g, q);
}

/* Two equal events in a row are one. */
static bool queue_repeats_locked(struct inotify_group *g, const struct inotify_queued *q)
{
	struct inotify_queued *last;

	if (list_empty(&g->events))
		return false;
	last = list_entry(g->events.prev, struct inotify_queued, node);
	return !(last->ev.mask & IN_IGNORED) && last->ev.mask == q->ev.mask && last->ev.wd == q->ev.wd &&
	       last->ev.len == q->ev.len && !memcmp(last->name, q->name, q->ev.len);
}

static void queue_event_locked(struct inotify_group *g, int wd, u32 mask, u32 cookie, const char *name, u32 len)
{
	struct inotify_queued *q;

	if (g->queued >= INOTIFY_MAX_QUEUED) {
		queue_overflow_locked(g);
		return;
	}
	q = queue_new(wd, mask, cookie, name, len);
	if (!q) {
		queue_overflow_locked(g); /* something was lost: say so */
		return;
	}
	if (queue_repeats_locked(g, q))
		kfree(q);
	else
		queue_put_locked(g, q);
}

/* Watches. */

/* Takes it off everything but its references; they are dropped by watches_reap. */
static void watch_kill_locked(struct inotify_watch *w)
{
	struct inotify_marks *marks = w->inode->marks;

	list_del(&w->inode_node);
	if (list_empty(&marks->watches)) {
		atomic_store(&w->inode->marks, NULL);
		kfree(marks);
	}
	if (w->dentry) {
		u32 slot = dir_slot(w->dentry);

		list_del(&w->dir_node);
		atomic_store(&dir_count[slot], dir_count[slot] - 1);
	}
	w->group->user->watches--;
	atomic_store(&watch_count, watch_count - 1);
	list_move_tail(&w->group_node, &dead_watches);
}

static void watch_remove_locked(struct inotify_watch *w)
{
	queue_event_locked(w->group, w->wd, IN_IGNORED, 0, "", 0);
	watch_kill_locked(w);
}

/* Drops what dead watches hold. With no lock held. */
static void watches_reap(void)
{
	struct inotify_watch *w, *next;
	struct list_head dead;

	list_init(&dead);
	mutex_lock(&inotify_lock);
	list_splice_tail_init(&dead_watches, &dead);
	mutex_unlock(&inotify_lock);
	list_for_each_entry_safe(w, next, &dead, group_node) {
		if (w->dentry)
			dentry_put(w->dentry);
		inode_put(w->inode);
		kfree(w);
	}
}

static void watch_notify_locked(struct inotify_watch *w, u32 mask, u32 cookie, const char *name, u32 len)
{
	u32 told = mask;

	if (!(mask & w->mask & (IN_ALL_EVENTS | IN_UNMOUNT)))
		return;
	if (mask & INOTIFY_SELF)
		told &= ~IN_ISDIR;
	queue_event_locked(w->group, w->wd, told, cookie, name, len);
	if (w->mask & IN_ONESHOT)
		watch_remove_locked(w);
}

static u32 move_cookie_locked(struct inode *inode, u32 mask)
{
	struct inotify_move *m;

	if (mask & IN_MOVED_FROM) {
		m = &moves[next_move++ % INOTIFY_MOVES];
		*m = (struct inotify_move){ current, inode, ++last_cookie };
		return m->cookie;
	}
	if (mask & IN_MOVED_TO) {
		for (u32 i = 0; i < INOTIFY_MOVES; i++) {
			m = &moves[i];
			if (m->task == current && m->inode == inode) {
				m->task = NULL;
				return m->cookie;
			}
		}
		return ++last_cookie;
	}
	return 0;
}

static void notify_parent(struct inode *inode, struct dentry *dentry, u32 mask)
{
	struct inotify_watch *w, *next;
	u32 slot, cookie;

	mutex_lock(&dcache_lock);
	mutex_lock(&inotify_lock);
	cookie = move_cookie_locked(inode, mask);
	slot = dir_slot(dentry->parent);
	if (dentry->parent != dentry && dir_count[slot]) {
		list_for_each_entry_safe(w, next, &dirs[slot], dir_node) {
			if (w->dentry != dentry->parent)
				continue;
			if ((w->mask & IN_EXCL_UNLINK) && dentry->unhashed && !(mask & INOTIFY_NAMES))
				continue;
			watch_notify_locked(w, mask, cookie, dentry->name.name, dentry->name.len);
		}
	}
	mutex_unlock(&inotify_lock);
	mutex_unlock(&dcache_lock);
}

static void notify_self(struct inode *inode, u32 mask)
{
	struct inotify_watch *w, *next;
	struct inotify_marks *marks;

	mutex_lock(&inotify_lock);
	marks = inode->marks;
	if (marks) {
		/* A oneshot watch may be the last and take marks with it: look at the list's end through next only. */
		struct list_head *head = &marks->watches;
		bool last = false;

		for (w = list_first_entry(head, struct inotify_watch, inode_node); !last; w = next) {
			next = list_entry(w->inode_node.next, struct inotify_watch, inode_node);
			last = &next->inode_node == head;
			if (mask & (IN_DELETE_SELF | IN_UNMOUNT)) {
				u32 was = w->mask;

				w->mask &= ~IN_ONESHOT;
				watch_notify_locked(w, mask, 0, "", 0);
				w->mask = was;
				watch_remove_locked(w);
			} else {
				watch_notify_locked(w, mask, 0, "", 0);
			}
		}
	}
	mutex_unlock(&inotify_lock);
}

void fs_notify(struct inode *inode, struct dentry *dentry, u32 mask)
{
	if (likely(!atomic_load_relaxed(&watch_count)))
		return;
	if (inode && S_ISDIR_(inode->mode))
		mask |= IN_ISDIR;
	if (dentry && !(mask & INOTIFY_SELF) &&
	    ((mask & (IN_MOVED_FROM | IN_MOVED_TO)) ||
	     atomic_load_relaxed(&dir_count[dir_slot(atomic_load_relaxed(&dentry->parent))])))
		notify_parent(inode, dentry, mask);
	if (inode && !(mask & INOTIFY_NAMES) && atomic_load(&inode->marks))
		notify_self(inode, mask);
}

/* The descriptor. */

static struct inotify_queued *queue_take(struct inotify_group *g, size_t room, int *err)
{
	struct inotify_queued *q;

	*err = 0;
	mutex_lock(&inotify_lock);
	q = list_first_entry_or_null(&g->events, struct inotify_queued, node);
	if (q && event_size(q) > room) {
		*err = -EINVAL;
		q = NULL;
	}
	if (q) {
		list_del(&q->node);
		g->queued--;
		g->bytes -= event_size(q);
		if (q->ev.mask & IN_Q_OVERFLOW)
			g->overflowed = false;
	}
	mutex_unlock(&inotify_lock);
	return q;
}

static ssize_t inotify_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct inotify_group *g = f->priv;
	ssize_t done = 0;

	watches_reap();
	for (;;) {
		int err, ret;
		struct inotify_queued *q = queue_take(g, to->resid, &err);
		size_t size, copied;

		if (!q && (err || done))
			return done ? done : err;
		if (!q) {
			if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
				return -EAGAIN;
			ret = wait_event(&g->wait, (q = queue_take(g, to->resid, &err)) || err);
			if (ret)
				return ret;
			if (!q)
				return err;
		}
		size = event_size(q);
		copied = uio_copy_to(to, &q->ev, size);
		kfree(q);
		if (copied != size)
			return done ? done : -EFAULT;
		done += (ssize_t)size;
	}
}

static u32 inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify_group *g = f->priv;
	u32 events;

	poll_wait(pt, &g->wait);
	mutex_lock(&inotify_lock);
	events = g->queued ? POLLIN | POLLRDNORM : 0;
	mutex_unlock(&inotify_lock);
	return events;
}

static long inotify_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct inotify_group *g = f->priv;
	u32 bytes;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&inotify_lock);
	bytes = (u32)g->bytes;
	mutex_unlock(&inotify_lock);
	return copy_out(uptr(arg), &bytes, sizeof(bytes));
}

/* Caller holds inotify_lock. */
static void user_put_locked(struct inotify_user *u)
{
	if (--u->groups)
		return;
	list_del(&u->node);
	kfree(u);
}

static void inotify_release(struct file *f)
{
	struct inotify_group *g = f->priv;
	struct inotify_queued *q, *nq;
	struct inotify_watch *w, *nw;

	mutex_lock(&inotify_lock);
	list_for_each_entry_safe(w, nw, &g->watches, group_node)
		watch_kill_locked(w);
	user_put_locked(g->user);
	mutex_unlock(&inotify_lock);
	list_for_each_entry_safe(q, nq, &g->events, node)
		kfree(q);
	kfree(g);
	watches_reap();
}

static int inotify_fdinfo(struct file *f, char *buf, size_t size)
{
	struct inotify_group *g = f->priv;
	struct inotify_watch *w;
	size_t len = 0;

	mutex_lock(&inotify_lock);
	list_for_each_entry(w, &g->watches, group_node) {
		len += ksnprintf(buf + len, size - len, "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0 \n",
				 w->wd, (unsigned long long)w->inode->ino,
				 (unsigned long long)(w->inode->sb ? w->inode->sb->dev : 0), w->mask & IN_ALL_EVENTS);
		if (len >= size)
			break;
	}
	mutex_unlock(&inotify_lock);
	return (int)min(len, size);
}

static const struct file_ops inotify_ops = {
	.name = "inotify",
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
	.async_by_poll = true,
	.show_fdinfo = inotify_fdinfo,
};

/* Caller holds inotify_lock. One more group of the user; err_ptr. */
static struct inotify_user *user_get_locked(u32 uid)
{
	struct inotify_user *u;

	list_for_each_entry(u, &users, node) {
		if (u->uid != uid)
			continue;
		if (u->groups >= INOTIFY_MAX_INSTANCES)
			return err_ptr(-EMFILE);
		u->groups++;
		return u;
	}
	u = kzalloc(sizeof(*u));
	if (!u)
		return err_ptr(-ENOMEM);
	u->uid = uid;
	u->groups = 1;
	list_add(&u->node, &users);
	return u;
}

int inotify_create(u32 flags)
{
	struct inotify_group *g;
	struct inotify_user *u;
	struct file *f;

	if (flags & ~(IN_NONBLOCK | IN_CLOEXEC))
		return -EINVAL;
	g = kzalloc(sizeof(*g));
	if (!g)
		return -ENOMEM;
	list_init(&g->events);
	list_init(&g->watches);
	wait_queue_init(&g->wait);
	mutex_lock(&inotify_lock);
	u = user_get_locked(current->cred->uid);
	mutex_unlock(&inotify_lock);
	if (is_err(u)) {
		kfree(g);
		return (int)ptr_err(u);
	}
	g->user = u;
	f = file_alloc_anon("inotify", &inotify_ops, g, O_RDONLY | (flags & IN_NONBLOCK), 0);
	if (is_err(f)) {
		mutex_lock(&inotify_lock);
		user_put_locked(u);
		mutex_unlock(&inotify_lock);
		kfree(g);
	}
	return fd_install_new(f, flags & IN_CLOEXEC);
}

static int inotify_get_file(int fd, struct file **out)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	if (f->ops != &inotify_ops) {
		file_put(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

static int next_wd_locked(struct inotify_group *g)
{
	g->last_wd = g->last_wd == INT32_MAX ? 1 : g->last_wd + 1;
	return g->last_wd;
}

/* Hangs w on its inode, dentry and group. */
static int watch_attach_locked(struct inotify_group *g, struct inotify_watch *w)
{
	struct inotify_marks *marks = w->inode->marks;

	if (g->user->watches >= INOTIFY_MAX_WATCHES)
		return -ENOSPC;
	if (!marks) {
		marks = kzalloc(sizeof(*marks));
		if (!marks)
			return -ENOMEM;
		list_init(&marks->watches);
		atomic_store(&w->inode->marks, marks);
	}
	list_add_tail(&w->inode_node, &marks->watches);
	if (w->dentry) {
		u32 slot = dir_slot(w->dentry);

		if (!dirs[slot].next)
			list_init(&dirs[slot]);
		list_add_tail(&w->dir_node, &dirs[slot]);
		atomic_store(&dir_count[slot], dir_count[slot] + 1);
	}
	w->group = g;
	w->wd = next_wd_locked(g);
	list_add_tail(&w->group_node, &g->watches);
	g->user->watches++;
	atomic_store(&watch_count, watch_count + 1);
	return w->wd;
}

static struct inotify_watch *watch_find_locked(struct inotify_group *g, struct inode *inode)
{
	struct inotify_watch *w;

	if (!inode->marks)
		return NULL;
	list_for_each_entry(w, &inode->marks->watches, inode_node)
		if (w->group == g)
			return w;
	return NULL;
}

static int watch_set(struct inotify_group *g, const struct path *path, u32 mask)
{
	struct inode *inode = path->dentry->inode;
	struct inotify_watch *w, *new = kzalloc(sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	list_init(&new->group_node);
	list_init(&new->inode_node);
	list_init(&new->dir_node);
	new->mask = mask & INOTIFY_KEEP;
	new->inode = inode_get(inode);
	new->dentry = S_ISDIR_(inode->mode) ? dentry_get(path->dentry) : NULL;
	mutex_lock(&inotify_lock);
	w = watch_find_locked(g, inode);
	if (w && (mask & IN_MASK_CREATE)) {
		ret = -EEXIST;
	} else if (w) {
		w->mask = (mask & IN_MASK_ADD ? w->mask : 0) | new->mask;
		ret = w->wd;
	} else {
		ret = watch_attach_locked(g, new);
		if (ret >= 0)
			new = NULL;
	}
	mutex_unlock(&inotify_lock);
	if (new) {
		if (new->dentry)
			dentry_put(new->dentry);
		inode_put(new->inode);
		kfree(new);
	}
	return ret;
}

int inotify_watch_add(int fd, struct uptr name, u32 mask)
{
	u32 flags = (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0);
	struct path path;
	struct file *f;
	int ret;

	/* As Linux has it: any bit of events or flags will do, also flags alone. */
	if (!(mask & (INOTIFY_KEEP | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD | IN_ISDIR | IN_Q_OVERFLOW | IN_IGNORED |
		      IN_MASK_CREATE)))
		return -EINVAL;
	ret = inotify_get_file(fd, &f);
	if (ret)
		return ret;
	watches_reap();
	ret = -EINVAL;
	if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE))
		goto out;
	ret = path_lookup_user(AT_FDCWD, name, flags, &path);
	if (ret)
		goto out;
	ret = path.dentry->inode ? inode_permission(path.dentry->inode, MAY_READ) : -ENOENT;
	if (!ret)
		ret = watch_set(f->priv, &path, mask);
	path_put(&path);
out:
	file_put(f);
	return ret;
}

int inotify_watch_remove(int fd, int wd)
{
	struct inotify_group *g;
	struct inotify_watch *w;
	struct file *f;
	int ret = inotify_get_file(fd, &f);

	if (ret)
		return ret;
	g = f->priv;
	ret = -EINVAL;
	mutex_lock(&inotify_lock);
	list_for_each_entry(w, &g->watches, group_node) {
		if (w->wd == wd) {
			watch_remove_locked(w);
			ret = 0;
			break;
		}
	}
	mutex_unlock(&inotify_lock);
	watches_reap();
	file_put(f);
	return ret;
}
