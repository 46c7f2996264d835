/* What programs send to the kernel on a netlink socket: requests one after the other, and what is answered to them. */
#include "net/netlink/netlink.h"

#include "core/alloc.h"
#include "lib/string.h"

/* Queues what has been gathered. */
static void flush(struct nl_request *r, bool last)
{
	if (!r->out)
		return;
	r->out->last = last;
	nl_queue(r->s, r->out);
	r->out = NULL;
}

void nl_answer(struct nl_request *r, u16 type, u16 flags, const void *payload, u32 len)
{
	u32 total = NLMSG_HDRLEN + len, room = NLMSG_ALIGN(total);
	struct nlmsghdr h = { .len = total, .type = type, .flags = flags, .seq = r->m->seq, .pid = r->s->portid };

	if (r->out && r->out->size - r->out->len < room)
		flush(r, false);
	if (!r->out)
		r->out = nl_msg_alloc(max(room, flags & NLM_F_MULTI ? NL_BATCH : 0u));
	if (!r->out) {
		r->err = -ENOMEM;
		return;
	}
	memcpy(r->out->data + r->out->len, &h, sizeof(h));
	memcpy(r->out->data + r->out->len + sizeof(h), payload, len);
	memset(r->out->data + r->out->len + total, 0, room - total);
	r->out->len += room;
}

void nl_answer_done(struct nl_request *r)
{
	const s32 status = r->err;

	/* Never in one message with data: readers may count on that, and Linux does it so. */
	flush(r, false);
	nl_answer(r, NLMSG_DONE, NLM_F_MULTI, &status, sizeof(status));
	flush(r, true);
}

static void acknowledge(struct nl_request *r, int err)
{
	bool capped = !err || (atomic_load_relaxed(&r->s->options) & NL_OPT_CAP_ACK);
	u32 quoted = capped ? NLMSG_HDRLEN : r->m->len;
	u8 small[sizeof(s32) + NLMSG_HDRLEN], *p = small;
	s32 code = err;

	if (quoted > NLMSG_HDRLEN) {
		p = kmalloc(sizeof(code) + quoted);
		if (!p) {
			atomic_store(&r->s->sock.err, ENOBUFS);
			return;
		}
	}
	memcpy(p, &code, sizeof(code));
	memcpy(p + sizeof(code), r->m, quoted);
	nl_answer(r, NLMSG_ERROR, capped ? NLM_F_CAPPED : 0, p, (u32)sizeof(code) + quoted);
	if (r->err)
		atomic_store(&r->s->sock.err, ENOBUFS);
	flush(r, false);
	if (p != small)
		kfree(p);
}

/* A dump may begin: the one before it has been read. */
static bool dump_begin(struct nl_sock *s)
{
	bool can;

	mutex_lock(&s->lock);
	can = !s->dumping;
	s->dumping = true;
	mutex_unlock(&s->lock);
	return can;
}

static void dump_failed(struct nl_sock *s)
{
	mutex_lock(&s->lock);
	s->dumping = false;
	mutex_unlock(&s->lock);
}

static int dispatch(struct nl_request *r)
{
	switch (r->s->sock.protocol) {
	case NETLINK_ROUTE:
		return nl_route_request(r);
	case NETLINK_SOCK_DIAG:
		return nl_diag_request(r);
	}
	return -EPERM; /* nobody may send events in the kernel's name */
}

/* The same bits mean other things in requests that change something. */
static bool wants_dump(const struct nl_sock *s, const struct nlmsghdr *m)
{
	return (m->flags & NLM_F_DUMP) && (s->sock.protocol != NETLINK_ROUTE || (m->type & 3) == (RTM_GETLINK & 3));
}

/* A dump's request is answered by the dump itself; nothing else follows when it went well. */
static void serve_one(struct nl_sock *s, const struct nlmsghdr *m)
{
	struct nl_request r = { .s = s, .m = m };
	bool dump = wants_dump(s, m);
	int err = 0;

	if (atomic_load(&s->rmem) > atomic_load(&s->sock.rcvbuf)) {
		nl_overrun(s);
		return;
	}
	if ((m->flags & NLM_F_REQUEST) && m->type >= NLMSG_MIN_TYPE) {
		if (dump && !dump_begin(s)) {
			acknowledge(&r, -EBUSY);
			return;
		}
		err = dispatch(&r);
		if (dump && !err && !r.err)
			return;
		if (dump)
			dump_failed(s);
		flush(&r, false);
		if (r.err)
			atomic_store(&s->sock.err, ENOBUFS);
	}
	if (err || (m->flags & NLM_F_ACK))
		acknowledge(&r, err);
}

void nl_serve(struct nl_sock *s, const void *data, u32 len)
{
	const u8 *p = data;
	struct nlmsghdr h;

	while (len >= NLMSG_HDRLEN) {
		memcpy(&h, p, sizeof(h));
		if (h.len < NLMSG_HDRLEN || h.len > len)
			return;
		serve_one(s, (const struct nlmsghdr *)p);
		if (NLMSG_ALIGN(h.len) >= len)
			return;
		p += NLMSG_ALIGN(h.len);
		len -= NLMSG_ALIGN(h.len);
	}
}
