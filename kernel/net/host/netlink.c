/*
 * The host's rtnetlink: dumps on request, by whoever asks, on one socket that a sleep lock guards; notifications on a
 * second one, by a thread of kserver.
 */
#include "abi/linux/errno.h"
#include "abi/linux/socket.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/kserver.h"
#include "core/log.h"
#include "fs/file.h"
#include "gate/host.h"
#include "net/host/host.h"
#include "net/netlink/netlink.h"

#define BUFFER_SIZE 65536u /* the host's messages have 32 KiB at most */
#define TRIES 4

static struct {
	int dump_fd, event_fd; /* immutable after boot; -1 = none */
	struct sleep_lock lock; /* guards dump_fd's conversation and the next */
	u32 seq;
} host = { .dump_fd = -1, .event_fd = -1 };

bool hostnet_present(void) { return boot->network != BOOT_NETWORK_NONE; }

static long receive(int fd, void *buf, u32 size)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { (u64)buf, size };
	struct user_msghdr m = { .name = (u64)&from, .namelen = sizeof(from), .iov = (u64)&iov, .iovlen = 1 };
	long n;

	do {
		n = host_recvmsg(fd, &m, 0);
	} while (n == -EINTR);
	if (n < 0)
		return n;
	if (m.flags & MSG_TRUNC)
		return -ENOBUFS;
	return m.namelen == sizeof(from) && !from.pid ? n : 0; /* not the kernel's: nothing */
}

static int request(u16 type, u32 seq)
{
	struct {
		struct nlmsghdr h;
		union {
			struct ifinfomsg link;
			struct ifaddrmsg addr;
			struct rtmsg route;
			struct ndmsg neigh;
			struct fib_rule_hdr rule;
		};
	} q = { .h = { .type = type, .flags = NLM_F_REQUEST | NLM_F_DUMP, .seq = seq } };
	struct sockaddr_nl to = { .family = AF_NETLINK };
	struct iovec iov = { (u64)&q, NLMSG_HDRLEN + rt_header_size(type) };
	struct user_msghdr m = { .name = (u64)&to, .namelen = sizeof(to), .iov = (u64)&iov, .iovlen = 1 };
	long n;

	q.h.len = (u32)iov.len;
	n = host_sendmsg(host.dump_fd, &m, 0);
	return n < 0 ? (int)n : n == (long)iov.len ? 0 : -EIO;
}

static bool family_known(const struct nlmsghdr *m)
{
	u8 family = *(const u8 *)rt_header(m);

	return rt_kind_of(m->type) == RT_LINK ? family == AF_UNSPEC : family == AF_INET || family == AF_INET6;
}

/* The messages of one datagram. 0 = more to come, 1 = the end, -errno, -EAGAIN: the tables changed meanwhile. */
static int take(struct rt_build *b, const u8 *p, u32 len, u16 type, u32 seq, bool *changed)
{
	const struct nlmsghdr *m;
	s32 err;

	for (; len >= NLMSG_HDRLEN; p += NLMSG_ALIGN(m->len), len -= NLMSG_ALIGN(m->len)) {
		m = (const struct nlmsghdr *)p;
		if (m->len < NLMSG_HDRLEN || m->len > len)
			return -EIO;
		if (m->seq == seq) {
			*changed |= !!(m->flags & NLM_F_DUMP_INTR);
			if (m->type == NLMSG_DONE)
				return 1;
			if (m->type == NLMSG_ERROR) {
				if (m->len < NLMSG_HDRLEN + sizeof(err))
					return -EIO;
				memcpy(&err, m + 1, sizeof(err));
				return err < 0 && err >= -4095 ? err : -EIO;
			}
			if (m->type == type && rt_message_ok(m, len) && family_known(m))
				rt_build_raw(b, m, m->len);
		}
		if (NLMSG_ALIGN(m->len) >= len)
			break;
	}
	return 0;
}

/* host.lock held. The new table, err_ptr; err_ptr(-EAGAIN): it changed while it was read. */
static struct rt_snap *dump_locked(enum rt_kind kind, u8 *buf)
{
	static const u16 first[RT_KINDS] = { RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH, RTM_NEWRULE };
	struct rt_build b = { 0 };
	bool changed = false;
	u32 seq = ++host.seq;
	long ret = request((u16)(first[kind] + 2), seq);

	while (!ret) {
		ret = receive(host.dump_fd, buf, BUFFER_SIZE);
		if (ret >= 0)
			ret = take(&b, buf, (u32)ret, first[kind], seq, &changed);
	}
	if (ret > 0 && !changed)
		return rt_build_finish(&b);
	kfree(b.buf);
	return err_ptr(ret > 0 ? -EAGAIN : ret);
}

struct rt_snap *hostnet_snapshot(enum rt_kind kind)
{
	u8 *buf = kmalloc(BUFFER_SIZE);
	struct rt_snap *s = err_ptr(-EAGAIN);
	int ret;

	if (!buf)
		return err_ptr(-ENOMEM);
	ret = sleep_lock(&host.lock);
	if (ret) {
		kfree(buf);
		return err_ptr(ret);
	}
	for (int i = 0; i < TRIES && is_err(s) && ptr_err(s) == -EAGAIN; i++)
		s = host.dump_fd < 0 ? err_ptr(-ENOBUFS) : dump_locked(kind, buf);
	sleep_unlock(&host.lock);
	kfree(buf);
	return s;
}

/* The group that a notification of this type is for; 0 = none. */
static u32 group_of(const struct nlmsghdr *m)
{
	bool v6 = *(const u8 *)rt_header(m) == AF_INET6;

	switch (rt_kind_of(m->type)) {
	case RT_LINK:
		return RTNLGRP_LINK;
	case RT_ADDR:
		return v6 ? RTNLGRP_IPV6_IFADDR : RTNLGRP_IPV4_IFADDR;
	case RT_ROUTE:
		return v6 ? RTNLGRP_IPV6_ROUTE : RTNLGRP_IPV4_ROUTE;
	case RT_NEIGH:
		return RTNLGRP_NEIGH;
	case RT_RULE:
		return v6 ? RTNLGRP_IPV6_RULE : RTNLGRP_IPV4_RULE;
	default:
		return 0;
	}
}

static void forward(const u8 *p, u32 len)
{
	const struct nlmsghdr *m;

	for (; len >= NLMSG_HDRLEN; p += NLMSG_ALIGN(m->len), len -= NLMSG_ALIGN(m->len)) {
		m = (const struct nlmsghdr *)p;
		if (m->len < NLMSG_HDRLEN || m->len > len)
			return;
		if (rt_kind_of(m->type) == RT_ADDR)
			hostnet_addr_changed();
		/* Types in fours: only the new and the deleted are news. */
		if (rt_message_ok(m, len) && (m->type & 3) < 2 && family_known(m))
			nl_broadcast(NETLINK_ROUTE, group_of(m), m, m->len);
		if (NLMSG_ALIGN(m->len) >= len)
			return;
	}
}

static void events_main(void *arg)
{
	long n;

	for (;;) {
		n = receive(host.event_fd, arg, BUFFER_SIZE);
		if (n > 0)
			forward(arg, (u32)n);
		else if (n == -ENOBUFS)
			hostnet_addr_changed(); /* something was lost */
		else if (n < 0)
			break;
	}
	log_warn("no more news of the network: error %ld", -n);
	kfree(arg);
	for (;;)
		(void)wait_block(WAIT_UNINTERRUPTIBLE, KTIME_MAX);
}

static int open_socket(u32 groups)
{
	struct sockaddr_nl a = { .family = AF_NETLINK, .groups = groups };
	long fd = host_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err;

	if (fd < 0)
		return (int)fd;
	err = host_bind((int)fd, &a, sizeof(a));
	if (!err)
		return (int)fd;
	host_close((int)fd);
	return (int)err;
}

void hostnet_init(void)
{
	const u32 groups = 1u << (RTNLGRP_LINK - 1) | 1u << (RTNLGRP_NEIGH - 1) | 1u << (RTNLGRP_IPV4_IFADDR - 1) |
			   1u << (RTNLGRP_IPV4_ROUTE - 1) | 1u << (RTNLGRP_IPV4_RULE - 1) |
			   1u << (RTNLGRP_IPV6_IFADDR - 1) | 1u << (RTNLGRP_IPV6_ROUTE - 1) |
			   1u << (RTNLGRP_IPV6_RULE - 1);
	u8 *buf;

	sleep_lock_init(&host.lock);
	if (!hostnet_present())
		return;
	inet_register(&hostnet_ops);
	host_cork_start();
	host.dump_fd = open_socket(0);
	host.event_fd = open_socket(groups);
	buf = kmalloc(BUFFER_SIZE);
	if (host.dump_fd < 0 || host.event_fd < 0 || !buf || kserver_thread("network", events_main, buf))
		log_warn("the host's network tables cannot be read (errors %d, %d)", host.dump_fd, host.event_fd);
}
