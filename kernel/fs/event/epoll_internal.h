/* Shared by epoll.c (interest lists, waiting) and epoll_nest.c (epolls that watch epolls). */
#ifndef LIMPET_FS_EVENT_EPOLL_INTERNAL_H
#define LIMPET_FS_EVENT_EPOLL_INTERNAL_H

#include "core/wait.h"
#include "fs/event/event.h"
#include "lib/list.h"

#define EPOLL_HASH_MIN 16u
#define EPOLL_MAX_NESTS 4 /* epolls that stand above one another beyond the first */

/* A file's anchor of the items that watch it; file.epoll_links points to the first. */
struct epoll_link {
	struct epoll_link *next, **pprev; /* under the link lock of the file */
};

struct epoll {
	struct ref ref; /* its file, and its items */
	struct mutex lock; /* LOCK_EPOLL; guards the interest list */
	struct hlist_head *hash;
	u32 hash_size, count;
	struct list_head items; /* epoll_item.ep_node */
	struct hlist_head hash_first[EPOLL_HASH_MIN];

	struct mutex ready_lock; /* LOCK_LEAF; guards the rest, and what items say */
	struct list_head ready; /* epoll_item.ready_node, oldest first */
	struct list_head sleepers; /* epoll_sleeper.node, latest first */
	u32 harvested; /* items that a waiter has taken off ready and not judged yet */
	bool outside; /* has or had host sockets; atomic */
	bool poll_missed; /* somebody polled this epoll while all was harvested */
	struct wait_queue poll_wait; /* for poll on the epoll itself; own lock */

	/* epoll_nest.c, under its lock. */
	struct list_head children; /* epoll_item.nest_child: items of this one that watch epolls */
	struct list_head parents; /* epoll_item.nest_parent: items elsewhere that watch this one */
	u64 walk; /* the walk that saw it last */
	int walk_depth;
};

struct epoll_waiter {
	struct waiter w;
	struct epoll_item *item;
	struct epoll_waiter *next; /* further ones, allocated */
};

struct epoll_item {
	struct ref ref; /* the interest list, and whoever looks at it */
	struct epoll *ep; /* reference held */
	struct file *file; /* not referenced: gone before the file is */
	int fd;
	struct hlist_node hash; /* under ep->lock, as the next two */
	struct list_head ep_node;
	bool adding; /* its waiters are not on their queues yet */
	struct epoll_link link;
	struct epoll_waiter first; /* most files have one queue */
	bool first_used;
	struct epoll_waiter *more;
	struct sighand *sighand; /* of a signalfd: holds the queue; else NULL */

	/* Under ep->ready_lock. */
	struct list_head ready_node;
	u32 events;
	u64 data;
	u32 changes; /* of events and data */
	u32 calls; /* of the callback */
	bool taken; /* a waiter judges it: it is on that waiter's list or none */
	bool again; /* fired while taken */
	bool dead; /* off the interest list */

	struct epoll *target; /* when it watches an epoll */
	struct list_head nest_child, nest_parent; /* under the nest lock */
};

/* -ELOOP when ep watching target would close a circle or stand too deep; else the item is linked in. */
int epoll_nest_add(struct epoll_item *item);
void epoll_nest_del(struct epoll_item *item);

#endif
