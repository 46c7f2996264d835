/*
 * The poller: one kserver thread that waits for host descriptors in everybody's stead; and, while programs serve host
 * sockets by epoll, the program's own thread that has nothing else to do (poller_sleep).
 *
 * A watch ties a host descriptor to a wait queue. Events are one-shot: poller_rearm() asks for them, and when one
 * of them holds the poller forgets that it was asked, wakes the queue (with the events as keys) and calls func.
 * So the order for a sleeper is: get on w->wait, look at the descriptor, poller_rearm(), sleep (wait_event does it).
 *
 * A watch that much goes by is better edge-triggered (poller_edge): it is asked for once, and each news is told, wanted
 * or not. func is then to keep what holds.
 *
 * Life of a watch: poller_add -> poller_rearm ... -> poller_remove. The owner keeps the memory and the host
 * descriptor until poller_remove returned; nothing of it runs afterwards. One watch per host descriptor number.
 * All functions but poller_remove may be called with any lock below LOCK_LEAF held.
 */
#ifndef LIMPET_CORE_POLLER_H
#define LIMPET_CORE_POLLER_H

#include "core/wait.h"

struct poller_watch {
	struct wait_queue wait; /* initialised by poller_add */
	/* On the poller thread or a sleeper's, with no lock held; NULL = only the queue. Must not block. Set before poller_add. */
	void (*func)(struct poller_watch *w, u32 events);
	/* Private to poller.c, under its lock. */
	int host_fd;
	u32 armed; /* events asked for and not seen yet */
	u64 id; /* what the host's epoll holds; 0 = not added */
	bool edge; /* told of all news */
	bool always_ready; /* regular files: the host's epoll refuses them */
	struct hlist_node hash;
};

int poller_init(void) __must_check; /* kserver, at boot, before the first watch; -errno */
void poller_main(void *arg); /* the service thread; never returns */

/* events may be 0: nothing is armed yet. 0, or the host's -errno (-EBADF, -EEXIST, -ENOMEM). */
int poller_add(struct poller_watch *w, int host_fd, u32 events) __must_check;
/* Asks for more events (POLLIN, POLLOUT, POLLRDHUP; errors and hangups always count). */
void poller_rearm(struct poller_watch *w, u32 events);
/* No lock that func takes may be held. A watch that was never added is fine (zeroed memory). */
void poller_remove(struct poller_watch *w);

/* From now on each IN, OUT, RDHUP and PRI that comes is told. For good. */
void poller_edge(struct poller_watch *w);
/*
 * As task_sleep, for tasks that wait for host descriptors among others: one of them at a time waits on the host's epoll
 * in the poller thread's stead and handles what comes.
 */
int poller_sleep(s64 deadline);
/* A container has joined, or has another CPU quota. */
void poller_limits_changed(void);
void poller_ring(void); /* wakes that one, should it be asleep there */

/* What the host's poll(2) says of a descriptor right now, of events and POLLERR, POLLHUP. Does not block. */
u32 poller_host_events(int fd, u32 events);

#endif
