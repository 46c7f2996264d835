/* sock_diag(7) of internet sockets: what ss(8) reads. */
#include "test.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

struct request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 q;
};

static int ask(int s, struct request *r, unsigned flags)
{
	r->h.nlmsg_len = sizeof(*r);
	r->h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	r->h.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags);
	r->h.nlmsg_seq = 5;
	return send(s, r, sizeof(*r), 0) == sizeof(*r) ? 0 : -1;
}

/* The socket with this inode in a dump: its state, 0 when it is not there. */
static int find(int s, ino_t ino, struct inet_diag_msg *out, int *info)
{
	static char buf[65536] __attribute__((aligned(8)));
	int state = 0;

	for (;;) {
		ssize_t n = recv(s, buf, sizeof(buf), 0);

		if (n <= 0)
			return -1;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct inet_diag_msg *m = NLMSG_DATA(h);
			int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));

			if (h->nlmsg_type == NLMSG_DONE)
				return state;
			if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY)
				return -1;
			if (m->idiag_inode != ino)
				continue;
			state = m->idiag_state;
			*out = *m;
			for (struct rtattr *a = (void *)(m + 1); RTA_OK(a, len); a = RTA_NEXT(a, len))
				if (a->rta_type == INET_DIAG_INFO)
					*info = ((struct tcp_info *)RTA_DATA(a))->tcpi_state;
		}
	}
}

static ino_t inode(int fd)
{
	struct stat st;

	fstat(fd, &st);
	return st.st_ino;
}

/* A kernel whose modules for it are not there answers ENOENT. Before the tests. */
__attribute__((constructor)) static void need_modules(void)
{
	struct request r = { .q = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u } };
	int s = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
	static char buf[65536] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;

	if (in_limpet())
		return;
	if (s < 0)
		skip_all("this machine's kernel has no sock_diag");
	for (int i = 0; i < 2; i++) {
		r.q.sdiag_protocol = i ? IPPROTO_UDP : IPPROTO_TCP;
		if (ask(s, &r, NLM_F_DUMP) || recv(s, buf, sizeof(buf), 0) <= 0 ||
		    (h->nlmsg_type == NLMSG_ERROR && ((struct nlmsgerr *)NLMSG_DATA(h))->error == -ENOENT))
			skip_all("this machine's kernel has no sock_diag of TCP or UDP (modules tcp_diag, udp_diag)");
		close(s);
		s = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
	}
	close(s);
}

TEST(sockets)
{
	int s = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(a), len6 = sizeof(a6);
	struct request r = { .q = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
				    .idiag_ext = 1 << (INET_DIAG_INFO - 1) } };
	char buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;
	struct inet_diag_msg m;
	int info = -1, acc;

	NEED(bind(l, (void *)&a, len) == 0 && listen(l, 7) == 0 && getsockname(l, (void *)&a, &len) == 0);
	NEED(connect(c, (void *)&a, len) == 0);
	acc = accept(l, NULL, NULL);
	CHECK(ask(s, &r, NLM_F_DUMP) == 0);
	CHECK(find(s, inode(l), &m, &info) == TCP_LISTEN && info == TCP_LISTEN);
	CHECK(m.idiag_family == AF_INET && m.id.idiag_sport == a.sin_port && m.id.idiag_src[0] == a.sin_addr.s_addr);
	CHECK(m.idiag_wqueue == 7 && m.idiag_uid == getuid());
	CHECK(write(acc, "hello", 5) == 5);
	usleep(20000);
	CHECK(ask(s, &r, NLM_F_DUMP) == 0);
	CHECK(find(s, inode(c), &m, &info) == TCP_ESTABLISHED && info == TCP_ESTABLISHED);
	CHECK(m.id.idiag_dport == a.sin_port && m.idiag_rqueue == 5);

	/* By state, then exactly one. */
	r.q.idiag_states = 1 << TCP_LISTEN;
	CHECK(ask(s, &r, NLM_F_DUMP) == 0);
	CHECK(find(s, inode(c), &m, &info) == 0);
	r.q.id = (struct inet_diag_sockid){ .idiag_sport = a.sin_port, .idiag_src = { a.sin_addr.s_addr },
					    .idiag_cookie = { ~0u, ~0u } };
	CHECK(ask(s, &r, 0) == 0);
	CHECK(recv(s, buf, sizeof(buf), 0) > 0 && h->nlmsg_type == SOCK_DIAG_BY_FAMILY);
	CHECK(((struct inet_diag_msg *)NLMSG_DATA(h))->idiag_inode == inode(l));
	close(l);
	CHECK(ask(s, &r, 0) == 0);
	CHECK(recv(s, buf, sizeof(buf), 0) > 0 && h->nlmsg_type == NLMSG_ERROR);
	CHECK(((struct nlmsgerr *)NLMSG_DATA(h))->error == -ENOENT);

	NEED(bind(u, (void *)&a6, len6) == 0 && getsockname(u, (void *)&a6, &len6) == 0);
	r = (struct request){ .q = { .sdiag_family = AF_INET6, .sdiag_protocol = IPPROTO_UDP, .idiag_states = ~0u } };
	CHECK(ask(s, &r, NLM_F_DUMP) == 0);
	CHECK(find(s, inode(u), &m, &info) == TCP_CLOSE);
	CHECK(m.id.idiag_sport == a6.sin6_port && !memcmp(m.id.idiag_src, &a6.sin6_addr, 16));
	close(s);
	close(c);
	close(acc);
	close(u);
}
