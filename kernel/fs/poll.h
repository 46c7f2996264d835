/*
 * Readiness, poll(2). A file's poll operation calls poll_wait for each queue on which it announces changes, then
 * returns the events that hold now. The same operation serves poll, select and epoll.
 */
#ifndef LIMPET_FS_POLL_H
#define LIMPET_FS_POLL_H

#include "core/wait.h"

#define POLLIN 0x001u
#define POLLPRI 0x002u
#define POLLOUT 0x004u
#define POLLERR 0x008u
#define POLLHUP 0x010u
#define POLLNVAL 0x020u
#define POLLRDNORM 0x040u
#define POLLRDBAND 0x080u
#define POLLWRNORM 0x100u
#define POLLWRBAND 0x200u
#define POLLMSG 0x400u
#define POLLRDHUP 0x2000u

struct poll_table {
	/* NULL = only ask, do not queue. */
	void (*queue)(struct poll_table *pt, struct wait_queue *wq);
	u32 events; /* what the caller wants to hear of */
};
static inline void poll_wait(struct poll_table *pt, struct wait_queue *wq)
{
	if (pt && pt->queue)
		pt->queue(pt, wq);
}

#endif
