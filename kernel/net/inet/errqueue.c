/*
 * The queue of errors of datagram sockets, ip(7) IP_RECVERR: what came back as ICMP, with the beginning of the datagram
 * that caused it. Errors of the outside stay in the host socket's queue until somebody asks (net/host/dgram.c).
 */
#include "net/inet/loop.h"

struct inet_error {
	struct list_head node;
	struct inet_cmsg_error what;
	struct inet_name dst; /* of the datagram */
	struct inet_ip local; /* where the message came to */
	struct loop_dgram *d; /* a reference */
	u32 len; /* of its bytes that came back */
};

#define ICMP_ROOM (576u - 20 - 8 - 20 - 8) /* of a datagram's bytes in a message: what every IPv4 host takes */
#define ICMP6_ROOM (1280u - 40 - 8 - 40 - 8) /* IPv6's smallest MTU */
#define ICMP_TTL 64
#define ICMP_TOS 0xc0 /* internetwork control */

bool inet_errors_asked(const struct inet_sock *s, bool v4) { return inet_flag(s, v4 ? IF_RECVERR : IF_RECVERR6); }

bool inet_errors_pending(struct inet_sock *s) { return !inet_stream(s) && atomic_load(&s->loop->error_count); }

static void error_free(struct inet_error *e)
{
	loop_dgram_put(e->d);
	kfree(e);
}

void inet_error_refused(struct inet_sock *s, struct loop_dgram *d)
{
	bool v4 = inet_is4(&d->dst.ip), fits;
	struct loop_sock *l = s->loop;
	struct inet_error *e = kzalloc(sizeof(*e));

	if (!e)
		return;
	e->what.ee = (struct sock_extended_err){ .errnr = ECONNREFUSED, .origin = SO_EE_ORIGIN_ICMP, .type = 3, .code = 3 };
	if (!v4) {
		e->what.ee.origin = SO_EE_ORIGIN_ICMP6;
		e->what.ee.type = 1;
		e->what.ee.code = 4;
	}
	e->what.offender.ip = d->dst.ip;
	e->dst = d->dst;
	e->local = d->src.ip;
	e->len = min(d->len, v4 ? ICMP_ROOM : ICMP6_ROOM);
	ref_get(&d->ref);
	e->d = d;
	mutex_lock(&s->lock);
	fits = !s->dead && atomic_load(&l->rmem) + d->truesize < atomic_load(&s->sock.rcvbuf);
	if (fits) {
		list_add_tail(&e->node, &l->errors);
		atomic_store(&l->rmem, l->rmem + d->truesize);
		atomic_store(&l->error_count, l->error_count + 1);
	}
	mutex_unlock(&s->lock);
	if (!fits)
		error_free(e);
}

/* The first one. The error of the one behind it is the socket's pending one now. */
static struct inet_error *pop(struct inet_sock *s)
{
	struct loop_sock *l = s->loop;
	struct inet_error *e, *next;

	mutex_lock(&s->lock);
	e = list_first_entry_or_null(&l->errors, struct inet_error, node);
	if (e) {
		list_del(&e->node);
		atomic_store(&l->rmem, l->rmem - e->d->truesize);
		atomic_store(&l->error_count, l->error_count - 1);
		next = list_first_entry_or_null(&l->errors, struct inet_error, node);
		inet_set_err(s, next ? (int)next->what.ee.errnr : 0);
	}
	mutex_unlock(&s->lock);
	return e;
}

void inet_errors_purge(struct inet_sock *s)
{
	struct inet_error *e, *n;
	struct list_head gone;

	if (inet_stream(s))
		return;
	list_init(&gone);
	mutex_lock(&s->lock);
	list_splice_tail_init(&s->loop->errors, &gone);
	list_for_each_entry(e, &gone, node)
		atomic_store(&s->loop->rmem, s->loop->rmem - e->d->truesize);
	atomic_store(&s->loop->error_count, 0);
	mutex_unlock(&s->lock);
	list_for_each_entry_safe(e, n, &gone, node)
		error_free(e);
}

ssize_t inet_error_recv(struct inet_sock *s, struct sock_msg *m)
{
	struct inet_error *e = pop(s);
	struct inet_recv_info info;
	u32 n;

	if (!e)
		return -EAGAIN;
	if (inet_errors_pending(s))
		inet_wake(s, POLLERR);
	n = (u32)min((size_t)e->len, m->data->resid);
	if (loop_dgram_out(e->d, 0, m->data, n) != n) {
		error_free(e);
		return -EFAULT;
	}
	if (n < e->len)
		m->out_flags |= MSG_TRUNC;
	m->out_flags |= MSG_ERRQUEUE;
	if (m->name)
		m->namelen = (u32)inet_name_out(s, &e->dst, m->name);
	info = (struct inet_recv_info){ .dst = e->local, .ifindex = LOOPBACK_IFINDEX, .ttl = ICMP_TTL,
					.tos = inet_is4(&e->dst.ip) ? ICMP_TOS : 0 };
	inet_cmsg_recv(s, m, &info);
	inet_cmsg_error(s, m, &e->what);
	error_free(e);
	return n;
}
