/* Between the files of this folder; other transports need inet.h only. */
#ifndef LIMPET_NET_INET_INTERNAL_H
#define LIMPET_NET_INET_INTERNAL_H

#include "net/inet/inet.h"

/* What SO_SNDBUF and SO_RCVBUF say before anybody set them: then the ring may grow to LOOP_AUTO_LIMIT. */
#define INET_TCP_SNDBUF 16384u
#define INET_TCP_RCVBUF 131072u

/* /proc/sys/net/ipv4 and ipv6: what can be changed. All atomic. */
struct inet_sysctl {
	u32 port_low, port_high;
	u32 unprivileged_port;
	u32 ping_low, ping_high;
	u32 somaxconn;
	u32 bindv6only;
};
extern struct inet_sysctl inet_sysctl;

/* Counters of /proc/net/snmp and netstat, atomic. */
struct inet_stats {
	u64 tcp_active, tcp_passive, tcp_fails, tcp_resets, tcp_out_rsts, tcp_segs, tcp_listen_overflows, tcp_timewaited;
	u64 udp_in, udp_out, udp_noports, udp_full, icmp_echo, icmp_reply, icmp_unreach, bytes;
};
extern struct inet_stats inet_stats;

/* sock.c */
void inet_option_changed(struct inet_sock *s, int level, int name, s32 value); /* tells the transports */
int inet_bind(struct socket *sock, const void *addr, u32 len);
int inet_bind_name(struct inet_sock *s, const struct inet_name *n, u8 bound) __must_check; /* INET_BOUND_* */
int inet_autobind(struct inet_sock *s) __must_check; /* nothing when it has a port */
int inet_attach(struct inet_sock *s) __must_check;
void inet_detach(struct inet_sock *s);
void inet_abandon(struct inet_sock *s); /* what close(2) does; drops the caller's reference. No lock held */
u32 inet_poll(struct socket *sock, struct poll_table *pt);
void inet_sigio(struct inet_sock *s, u32 events);
void inet_sigurg(struct inet_sock *s);
void inet_peek_moved(struct inet_sock *s, s64 n); /* SO_PEEK_OFF, when it is on: n bytes peeked, or -n read */

/* stream.c */
void inet_normalise(struct inet_name *dst); /* a destination that is a wildcard means this machine */
int inet_stream_connect(struct socket *sock, const void *addr, u32 len, u32 file_flags);
int inet_listen(struct socket *sock, u32 backlog);
struct socket *inet_accept(struct socket *sock, u32 file_flags);
int inet_stream_shutdown(struct socket *sock, int how);
ssize_t inet_stream_sendmsg(struct socket *sock, struct sock_msg *m);
ssize_t inet_stream_recvmsg(struct socket *sock, struct sock_msg *m);

/* dgram.c */
int inet_dgram_connect(struct socket *sock, const void *addr, u32 len, u32 file_flags);
int inet_dgram_shutdown(struct socket *sock, int how);
ssize_t inet_dgram_sendmsg(struct socket *sock, struct sock_msg *m);
ssize_t inet_dgram_recvmsg(struct socket *sock, struct sock_msg *m);

/* options.c, tcpopt.c, inetcmsg.c, mcast.c */
int inet_setopt(struct socket *sock, int level, int name, struct uptr val, u32 len);
int inet_getopt(struct socket *sock, int level, int name, void *val, u32 len);
int inet_getopt_user(struct socket *sock, int level, int name, struct uptr val, u32 len, struct uptr ulen);
int inet_tcp_setopt(struct inet_sock *s, int name, struct uptr val, u32 len);
int inet_tcp_getopt(struct inet_sock *s, int name, void *val, u32 len);
#define INET_NOT_MINE 1 /* an option of another file's */
bool inet_mcast_option(int level, int name);
/* Whole filters: read with inet_mcast_getopt, which writes value and length itself. */
static inline bool inet_mcast_whole(int level, int name)
{
	return (level == SOL_IP && (name == IP_MSFILTER || name == MCAST_MSFILTER)) ||
	       (level == SOL_IPV6 && name == MCAST_MSFILTER);
}
int inet_mcast_getopt(struct inet_sock *s, int level, int name, struct uptr val, u32 len, struct uptr ulen);
/* The transport that joins groups outside for s; NULL: there is only loopback. */
struct inet_ops *inet_mcast_outside(const struct inet_sock *s);
int inet_mcast_setopt(struct inet_sock *s, int level, int name, struct uptr val, u32 len);
void inet_members_free(struct inet_sock *s);
/* The n-th group of s and its interface (0: the outside's choice); false: there are fewer. */
bool inet_member_at(struct inet_sock *s, u32 n, struct inet_ip *group, u32 *ifindex);
/* Does s want datagrams to this group? */
bool inet_member_of(struct inet_sock *s, const struct inet_ip *group, const struct inet_ip *from);

/* What control data of a send call asks for. */
struct inet_send_ctl {
	s32 ttl, tos; /* -1 = the socket's */
	u16 segment; /* UDP_SEGMENT; 0 = one datagram */
	struct inet_ip src;
	bool has_src;
	u32 ifindex; /* 0 = no matter */
};
#define UDP_MAX_SEGMENTS 64u /* of one send with UDP_SEGMENT */
int inet_cmsg_send(struct inet_sock *s, const struct sock_msg *m, struct inet_send_ctl *ctl) __must_check;
/* What a received datagram says about itself. */
struct inet_recv_info {
	struct inet_ip dst;
	s64 stamp; /* CLOCK_REALTIME; 0 = not known */
	u32 ifindex;
	u8 ttl, tos;
	u16 dport;
	u32 drops;
};
void inet_cmsg_recv(struct inet_sock *s, struct sock_msg *m, const struct inet_recv_info *info);
/* One of the error queue, and who told it (no port; AF_UNSPEC when nobody: ip is a wildcard). */
struct inet_cmsg_error {
	struct sock_extended_err ee;
	struct inet_name offender;
};
void inet_cmsg_error(struct inet_sock *s, struct sock_msg *m, const struct inet_cmsg_error *e);

/* errqueue.c */
struct loop_dgram;
bool inet_errors_asked(const struct inet_sock *s, bool v4); /* by IP_RECVERR, for destinations of this family */
bool inet_errors_pending(struct inet_sock *s);
void inet_error_refused(struct inet_sock *s, struct loop_dgram *d); /* nobody is where d went; queued if there is room */
ssize_t inet_error_recv(struct inet_sock *s, struct sock_msg *m); /* MSG_ERRQUEUE; -EAGAIN when there is none */
void inet_errors_purge(struct inet_sock *s);

/* port.c */
/* Of datagram sockets, which may be connected again and again. */
void inet_port_names(struct inet_sock *s, const struct inet_ip *local, const struct inet_name *remote);
void inet_all_add(struct inet_sock *s);
void inet_all_del(struct inet_sock *s);
void inet_port_raw(struct inet_sock *s); /* raw sockets are found by protocol */
/* TIME_WAIT: keeps the port of a connection that s began to end. */
void inet_timewait_add(const struct inet_sock *s);
struct inet_tw_info {
	struct inet_name local, remote;
	s64 left; /* ns */
	bool v6;
};
/* Up to max of them from the skip-th on: how many. */
u32 inet_timewait_list(u32 skip, struct inet_tw_info *out, u32 max);
u32 inet_timewait_count(void);
/*
 * Every datagram socket that a packet to dst reaches: multicast, broadcast, raw. fn gets a reference for the call and
 * runs without locks.
 */
void inet_dgram_each(u32 proto, const struct inet_name *dst, const struct inet_name *src,
		     void (*fn)(void *ctx, struct inet_sock *s), void *ctx);

/* sysctl.c, show.c */
bool inet_may_ping(void);
void inet_show_init(void);
void inet_show_mcast_init(void); /* showmcast.c */

/* The loopback transport, loop.h. */
extern struct inet_ops loop_ops;
extern const size_t loop_sock_size;
void loop_sock_init(struct inet_sock *s);
void loop_sock_free(struct inet_sock *s); /* the memory goes */
void loop_past_free(struct inet_sock *s); /* peers of connections dissolved; nobody is in a call with s */
bool loop_at_mark(struct inet_sock *s);
u32 loop_backlog(struct inet_sock *s); /* connections that nobody has accepted yet */
u32 loop_drops(struct inet_sock *s);

#endif
