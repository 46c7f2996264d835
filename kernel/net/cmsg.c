/* Control data of messages, cmsg(3). */
#include "net/socket.h"

#include "abi/linux/errno.h"

int sock_cmsg_put(struct sock_msg *m, int level, int type, const void *data, u32 len)
{
	struct cmsghdr h = { .len = CMSG_LEN(len), .level = level, .type = type };
	u64 space;

	if (uptr_null(m->user_control) || m->control_len < sizeof(h)) {
		m->out_flags |= MSG_CTRUNC;
		return 0;
	}
	if (m->control_len < h.len) {
		m->out_flags |= MSG_CTRUNC;
		h.len = m->control_len;
	}
	if (copy_out(m->user_control, &h, sizeof(h)) ||
	    copy_out(uptr_add(m->user_control, sizeof(h)), data, h.len - sizeof(h)))
		return -EFAULT;
	space = min(CMSG_SPACE(len), m->control_len);
	m->user_control = uptr_add(m->user_control, space);
	m->control_len -= space;
	return 0;
}

const struct cmsghdr *sock_cmsg_next(const struct sock_msg *m, const struct cmsghdr *c)
{
	u64 off = c ? (u64)((const char *)c - (const char *)m->control) + CMSG_ALIGN(c->len) : 0;

	if (m->control_len < sizeof(*c) || off > m->control_len - sizeof(*c))
		return NULL;
	c = (const struct cmsghdr *)((const char *)m->control + off);
	if (c->len < sizeof(*c) || c->len > m->control_len - off)
		return err_ptr(-EINVAL);
	return c;
}
