/* Datagrams on loopback: into the receiver's queue, or dropped, without the sender ever waiting. */
#include "net/inet/loop.h"

#define OVERHEAD 256u /* what a datagram counts beyond its bytes */

struct loop_dgram *loop_dgram_alloc(u32 len)
{
	u32 first = min(len, LOOP_DGRAM_BLOCK - (u32)sizeof(struct loop_dgram)), rest = len - first;
	struct loop_dgram *d = kmalloc(sizeof(*d) + first);

	if (!d)
		return NULL;
	memset(d, 0, sizeof(*d));
	ref_init(&d->ref);
	list_init(&d->node);
	d->len = len;
	d->first = first;
	d->truesize = len + OVERHEAD;
	for (u32 i = 0; rest; i++) {
		d->more[i] = kmalloc(min(rest, LOOP_DGRAM_BLOCK));
		if (!d->more[i]) {
			loop_dgram_put(d);
			return NULL;
		}
		rest -= min(rest, LOOP_DGRAM_BLOCK);
	}
	return d;
}

void loop_dgram_put(struct loop_dgram *d)
{
	if (!ref_put(&d->ref))
		return;
	kfree(d->more[0]);
	kfree(d->more[1]);
	kfree(d);
}

u8 *loop_dgram_at(struct loop_dgram *d, u32 off)
{
	if (off < d->first)
		return d->data + off;
	off -= d->first;
	return d->more[off / LOOP_DGRAM_BLOCK] + off % LOOP_DGRAM_BLOCK;
}

/* The bytes from off on that lie together. */
static u32 together(struct loop_dgram *d, u32 off)
{
	u32 left = off < d->first ? d->first - off : LOOP_DGRAM_BLOCK - (off - d->first) % LOOP_DGRAM_BLOCK;

	return min(left, d->len - off);
}

/* From off on to the end. */
static int fill(struct loop_dgram *d, u32 off, struct uio *from)
{
	for (u32 n; off < d->len; off += n) {
		n = together(d, off);
		if (uio_copy_from(from, loop_dgram_at(d, off), n) != n)
			return -EFAULT;
	}
	return 0;
}

/* With room for more bytes behind. */
static struct loop_dgram *copy_larger(struct loop_dgram *d, u32 more)
{
	struct loop_dgram *c = loop_dgram_alloc(d->len + more);

	if (!c)
		return NULL;
	c->src = d->src;
	c->dst = d->dst;
	c->stamp = d->stamp;
	c->ttl = d->ttl;
	c->tos = d->tos;
	c->proto = d->proto;
	c->via = d->via;
	c->named = d->named;
	for (u32 off = 0, n; off < d->len; off += n) {
		/* The blocks are of one size, so their borders lie at the same places, but for the first. */
		n = min(together(d, off), together(c, off));
		memcpy(loop_dgram_at(c, off), loop_dgram_at(d, off), n);
	}
	return c;
}

struct loop_dgram *loop_dgram_copy(struct loop_dgram *d) { return copy_larger(d, 0); }

void loop_dgram_queue(struct inet_sock *s, struct loop_dgram *d)
{
	struct loop_sock *l = s->loop;
	bool full;

	if (!d->stamp && (atomic_load_relaxed(&s->sock.bits) & (1u << SB_TIMESTAMP | 1u << SB_TIMESTAMPNS)))
		d->stamp = ktime_get_real();
	mutex_lock(&s->lock);
	full = s->dead || (s->shutdown & INET_RCV_SHUTDOWN && !inet_udp(s)) ||
	       atomic_load(&l->rmem) > atomic_load(&s->sock.rcvbuf);
	if (full) {
		l->drops++;
	} else {
		list_add_tail(&d->node, &l->dgrams);
		atomic_store(&l->rmem, l->rmem + d->truesize);
		atomic_store(&l->dgram_count, l->dgram_count + 1);
		atomic_store(&l->arrived, l->arrived + 1);
	}
	mutex_unlock(&s->lock);
	if (full) {
		if (inet_udp(s))
			atomic_add(&inet_stats.udp_full, 1);
		loop_dgram_put(d);
		return;
	}
	inet_wake(s, POLLIN | POLLRDNORM);
}

static void deliver_copy(void *ctx, struct inet_sock *s)
{
	struct loop_dgram *d = ctx, *c;

	if (inet_mcast(&d->dst.ip) && !inet_member_of(s, &d->dst.ip, &d->src.ip))
		return;
	c = loop_dgram_copy(d);
	if (c)
		loop_dgram_queue(s, c);
}

static void unreachable(struct inet_sock *s, struct loop_dgram *d)
{
	bool asked = inet_errors_asked(s, inet_is4(&d->dst.ip));

	atomic_add(&inet_stats.udp_noports, 1);
	atomic_add(&inet_stats.icmp_unreach, 1);
	if (!s->remote.port && !asked)
		return;
	if (asked)
		inet_error_refused(s, d);
	inet_set_err(s, ECONNREFUSED);
	inet_wake(s, POLLERR | POLLIN | POLLRDNORM);
}

/* Takes d over. */
static void udp_deliver(struct inet_sock *s, struct loop_dgram *d)
{
	struct inet_sock *to;

	atomic_add(&inet_stats.udp_out, 1);
	if (inet_mcast(&d->dst.ip) || inet_bcast(&d->dst.ip)) {
		inet_dgram_each(s->proto, &d->dst, &d->src, deliver_copy, d);
		loop_dgram_put(d);
		return;
	}
	to = inet_find_dgram(s->proto, &d->dst, &d->src);
	if (!to) {
		unreachable(s, d);
		loop_dgram_put(d);
		return;
	}
	atomic_add(&inet_stats.udp_in, 1);
	loop_dgram_queue(to, d);
	inet_put(to);
}

static void address(struct inet_sock *s, struct loop_dgram *d, const struct inet_name *dst,
		    const struct inet_send_ctl *ctl)
{
	bool v4 = inet_is4(&dst->ip), mcast = inet_mcast(&dst->ip);
	s32 ttl = v4 ? (mcast ? s->opt.mcast_ttl : s->opt.ttl) : (mcast ? s->opt.mcast_hops : s->opt.hops);

	d->dst = *dst;
	d->src = s->local;
	if (ctl->has_src)
		d->src.ip = ctl->src;
	else if (inet_any(&d->src.ip) || inet_mcast(&d->src.ip))
		(void)loop_ops.route(s, dst, &d->src.ip);
	d->ttl = (u8)(ctl->ttl >= 0 ? ctl->ttl : ttl >= 0 ? ttl : 64);
	d->tos = (u8)(ctl->tos >= 0 ? ctl->tos : v4 ? s->opt.tos : s->opt.tclass);
}

/* Gathered here for another transport. As dispatch. */
static int send_via(struct inet_sock *s, struct loop_dgram *d)
{
	u8 *flat = task_bounce();
	struct sock_msg m = { .namelen = d->named, .flags = MSG_DONTWAIT };
	struct uio u;
	ssize_t ret;

	if (!flat || d->len > BOUNCE_SIZE)
		return -ENOBUFS;
	for (u32 off = 0, n; off < d->len; off += n) {
		n = together(d, off);
		memcpy(flat + off, loop_dgram_at(d, off), n);
	}
	uio_init_kernel(&u, flat, d->len);
	m.data = &u;
	ret = d->via->sendmsg(s, &m, &d->dst);
	if (ret >= 0)
		loop_dgram_put(d);
	return ret < 0 ? (int)ret : 0;
}

/* Sends d, which is taken over unless this fails. */
static int dispatch(struct inet_sock *s, struct loop_dgram *d)
{
	int ret;

	if (d->via)
		return send_via(s, d);
	switch (s->proto) {
	case INET_UDP:
	case INET_UDPLITE:
		udp_deliver(s, d);
		return 0;
	case INET_PING:
		ret = loop_icmp_prepare(s, d);
		if (!ret)
			loop_icmp_input(d, inet_v6(s));
		return ret;
	}
	return loop_raw_send(s, d);
}

/* One datagram of len bytes. */
static int send_one(struct inet_sock *s, struct sock_msg *m, u32 len, const struct inet_name *dst,
		    const struct inet_send_ctl *ctl)
{
	struct loop_dgram *d = loop_dgram_alloc(len);
	int ret;

	if (!d)
		return -ENOBUFS;
	ret = fill(d, 0, m->data);
	if (!ret) {
		address(s, d, dst, ctl);
		ret = dispatch(s, d);
	}
	if (ret)
		loop_dgram_put(d);
	return ret;
}

/* MSG_MORE and UDP_CORK: the datagram grows until a send without them. The holder of send_lock. */
static int send_corked(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst,
		       const struct inet_send_ctl *ctl, struct inet_ops *via)
{
	struct loop_dgram *old = s->loop->corked, *d;
	u32 len = (u32)m->data->resid, had = old ? old->len : 0;
	int ret;

	if (had + len > 65507)
		return -EMSGSIZE;
	d = old ? copy_larger(old, len) : loop_dgram_alloc(len);
	if (!d)
		return -ENOBUFS;
	ret = fill(d, had, m->data);
	if (ret) {
		loop_dgram_put(d);
		return ret;
	}
	if (old) {
		loop_dgram_put(old);
	} else if (via) {
		d->dst = *dst;
		d->via = via;
		d->named = m->namelen;
	} else {
		address(s, d, dst, ctl);
	}
	s->loop->corked = d;
	if ((m->flags & MSG_MORE) || inet_flag(s, IF_UDP_CORK))
		return 0;
	s->loop->corked = NULL;
	ret = dispatch(s, d);
	if (ret)
		loop_dgram_put(d);
	return ret;
}

void loop_uncork(struct inet_sock *s)
{
	struct loop_dgram *d;

	if (inet_stream(s) || sleep_lock(&s->send_lock))
		return;
	d = s->loop->corked;
	s->loop->corked = NULL;
	sleep_unlock(&s->send_lock);
	if (d && dispatch(s, d))
		loop_dgram_put(d);
}

bool loop_corks(const struct inet_sock *s, const struct sock_msg *m)
{
	return inet_udp(s) && ((m->flags & MSG_MORE) || inet_flag(s, IF_UDP_CORK) || atomic_load(&s->loop->corked));
}

ssize_t loop_cork_via(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst, struct inet_ops *via)
{
	ssize_t len = (ssize_t)m->data->resid;
	int ret = sleep_lock(&s->send_lock);

	if (ret)
		return ret;
	ret = send_corked(s, m, dst, NULL, via);
	sleep_unlock(&s->send_lock);
	return ret ? ret : len;
}

ssize_t loop_dgram_send(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst)
{
	struct inet_send_ctl ctl = { .ttl = -1, .tos = -1, .segment = s->opt.segment };
	u32 len = (u32)m->data->resid, done, n;
	int ret = inet_cmsg_send(s, m, &ctl);

	if (ret)
		return ret;
	if (ctl.ifindex && ctl.ifindex != LOOPBACK_IFINDEX)
		return inet_v6(s) ? -ENODEV : -ENETUNREACH;
	if (len > 1024 && len > atomic_load(&s->sock.sndbuf))
		return -ENOBUFS;
	if (unlikely(loop_corks(s, m))) {
		ret = sleep_lock(&s->send_lock);
		if (ret)
			return ret;
		ret = send_corked(s, m, dst, &ctl, NULL);
		sleep_unlock(&s->send_lock);
		return ret ? ret : (ssize_t)len;
	}
	if (likely(!ctl.segment || len <= ctl.segment || !inet_udp(s))) {
		ret = send_one(s, m, len, dst, &ctl);
		return ret ? ret : (ssize_t)len;
	}
	if ((len + ctl.segment - 1) / ctl.segment > UDP_MAX_SEGMENTS)
		return -EINVAL;
	for (done = 0; done < len; done += n) {
		n = min(len - done, (u32)ctl.segment);
		ret = send_one(s, m, n, dst, &ctl);
		if (ret)
			return done ? (ssize_t)done : ret;
	}
	return len;
}

u32 loop_dgram_out(struct loop_dgram *d, u32 from, struct uio *to, u32 len)
{
	u32 done, n;

	for (done = 0; done < len; done += n) {
		n = min(together(d, from + done), len - done);
		if (uio_copy_to(to, loop_dgram_at(d, from + done), n) != n)
			break;
	}
	return done;
}

/* The one that SO_PEEK_OFF points into, *off bytes from its beginning then. */
static struct loop_dgram *peek_locked(struct loop_sock *l, u32 *off)
{
	struct loop_dgram *d;

	list_for_each_entry(d, &l->dgrams, node) {
		if (*off >= d->len && (*off || d->peeked)) {
			*off -= d->len;
			continue;
		}
		if (!d->len)
			d->peeked = true;
		return d;
	}
	return NULL;
}

/* The next datagram, with a reference for the caller. off: SO_PEEK_OFF, -1 = none; what of it lies in the datagram. */
static struct loop_dgram *take(struct inet_sock *s, bool peek, s32 *off)
{
	struct loop_sock *l = s->loop;
	struct loop_dgram *d;
	u32 skip = (u32)*off;

	mutex_lock(&s->lock);
	d = list_first_entry_or_null(&l->dgrams, struct loop_dgram, node);
	if (peek && *off >= 0) {
		d = peek_locked(l, &skip);
		*off = (s32)skip;
	}
	if (d && peek) {
		ref_get(&d->ref);
	} else if (d) {
		list_del(&d->node);
		atomic_store(&l->rmem, l->rmem - d->truesize);
		atomic_store(&l->dgram_count, l->dgram_count - 1);
	}
	mutex_unlock(&s->lock);
	return d;
}

ssize_t loop_dgram_recv(struct inet_sock *s, struct sock_msg *m)
{
	struct loop_sock *l = s->loop;
	struct loop_dgram *d;
	struct inet_recv_info info;
	u8 hdr[20];
	bool peek = m->flags & MSG_PEEK;
	s32 off = inet_udp(s) ? atomic_load(&s->sock.peek_off) : -1;
	u32 head, n, at;

	if (!atomic_load(&l->dgram_count))
		return -EAGAIN;
	d = take(s, peek, &off);
	if (!d)
		return -EAGAIN;
	at = peek && off > 0 ? (u32)off : 0;
	head = s->proto == INET_RAW ? loop_raw_header(s, d, hdr) : 0;
	n = (u32)min((size_t)head, m->data->resid);
	if (head && uio_copy_to(m->data, hdr, n) != n)
		goto fault;
	n = (u32)min((size_t)(d->len - at), m->data->resid);
	if (loop_dgram_out(d, at, m->data, n) != n)
		goto fault;
	if (unlikely(off >= 0))
		inet_peek_moved(s, peek ? (s64)n : -(s64)n);
	if (n < d->len - at)
		m->out_flags |= MSG_TRUNC;
	if (m->name) {
		struct inet_name from = d->src;

		if (!inet_udp(s))
			from.port = 0;
		m->namelen = (u32)inet_name_out(s, &from, m->name);
	}
	info = (struct inet_recv_info){ .dst = d->dst.ip, .stamp = d->stamp, .ifindex = LOOPBACK_IFINDEX,
					.ttl = d->ttl, .tos = d->tos, .dport = d->dst.port, .drops = l->drops };
	inet_cmsg_recv(s, m, &info);
	if (m->flags & MSG_TRUNC)
		n = d->len;
	loop_dgram_put(d);
	return (ssize_t)n + head;
fault:
	loop_dgram_put(d);
	return -EFAULT;
}
