/*
 * Descriptors in flight: counts and limits, and the collection of sockets that only messages refer to.
 *
 * A socket whose file is referenced by messages only may still be received through another socket. The collector
 * takes all sockets with as many references as messages that carry them (candidates), subtracts what is carried by
 * the candidates' own queues, and gives it back for all that are then still carried from outside, and for what
 * those carry. What is left carries only itself: the messages that hold it there are freed, which closes it.
 *
 * All of it runs under gc_lock, so do counting a message's descriptors in and out. A receiver counts out before it
 * gives the file to a program; hence nobody comes to hold a candidate while the collector looks at it.
 */
#include "net/unix/unix.h"

#include "abi/linux/capability.h"

#define GC_TRIGGER 16000u /* in flight: a sender collects first */
#define USER_BUCKETS 32u

struct inflight_user {
	struct hlist_node node;
	u32 uid;
	u64 count;
};

/* Taken before any unix_sock.lock; guards all to the next blank line. */
static struct mutex gc_lock = MUTEX_INIT(LOCK_SOCK);
static struct list_head inflight = LIST_HEAD_INIT(inflight); /* unix_sock.gc_node, all that messages carry */
static u32 total; /* sockets in flight, each as often as carried; atomic */
static struct hlist_head users[USER_BUCKETS];

static struct mutex later_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head later = LIST_HEAD_INIT(later); /* unix_fds whose sockets are to be closed; under later_lock */
static struct task *closer; /* who does that now; under later_lock */
static bool gc_wanted; /* atomic */

static void unix_gc_run(void);

static struct unix_sock *unix_of_file(struct file *f)
{
	struct socket *s = f ? socket_of(f) : NULL;

	return s && s->family == AF_UNIX ? unix_of(s) : NULL;
}

static struct inflight_user *user_find(u32 uid)
{
	struct inflight_user *user;

	hlist_for_each_entry(user, &users[uid % USER_BUCKETS], node)
		if (user->uid == uid)
			return user;
	return NULL;
}

static int user_add(u32 uid, u32 n)
{
	struct inflight_user *user = user_find(uid);

	if (!user) {
		user = kzalloc(sizeof(*user));
		if (!user)
			return -ENOMEM;
		user->uid = uid;
		hlist_add(&user->node, &users[uid % USER_BUCKETS]);
	}
	user->count += n;
	return 0;
}

static void user_sub(u32 uid, u32 n)
{
	struct inflight_user *user = user_find(uid);

	user->count -= n;
	if (user->count)
		return;
	hlist_del(&user->node);
	kfree(user);
}

static bool over_limit(u32 uid)
{
	struct inflight_user *user = user_find(uid);

	return user && user->count > rlimit(RLIMIT_NOFILE) && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

int unix_inflight_add(struct unix_fds *fds)
{
	int ret;

	mutex_lock(&gc_lock);
	ret = over_limit(fds->uid) ? -ETOOMANYREFS : user_add(fds->uid, fds->count);
	for (u32 i = 0; !ret && i < fds->count; i++) {
		struct unix_sock *u = unix_of_file(fds->fp[i]);

		if (!u)
			continue;
		if (u->inflight++ == 0)
			list_add_tail(&u->gc_node, &inflight);
		atomic_store(&total, total + 1);
	}
	fds->inflight = !ret;
	mutex_unlock(&gc_lock);
	return ret;
}

static void remove_locked(struct unix_fds *fds)
{
	for (u32 i = 0; i < fds->count; i++) {
		struct unix_sock *u = unix_of_file(fds->fp[i]);

		if (!u)
			continue;
		if (--u->inflight == 0)
			list_del(&u->gc_node);
		atomic_store(&total, total - 1);
	}
	user_sub(fds->uid, fds->count);
	fds->inflight = false;
}

void unix_inflight_remove(struct unix_fds *fds)
{
	mutex_lock(&gc_lock);
	remove_locked(fds);
	mutex_unlock(&gc_lock);
}

struct unix_fds *unix_inflight_take(struct unix_msg *m)
{
	struct unix_fds *fds;

	mutex_lock(&gc_lock);
	fds = m->fds;
	m->fds = NULL;
	remove_locked(fds);
	mutex_unlock(&gc_lock);
	return fds;
}

void unix_inflight_barrier(void)
{
	mutex_lock(&gc_lock);
	mutex_unlock(&gc_lock);
}

/* Closes what is put off; what these releases put off in turn lands on the same list. */
static void close_later(void)
{
	struct unix_fds *fds;
	bool again;

	do {
		again = false;
		mutex_lock(&later_lock);
		while (!list_empty(&later)) {
			fds = list_first_entry(&later, struct unix_fds, node);
			list_del(&fds->node);
			mutex_unlock(&later_lock);
			for (u32 i = 0; i < fds->count; i++)
				if (fds->fp[i])
					file_put(fds->fp[i]);
			kfree(fds);
			mutex_lock(&later_lock);
		}
		again = atomic_xchg(&gc_wanted, false);
		if (!again)
			closer = NULL;
		mutex_unlock(&later_lock);
		if (again)
			unix_gc_run();
	} while (again);
}

/*
 * A socket's release frees its messages, whose sockets may be released by that, and so on: a chain that programs can
 * make as long as they like. So sockets are closed from a list, by one task at a time, and never one inside another.
 */
void unix_fds_release(struct unix_fds *fds)
{
	bool sockets = false, mine;

	if (fds->inflight)
		unix_inflight_remove(fds);
	for (u32 i = 0; i < fds->count; i++) {
		if (unix_of_file(fds->fp[i])) {
			sockets = true;
		} else if (fds->fp[i]) {
			file_put(fds->fp[i]);
			fds->fp[i] = NULL;
		}
	}
	if (!sockets) {
		kfree(fds);
		return;
	}
	mutex_lock(&later_lock);
	list_add_tail(&fds->node, &later);
	mine = !closer;
	if (mine)
		closer = current;
	mutex_unlock(&later_lock);
	if (mine)
		close_later();
}

/* Calls fn for each candidate that messages in u's queue carry; with hit, moves such messages there. */
static void scan_queue(struct unix_sock *u, void (*fn)(struct unix_sock *, struct list_head *), struct list_head *arg,
		       struct list_head *hit)
{
	struct unix_msg *m, *n;

	list_for_each_entry_safe(m, n, &u->queue, node) {
		bool found = false;

		for (u32 i = 0; m->fds && i < m->fds->count; i++) {
			struct unix_sock *c = unix_of_file(m->fds->fp[i]);

			if (!c || !c->gc_candidate)
				continue;
			found = true;
			fn(c, arg);
		}
		if (found && hit) {
			unix_msg_unlink(u, m);
			list_add_tail(&m->node, hit);
		}
	}
}

/* The same for all that u can give out: a listener's connections that were not accepted too. */
static void scan(struct unix_sock *u, void (*fn)(struct unix_sock *, struct list_head *), struct list_head *arg,
		 struct list_head *hit)
{
	struct unix_sock *e;

	mutex_lock_nested(&u->lock); /* gc_lock is of the same class; nobody takes it with a socket locked */
	scan_queue(u, fn, arg, hit);
	list_for_each_entry(e, &u->accept_queue, accept_node) {
		mutex_lock_nested(&e->lock); /* listener before embryo */
		scan_queue(e, fn, arg, hit);
		mutex_unlock(&e->lock);
	}
	mutex_unlock(&u->lock);
}

static void carried_less(struct unix_sock *c, struct list_head *arg)
{
	c->inflight--;
}

static void carried_again(struct unix_sock *c, struct list_head *arg)
{
	c->inflight++;
}

/* c is reachable after all: look at it (again) later, so that what it carries becomes so too. */
static void reached(struct unix_sock *c, struct list_head *candidates)
{
	c->inflight++;
	if (c->gc_maybe)
		list_move_tail(&c->gc_node, candidates);
}

/* Moves what must stay from candidates to stay; caller holds gc_lock. */
static void keep_reachable(struct list_head *candidates, struct list_head *stay)
{
	struct list_head cursor;
	struct unix_sock *u;

	list_add(&cursor, candidates);
	while (cursor.next != candidates) {
		u = list_entry(cursor.next, struct unix_sock, gc_node);
		list_del(&cursor);
		list_add(&cursor, &u->gc_node);
		if (!u->inflight)
			continue;
		list_move_tail(&u->gc_node, stay);
		u->gc_maybe = false;
		scan(u, reached, candidates, NULL);
	}
	list_del(&cursor);
}

static void unix_gc_run(void)
{
	struct list_head candidates, stay, hit;
	struct unix_sock *u, *n;

	list_init(&candidates);
	list_init(&stay);
	list_init(&hit);
	mutex_lock(&gc_lock);
	list_for_each_entry_safe(u, n, &inflight, gc_node) {
		/* In flight, so its file is there. */
		if (atomic_load(&u->sock.file->ref.count) != u->inflight)
			continue;
		list_move_tail(&u->gc_node, &candidates);
		u->gc_candidate = true;
		u->gc_maybe = true;
	}
	list_for_each_entry(u, &candidates, gc_node)
		scan(u, carried_less, NULL, NULL);
	keep_reachable(&candidates, &stay);
	list_for_each_entry(u, &stay, gc_node)
		u->gc_candidate = false;
	list_splice_tail_init(&stay, &inflight);
	list_for_each_entry(u, &candidates, gc_node)
		scan(u, carried_again, NULL, &hit);
	list_for_each_entry(u, &candidates, gc_node)
		u->gc_candidate = u->gc_maybe = false;
	list_splice_tail_init(&candidates, &inflight);
	mutex_unlock(&gc_lock);
	unix_msgs_free(&hit);
}

void unix_gc(void)
{
	if (likely(!atomic_load(&total)))
		return;
	/* Closing a list of sockets: once, at its end. */
	if (atomic_load(&closer) == current)
		atomic_store(&gc_wanted, true);
	else
		unix_gc_run();
}

void unix_gc_throttle(void)
{
	if (unlikely(atomic_load(&total) > GC_TRIGGER))
		unix_gc();
}
