/*
 * AF_NETLINK, netlink(7).
 *
 * sock.c    sockets: port ids, groups, queues, send and receive, options
 * request.c what is sent to the kernel, cut into requests; acknowledgements
 * route.c   NETLINK_ROUTE, on the tables of net/route
 * diag.c    NETLINK_SOCK_DIAG; diag_inet.c its internet sockets
 *
 * Of the other protocols there is NETLINK_KOBJECT_UEVENT, on which nothing ever comes, as in any container; the rest
 * is EPROTONOSUPPORT, as on a kernel built without them.
 *
 * Requests are served by the sender, before sendmsg returns: answers lie in the socket's queue by then. A dump is
 * queued whole, and a second one refused (EBUSY) until the first was read to its end. A request or a group message that
 * finds more in the queue than the receive buffer takes is dropped, and ENOBUFS is reported.
 *
 * Locks, outermost first: table_lock (names, groups, all sockets), nl_sock.lock (queue), wait queues.
 */
#ifndef LIMPET_NET_NETLINK_NETLINK_H
#define LIMPET_NET_NETLINK_NETLINK_H

#include "abi/linux/netlink.h"
#include "lib/list.h"
#include "net/socket.h"

struct rt_build;

/* One message for recvmsg: any number of whole netlink messages. */
struct nl_msg {
	struct ref ref;
	u32 len, size; /* of data */
	u32 group; /* it was sent to; 0 = to this socket */
	u32 truesize; /* counted against the receive buffer */
	bool last; /* ends a dump */
	struct list_head node; /* under the socket's lock */
	u8 data[] __aligned(4);
};
#define NL_BATCH 3776u /* bytes of a dump per recvmsg, as Linux limits them for who reads with a page of room */

#define NL_GROUP_WORDS 2 /* groups 1 to 64 */

/* struct nl_sock.options */
#define NL_OPT_PKTINFO 1u
#define NL_OPT_BROADCAST_ERROR 2u
#define NL_OPT_NO_ENOBUFS 4u
#define NL_OPT_CAP_ACK 8u
#define NL_OPT_EXT_ACK 16u
#define NL_OPT_STRICT 32u

struct nl_sock {
	struct socket sock;
	struct list_head all_node; /* under table_lock, as the next three */
	u32 portid; /* 0 = not bound; set once: atomic */
	u32 dst_pid, dst_groups; /* of connect(2); atomic */
	u32 groups[NL_GROUP_WORDS]; /* bit N - 1 = group N; written under table_lock, atomic */
	struct mutex lock; /* guards the next four */
	struct list_head queue; /* nl_msg */
	u32 rmem; /* truesize of what is queued */
	bool dumping; /* the end of a dump is not read yet */
	u32 drops;
	u32 options; /* NL_OPT_*; atomic */
	struct wait_queue wait;
};
static inline struct nl_sock *nl_of(struct socket *s) { return container_of(s, struct nl_sock, sock); }

extern const struct socket_family netlink_family;

struct nl_msg *nl_msg_alloc(u32 size); /* len 0, one reference; NULL = no memory */
void nl_msg_put(struct nl_msg *m);
/* Queues an answer; takes the reference over. */
void nl_queue(struct nl_sock *s, struct nl_msg *m);
void nl_overrun(struct nl_sock *s); /* something for s was lost; no lock of s's held */
/* Sends whole messages to everybody in the group; no lock held. */
void nl_broadcast(int protocol, u32 group, const void *data, u32 len);

/* A request and who answers it. All of this lives on the sender's stack. */
struct nl_request {
	struct nl_sock *s;
	const struct nlmsghdr *m; /* whole, within the message that was sent */
	struct nl_msg *out; /* answers of this request so far */
	int err; /* -ENOMEM: one did not fit */
};
/* Adds an answer: header with this sender's seq and port id, then header and attributes as given. */
void nl_answer(struct nl_request *r, u16 type, u16 flags, const void *payload, u32 len);
/* Ends a dump; the answers become readable. */
void nl_answer_done(struct nl_request *r);
/* Serves one of them: 0, or -errno for the acknowledgement. */
int nl_route_request(struct nl_request *r);
int nl_diag_request(struct nl_request *r);
int nl_diag_inet(struct nl_request *r, bool dump);
int nl_diag_answer(struct nl_request *r, struct rt_build *b, bool dump); /* takes what was built: a dump, or the one */
/* request.c: everything in data, which was sent to the kernel. */
void nl_serve(struct nl_sock *s, const void *data, u32 len);

/* Calls f for every socket, under table_lock; for /proc/net/netlink. */
void nl_for_each(void (*f)(const struct nl_sock *s, void *arg), void *arg);

#endif
