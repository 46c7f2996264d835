/* NETLINK_SOCK_DIAG, sock_diag(7): what ss(8) asks for. Unix sockets tell in unix/diag.c. */
#include "net/netlink/netlink.h"

#include "net/route/route.h"
#include "net/unix/unix.h"

/* Answers with all messages that were built: a dump, or the one. */
int nl_diag_answer(struct nl_request *r, struct rt_build *b, bool dump)
{
	struct rt_snap *s = rt_build_finish(b);

	if (is_err(s))
		return (int)ptr_err(s);
	for (const struct nlmsghdr *m = rt_next(s, NULL); m && !r->err; m = rt_next(s, m))
		nl_answer(r, m->type, dump ? NLM_F_MULTI : 0, m + 1, m->len - NLMSG_HDRLEN);
	if (dump)
		nl_answer_done(r);
	rt_snap_put(s);
	return 0;
}

static int unix_request(struct nl_request *r, bool dump)
{
	struct rt_build b = { 0 };
	struct unix_diag_req want;
	int ret;

	if (r->m->len < NLMSG_HDRLEN + sizeof(want))
		return -EINVAL;
	memcpy(&want, r->m + 1, sizeof(want));
	if (!dump && !want.ino)
		return -EINVAL;
	ret = unix_diag(&b, &want, dump);
	return dump || ret > 0 ? nl_diag_answer(r, &b, dump) : -ENOENT;
}

int nl_diag_request(struct nl_request *r)
{
	bool dump = r->m->flags & NLM_F_DUMP;

	if (r->m->type != SOCK_DIAG_BY_FAMILY)
		return -EINVAL; /* TCPDIAG_GETSOCK and SOCK_DESTROY among them */
	if (r->m->len < NLMSG_HDRLEN + 2)
		return -EINVAL;
	switch (*(const u8 *)(r->m + 1)) {
	case AF_UNIX:
		return unix_request(r, dump);
	case AF_INET:
	case AF_INET6:
		return nl_diag_inet(r, dump);
	}
	return -ENOENT;
}
