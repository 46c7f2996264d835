/*
 * Epolls that watch epolls: the graph must stay free of circles and shallow, since wake-ups and poll operations
 * walk it. One lock for all graphs of the sandbox; only items whose target is an epoll are in it.
 */
#include "abi/linux/errno.h"
#include "fs/event/epoll_internal.h"

static struct mutex nest_lock = MUTEX_INIT(LOCK_EPOLL);
static u64 nest_walk; /* under nest_lock: number of the current walk */

#define NEST_CIRCLE 100

/* How many epolls stand below ep at most; NEST_CIRCLE when `avoid` is among them or ep itself. Depth is bounded. */
static int depth_below(struct epoll *ep, const struct epoll *avoid)
{
	struct epoll_item *item;
	int deepest = 0;

	if (ep == avoid)
		return NEST_CIRCLE;
	if (ep->walk == nest_walk)
		return ep->walk_depth;
	list_for_each_entry(item, &ep->children, nest_child) {
		int d = 1 + depth_below(item->target, avoid);

		deepest = max(deepest, d);
	}
	ep->walk = nest_walk;
	ep->walk_depth = deepest;
	return deepest;
}

static int depth_above(struct epoll *ep)
{
	struct epoll_item *item;
	int deepest = 0;

	if (ep->walk == nest_walk)
		return ep->walk_depth;
	list_for_each_entry(item, &ep->parents, nest_parent) {
		int d = 1 + depth_above(item->ep);

		deepest = max(deepest, d);
	}
	ep->walk = nest_walk;
	ep->walk_depth = deepest;
	return deepest;
}

int epoll_nest_add(struct epoll_item *item)
{
	int depth, ret = 0;

	mutex_lock(&nest_lock);
	nest_walk++;
	depth = depth_below(item->target, item->ep);
	if (depth < NEST_CIRCLE) {
		nest_walk++;
		depth += depth_above(item->ep);
	}
	if (depth + 1 > EPOLL_MAX_NESTS) {
		ret = -ELOOP;
	} else {
		list_add_tail(&item->nest_child, &item->ep->children);
		list_add_tail(&item->nest_parent, &item->target->parents);
	}
	mutex_unlock(&nest_lock);
	return ret;
}

void epoll_nest_del(struct epoll_item *item)
{
	mutex_lock(&nest_lock);
	list_del(&item->nest_child);
	list_del(&item->nest_parent);
	mutex_unlock(&nest_lock);
}
