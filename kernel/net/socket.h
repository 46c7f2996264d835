/*
 * Sockets: what every family shares.
 *
 * A family embeds struct socket in its own object and registers a struct socket_family. The file made by
 * socket_file() stands for the socket to programs: it owns the family's reference that release() drops; the object
 * may live on after that (a peer, a message in flight). Calls on a socket come through socket_ops with a reference
 * to the file held and no lock; user memory is only touched by the uio and the cmsg functions below.
 *
 * Layers: sys/sys_net*.c decodes; socket.c, sockopt.c and cmsg.c are common; a folder a family.
 */
#ifndef LIMPET_NET_SOCKET_H
#define LIMPET_NET_SOCKET_H

#include "abi/linux/errno.h"
#include "abi/linux/socket.h"
#include "core/wait.h"
#include "fs/file.h"
#include "mm/uaccess.h"

struct socket;
struct poll_table;

/* A message on its way in or out. Lives on the caller's stack. */
struct sock_msg {
	struct uio *data;
	void *name; /* SOCKADDR_MAX bytes of kernel memory; NULL = nobody asks for the address */
	u32 namelen; /* send: bytes given, 0 = none. Receive: bytes filled in */
	const void *control; /* send: kernel copy of the control data */
	u64 control_len; /* of control; receive: what is left at user_control */
	struct uptr user_control; /* receive: where control data goes; null = nowhere */
	u32 flags; /* MSG_* of the call */
	u32 out_flags; /* receive: MSG_* for msg_flags */
};

/* All optional but release; a missing one answers EOPNOTSUPP. */
struct socket_ops {
	void (*release)(struct socket *s); /* the file is gone */
	int (*bind)(struct socket *s, const void *addr, u32 len);
	int (*connect)(struct socket *s, const void *addr, u32 len, u32 file_flags);
	int (*listen)(struct socket *s, u32 backlog);
	/* Waits for a connection; a socket without a file yet, owned by the caller; err_ptr. */
	struct socket *(*accept)(struct socket *s, u32 file_flags);
	/* addr of SOCKADDR_MAX; its length or -errno. SOCK_PEER_ACCEPTED: for accept, of ended connections too. */
	int (*getname)(struct socket *s, void *addr, int peer);
	int (*shutdown)(struct socket *s, int how); /* SHUT_*, checked */
	int (*pair)(struct socket *a, struct socket *b); /* socketpair(2) */
	u32 (*poll)(struct socket *s, struct poll_table *pt);
	long (*ioctl)(struct socket *s, u32 cmd, u64 arg);
	ssize_t (*sendmsg)(struct socket *s, struct sock_msg *m);
	ssize_t (*recvmsg)(struct socket *s, struct sock_msg *m);
	/*
	 * Options of the family's own levels, and those of SOL_SOCKET that sockopt.c does not know. len is not
	 * negative. getopt returns the length put into val (at most len, which is at most SOCKOPT_MAX).
	 */
	int (*setopt)(struct socket *s, int level, int name, struct uptr val, u32 len);
	int (*getopt)(struct socket *s, int level, int name, void *val, u32 len);
	/* SO_PEERGROUPS, SO_PEERPIDFD and filters of multicast: writes value and length itself. */
	int (*getopt_user)(struct socket *s, int level, int name, struct uptr val, u32 len, struct uptr ulen);
	/*
	 * An option of SOL_SOCKET has a new value that sockopt.c has stored: a bit, SO_LINGER, SO_SNDBUF, SO_RCVBUF (val: as
	 * asked for), SO_RCVLOWAT. After the sizes those who wait may have to look again.
	 */
	void (*changed)(struct socket *s, int name, s32 val);
};
#define SOCKOPT_MAX 256
#define SOCK_PEER_ACCEPTED 2

struct socket_family {
	int family;
	/* Checks type and protocol; a socket without a file, owned by the caller; err_ptr. */
	struct socket *(*create)(int type, int protocol);
};

/* struct socket.flags */
#define SOCK_F_PASSCRED 1u
#define SOCK_F_PASSPIDFD 2u
#define SOCK_F_PASSSEC 4u
#define SOCK_F_INHERIT (SOCK_F_PASSCRED | SOCK_F_PASSPIDFD | SOCK_F_PASSSEC) /* by accepted ones */

/* Options that are only remembered: on or off, and numbers. */
enum sock_bit {
	SB_DEBUG, SB_REUSEADDR, SB_DONTROUTE, SB_BROADCAST, SB_KEEPALIVE, SB_OOBINLINE, SB_NO_CHECK, SB_REUSEPORT,
	SB_TIMESTAMP, SB_TIMESTAMPNS, SB_RXQ_OVFL, SB_NOFCS, SB_SELECT_ERR_QUEUE, SB_ZEROCOPY, SB_LINGER, SB_LOCK_FILTER,
};

struct socket {
	const struct socket_ops *ops; /* immutable */
	struct file *file; /* no reference; NULL before it has one and after; the family's lock guards its end */
	int family, type, protocol; /* immutable */
	u64 ino; /* of the file; immutable once it has one */
	u32 flags; /* SOCK_F_*, atomic */
	u32 bits; /* 1 << SB_*, atomic */
	int err; /* SO_ERROR, positive; atomic */
	u32 sndbuf, rcvbuf; /* atomic, as the next */
	s32 rcvlowat, peek_off; /* peek_off: -1 = off */
	s32 priority, mark, linger;
	s64 rcvtimeo, sndtimeo; /* ns; KTIME_MAX = for ever; atomic */
	u64 cookie; /* SO_COOKIE; 0 = none yet; atomic */
};

#define SOCK_BUF_DEFAULT 212992u
#define SOCK_BUF_MAX 212992u /* net.core.wmem_max, rmem_max */
#define SOCK_MIN_SNDBUF 4608u
#define SOCK_MIN_RCVBUF 2304u

void net_init(void); /* boot: registers the families */
void socket_family_register(const struct socket_family *f);

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol);
struct socket *socket_create(int family, int type, int protocol); /* err_ptr */
/* Gives s its file, which owns it from now on; on failure s is released. err_ptr. */
struct file *socket_file(struct socket *s, bool nonblock);
struct socket *socket_of(struct file *f); /* NULL when f is no socket */
/* The call is on behalf of descriptor fd: a referenced file, and its socket; err_ptr(-EBADF, -ENOTSOCK). */
struct file *socket_fd_get(int fd, struct socket **s);

/* Takes the pending error: 0 or -errno. */
static inline int socket_error(struct socket *s)
{
	if (likely(!atomic_load_relaxed(&s->err)))
		return 0;
	return -atomic_xchg(&s->err, 0);
}

/* What a wait for a socket may use: whether it may block at all, and until when. */
struct sock_wait {
	bool nonblock;
	s64 timeo, deadline;
};
static inline struct sock_wait sock_wait_init(bool nonblock, s64 timeo)
{
	struct sock_wait w = { nonblock || timeo == 0, timeo, KTIME_MAX };

	if (!w.nonblock && timeo != KTIME_MAX)
		w.deadline = ktime_add_sat(ktime_get(), timeo);
	return w;
}
/* What an interrupted or timed out wait answers. */
static inline int sock_wait_error(const struct sock_wait *w, int ret)
{
	if (ret == -ETIMEDOUT)
		return -EAGAIN;
	if (ret == -ERESTARTSYS && w->timeo != KTIME_MAX)
		return -EINTR;
	return ret;
}
/* As wait_event_full, for a sleeper that only these poll events wake. */
#define sock_wait_event(wq, cond, deadline, wflags, wevents)                                                  \
	({                                                                                                   \
		int ret_ = 0;                                                                                \
		struct waiter w_;                                                                            \
		waiter_init(&w_);                                                                            \
		w_.flags = (wflags);                                                                         \
		w_.events = (wevents);                                                                       \
		for (;;) {                                                                                   \
			wait_prepare((wq), &w_);                                                             \
			if (cond) {                                                                          \
				ret_ = 0;                                                                    \
				break;                                                                       \
			}                                                                                    \
			if (ret_)                                                                            \
				break;                                                                       \
			ret_ = wait_block(WAIT_INTERRUPTIBLE, (deadline));                                   \
		}                                                                                            \
		wait_remove(&w_);                                                                            \
		ret_;                                                                                        \
	})

/* sockopt.c: setsockopt(2) and getsockopt(2) behind the decoding. */
int socket_setopt(struct socket *s, int level, int name, struct uptr val, int len) __must_check;
int socket_getopt(struct socket *s, int level, int name, struct uptr val, struct uptr len) __must_check;
u64 socket_cookie(struct socket *s); /* SO_COOKIE, also in sock_diag */

/*
 * cmsg.c: writes one item of control data and moves on; what does not fit is cut and MSG_CTRUNC set.
 * 0 or -EFAULT, which Linux's receive calls ignore too.
 */
int sock_cmsg_put(struct sock_msg *m, int level, int type, const void *data, u32 len);
/* The control data's items, for sending: the one behind c (NULL = the first), or NULL; err_ptr(-EINVAL): malformed. */
const struct cmsghdr *sock_cmsg_next(const struct sock_msg *m, const struct cmsghdr *c);
static inline const void *sock_cmsg_data(const struct cmsghdr *c) { return c + 1; }

/* Tells a socket's file owner (O_ASYNC). Caller holds what keeps s->file alive, no lock; band as poll events. */
static inline bool socket_wants_sigio(const struct socket *s)
{
	return unlikely(s->file && (atomic_load_relaxed(&s->file->flags) & O_ASYNC));
}

#endif
