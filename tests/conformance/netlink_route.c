/* netlink(7), rtnetlink(7), netdevice(7), getifaddrs(3): names, dumps, acknowledgements, options, refusals. */
#include "test.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/un.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

struct request {
	struct nlmsghdr h;
	union {
		struct rtgenmsg gen;
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
		struct unix_diag_req diag;
	};
	char attrs[64];
};

static int nl_open(int protocol)
{
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct timeval tv = { 5, 0 };

	CHECK(s >= 0);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return s;
}

static void nl_send(int s, struct request *q, unsigned type, unsigned flags, size_t payload)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };

	q->h.nlmsg_len = (unsigned)NLMSG_LENGTH(payload);
	q->h.nlmsg_type = (unsigned short)type;
	q->h.nlmsg_flags = (unsigned short)flags;
	if (!q->h.nlmsg_seq)
		q->h.nlmsg_seq = 77;
	CHECK(sendto(s, q, q->h.nlmsg_len, 0, (void *)&to, sizeof(to)) == (ssize_t)q->h.nlmsg_len);
}

/* Reads one acknowledgement and returns its error. */
static int nl_ack(int s)
{
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;
	ssize_t n = recv(s, buf, sizeof(buf), 0);

	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || h->nlmsg_type != NLMSG_ERROR) {
		printf("no acknowledgement (%zd bytes, type %d)\n", n, n > 0 ? h->nlmsg_type : -1);
		return 12345;
	}
	CHECK(h->nlmsg_seq == 77);
	return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/* Runs a dump to its end: how many messages of this type; want, when given, is called with each. */
static int nl_dump(int s, unsigned type, void (*want)(struct nlmsghdr *h, void *arg), void *arg)
{
	static char buf[65536] __attribute__((aligned(8)));
	int count = 0;

	for (;;) {
		struct sockaddr_nl from;
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(s, &m, 0);

		if (n <= 0) {
			printf("a dump has no end: %zd, %s\n", n, strerror(errno));
			return -1;
		}
		CHECK(m.msg_namelen == sizeof(from) && from.nl_family == AF_NETLINK && from.nl_pid == 0);
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			CHECK(h->nlmsg_seq == 77 && h->nlmsg_flags & NLM_F_MULTI);
			if (h->nlmsg_type == NLMSG_DONE)
				return count;
			CHECK(h->nlmsg_type == type);
			count++;
			if (want)
				want(h, arg);
		}
	}
}

static void find_lo(struct nlmsghdr *h, void *arg)
{
	struct ifinfomsg *i = NLMSG_DATA(h);
	int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*i));

	if (i->ifi_index != 1)
		return;
	CHECK(i->ifi_type == ARPHRD_LOOPBACK && (i->ifi_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK));
	for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_IFNAME) {
			CHECK(!strcmp(RTA_DATA(a), "lo"));
			*(int *)arg |= 1;
		}
		if (a->rta_type == IFLA_MTU) {
			CHECK(*(unsigned *)RTA_DATA(a) == 65536);
			*(int *)arg |= 2;
		}
		if (a->rta_type == IFLA_STATS64) {
			CHECK(RTA_PAYLOAD(a) >= 23 * 8);
			*(int *)arg |= 4;
		}
	}
	CHECK(len == 0);
}

static void find_lo_addr(struct nlmsghdr *h, void *arg)
{
	struct ifaddrmsg *i = NLMSG_DATA(h);
	int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*i));

	for (struct rtattr *a = IFA_RTA(i); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (i->ifa_family == AF_INET && i->ifa_index == 1 && a->rta_type == IFA_LOCAL &&
		    *(unsigned *)RTA_DATA(a) == htonl(INADDR_LOOPBACK) && i->ifa_prefixlen == 8)
			*(int *)arg |= 1;
		if (i->ifa_family == AF_INET6 && i->ifa_index == 1 && a->rta_type == IFA_ADDRESS && i->ifa_prefixlen == 128)
			*(int *)arg |= 2;
	}
}

TEST(dumps)
{
	int s = nl_open(NETLINK_ROUTE), seen = 0;
	struct request q = { 0 };

	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sizeof(q.gen));
	CHECK(nl_dump(s, RTM_NEWLINK, find_lo, &seen) >= 1);
	CHECK(seen == 7);
	seen = 0;
	nl_send(s, &q, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sizeof(q.addr));
	CHECK(nl_dump(s, RTM_NEWADDR, find_lo_addr, &seen) >= 1);
	CHECK(seen & 1);
	q.gen.rtgen_family = AF_INET;
	nl_send(s, &q, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, sizeof(q.route));
	CHECK(nl_dump(s, RTM_NEWROUTE, NULL, NULL) >= 3);
	nl_send(s, &q, RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, sizeof(q.gen));
	CHECK(nl_dump(s, RTM_NEWRULE, NULL, NULL) >= 3);
	nl_send(s, &q, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, sizeof(q.gen));
	CHECK(nl_dump(s, RTM_NEWNEIGH, NULL, NULL) >= 0);
	close(s);
}

TEST(single_gets)
{
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;
	int s = nl_open(NETLINK_ROUTE), seen = 0;
	struct request q = { 0 };
	struct rtattr *a = (void *)(&q.link + 1);

	q.link.ifi_index = 1;
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link));
	CHECK(recv(s, buf, sizeof(buf), 0) > 0 && h->nlmsg_type == RTM_NEWLINK && !(h->nlmsg_flags & NLM_F_MULTI));
	find_lo(h, &seen);
	CHECK(seen == 7);
	q.link.ifi_index = 0;
	a->rta_type = IFLA_IFNAME;
	a->rta_len = RTA_LENGTH(3);
	memcpy(RTA_DATA(a), "lo", 3);
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link) + RTA_SPACE(3));
	CHECK(recv(s, buf, sizeof(buf), 0) > 0 && h->nlmsg_type == RTM_NEWLINK);
	memcpy(RTA_DATA(a), "xx", 3);
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link) + RTA_SPACE(3));
	CHECK(nl_ack(s) == -ENODEV);
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link));
	CHECK(nl_ack(s) == -EINVAL);
	/* The answer and then the acknowledgement that was asked for. */
	q.link.ifi_index = 1;
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, sizeof(q.link));
	CHECK(recv(s, buf, sizeof(buf), 0) > 0 && h->nlmsg_type == RTM_NEWLINK);
	CHECK(nl_ack(s) == 0);
	close(s);

	/* The route to an address of loopback. */
	memset(&q, 0, sizeof(q));
	s = nl_open(NETLINK_ROUTE);
	q.route.rtm_family = AF_INET;
	q.route.rtm_dst_len = 32;
	a = (void *)(&q.route + 1);
	a->rta_type = RTA_DST;
	a->rta_len = RTA_LENGTH(4);
	*(unsigned *)RTA_DATA(a) = htonl(0x7f000005);
	nl_send(s, &q, RTM_GETROUTE, NLM_F_REQUEST, sizeof(q.route) + RTA_SPACE(4));
	CHECK(recv(s, buf, sizeof(buf), 0) > 0 && h->nlmsg_type == RTM_NEWROUTE);
	CHECK(((struct rtmsg *)NLMSG_DATA(h))->rtm_type == RTN_LOCAL);
	close(s);
}

TEST(names)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK }, b = a;
	socklen_t len = sizeof(a);
	int s = nl_open(NETLINK_ROUTE), t = nl_open(NETLINK_ROUTE);

	CHECK(getsockname(s, (void *)&a, &len) == 0 && len == sizeof(a) && a.nl_pid == 0);
	CHECK(bind(s, (void *)&b, sizeof(b)) == 0);
	CHECK(getsockname(s, (void *)&a, &len) == 0 && a.nl_pid == (unsigned)getpid());
	CHECK(bind(t, (void *)&b, sizeof(b)) == 0);
	CHECK(getsockname(t, (void *)&a, &len) == 0 && a.nl_pid != 0 && a.nl_pid != (unsigned)getpid());
	close(t);
	t = nl_open(NETLINK_ROUTE);
	b.nl_pid = (unsigned)getpid();
	CHECK(bind(t, (void *)&b, sizeof(b)) == -1 && errno == EADDRINUSE);
	b.nl_pid = 123456789;
	CHECK(bind(t, (void *)&b, sizeof(b)) == 0);
	b.nl_pid = 123456788;
	CHECK(bind(t, (void *)&b, sizeof(b)) == -1 && errno == EINVAL);
	b.nl_family = AF_INET;
	CHECK(bind(t, (void *)&b, sizeof(b)) == -1 && errno == EINVAL);
	CHECK(bind(t, (void *)&b, 4) == -1 && errno == EINVAL);
	close(s);
	close(t);
	CHECK(socket(AF_NETLINK, SOCK_STREAM, 0) == -1 && errno == ESOCKTNOSUPPORT);
	CHECK(socket(AF_NETLINK, SOCK_RAW, 32) == -1 && errno == EPROTONOSUPPORT);
	CHECK(socket(AF_NETLINK, SOCK_RAW, -1) == -1 && errno == EPROTONOSUPPORT);
}

TEST(receiving)
{
	char buf[8192] __attribute__((aligned(8)));
	int s = nl_open(NETLINK_ROUTE), on = 1;
	struct request q = { 0 };
	struct pollfd p = { s, POLLIN | POLLOUT, 0 };
	ssize_t whole;

	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	CHECK(recv(s, buf, sizeof(buf), MSG_DONTWAIT) == -1 && errno == EAGAIN);
	q.link.ifi_index = 1;
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link));
	CHECK(poll(&p, 1, 1000) == 1 && (p.revents & POLLIN));
	whole = recv(s, buf, 1, MSG_PEEK | MSG_TRUNC);
	CHECK(whole > 100);
	CHECK(recv(s, buf, sizeof(buf), 0) == whole);
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link));
	{
		struct iovec iov = { buf, 20 };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

		CHECK(recvmsg(s, &m, 0) == 20 && (m.msg_flags & MSG_TRUNC));
	}
	CHECK(recv(s, buf, sizeof(buf), MSG_DONTWAIT) == -1 && errno == EAGAIN);
	CHECK(recv(s, buf, sizeof(buf), MSG_OOB) == -1 && errno == EOPNOTSUPP);
	/* Two requests in one message. */
	CHECK(setsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	{
		struct request two[2] = { q, q };

		for (int i = 0; i < 2; i++) {
			two[i].h.nlmsg_len = sizeof(two[i]);
			two[i].h.nlmsg_type = 200;
			two[i].h.nlmsg_flags = NLM_F_REQUEST;
		}
		CHECK(send(s, two, sizeof(two), 0) == sizeof(two));
		CHECK(nl_ack(s) == -EOPNOTSUPP);
		CHECK(nl_ack(s) == -EOPNOTSUPP);
	}
	/* Not a request: only acknowledged. And what is too short for its own length is nothing. */
	nl_send(s, &q, RTM_GETLINK, NLM_F_ACK, sizeof(q.link));
	CHECK(nl_ack(s) == 0);
	q.h.nlmsg_len = 4000;
	CHECK(send(s, &q, sizeof(q), 0) == sizeof(q));
	CHECK(recv(s, buf, sizeof(buf), MSG_DONTWAIT) == -1 && errno == EAGAIN);
	close(s);
}

TEST(acknowledgement_quotes)
{
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;
	struct nlmsgerr *e = NLMSG_DATA(h);
	int s = nl_open(NETLINK_ROUTE), on = 1, v = 7;
	socklen_t len = sizeof(v);
	struct request q = { 0 };

	q.link.ifi_index = 9999999;
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link));
	CHECK(recv(s, buf, sizeof(buf), 0) == (ssize_t)NLMSG_LENGTH(4 + NLMSG_LENGTH(sizeof(q.link))));
	CHECK(e->error == -ENODEV && e->msg.nlmsg_seq == 77 && e->msg.nlmsg_type == RTM_GETLINK);
	CHECK(getsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &v, &len) == 0 && v == 0);
	CHECK(setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) == 0);
	CHECK(getsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &v, &len) == 0 && v == 1);
	nl_send(s, &q, RTM_GETLINK, NLM_F_REQUEST, sizeof(q.link));
	CHECK(recv(s, buf, sizeof(buf), 0) == (ssize_t)NLMSG_LENGTH(sizeof(*e)) && e->error == -ENODEV);
	CHECK(setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) == 0);
	CHECK(setsockopt(s, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) == 0);
	CHECK(setsockopt(s, SOL_NETLINK, 999, &on, sizeof(on)) == -1 && errno == ENOPROTOOPT);
	close(s);
}

TEST(groups)
{
	int s = nl_open(NETLINK_ROUTE), g = RTNLGRP_LINK, big = 12345;
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
	socklen_t len = sizeof(a);
	unsigned words[4] = { 0 };

	CHECK(bind(s, (void *)&a, sizeof(a)) == 0);
	CHECK(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g)) == 0);
	CHECK(getsockname(s, (void *)&a, &len) == 0 && a.nl_groups == (RTMGRP_IPV4_IFADDR | RTMGRP_LINK));
	len = sizeof(words);
	CHECK(getsockopt(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &len) == 0);
	CHECK(words[0] == (RTMGRP_IPV4_IFADDR | RTMGRP_LINK));
	CHECK(setsockopt(s, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &g, sizeof(g)) == 0);
	len = sizeof(a);
	CHECK(getsockname(s, (void *)&a, &len) == 0 && a.nl_groups == RTMGRP_IPV4_IFADDR);
	CHECK(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &big, sizeof(big)) == -1 && errno == EINVAL);
	close(s);
	s = nl_open(NETLINK_KOBJECT_UEVENT);
	a = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_groups = 1 };
	CHECK(bind(s, (void *)&a, sizeof(a)) == 0);
	close(s);
}

/* Without privileges nothing can be changed. */
TEST(refusals)
{
	struct request q = { 0 };
	pid_t pid = fork();
	int s;

	if (!pid) {
		if (!getuid() && setresuid(65534, 65534, 65534))
			_exit(1);
		s = nl_open(NETLINK_ROUTE);
		q.link.ifi_index = 1;
		nl_send(s, &q, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sizeof(q.link));
		CHECK(nl_ack(s) == -EPERM);
		nl_send(s, &q, RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, sizeof(q.addr));
		CHECK(nl_ack(s) == -EPERM);
		nl_send(s, &q, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK, sizeof(q.route));
		CHECK(nl_ack(s) == -EPERM);
		{
			struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = 1 };

			CHECK(sendto(s, &q, 32, 0, (void *)&to, sizeof(to)) == -1 && errno == EPERM);
		}
		CHECK(socket(AF_PACKET, SOCK_RAW, 0) == -1 && (errno == EPERM || errno == EAFNOSUPPORT));
		done();
	}
	reap(pid);
}

TEST(interface_ioctls)
{
	struct ifreq none = { .ifr_name = "nosuch0" };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct ifreq r = { .ifr_name = "lo" }, many[32];
	struct ifconf c = { .ifc_len = 0, .ifc_req = NULL };
	struct sockaddr_in *in = (void *)&r.ifr_addr;
	bool lo = false;

	CHECK(ioctl(s, SIOCGIFINDEX, &r) == 0 && r.ifr_ifindex == 1);
	CHECK(ioctl(s, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP) && (r.ifr_flags & IFF_LOOPBACK));
	CHECK(ioctl(s, SIOCGIFMTU, &r) == 0 && r.ifr_mtu == 65536);
	CHECK(ioctl(s, SIOCGIFTXQLEN, &r) == 0 && r.ifr_qlen >= 0);
	CHECK(ioctl(s, SIOCGIFHWADDR, &r) == 0 && r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK);
	r.ifr_ifindex = 1;
	memset(r.ifr_name, 0, sizeof(r.ifr_name));
	strcpy(r.ifr_name, "x:y"); /* not looked at */
	CHECK(ioctl(s, SIOCGIFNAME, &r) == 0 && !strcmp(r.ifr_name, "lo"));
	r.ifr_ifindex = 999999;
	CHECK(ioctl(s, SIOCGIFNAME, &r) == -1 && errno == ENODEV);
	CHECK(ioctl(s, SIOCDEVPRIVATE + 1, &none) == -1 && errno == ENODEV);
	strcpy(r.ifr_name, "lo");
	CHECK(ioctl(s, SIOCDEVPRIVATE + 1, &r) == -1 && errno == EOPNOTSUPP);
	strcpy(r.ifr_name, "none0");
	CHECK(ioctl(s, SIOCGIFFLAGS, &r) == -1 && errno == ENODEV);
	close(s);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (s < 0)
		return;
	strcpy(r.ifr_name, "lo");
	CHECK(ioctl(s, SIOCGIFADDR, &r) == 0 && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(ioctl(s, SIOCGIFNETMASK, &r) == 0 && in->sin_addr.s_addr == htonl(0xff000000));
	CHECK(ioctl(s, SIOCGIFCONF, &c) == 0 && c.ifc_len >= (int)sizeof(struct ifreq));
	c.ifc_len = sizeof(many);
	c.ifc_req = many;
	CHECK(ioctl(s, SIOCGIFCONF, &c) == 0);
	for (size_t i = 0; i < (size_t)c.ifc_len / sizeof(*many); i++)
		lo |= !strcmp(many[i].ifr_name, "lo");
	CHECK(lo);
	close(s);
}

TEST(libc)
{
	struct ifaddrs *list, *p;
	bool lo = false;
	char name[IF_NAMESIZE];

	CHECK(if_nametoindex("lo") == 1);
	CHECK(if_indextoname(1, name) && !strcmp(name, "lo"));
	CHECK(getifaddrs(&list) == 0);
	for (p = list; p; p = p->ifa_next)
		if (!strcmp(p->ifa_name, "lo") && p->ifa_addr && p->ifa_addr->sa_family == AF_INET)
			lo = ((struct sockaddr_in *)p->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
	CHECK(lo);
	freeifaddrs(list);
}

struct diag_want {
	unsigned ino;
	int found;
};

static void find_unix(struct nlmsghdr *h, void *arg)
{
	struct unix_diag_msg *m = NLMSG_DATA(h);
	struct diag_want *w = arg;
	int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));

	if (m->udiag_ino != w->ino)
		return;
	CHECK(m->udiag_family == AF_UNIX && m->udiag_type == SOCK_STREAM && m->udiag_state == 10);
	for (struct rtattr *a = (void *)(m + 1); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == UNIX_DIAG_NAME)
			w->found |= RTA_PAYLOAD(a) == 9 && !memcmp(RTA_DATA(a), "\0nl-diag1", 9);
		if (a->rta_type == UNIX_DIAG_RQLEN)
			w->found |= ((struct unix_diag_rqlen *)RTA_DATA(a))->udiag_wqueue == 5 ? 2 : 0;
	}
}

TEST(unix_diag)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), s = nl_open(NETLINK_SOCK_DIAG);
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0nl-diag1" };
	struct request q = { .diag = { .sdiag_family = AF_UNIX, .udiag_states = ~0u,
				       .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN } };
	struct diag_want w = { 0 };
	struct stat st;
	int n;

	CHECK(bind(l, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 9) == 0 && listen(l, 5) == 0);
	fstat(l, &st);
	w.ino = (unsigned)st.st_ino;
	nl_send(s, &q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, sizeof(q.diag));
	n = nl_dump(s, SOCK_DIAG_BY_FAMILY, find_unix, &w);
	if (n == -ENOENT && !in_limpet()) {
		puts("unix_diag skipped: this machine's kernel has no sock_diag of unix sockets (module unix_diag)");
		return;
	}
	CHECK(n >= 1);
	CHECK(w.found == 3);
	q.diag.udiag_states = 1 << 1; /* connected ones only */
	w.found = 0;
	nl_send(s, &q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, sizeof(q.diag));
	CHECK(nl_dump(s, SOCK_DIAG_BY_FAMILY, find_unix, &w) >= 0 && w.found == 0);
	q.diag.sdiag_family = 43;
	nl_send(s, &q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, sizeof(q.diag));
	CHECK(nl_ack(s) == -ENOENT || nl_ack(s) == -EINVAL);
	close(l);
	close(s);
}

/* Who asks and asks without reading the answers: no more than the receive buffer holds is kept, and that is told. */
TEST(unread)
{
	static char big[100000], buf[200000];
	struct nlmsghdr *h = (void *)big;
	int s = nl_open(NETLINK_ROUTE), size = 0;
	socklen_t len = sizeof(size);
	long kept = 0;
	ssize_t n;

	*h = (struct nlmsghdr){ .nlmsg_len = sizeof(big), .nlmsg_type = 0x7fff, .nlmsg_flags = NLM_F_REQUEST,
				 .nlmsg_seq = 77 };
	for (int i = 0; i < 200; i++)
		EQ(send(s, big, sizeof(big), 0), sizeof(big));
	CHECK(getsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, &len) == 0);
	ERR(recv(s, buf, sizeof(buf), MSG_DONTWAIT), ENOBUFS);
	while ((n = recv(s, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		CHECK(((struct nlmsghdr *)buf)->nlmsg_type == NLMSG_ERROR);
		kept += n;
	}
	CHECK(kept > 0 && kept < size + 2 * (long)sizeof(big));
	CHECK(send(s, big, sizeof(big), 0) == sizeof(big));
	CHECK(nl_ack(s) == -EOPNOTSUPP);
	close(s);
}
