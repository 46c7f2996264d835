/* The loopback transport's operations, and the addresses it serves; see loop.h. */
#include "net/inet/loop.h"

const size_t loop_sock_size = sizeof(struct loop_sock);

void loop_sock_init(struct inet_sock *s)
{
	struct loop_sock *l = s->loop;

	if (inet_stream(s)) {
		list_init(&l->accept_queue);
		list_init(&l->deferred);
		list_init(&l->syns);
	} else {
		list_init(&l->dgrams);
		list_init(&l->errors);
	}
	list_init(&l->node);
	list_init(&l->warm_node);
	sleep_lock_init(&l->rx.wlock);
}

static void drop_dgrams(struct inet_sock *s)
{
	struct loop_dgram *d;

	while (!list_empty(&s->loop->dgrams)) {
		d = list_first_entry(&s->loop->dgrams, struct loop_dgram, node);
		list_del(&d->node);
		loop_dgram_put(d);
	}
}

void loop_sock_free(struct inet_sock *s)
{
	loop_cold(s);
	loop_ring_free(&s->loop->rx);
	if (inet_stream(s))
		return;
	drop_dgrams(s);
	inet_errors_purge(s);
	if (s->loop->corked)
		loop_dgram_put(s->loop->corked);
}

static void option(struct inet_sock *s, int level, int name, s32 value)
{
	if (level == SOL_UDP && name == UDP_CORK && !value)
		loop_uncork(s);
}

u32 loop_backlog(struct inet_sock *s) { return inet_stream(s) ? atomic_load(&s->loop->qlen) : 0; }
u32 loop_drops(struct inet_sock *s) { return inet_stream(s) ? 0 : atomic_load(&s->loop->drops); }

static bool owns(const struct inet_ip *a) { return inet_loop4(a) || inet_loop6(a); }

/* Is multicast and broadcast of s's meant for the loopback interface? */
static bool on_loopback(struct inet_sock *s, const struct inet_name *dst)
{
	struct inet_ip by_addr = inet_ip4(s->opt.mcast_addr);

	if (s->opt.ifindex == LOOPBACK_IFINDEX || owns(&s->local.ip))
		return true;
	if (inet_is4(&dst->ip))
		return s->opt.mcast_if == LOOPBACK_IFINDEX || inet_loop4(&by_addr);
	return s->opt.mcast_if6 == LOOPBACK_IFINDEX || dst->scope == LOOPBACK_IFINDEX;
}

static int route(struct inet_sock *s, const struct inet_name *dst, struct inet_ip *src)
{
	struct inet_ip v4 = inet_ip4(bswap32(0x7f000001u)), v6 = { .w = { 0, 0, 0, bswap32(1) } };

	if (owns(&dst->ip) ||
	    ((inet_mcast(&dst->ip) || dst->ip.w[3] == 0xffffffffu) && on_loopback(s, dst)))
		*src = inet_is4(&dst->ip) ? v4 : v6;
	else if (!inet_mcast(&dst->ip) && inet_owned(&dst->ip))
		*src = dst->ip;
	else
		return -ENETUNREACH;
	return 0;
}

static ssize_t sendmsg(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst)
{
	return inet_stream(s) ? loop_stream_send(s, m) : loop_dgram_send(s, m, dst);
}

static ssize_t recvmsg(struct inet_sock *s, struct sock_msg *m)
{
	return inet_stream(s) ? loop_stream_recv(s, m) : loop_dgram_recv(s, m);
}

static u32 poll(struct inet_sock *s, u32 want)
{
	if (!inet_stream(s))
		return atomic_load(&s->loop->dgram_count) ? POLLIN | POLLRDNORM : 0;
	if (atomic_load(&s->state) == TCP_LISTEN)
		return atomic_load(&s->loop->qlen) ? POLLIN | POLLRDNORM : 0;
	return loop_stream_poll(s, want);
}

static int connect(struct inet_sock *s) { return inet_stream(s) ? loop_connect(s) : 0; }

static void detach(struct inet_sock *s)
{
	if (inet_stream(s))
		loop_unlisten(s);
}

static void release(struct inet_sock *s)
{
	if (inet_stream(s))
		loop_release(s);
	else
		inet_port_release(s);
}

static u32 inq(struct inet_sock *s)
{
	struct loop_dgram *d;
	u32 n;

	if (inet_stream(s))
		return loop_stream_inq(s);
	mutex_lock(&s->lock);
	d = list_first_entry_or_null(&s->loop->dgrams, struct loop_dgram, node);
	n = d ? d->len : 0;
	mutex_unlock(&s->lock);
	return n;
}

static u32 outq(struct inet_sock *s) { return 0; } /* what is sent has arrived */

struct inet_ops loop_ops = {
	.name = "loopback",
	.owns = owns,
	.route = route,
	.detach = detach,
	.accept = loop_accept,
	.connect = connect,
	.sendmsg = sendmsg,
	.recvmsg = recvmsg,
	.poll = poll,
	.shutdown = loop_shutdown,
	.disconnect = loop_disconnect,
	.option = option,
	.inq = inq,
	.outq = outq,
	.tcp_info = loop_tcp_info,
	.release = release,
};
