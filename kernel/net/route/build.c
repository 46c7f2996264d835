/* Writing of rtnetlink messages into a buffer that grows; see route.h. */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "net/route/route.h"

/* The buffer begins with room for the snapshot it becomes. */
#define FRONT ((u32)offsetof(struct rt_snap, data))

/* Zeroed room for more bytes at the end, or NULL. */
static void *room(struct rt_build *b, u32 more)
{
	u32 size = b->size ? b->size : 1024;
	u8 *p;

	if (b->failed || more > RT_SNAP_MAX - b->len) {
		b->failed = true;
		return NULL;
	}
	while (size - FRONT < b->len + more)
		size *= 2;
	if (size != b->size) {
		p = krealloc(b->buf, size);
		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->buf = p;
		b->size = size;
	}
	p = b->buf + FRONT + b->len;
	memset(p, 0, more);
	b->len += more;
	return p;
}

void *rt_build_begin(struct rt_build *b, u16 type, u32 header_size)
{
	struct nlmsghdr *m;

	b->msg = b->len;
	m = room(b, NLMSG_HDRLEN + NLMSG_ALIGN(header_size));
	if (!m)
		return NULL;
	m->type = type;
	return m + 1;
}

void rt_build_attr(struct rt_build *b, u16 type, const void *data, u32 len)
{
	struct nlattr *a = len < 65000 ? room(b, NLMSG_ALIGN((u32)sizeof(*a) + len)) : NULL;

	if (!a)
		return;
	a->len = (u16)(sizeof(*a) + len);
	a->type = type;
	memcpy(a + 1, data, len);
}

u32 rt_build_nest(struct rt_build *b, u16 type)
{
	u32 at = b->len;

	rt_build_attr(b, type, "", 0);
	return at;
}

void rt_build_nest_end(struct rt_build *b, u32 at)
{
	if (!b->failed)
		((struct nlattr *)(b->buf + FRONT + at))->len = (u16)(b->len - at);
}

void rt_build_end(struct rt_build *b)
{
	if (!b->failed)
		((struct nlmsghdr *)(b->buf + FRONT + b->msg))->len = b->len - b->msg;
}

void rt_build_raw(struct rt_build *b, const void *data, u32 len)
{
	u8 *p = room(b, NLMSG_ALIGN(len));

	if (p)
		memcpy(p, data, len);
}

struct rt_snap *rt_build_finish(struct rt_build *b)
{
	struct rt_snap *s;

	if (!b->failed && !b->buf)
		(void)room(b, 0);
	if (b->failed || !b->buf) {
		kfree(b->buf);
		return err_ptr(-ENOMEM);
	}
	s = (struct rt_snap *)b->buf;
	ref_init(&s->ref);
	s->len = b->len;
	return s;
}
