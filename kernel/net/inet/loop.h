/*
 * The loopback transport: between sockets of this sandbox, without packets.
 *
 * loop.c        its operations; which addresses it serves; a socket's part of it
 * loopconn.c    connections: made, accepted, half closed, ended
 * loopring.c    the bytes on their way: one ring a direction
 * loopstream.c  send, receive, urgent data, readiness of connections
 * loopdgram.c   datagrams: UDP, multicast and broadcast
 * loopicmp.c    echo: ping sockets and raw ones
 *
 * A connection is two inet_socks, each with a reference to the other as its peer, set before either is established and
 * gone only at release or by connect(2) to nobody. Bytes sent by one are written into the ring of the other; the writer
 * is the holder of the ring's wlock, the reader the holder of its socket's recv_lock, and neither locks anything else for
 * data.
 *
 * Calls use the peer without a reference of their own. close(2) waits for them (a call holds the file), connect(2) to
 * nobody does not: who uses the peer is counted (loop_enter, loop_leave), and the references of connections dissolved
 * stay in `past` until nobody is left who came before. There are two counters, and newcomers use the one that `epoch`
 * names, so that each falls to zero in its turn however many come: who still has a peer of the past is in one of them,
 * and when both were seen at zero, at whatever times, nobody has.
 *
 * The ring is a list of chunks, small or large as what is written. head and tail count bytes since the beginning. A
 * chunk holds the bytes from its base on; the writer moves base up when all is read, so that short messages keep using
 * the same few cache lines. The reader looks at a chunk only while there is something to read, which is what makes
 * that safe. Chunks that are read are handed back to the writer through spare. Rings that stay empty for a while are
 * freed by a timer, which takes both locks: an idle connection keeps no memory for data.
 */
#ifndef LIMPET_NET_INET_LOOP_H
#define LIMPET_NET_INET_LOOP_H

#include "net/inet/internal.h"

/* ---- rings ---- */

#define LOOP_CHUNK 32768u
#define LOOP_MEDIUM 8192u
#define LOOP_SMALL 1984u
#define LOOP_AUTO_LIMIT (768u << 10) /* bytes under way when neither end has set a buffer size */

struct loop_chunk {
	struct loop_chunk *next; /* atomic; set once by the writer */
	u64 base;
	u32 size;
	u32 pad;
	u8 *data;
};

/* The two ends on cache lines of their own: LOOP_LINE bytes are the writer's. */
#define LOOP_LINE 64u
struct loop_ring {
	u64 head; /* written by the writer; atomic */
	struct loop_chunk *w; /* the writer's */
	struct loop_chunk *spare; /* atomic */
	u32 nospace; /* a writer waits for room; atomic */
	u32 used_lately; /* for the timer; atomic */
	struct sleep_lock wlock; /* held by the writer: the other end, or the timer */
	u64 tail; /* written by the reader; atomic */
	struct loop_chunk *r; /* the reader's; the first one is set by the writer */
};

static inline u64 loop_ring_used(struct loop_ring *r) { return atomic_load(&r->head) - atomic_load(&r->tail); }
/* Copies up to n bytes in, from from; the holder of the write side. Bytes, -EFAULT, -ENOMEM. */
ssize_t loop_ring_put(struct loop_ring *r, struct uio *from, size_t n);
/*
 * Copies up to n bytes out that are there, skip bytes from the tail on, to to (NULL: nowhere). Does not move the tail.
 * The holder of the read side. Bytes or -EFAULT.
 */
ssize_t loop_ring_get(struct loop_ring *r, struct uio *to, u64 skip, size_t n);
void loop_ring_consume(struct loop_ring *r, u64 n); /* moves the tail */
void loop_ring_free(struct loop_ring *r); /* nobody writes, nobody reads */

/* ---- sockets ---- */

enum urgent { URG_NONE, URG_VALID, URG_READ };
/* Nobody has accepted it yet: it is in the accept queue, among the deferred, or waits to get into the queue. */
enum loop_queued { LOOP_NOT_QUEUED, LOOP_ACCEPT, LOOP_DEFERRED, LOOP_SYN };

struct loop_past {
	struct loop_past *next;
	struct inet_sock *peer; /* a reference */
	u32 empty; /* bits: these of inside[] have been zero since */
};

/*
 * Lies behind its inet_sock, in one piece with it. An idle connection costs two such pieces, so that fields which no
 * socket needs both of share their place.
 */
struct loop_sock {
	/* Connections. peer: a reference; atomic; set once before the state is established. */
	struct inet_sock *peer;
	bool fin; /* the peer sends nothing more: end of file even behind an error; atomic */
	bool first_closer; /* this end has closed first: TIME_WAIT will be here. Under lock, as the next */
	u8 queued; /* enum loop_queued; atomic */
	u8 urg; /* enum urgent; atomic */
	u8 urg_byte;
	u8 epoch; /* written under lock; atomic */
	u8 past_count; /* under lock; atomic */
	u64 urg_pos; /* of the urgent byte in the stream; atomic */
	struct list_head warm_node; /* of rings with memory; under the warm list's lock */
	struct loop_past *past; /* of connections dissolved; under lock; atomic */
	struct loop_ring rx;
	u32 inside[2]; /* calls that may use a peer; atomic; on the line that this end writes anyway */
	struct list_head node; /* on a listener's list, under that one's lock */
	struct inet_sock *listener; /* whose list node is on: a reference; under the listener's lock */

	union {
		struct { /* Listeners, under lock. */
			struct list_head accept_queue; /* of loop_sock.node; referenced: become the files' */
			struct list_head deferred; /* TCP_DEFER_ACCEPT: connections without data yet */
			struct list_head syns; /* of sockets that wait for room in the queue; referenced */
			u32 qlen; /* atomic */
			u32 deferred_len;
		};
		struct { /* Datagrams, under lock. */
			struct list_head dgrams;
			struct list_head errors; /* errqueue.c */
			u32 rmem, dgram_count, error_count; /* atomic */
			u32 arrived; /* datagrams ever; atomic */
			u32 drops;
			struct loop_dgram *corked; /* under send_lock */
		};
	};
};
#ifndef LIMPET_DEBUG
_Static_assert(offsetof(struct loop_ring, tail) == LOOP_LINE, "a line for the writer");
_Static_assert((sizeof(struct inet_sock) + offsetof(struct loop_sock, rx)) % LOOP_LINE == 0, "rings begin with a line");
_Static_assert(sizeof(struct inet_sock) + sizeof(struct loop_sock) <= 768, "the allocator's size class");
#endif

static inline struct inet_sock *loop_self(const struct loop_sock *l) { return (struct inet_sock *)l - 1; }
/*
 * May change under who does not hold the lock: connect(2) to nobody, by another thread. What it points to stays until
 * loop_leave() when loop_enter() came before, or while the lock is held.
 */
static inline struct inet_sock *loop_peer(struct inet_sock *s) { return atomic_load(&s->loop->peer); }
static inline u32 loop_enter(struct inet_sock *s)
{
	u32 epoch = atomic_load_relaxed(&s->loop->epoch) & 1u;

	atomic_add(&s->loop->inside[epoch], 1u);
	return epoch;
}
void loop_let_go(struct inet_sock *s);
static inline void loop_leave(struct inet_sock *s, u32 epoch)
{
	if (!atomic_sub(&s->loop->inside[epoch], 1u) && unlikely(atomic_load(&s->loop->past)))
		loop_let_go(s);
}

/* loopconn.c */
int loop_connect(struct inet_sock *s);
int loop_listen(struct inet_sock *s, u32 backlog);
struct inet_sock *loop_accept(struct inet_sock *s);
void loop_unlisten(struct inet_sock *s); /* refuses who waits, resets who was not accepted */
int loop_shutdown(struct inet_sock *s, u32 how);
void loop_release(struct inet_sock *s);
int loop_disconnect(struct inet_sock *s); /* inet_ops.disconnect */
/* Ends the connection with a reset of the peer; s keeps no error. No lock held. */
void loop_reset(struct inet_sock *s);
/* s has sent to its peer that reads no more: both end, s with an error. No lock held. */
void loop_refused_data(struct inet_sock *s, struct inet_sock *peer);
/* Data or an end has come for a connection that its listener defers. */
void loop_undefer(struct inet_sock *s);

/* loopstream.c */
ssize_t loop_stream_send(struct inet_sock *s, struct sock_msg *m);
ssize_t loop_stream_recv(struct inet_sock *s, struct sock_msg *m);
u32 loop_stream_poll(struct inet_sock *s, u32 want);
void loop_tcp_info(struct inet_sock *s, struct tcp_info *ti);
u32 loop_stream_inq(struct inet_sock *s);
void loop_warm(struct inet_sock *s); /* s's ring has memory now: the timer watches it */
void loop_cold(struct inet_sock *s); /* before s goes */

/* loopdgram.c, loopicmp.c */
struct loop_dgram {
	struct list_head node;
	struct ref ref;
	u32 len, truesize;
	struct inet_name src, dst;
	s64 stamp;
	u8 ttl, tos;
	u8 proto; /* IPPROTO_* of raw packets */
	bool peeked; /* somebody has seen it; under the receiver's lock */
	bool named; /* corked: sent to a name, not to whom the socket is connected */
	struct inet_ops *via; /* corked: another transport sends it; NULL = loopback */
	u32 first; /* bytes in data */
	u8 *more[2]; /* blocks of LOOP_DGRAM_BLOCK behind it */
	u8 data[];
};
#define LOOP_DGRAM_BLOCK 32768u
struct loop_dgram *loop_dgram_alloc(u32 len);
void loop_dgram_put(struct loop_dgram *d);
struct loop_dgram *loop_dgram_copy(struct loop_dgram *d);
bool loop_corks(const struct inet_sock *s, const struct sock_msg *m); /* is this send one that waits for others? */
/* MSG_MORE and UDP_CORK for other transports: gathered here, sent by via. */
ssize_t loop_cork_via(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst, struct inet_ops *via);
void loop_uncork(struct inet_sock *s); /* sends what MSG_MORE and UDP_CORK held back */
u8 *loop_dgram_at(struct loop_dgram *d, u32 off); /* one byte */
u32 loop_dgram_out(struct loop_dgram *d, u32 from, struct uio *to, u32 len); /* bytes from one on: how many */
/* Queues d for s, or drops it; takes it over. */
void loop_dgram_queue(struct inet_sock *s, struct loop_dgram *d);
ssize_t loop_dgram_send(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst);
ssize_t loop_dgram_recv(struct inet_sock *s, struct sock_msg *m);
/* A request arrived at an address of ours: answers it, and shows both to raw sockets. Takes d over. */
void loop_icmp_input(struct loop_dgram *d, bool v6);
int loop_icmp_prepare(struct inet_sock *s, struct loop_dgram *d) __must_check; /* of a ping socket */
int loop_raw_send(struct inet_sock *s, struct loop_dgram *d) __must_check; /* takes d over unless it fails */
/* Raw IPv4 sockets are shown a header. */
u32 loop_raw_header(struct inet_sock *s, const struct loop_dgram *d, u8 hdr[20]);

#endif
