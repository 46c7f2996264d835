/*
 * The outside: the network namespace of the host that kserver lives in, when the sandbox was given one (`--network`,
 * config.json). Without one hostnet_present() is false and nothing here ever makes a host call.
 *
 * netlink.c    the namespace's tables, by rtnetlink; its notifications go to the guest's listeners
 * addr.c       which addresses are the namespace's own
 * transport.c  the operations of net/inet's second transport; which destinations it serves
 * sock.c       host sockets: made, bound, given their options, watched
 * stream.c     TCP: connect, accept, send, receive
 * dgram.c      UDP and ping
 * cork.c       TCP_CORK
 *
 * A guest socket gets a host socket (struct host_sock) when it needs one: at bind for what the outside may reach, at
 * connect, or at the first datagram sent there. Setting it up is kserver's (kserver_call); data goes by sendmsg and
 * recvmsg of the guest process itself, on a descriptor that never blocks.
 *
 * Readiness. ready has the events that hold as far as is known. An event that is missing is armed in the poller, which
 * sets it; a call that meets EAGAIN takes it away and arms it again. After data was moved an event is uncertain
 * (unsure) and poll asks the host once. A socket that is read while somebody waits on its queue, an epoll that is, changes
 * to an edge-triggered watch: nothing is armed any more, and EAGAIN or a short read ends an event unless there was
 * news since before the call.
 *
 * Loopback. 127.0.0.11 is the host's: container engines answer name queries there. Any other loopback address is the
 * sandbox's own when a socket of the sandbox listens there, else the host's: a sandbox shares it with its pod, or with
 * the machine under `--network host`. A wildcard listener is reached from both sides.
 *
 * What the host answers is checked for its form, length by length, before anybody else sees it.
 *
 * Locks: inet_sock.lock guards the pointer to the host_sock; nothing is locked over host calls but host.lock
 * (netlink.c) and host_sock.hold (cork.c), sleep locks.
 */
#ifndef LIMPET_NET_HOST_HOST_H
#define LIMPET_NET_HOST_HOST_H

#include "core/poller.h"
#include "net/inet/inet.h"
#include "net/route/route.h"

void hostnet_init(void); /* boot, kserver: behind the families */
bool hostnet_present(void);
struct rt_snap *hostnet_snapshot(enum rt_kind kind); /* as rt_snapshot */

/* addr.c */
bool hostnet_owns(const struct inet_ip *a); /* but loopback */
u32 hostnet_ifindex(const struct inet_ip *a); /* of the interface that has it; 0 = none */
void hostnet_addr_changed(void); /* asks anew at the next question */

struct host_sock {
	struct ref ref;
	int fd; /* owned */
	struct inet_sock *s; /* no reference: the watch is gone before it is */
	struct poller_watch watch;
	u32 ready, unsure; /* POLL*; atomic */
	bool listening; /* atomic, as the next three */
	bool bound;
	bool watched;
	bool no_peek_off;
	bool full; /* datagrams: a send has met EAGAIN, and there was no room since; atomic */
	u32 news; /* counts what the watch told; atomic */
	u8 *held; /* cork.c, as the next five; the holder's, as the next two */
	u32 held_len; /* atomic */
	bool hold_armed;
	struct sleep_lock hold;
	struct timer hold_timer;
	struct list_head due_node;
	bool dropped; /* the socket has let go of it; atomic */
};
extern struct inet_ops hostnet_ops;
#define HOST_CMSG_MAX 256u

/* sock.c */
/* A reference, or NULL: calls keep it, since another thread may let the socket go of it (connect to AF_UNSPEC). */
struct host_sock *host_sock_get(struct inet_sock *s);
void host_sock_put(struct host_sock *h);
struct host_sock *host_sock_need(struct inet_sock *s); /* makes one when there is none; a reference; err_ptr */
int host_sock_bind(struct inet_sock *s, struct host_sock *h) __must_check; /* to s->local */
struct host_sock *host_sock_adopt(struct inet_sock *s, int fd); /* takes fd over, also on failure; as _need */
void host_sock_drop(struct inet_sock *s); /* closes; nothing of it runs afterwards */
void host_sock_option(struct inet_sock *s, int level, int name, s32 value);
/* From now on its events are news. Not before a stream connects or listens: till then the host calls it hung up. */
int host_sock_watch(struct host_sock *h, u32 events) __must_check;
/* They do not hold, as the host said after there were so many news: wants to hear of them. */
void host_sock_missing(struct host_sock *h, u32 events, u32 news);
void host_sock_moved(struct host_sock *h, u32 events); /* data went by: uncertain now */
/*
 * Less than asked for was there: the next arrival is news, which edge-triggered waiters count on though they have met
 * no EAGAIN. For those who are not waiting it is enough to be uncertain.
 */
/* As moved, and more may come that those who wait should hear of. */
void host_sock_more(struct host_sock *h, u32 events);
void host_sock_drained(struct host_sock *h, u32 events, u32 news);
u32 host_sock_events(struct host_sock *h, u32 want); /* of ready, as far as wanted; arms what is missing */
u32 host_addr_out(const struct inet_sock *s, const struct inet_name *n, void *addr); /* for the host: its length */
bool host_addr_in(const void *addr, u32 len, struct inet_name *n);
bool host_local_name(struct host_sock *h, struct inet_name *n); /* getsockname(2) */

/* SO_PEEK_OFF: the host counts for itself. Its TCP can since Linux 6.9. */
static inline bool host_peeks_behind(const struct inet_sock *s, const struct sock_msg *m)
{
	return (m->flags & MSG_PEEK) && atomic_load_relaxed(&s->sock.peek_off) >= 0;
}
static inline bool host_peek_refused(const struct inet_sock *s, const struct host_sock *h, const struct sock_msg *m)
{
	return unlikely(atomic_load_relaxed(&h->no_peek_off)) && host_peeks_behind(s, m);
}
void host_sock_edge(struct host_sock *h); /* all arrivals are news, though there is something already */

/* stream.c, dgram.c */
int host_stream_connect(struct inet_sock *s);
void host_stream_event(struct host_sock *h, u32 events); /* of a connection that is being made: on the poller thread */
struct inet_sock *host_stream_accept(struct inet_sock *s);
ssize_t host_stream_send(struct inet_sock *s, struct sock_msg *m);
ssize_t host_stream_recv(struct inet_sock *s, struct sock_msg *m);
int host_dgram_connect(struct inet_sock *s);
int host_dgram_setopt(struct inet_sock *s, int level, int name, const void *val, u32 len);
u32 host_dgram_arrivals(struct inet_sock *s);
void host_dgram_error(struct host_sock *h); /* the host says POLLERR: as host_stream_event */
ssize_t host_dgram_send(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst);
ssize_t host_dgram_recv(struct inet_sock *s, struct sock_msg *m);
ssize_t host_dgram_recv_error(struct inet_sock *s, struct sock_msg *m);
/* One sendmsg or recvmsg with the program's own memory, bounced when the host cannot reach that. */
long host_transfer(struct host_sock *h, bool send, struct user_msghdr *msg, struct uio *u, size_t max, u32 flags);

/* cork.c */
void host_cork_start(void); /* boot: its thread */
void host_cork_init(struct host_sock *h);
void host_cork_end(struct host_sock *h); /* after dropped is set */
bool host_cork_hold(struct host_sock *h, struct uio *u); /* all of u is taken; false = none: send it */
int host_cork_flush(struct host_sock *h, u32 flags); /* 0, -EAGAIN, another error of sendmsg */

#endif
