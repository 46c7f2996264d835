/*
 * AF_INET and AF_INET6: tcp(7), udp(7), ip(7), ipv6(7), icmp(7), raw(7).
 *
 * sock.c      life of a socket; decoding of addresses; the family's operations, which ask the transports
 * route.c     the list of transports; which one serves a destination
 * port.c      who is bound and connected to what: conflicts, ephemeral ports, lookups, the walk over all sockets
 * stream.c    connect, listen, accept, shutdown: what is the same for every transport
 * dgram.c     send and receive of datagrams: the same
 * poll.c      readiness: what is the same
 * options.c, tcpopt.c   socket options; inetcmsg.c  control data
 * mcast.c     groups; show.c, showmcast.c  /proc/net
 * loop*.c     the loopback transport, see loop.h
 *
 * Transports. A socket is created without one. A struct inet_ops serves a kind of destinations: loopback is inside the
 * sandbox, others reach the outside. Which one is decided when a destination is known: at connect, or at each sendto of
 * an unconnected datagram socket (inet_route). Until then nothing is bound to one. bind(2) checks the sandbox's own
 * port table first, then every transport that `owns` the address (all of them for a wildcard) is attached: it may hold
 * resources for the port, and refuse. A listener on a wildcard is attached to all transports, accept takes
 * connections from any of them, poll is their union; so it is with datagrams received on an unconnected socket. A
 * connected socket has one transport, in s->ops.
 *
 * What a transport has to do:
 *  - register with inet_register() at boot; inet_ops.index is then its slot in s->priv[], for an object per socket;
 *  - call inet_wake(s, events) whenever readiness changed: waits and polls of s all happen on s->wait;
 *  - keep s->state, s->shutdown, s->sock.err true for connections it serves (tcp states, TCP_*);
 *  - make accepted sockets with inet_child(), whose names it fills in.
 * All its operations are called with a reference to the socket and no lock, except where the comment says so.
 *
 * Names. Addresses are kept as IPv6, IPv4 ones mapped (::ffff:a.b.c.d), ports in host order.
 *
 * Objects. An inet_sock is referenced by its file, by tables' lookups while they last, by a loopback peer, by accept
 * queues. release makes it dead and lets go of its port, unless TCP still has to keep that for a while.
 *
 * Locks, outermost first: s->send_lock (of streams: held while a connection begins or is dissolved), s->recv_lock, a
 * ring's wlock (sleep locks, held over user copies; datagrams never hold both of the first); s->lock (two by
 * address; a listener's before one of a child that nobody knows yet); wait queues; inet_table_lock (a leaf).
 */
#ifndef LIMPET_NET_INET_INET_H
#define LIMPET_NET_INET_INET_H

#include "abi/linux/errno.h"
#include "abi/linux/in.h"
#include "abi/linux/tcp.h"
#include "core/alloc.h"
#include "fs/poll.h"
#include "lib/list.h"
#include "lib/string.h"
#include "net/socket.h"
#include "proc/task.h"

struct inet_sock;
struct inet_ops;

/* ---- names ---- */

struct inet_ip {
	union {
		u8 b[16];
		u32 w[4]; /* network order */
		u64 q[2];
	};
};
struct inet_name {
	struct inet_ip ip;
	u32 scope; /* interface of a link-local address */
	u16 port; /* host order; 0 = none */
};

/* What some options are before anybody sets them. */
#define INET_KEEPIDLE 7200u
#define INET_KEEPINTVL 75u
#define INET_KEEPCNT 9u
#define INET_SYNCNT 6u
#define INET_MTU_DISCOVER 1 /* IP_PMTUDISC_WANT */

#define INET_MAPPED 0xffff0000u /* w[2] of a mapped address, little endian */
#define LOOPBACK_IFINDEX 1

static inline u16 bswap16(u16 v) { return __builtin_bswap16(v); }
static inline u32 bswap32(u32 v) { return __builtin_bswap32(v); }
static inline struct inet_ip inet_ip4(u32 net_order)
{
	return (struct inet_ip){ .w = { 0, 0, INET_MAPPED, net_order } };
}
static inline bool inet_is4(const struct inet_ip *a) { return !a->q[0] && a->w[2] == INET_MAPPED; }
static inline bool inet_ip_eq(const struct inet_ip *a, const struct inet_ip *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}
static inline bool inet_any4(const struct inet_ip *a) { return inet_is4(a) && !a->w[3]; }
static inline bool inet_any6(const struct inet_ip *a) { return !a->q[0] && !a->q[1]; }
static inline bool inet_any(const struct inet_ip *a) { return inet_any4(a) || inet_any6(a); }
static inline bool inet_loop4(const struct inet_ip *a) { return inet_is4(a) && a->b[12] == 127; }
static inline bool inet_loop6(const struct inet_ip *a) { return !a->q[0] && !a->w[2] && a->w[3] == bswap32(1); }
static inline bool inet_mcast4(const struct inet_ip *a) { return inet_is4(a) && (a->b[12] & 0xf0) == 0xe0; }
static inline bool inet_mcast6(const struct inet_ip *a) { return a->b[0] == 0xff; }
static inline bool inet_mcast(const struct inet_ip *a) { return inet_mcast4(a) || inet_mcast6(a); }
/* 255.255.255.255, and loopback's own 127.255.255.255. */
static inline bool inet_bcast(const struct inet_ip *a)
{
	return inet_is4(a) && (a->w[3] == 0xffffffffu || a->w[3] == bswap32(0x7fffffffu));
}

/* ---- transports ---- */

#define INET_POLL_FULL 0x80000000u
#define INET_TRANSPORTS 3u /* loopback, hostnet, one more to come */

struct inet_ops {
	const char *name;
	/* Is the address one of this machine's that this transport stands for? Wildcards and multicast: not asked. */
	bool (*owns)(const struct inet_ip *a);
	/*
	 * Does it reach dst (never a wildcard)? 0 and the source address that a packet would get (src->ip; only asked
	 * for when the socket has none) or -ENETUNREACH: ask the next. Any other error is the call's. Transports are
	 * asked in the order of falling index, so that one may claim an address of loopback's for itself.
	 */
	int (*route)(struct inet_sock *s, const struct inet_name *dst, struct inet_ip *src);
	/*
	 * s->local has just been taken in the sandbox's port table; now hold it here. Optional. An error (-EADDRINUSE)
	 * gives the port back; for a port that nobody named (ephemeral), another is tried. detach undoes, at release too.
	 */
	int (*attach)(struct inet_sock *s);
	void (*detach)(struct inet_sock *s);
	/* Streams: start to listen; the backlog changed when it listens already. Called for each attached transport. */
	int (*listen)(struct inet_sock *s, u32 backlog);
	/* The next connection, or NULL; never waits. A reference that becomes its file's. err_ptr: the call's error. */
	struct inet_sock *(*accept)(struct inet_sock *s);
	/*
	 * Streams: begin a connection to s->remote, with s->state TCP_SYN_SENT. 0: it is made, or has begun; the
	 * transport sets the state to TCP_ESTABLISHED, or to TCP_CLOSE with sock.err, and calls inet_wake. Does not wait.
	 * Errors undo the connect. Needs a local port of its own choice: inet_port_connect().
	 * Datagrams: s->remote has been set (port 0 and a wildcard: connection dissolved); nothing to do when NULL.
	 */
	int (*connect)(struct inet_sock *s);
	/*
	 * Streams: wait by themselves (inet_wait), raise no SIGPIPE (the caller does, for -EPIPE).
	 * Datagrams: dst is where to (its transport has been found), they never wait: -EAGAIN.
	 */
	ssize_t (*sendmsg)(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst);
	ssize_t (*recvmsg)(struct inet_sock *s, struct sock_msg *m);
	/* Datagrams: the next of this transport's own errors, MSG_ERRQUEUE; -EAGAIN. Optional. */
	ssize_t (*recv_error)(struct inet_sock *s, struct sock_msg *m);
	/*
	 * The events that hold as far as this transport knows: listeners and datagrams POLLIN, streams all. INET_POLL_FULL:
	 * it takes no datagrams now.
	 */
	u32 (*poll)(struct inet_sock *s, u32 want);
	int (*shutdown)(struct inet_sock *s, u32 how); /* INET_*_SHUTDOWN; s->shutdown has it already */
	/* Streams: connect(2) to AF_UNSPEC. The caller resets state, ops and names when it is done. Optional. */
	int (*disconnect)(struct inet_sock *s);
	/*
	 * Multicast beyond loopback, of UDP: sets an option there and answers what it says. A membership makes sure that
	 * datagrams come from there. ifindex: of the interface with an address, 0 = none. Optional.
	 */
	int (*setopt)(struct inet_sock *s, int level, int name, const void *val, u32 len);
	u32 (*ifindex)(const struct inet_ip *a);
	/* Datagrams: a number that changes when something arrives; asked by those who look for more behind what is there. */
	u32 (*arrivals)(struct inet_sock *s);
	/* An option that options.c checked and stored has changed; optional. */
	void (*option)(struct inet_sock *s, int level, int name, s32 value);
	u32 (*inq)(struct inet_sock *s); /* SIOCINQ */
	u32 (*outq)(struct inet_sock *s); /* SIOCOUTQ */
	void (*tcp_info)(struct inet_sock *s, struct tcp_info *ti); /* fill in what it knows; optional */
	/* close(2) of the file. It may keep references to s beyond. Called for s->ops, and detach for attached ones. */
	void (*release)(struct inet_sock *s);
	u32 index; /* set by inet_register */
};
void inet_register(struct inet_ops *ops); /* boot; loopback is index 0 */
extern struct inet_ops *inet_transports[INET_TRANSPORTS];
extern u32 inet_nr_transports;

/* route.c. The transport for dst and, unless src is NULL, the source address; err_ptr(-ENETUNREACH, ...). */
struct inet_ops *inet_route(struct inet_sock *s, const struct inet_name *dst, struct inet_ip *src);
bool inet_owned(const struct inet_ip *a); /* by any transport: can be bound to */

/* ---- sockets ---- */

enum inet_proto { INET_TCP, INET_UDP, INET_UDPLITE, INET_PING, INET_RAW, INET_PROTOS };

#define INET_RCV_SHUTDOWN 1u
#define INET_SEND_SHUTDOWN 2u
#define INET_SHUTDOWN_BOTH 3u

/* inet_sock.bound */
#define INET_BOUND_ADDR 1u /* bind(2) named an address */
#define INET_BOUND_PORT 2u /* bind(2) named a port */
#define INET_BOUND_CONNECT 4u /* the port was chosen by connect: it may serve other destinations too */

struct inet_member; /* of a multicast group: mcast.c */

/* Options of the IP, IPv6, TCP and UDP levels, all atomic. */
struct inet_options {
	u32 flags; /* INET_F_* */
	u8 tos, mcast_ttl, mtu_discover, mtu_discover6, tclass;
	bool v6only;
	int16_t ttl, hops, mcast_hops; /* -1 = the default */
	s32 min_hopcount;
	u32 mcast_if, mcast_if6; /* interface numbers; 0 = none named */
	u32 mcast_addr; /* IP_MULTICAST_IF by address, network order */
	u32 ifindex; /* SO_BINDTODEVICE */
	u32 unicast_if, flowlabel;
	u16 segment; /* UDP_SEGMENT */
	u16 coverage[2]; /* UDPLITE_SEND_CSCOV, UDPLITE_RECV_CSCOV */
	/* TCP */
	u32 keepidle, keepintvl, keepcnt, user_timeout, syncnt, maxseg, window_clamp, notsent_lowat, fastopen, save_syn;
	s32 linger2, defer_accept, max_pacing;
	u8 congestion;
	/* RAW */
	u32 icmp_filter, icmp6_filter[8];
};
enum inet_flag {
	IF_RECVTTL, IF_RECVTOS, IF_PKTINFO, IF_RECVOPTS, IF_RETOPTS, IF_RECVERR, IF_FREEBIND, IF_TRANSPARENT, IF_NODEFRAG,
	IF_BIND_NO_PORT, IF_MCAST_NOLOOP, IF_MCAST_NOALL, IF_ORIGDST, IF_HDRINCL, IF_CHECKSUM, IF_RECVFRAG,
	IF_RECVPKTINFO6, IF_RECVHOPS, IF_RECVTCLASS, IF_RECVERR6, IF_MCAST_NOLOOP6, IF_MCAST_NOALL6, IF_AUTOFLOW,
	IF_NODELAY, IF_CORK, IF_QUICKACK_OFF, IF_UDP_CORK, IF_UDP_GRO, IF_SNDBUF_SET, IF_RCVBUF_SET, IF_CONNECTING,
};

struct inet_sock {
	struct socket sock;
	struct ref ref;
	struct mutex lock; /* LOCK_SOCK: guards all to the next blank line; fields with "atomic" are read without it */
	u32 state; /* TCP_*; atomic. Datagrams: TCP_ESTABLISHED when connected, else TCP_CLOSE */
	u32 shutdown; /* INET_*_SHUTDOWN; atomic */
	bool dead; /* atomic */
	u8 proto; /* enum inet_proto; immutable */
	u8 raw_proto; /* of raw and ping sockets: IPPROTO_*; immutable */
	u8 bound; /* INET_BOUND_* */
	u32 uid; /* of the creator; immutable */
	u32 backlog; /* atomic */
	u32 attached; /* 1 << index of transports that hold the local name */
	struct inet_name local, remote; /* immutable while in the tables; local.ip is a wildcard until it is known */
	struct inet_ops *ops; /* of the connection; NULL = not connected; atomic */
	void *priv[INET_TRANSPORTS]; /* the transports' own; [0] is not used: loopback's part is below */

	struct hlist_node port_node; /* by local port; these under inet_table_lock */
	struct hlist_node conn_node; /* by both names; or listeners by port */
	struct list_head all_node;
	struct wait_queue wait; /* readers, writers, accepters, pollers */
	struct sleep_lock recv_lock, send_lock;
	struct inet_options opt;
	struct list_head members; /* inet_member, under lock */
	struct loop_sock *loop; /* the loopback transport's; made at creation */
};

static inline struct inet_sock *inet_of(struct socket *s) { return container_of(s, struct inet_sock, sock); }
static inline struct inet_sock *inet_get(struct inet_sock *s)
{
	ref_get(&s->ref);
	return s;
}
void inet_put(struct inet_sock *s);
static inline bool inet_stream(const struct inet_sock *s) { return s->proto == INET_TCP; }
static inline bool inet_udp(const struct inet_sock *s) { return s->proto == INET_UDP || s->proto == INET_UDPLITE; }
static inline bool inet_v6(const struct inet_sock *s) { return s->sock.family == AF_INET6; }
/* The family's wildcard, without a port. */
static inline struct inet_name inet_no_name(const struct inet_sock *s)
{
	struct inet_name n;

	memset(&n, 0, sizeof(n));
	if (!inet_v6(s))
		n.ip = inet_ip4(0);
	return n;
}
static inline bool inet_flag(const struct inet_sock *s, enum inet_flag f)
{
	return atomic_load_relaxed(&s->opt.flags) >> f & 1;
}
static inline void inet_set_flag(struct inet_sock *s, enum inet_flag f, bool on)
{
	if (on)
		atomic_or(&s->opt.flags, 1u << f);
	else
		atomic_and(&s->opt.flags, ~(1u << f));
}
static inline bool sock_bit(const struct socket *s, enum sock_bit b) { return atomic_load_relaxed(&s->bits) >> b & 1; }

/* sock.c */
extern const struct socket_family inet_family, inet6_family;
extern struct mutex inet_table_lock; /* LOCK_LEAF */
void inet_init(void); /* boot */
/* A connection accepted on s: its options inherited, state closed, one reference, in no table. NULL = no memory. */
struct inet_sock *inet_child(struct inet_sock *s);
/* Readiness has changed: wakes those who wait for these poll events, sends SIGIO. 0 = everybody. */
void inet_wake(struct inet_sock *s, u32 events);
/* Program's address to a name: -EINVAL, -EAFNOSUPPORT. And back: the length. */
int inet_name_in(const struct inet_sock *s, const void *addr, u32 len, struct inet_name *out) __must_check;
int inet_name_out(const struct inet_sock *s, const struct inet_name *n, void *addr);
/* A pending error becomes what the next call answers. */
static inline void inet_set_err(struct inet_sock *s, int err) { atomic_store(&s->sock.err, err); }

/* sysctl.c: files of /proc/sys/net by name. A text of size bytes, its length; 0 or -EINVAL. */
int inet_sysctl_show(const char *name, char *buf, size_t size);
int inet_sysctl_write(const char *name, char *text) __must_check; /* text may be changed for the call */

/* port.c */
/* Takes s->local.ip and port (0: any free one) in the table; -EADDRINUSE. Called with s->lock. */
int inet_port_bind(struct inet_sock *s, const struct inet_name *name) __must_check;
/* For connect: makes sure of a local port with which (local, remote) is unique, and enters the connection. s->lock. */
int inet_port_connect(struct inet_sock *s) __must_check; /* -EADDRNOTAVAIL */
int inet_port_listen(struct inet_sock *s) __must_check; /* -EADDRINUSE. s->lock */
void inet_port_child(struct inet_sock *s); /* enters an accepted connection whose names are set */
void inet_port_disconnect(struct inet_sock *s); /* out of the connections; still bound */
void inet_port_ended(struct inet_sock *s); /* the connection is over: a port that nobody asked for is free again */
void inet_port_release(struct inet_sock *s); /* out of everything */
/* Referenced or NULL. Listeners are chosen by hash among those that share the port with SO_REUSEPORT. */
struct inet_sock *inet_find_listener(const struct inet_name *dst, const struct inet_name *src);
struct inet_sock *inet_find_connected(const struct inet_name *local, const struct inet_name *remote);
struct inet_sock *inet_find_dgram(u32 proto, const struct inet_name *dst, const struct inet_name *src);
/*
 * Every socket, in the order of age, dead ones with a port still held among them. fn is called with a reference and no
 * lock; it returns false to stop. For /proc/net, sock_diag, destroy.
 */
void inet_for_each(bool (*fn)(void *ctx, struct inet_sock *s), void *ctx);

/* mcast.c: s has a new socket outside, and tells it by setopt what it is a member of there. */
void inet_members_tell(struct inet_sock *s);

/* Waits on s->wait for cond. */
#define inet_wait(s, cond, w, wflags, events) sock_wait_event(&(s)->wait, cond, (w)->deadline, wflags, events)

#endif
