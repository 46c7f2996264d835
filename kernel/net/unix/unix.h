/*
 * AF_UNIX, unix(7).
 *
 * sock.c     life of a socket: made, released; waiting and waking; its table of operations
 * addr.c     addresses: binding a path, an abstract name or a chosen one; finding a socket by address
 * connect.c  listen, connect, accept, socketpair, shutdown, names
 * msg.c      messages: allocation, charging the sender's send buffer, freeing
 * stream.c   SOCK_STREAM send and receive
 * dgram.c    SOCK_DGRAM and SOCK_SEQPACKET send and receive
 * poll.c     readiness
 * scm.c      descriptors and credentials in control data
 * gc.c       descriptors in flight: counts, limits, cycles that nobody can reach any more
 * options.c  socket options and ioctls of this family
 * show.c     /proc/net/unix; diag.c for ss(8)
 *
 * Objects. A unix_sock is referenced by its file, by each socket whose peer it is, by messages it has sent, by a
 * listener's accept queue, and by calls. The file's release makes it dead: off every name, queue emptied, peer
 * told; what others hold afterwards is the memory. Pathname sockets hold their path; inode->pipe points back
 * without a reference, cleared under inode->lock at release, and lookups take theirs under that lock.
 *
 * A message sits in exactly one queue or in one call's hands. Data is copied in before it is queued and copied out
 * without any lock but recv_lock, which may be held over user copies: its holder alone takes messages off the
 * queue, so a message it has looked at stays while it copies.
 *
 * Locks, outermost first: bind_lock, recv_lock (sleep locks); gc_lock; unix_sock.lock (two of them by address, or a
 * listener's before one in its accept queue); wait queues; table_lock. gc_lock is never taken with a unix_sock.lock
 * held.
 */
#ifndef LIMPET_NET_UNIX_H
#define LIMPET_NET_UNIX_H

#include "abi/linux/errno.h"
#include "abi/linux/un.h"
#include "core/alloc.h"
#include "fs/poll.h"
#include "lib/list.h"
#include "lib/string.h"
#include "net/socket.h"
#include "proc/task.h"

struct unix_sock;

#define UNIX_MAX_DGRAM_QLEN 10u /* net.unix.max_dgram_qlen: default backlog */
#define UNIX_ADDR_MAX (UNIX_PATH_OFFSET + UNIX_PATH_MAX + 1) /* a full path and its 0 */

/* Never changes; shared by a listener and what it accepts. name is a struct sockaddr_un cut to len. */
struct unix_addr {
	struct ref ref;
	u32 len; /* with the family */
	u8 name[];
};

/* Descriptors travelling with a message. */
struct unix_fds {
	struct list_head node; /* of the files whose release is put off */
	u32 count, capacity;
	u32 uid; /* whose limit they count for */
	bool inflight; /* counted */
	struct file *fp[]; /* references */
};

/* What of a long message does not fit its first block: in blocks of a size that the heap keeps. */
struct unix_frag {
	struct unix_frag *next;
	u32 len;
	u32 pad;
	u8 data[];
};

struct unix_msg {
	struct list_head node; /* queue; under the receiver's lock */
	struct unix_sock *sender; /* reference; its wmem is charged with truesize */
	struct unix_fds *fds; /* taken by the first reader */
	struct pid *pid; /* reference; NULL = no credentials */
	u32 uid, gid;
	u32 len, off; /* bytes in all, bytes already read (streams) */
	u32 truesize;
	u32 first; /* bytes in data */
	struct unix_frag *frags; /* the rest */
	s64 stamp; /* CLOCK_REALTIME when sent; 0 = nobody asked */
	u8 data[];
};

enum unix_state { UNIX_CLOSED, UNIX_LISTEN, UNIX_ESTABLISHED };
#define UNIX_RCV_SHUTDOWN 1u
#define UNIX_SEND_SHUTDOWN 2u
#define UNIX_SHUTDOWN_BOTH 3u

struct unix_sock {
	struct socket sock;
	struct ref ref;
	struct mutex lock; /* LOCK_SOCK: guards all to the next blank line; fields with "atomic" are read without it */
	u32 state; /* enum unix_state; atomic */
	u32 shutdown; /* UNIX_*_SHUTDOWN; atomic */
	bool dead; /* atomic */
	struct unix_sock *peer; /* reference; atomic. Streams: set once, gone only at release */
	struct list_head queue; /* unix_msg */
	struct list_head accept_queue; /* unix_sock.accept_node */
	u32 qlen; /* messages or connections; atomic */
	u32 backlog; /* atomic */
	u64 inq_bytes; /* unread in queue */
	const struct cred *peer_cred;
	struct pid *peer_pid;
	struct waiter peer_wake; /* on peer->peer_wait while a datagram peer's queue is full */

	struct list_head accept_node; /* under the listener's lock */
	struct unix_addr *addr; /* set once: atomic */
	struct path path; /* bound pathname: dentry != NULL; set under bind_lock */
	struct hlist_node name_node; /* abstract names; under table_lock */
	struct list_head all_node; /* under table_lock */
	struct wait_queue wait; /* readers, writers, poll */
	struct wait_queue peer_wait; /* those who wait for room in our queue */
	u32 wmem; /* truesize of messages sent and not read; atomic */
	struct sleep_lock recv_lock;
	struct sleep_lock bind_lock;

	/* gc.c, under gc_lock */
	u32 inflight; /* references to our file from messages */
	bool gc_candidate, gc_maybe;
	struct list_head gc_node;
};

static inline struct unix_sock *unix_of(struct socket *s) { return container_of(s, struct unix_sock, sock); }
static inline struct unix_sock *unix_get(struct unix_sock *u)
{
	ref_get(&u->ref);
	return u;
}
void unix_put(struct unix_sock *u);
static inline bool unix_connected_type(const struct unix_sock *u) { return u->sock.type != SOCK_DGRAM; }

/* sock.c */
extern const struct socket_family unix_family;
extern struct mutex unix_table_lock; /* LOCK_LEAF */
extern struct list_head unix_all; /* under unix_table_lock */
struct unix_sock *unix_alloc(int type, int protocol); /* state closed, one reference, on unix_all; NULL = no memory */
/* What close does; embryo: it was never accepted. Drops the caller's reference. No lock held. */
void unix_release(struct unix_sock *u, bool embryo);
void unix_set_peercred(struct unix_sock *u); /* the current task's; u->lock held or u not published */
struct unix_sock *unix_peer_get(struct unix_sock *u); /* referenced or NULL */
/* Wakes readers after a message was queued (lock given up). */
void unix_data_ready(struct unix_sock *u);
void unix_state_changed(struct unix_sock *u, int band); /* everybody; SIGIO with band unless 0 */
void unix_sigio(struct unix_sock *u, int band);
static inline bool unix_writable(const struct unix_sock *u)
{
	return (u64)atomic_load(&u->wmem) * 4 <= atomic_load(&u->sock.sndbuf);
}
static inline bool unix_queue_full(const struct unix_sock *u)
{
	return atomic_load(&u->qlen) > atomic_load(&u->backlog);
}
/* Is a sender on u, not being the one it is connected to, to wait until other has room? u may be other. */
static inline bool unix_must_wait(const struct unix_sock *u, const struct unix_sock *other)
{
	return other != u && atomic_load(&other->peer) != u && unix_queue_full(other);
}
/* Sleeps until other's queue has room or it is gone. 0, or what the call answers. Nothing locked. */
int unix_wait_room(struct unix_sock *other, const struct sock_wait *w) __must_check;

/* diag.c: the messages that a unix_diag_req asks for, all or one; how many. No lock held. */
struct rt_build;
struct unix_diag_req;
int unix_diag(struct rt_build *b, const struct unix_diag_req *want, bool dump);

/* addr.c */
int unix_addr_check(const void *addr, u32 len) __must_check; /* -EINVAL */
int unix_bind(struct socket *s, const void *addr, u32 len);
int unix_autobind(struct unix_sock *u) __must_check; /* nothing when it has a name */
int unix_autobind_for_creds(struct unix_sock *u) __must_check; /* as Linux: when it wants credentials */
struct unix_sock *unix_find(const void *addr, u32 len, int type); /* referenced, err_ptr */
void unix_addr_put(struct unix_addr *a);
void unix_unbind(struct unix_sock *u); /* at release */
int unix_addr_copy(struct unix_sock *u, void *name); /* SOCKADDR_MAX bytes; length, 0 = unnamed */

/* connect.c */
int unix_listen(struct socket *s, u32 backlog);
int unix_stream_connect(struct socket *s, const void *addr, u32 len, u32 file_flags);
int unix_dgram_connect(struct socket *s, const void *addr, u32 len, u32 file_flags);
struct socket *unix_accept(struct socket *s, u32 file_flags);
int unix_pair(struct socket *a, struct socket *b);
int unix_getname(struct socket *s, void *addr, int peer);
int unix_shutdown(struct socket *s, int how);
bool unix_may_send(struct unix_sock *u, struct unix_sock *other);
/* u, whose lock is held, has lost its datagram peer. Returns messages to be freed in drop. */
void unix_dgram_purge(struct unix_sock *u, struct list_head *drop);
void unix_dgram_lost(struct unix_sock *u, struct unix_sock *old, struct list_head *drop); /* no lock held */

/* msg.c */
#define UNIX_BLOCK 32768u
#define UNIX_FIRST_MAX (UNIX_BLOCK - (u32)sizeof(struct unix_msg))
/*
 * A message with room for len bytes charged to u, once its send buffer has room. err_ptr: -EAGAIN, -EPIPE, a pending
 * error, -ENOBUFS, or what an interrupted wait answers.
 */
struct unix_msg *unix_msg_alloc(struct unix_sock *u, u32 len, const struct sock_wait *w);
int unix_msg_fill(struct unix_msg *m, struct uio *from) __must_check; /* all of it, or -EFAULT */
/* n bytes from off on, which are there. 0 or -EFAULT. */
int unix_msg_copy(const struct unix_msg *m, u32 off, u32 n, struct uio *to) __must_check;
void unix_msg_free(struct unix_msg *m); /* no lock held; wakes the sender when it can write again */
void unix_msgs_free(struct list_head *list);
/* Under the receiver's lock. */
void unix_msg_queue(struct unix_sock *to, struct unix_msg *m);
void unix_msg_unlink(struct unix_sock *from, struct unix_msg *m);

/* scm.c */
struct unix_scm {
	struct unix_fds *fds; /* to be freed unless moved into a message or delivered */
	struct pid *pid; /* reference */
	u32 uid, gid;
};
int unix_scm_send(struct unix_scm *scm, const struct sock_msg *m) __must_check;
/* Counts them as in flight; -ETOOMANYREFS. */
int unix_scm_attach_fds(struct unix_scm *scm, struct unix_msg *m) __must_check;
void unix_scm_attach_creds(const struct unix_scm *scm, struct unix_msg *m);
void unix_scm_default_creds(struct unix_msg *m, const struct unix_sock *from, const struct unix_sock *to);
void unix_scm_take_fds(struct unix_scm *scm, struct unix_msg *m); /* the holder of recv_lock, or of m */
int unix_scm_peek_fds(struct unix_scm *scm, const struct unix_msg *m) __must_check;
void unix_scm_take_creds(struct unix_scm *scm, const struct unix_msg *m);
bool unix_scm_same_creds(const struct unix_scm *scm, const struct unix_msg *m);
void unix_scm_recv(struct unix_scm *scm, struct unix_sock *u, struct sock_msg *m); /* delivers and destroys */
void unix_scm_destroy(struct unix_scm *scm);

/* gc.c */
int unix_inflight_add(struct unix_fds *fds) __must_check; /* -ETOOMANYREFS, -ENOMEM */
void unix_inflight_remove(struct unix_fds *fds);
struct unix_fds *unix_inflight_take(struct unix_msg *m); /* out of a message that may still be queued */
void unix_inflight_barrier(void); /* waits for a collection that is under way */
/* Drops the references (of unix sockets perhaps later, so that releases do not nest) and frees fds. No lock held. */
void unix_fds_release(struct unix_fds *fds);
void unix_gc(void); /* at release of a socket, and when much is in flight. No lock held */
void unix_gc_throttle(void);

/* stream.c, dgram.c, poll.c, options.c */
ssize_t unix_stream_sendmsg(struct socket *s, struct sock_msg *m);
ssize_t unix_stream_recvmsg(struct socket *s, struct sock_msg *m);
ssize_t unix_dgram_sendmsg(struct socket *s, struct sock_msg *m);
ssize_t unix_dgram_recvmsg(struct socket *s, struct sock_msg *m);
ssize_t unix_seqpacket_sendmsg(struct socket *s, struct sock_msg *m);
ssize_t unix_seqpacket_recvmsg(struct socket *s, struct sock_msg *m);
u32 unix_stream_poll(struct socket *s, struct poll_table *pt);
u32 unix_dgram_poll(struct socket *s, struct poll_table *pt);
/* Datagram writers that poll are told when the peer has room again; all under u->lock. */
bool unix_peer_wake_arm(struct unix_sock *u, struct unix_sock *other); /* true: still full, they will be told */
bool unix_peer_wake_disarm(struct unix_sock *u); /* true: it was armed; wake u's writers after unlocking */
long unix_ioctl(struct socket *s, u32 cmd, u64 arg);
int unix_getopt(struct socket *s, int level, int name, void *val, u32 len);
int unix_getopt_user(struct socket *s, int level, int name, struct uptr val, u32 len, struct uptr ulen);
void unix_limits_changed(struct socket *s, int name, s32 val);

/* show.c: the text of /proc/net/unix, in one or more calls of emit; stops when emit fails. 0 or -errno. */
int unix_proc_show(int (*emit)(void *ctx, const char *text, size_t len), void *ctx);

#endif
