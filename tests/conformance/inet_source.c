/* ip(7), rfc3678: groups with a filter of sources, on the loopback interface. */
#include "test.h"
#include "inet.h"
#include <net/if.h>

#define GROUP 0xe8010203u /* 232.1.2.3 */
#define ME 0x7f000001u
#define OTHER 0x7f000002u

static int bound(uint32_t ip, int port)
{
	struct sockaddr_in a = at(ip, port);
	int fd = OK(socket(AF_INET, SOCK_DGRAM, 0)), one = 1;

	OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	OK(bind(fd, (void *)&a, sizeof a));
	return fd;
}

static int source(int fd, int name, uint32_t group, uint32_t from)
{
	struct ip_mreq_source r = { { htonl(group) }, { htonl(ME) }, { htonl(from) } };

	return setsockopt(fd, SOL_IP, name, &r, sizeof r);
}

static int plain(int fd, int name)
{
	struct ip_mreq r = { { htonl(GROUP) }, { htonl(ME) } };

	return setsockopt(fd, SOL_IP, name, &r, sizeof r);
}

static int rx, from_me, from_other;

static void setup(void)
{
	struct in_addr lo = { htonl(ME) };

	rx = bound(INADDR_ANY, 0);
	from_me = bound(ME, 0);
	from_other = bound(OTHER, 0);
	OK(setsockopt(from_me, SOL_IP, IP_MULTICAST_IF, &lo, sizeof lo));
	OK(setsockopt(from_other, SOL_IP, IP_MULTICAST_IF, &lo, sizeof lo));
}

/* Who is heard: 1 = me, 2 = the other. */
static int heard(void)
{
	struct sockaddr_in to = at(GROUP, port_of(rx));
	int got = 0;
	char c;

	EQ(sendto(from_me, "\1", 1, 0, (void *)&to, sizeof to), 1);
	EQ(sendto(from_other, "\2", 1, 0, (void *)&to, sizeof to), 1);
	msleep(20);
	while (recv(rx, &c, 1, MSG_DONTWAIT) == 1)
		got |= c;
	return got;
}

TEST(only_these)
{
	setup();
	OK(source(rx, IP_ADD_SOURCE_MEMBERSHIP, GROUP, ME));
	EQ(heard(), 1);
	ERR(source(rx, IP_ADD_SOURCE_MEMBERSHIP, GROUP, ME), EADDRNOTAVAIL);
	OK(source(rx, IP_ADD_SOURCE_MEMBERSHIP, GROUP, OTHER));
	EQ(heard(), 3);
	OK(source(rx, IP_DROP_SOURCE_MEMBERSHIP, GROUP, ME));
	EQ(heard(), 2);
	ERR(source(rx, IP_DROP_SOURCE_MEMBERSHIP, GROUP, ME), EADDRNOTAVAIL);
	/* Excluding is another mode. */
	ERR(source(rx, IP_BLOCK_SOURCE, GROUP, ME), EINVAL);
	OK(source(rx, IP_DROP_SOURCE_MEMBERSHIP, GROUP, OTHER));
	/* With the last one it has left the group. */
	ERR(source(rx, IP_DROP_SOURCE_MEMBERSHIP, GROUP, OTHER), EINVAL);
	ERR(plain(rx, IP_DROP_MEMBERSHIP), EADDRNOTAVAIL);
}

TEST(all_but_these)
{
	setup();
	ERR(source(rx, IP_BLOCK_SOURCE, GROUP, ME), EINVAL);
	OK(plain(rx, IP_ADD_MEMBERSHIP));
	EQ(heard(), 3);
	OK(source(rx, IP_BLOCK_SOURCE, GROUP, ME));
	EQ(heard(), 2);
	ERR(source(rx, IP_BLOCK_SOURCE, GROUP, ME), EADDRNOTAVAIL);
	ERR(source(rx, IP_UNBLOCK_SOURCE, GROUP, OTHER), EADDRNOTAVAIL);
	ERR(source(rx, IP_ADD_SOURCE_MEMBERSHIP, GROUP, ME), EINVAL);
	OK(source(rx, IP_UNBLOCK_SOURCE, GROUP, ME));
	EQ(heard(), 3);
	/* The mode may change only while there never was a source. */
	ERR(source(rx, IP_ADD_SOURCE_MEMBERSHIP, GROUP, OTHER), EINVAL);
	OK(plain(rx, IP_DROP_MEMBERSHIP));
	ERR(plain(rx, IP_DROP_MEMBERSHIP), EADDRNOTAVAIL);
	OK(plain(rx, IP_ADD_MEMBERSHIP));
	OK(source(rx, IP_ADD_SOURCE_MEMBERSHIP, GROUP, OTHER));
	EQ(heard(), 2);
	OK(source(rx, IP_DROP_SOURCE_MEMBERSHIP, GROUP, OTHER));
	ERR(plain(rx, IP_DROP_MEMBERSHIP), EADDRNOTAVAIL);
}

TEST(mode_by_failure)
{
	struct ipv6_mreq r6 = { .ipv6mr_interface = if_nametoindex("lo") };
	int tcp = OK(socket(AF_INET, SOCK_STREAM, 0)), tcp6 = OK(socket(AF_INET6, SOCK_STREAM, 0));

	setup();
	/* A source that is not there changes the mode all the same, while there is no filter. */
	OK(plain(rx, IP_ADD_MEMBERSHIP));
	EQ(heard(), 3);
	ERR(source(rx, IP_DROP_SOURCE_MEMBERSHIP, GROUP, OTHER), EADDRNOTAVAIL);
	EQ(heard(), 0);
	ERR(source(rx, IP_UNBLOCK_SOURCE, GROUP, OTHER), EADDRNOTAVAIL);
	EQ(heard(), 3);
	/* Streams are in no group. */
	ERR(plain(tcp, IP_ADD_MEMBERSHIP), EPROTO);
	ERR(plain(tcp, IP_DROP_MEMBERSHIP), EPROTO);
	inet_pton(AF_INET6, "ff01::5", &r6.ipv6mr_multiaddr);
	ERR(setsockopt(tcp6, SOL_IPV6, IPV6_JOIN_GROUP, &r6, sizeof r6), EPROTO);
	ERR(setsockopt(tcp6, SOL_IPV6, IPV6_LEAVE_GROUP, &r6, sizeof r6), EPROTO);
}

TEST(generic)
{
	struct group_source_req r = { .gsr_interface = if_nametoindex("lo") };
	struct group_req g = { .gr_interface = if_nametoindex("lo") };
	struct sockaddr_in a;

	setup();
	a = at(GROUP, 0);
	memcpy(&r.gsr_group, &a, sizeof a);
	memcpy(&g.gr_group, &a, sizeof a);
	a = at(OTHER, 0);
	memcpy(&r.gsr_source, &a, sizeof a);
	OK(setsockopt(rx, SOL_IP, MCAST_JOIN_SOURCE_GROUP, &r, sizeof r));
	EQ(heard(), 2);
	OK(setsockopt(rx, SOL_IP, MCAST_LEAVE_SOURCE_GROUP, &r, sizeof r));
	OK(setsockopt(rx, SOL_IP, MCAST_JOIN_GROUP, &g, sizeof g));
	ERR(setsockopt(rx, SOL_IP, MCAST_JOIN_GROUP, &g, sizeof g), EADDRINUSE);
	EQ(heard(), 3);
	OK(setsockopt(rx, SOL_IP, MCAST_BLOCK_SOURCE, &r, sizeof r));
	EQ(heard(), 1);
	OK(setsockopt(rx, SOL_IP, MCAST_UNBLOCK_SOURCE, &r, sizeof r));
	OK(setsockopt(rx, SOL_IP, MCAST_LEAVE_GROUP, &g, sizeof g));
	ERR(setsockopt(rx, SOL_IP, MCAST_LEAVE_GROUP, &g, sizeof g), EADDRNOTAVAIL);
}

TEST(refusals)
{
	struct ip_mreq_source r = { { htonl(GROUP) }, { htonl(ME) }, { htonl(ME) } };
	struct group_req g = { .gr_interface = if_nametoindex("lo") };

	setup();
	ERR(setsockopt(rx, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, &r, 8), EINVAL);
	ERR(source(rx, IP_ADD_SOURCE_MEMBERSHIP, ME, ME), EINVAL);
	ERR(setsockopt(rx, SOL_IP, MCAST_JOIN_GROUP, &g, sizeof g), EINVAL);
	ERR(setsockopt(rx, SOL_IP, MCAST_JOIN_GROUP, &g, 8), EINVAL);
}

static int have6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), ok = fd >= 0 && !bind(fd, (void *)&a, sizeof a);

	close(fd);
	return ok;
}

TEST(v6)
{
	struct group_source_req r = { .gsr_interface = if_nametoindex("lo") };
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 }, g = any, me = any, from = any;
	socklen_t len = sizeof any;
	int in, out, lo = if_nametoindex("lo");
	char c;

	if (!have6())
		return;
	in = OK(socket(AF_INET6, SOCK_DGRAM, 0));
	out = OK(socket(AF_INET6, SOCK_DGRAM, 0));
	OK(bind(in, (void *)&any, sizeof any));
	OK(getsockname(in, (void *)&any, &len));
	me.sin6_addr = in6addr_loopback;
	OK(bind(out, (void *)&me, sizeof me));
	OK(setsockopt(out, SOL_IPV6, IPV6_MULTICAST_IF, &lo, sizeof lo));
	inet_pton(AF_INET6, "ff31::1234", &g.sin6_addr);
	inet_pton(AF_INET6, "fd00::5", &from.sin6_addr);
	memcpy(&r.gsr_group, &g, sizeof g);
	memcpy(&r.gsr_source, &from, sizeof from);
	OK(setsockopt(in, SOL_IPV6, MCAST_JOIN_SOURCE_GROUP, &r, sizeof r));
	g.sin6_port = any.sin6_port;
	g.sin6_scope_id = lo;
	if (sendto(out, "x", 1, 0, (void *)&g, sizeof g) < 0 && errno == ENETUNREACH)
		return; /* a machine without a multicast route there */
	msleep(20);
	ERR(recv(in, &c, 1, MSG_DONTWAIT), EAGAIN);
	memcpy(&r.gsr_source, &me, sizeof me);
	OK(setsockopt(in, SOL_IPV6, MCAST_JOIN_SOURCE_GROUP, &r, sizeof r));
	EQ(sendto(out, "x", 1, 0, (void *)&g, sizeof g), 1);
	msleep(20);
	EQ(recv(in, &c, 1, MSG_DONTWAIT), 1);
	OK(setsockopt(in, SOL_IPV6, MCAST_LEAVE_SOURCE_GROUP, &r, sizeof r));
	EQ(sendto(out, "x", 1, 0, (void *)&g, sizeof g), 1);
	msleep(20);
	ERR(recv(in, &c, 1, MSG_DONTWAIT), EAGAIN);
}

struct filter {
	struct ip_msfilter f;
	struct in_addr more[20];
};

static int whole(int fd, uint32_t mode, int n, const uint32_t *from)
{
	struct filter r = { { { htonl(GROUP) }, { htonl(ME) }, mode, n, { { 0 } } }, { { 0 } } };

	for (int i = 0; i < n; i++)
		((struct in_addr *)&r.f.imsf_slist)[i].s_addr = htonl(from[i]);
	return setsockopt(fd, SOL_IP, IP_MSFILTER, &r, IP_MSFILTER_SIZE(n));
}

/* The mode, and in *n how many there are; room for as many as *n was. */
static int whole_of(int fd, uint32_t *n, uint32_t *from, socklen_t *len)
{
	struct filter r = { { { htonl(GROUP) }, { htonl(ME) }, 7, *n, { { 0 } } }, { { 0 } } };
	uint32_t room = *n;

	*len = IP_MSFILTER_SIZE(room);
	OK(getsockopt(fd, SOL_IP, IP_MSFILTER, &r, len));
	*n = r.f.imsf_numsrc;
	for (uint32_t i = 0; i < room && i < *n; i++)
		from[i] = ntohl(((struct in_addr *)&r.f.imsf_slist)[i].s_addr);
	return r.f.imsf_fmode;
}

TEST(whole_filters)
{
	uint32_t all[12] = { ME, OTHER }, got[12], n = 10;
	struct filter r = { { { htonl(GROUP) }, { htonl(ME) }, 0, 0, { { 0 } } }, { { 0 } } };
	socklen_t len;

	setup();
	ERR(whole(rx, MCAST_INCLUDE, 1, all), EINVAL); /* not a member */
	ERR(whole(rx, MCAST_INCLUDE, 0, all), EADDRNOTAVAIL);
	len = sizeof r;
	ERR(getsockopt(rx, SOL_IP, IP_MSFILTER, &r, &len), EADDRNOTAVAIL);
	OK(plain(rx, IP_ADD_MEMBERSHIP));
	EQ(whole_of(rx, &n, got, &len), MCAST_EXCLUDE);
	EQ(n, 0);
	EQ(len, IP_MSFILTER_SIZE(0));
	OK(whole(rx, MCAST_EXCLUDE, 1, all));
	EQ(heard(), 2);
	OK(whole(rx, MCAST_INCLUDE, 1, all));
	EQ(heard(), 1);
	OK(whole(rx, MCAST_INCLUDE, 2, all));
	EQ(heard(), 3);
	n = 10;
	EQ(whole_of(rx, &n, got, &len), MCAST_INCLUDE);
	CHECK(n == 2 && got[0] == ME && got[1] == OTHER);
	EQ(len, IP_MSFILTER_SIZE(2));
	n = 1;
	whole_of(rx, &n, got, &len);
	EQ(n, 2); /* all there are, though less came */
	EQ(len, IP_MSFILTER_SIZE(1));
	ERR(source(rx, IP_BLOCK_SOURCE, GROUP, ME), EINVAL);
	OK(whole(rx, MCAST_EXCLUDE, 0, all));
	EQ(heard(), 3);
	OK(source(rx, IP_BLOCK_SOURCE, GROUP, OTHER));
	EQ(heard(), 1);
	ERR(whole(rx, MCAST_EXCLUDE, 11, all), ENOBUFS);
	ERR(whole(rx, 2, 1, all), EINVAL);
	ERR(setsockopt(rx, SOL_IP, IP_MSFILTER, &r, 12), EINVAL);
	r.f.imsf_numsrc = 3;
	ERR(setsockopt(rx, SOL_IP, IP_MSFILTER, &r, IP_MSFILTER_SIZE(2)), EINVAL);
	len = 12;
	ERR(getsockopt(rx, SOL_IP, IP_MSFILTER, &r, &len), EINVAL);
	OK(whole(rx, MCAST_INCLUDE, 0, all)); /* leaves */
	ERR(plain(rx, IP_DROP_MEMBERSHIP), EADDRNOTAVAIL);
}

TEST(whole_filters_of_both_families)
{
	uint64_t buf[(GROUP_FILTER_SIZE(4) + 7) / 8], back[(GROUP_FILTER_SIZE(4) + 7) / 8];
	struct group_filter *f = (void *)buf, *g = (void *)back;
	struct sockaddr_in a = at(GROUP, 0), me = at(ME, 0), other = at(OTHER, 0);
	socklen_t len = sizeof back;

	setup();
	OK(plain(rx, IP_ADD_MEMBERSHIP));
	memset(buf, 0, sizeof buf);
	memset(back, 0, sizeof back);
	f->gf_interface = if_nametoindex("lo");
	f->gf_fmode = MCAST_INCLUDE;
	f->gf_numsrc = 2;
	memcpy(&f->gf_group, &a, sizeof a);
	memcpy(&f->gf_slist[0], &me, sizeof me);
	memcpy((char *)buf + GROUP_FILTER_SIZE(1), &other, sizeof other);
	OK(setsockopt(rx, SOL_IP, MCAST_MSFILTER, buf, GROUP_FILTER_SIZE(2)));
	EQ(heard(), 3);
	f->gf_numsrc = 1;
	OK(setsockopt(rx, SOL_IP, MCAST_MSFILTER, buf, GROUP_FILTER_SIZE(1)));
	EQ(heard(), 1);
	g->gf_interface = f->gf_interface;
	g->gf_numsrc = 3;
	g->gf_group = f->gf_group;
	OK(getsockopt(rx, SOL_IP, MCAST_MSFILTER, back, &len));
	CHECK(g->gf_numsrc == 1 && g->gf_fmode == MCAST_INCLUDE);
	EQ(((struct sockaddr_in *)&g->gf_slist[0])->sin_addr.s_addr, htonl(ME));
	EQ(len, GROUP_FILTER_SIZE(1));
	memset(&f->gf_slist[0], 0, 128);
	ERR(setsockopt(rx, SOL_IP, MCAST_MSFILTER, buf, GROUP_FILTER_SIZE(1)), EADDRNOTAVAIL);
	f->gf_interface = 77777;
	f->gf_numsrc = 0;
	ERR(setsockopt(rx, SOL_IP, MCAST_MSFILTER, buf, GROUP_FILTER_SIZE(0)), ENODEV);
	ERR(setsockopt(rx, SOL_IP, MCAST_MSFILTER, buf, 100), EINVAL);
}

TEST(whole_filters_v6)
{
	int fd = OK(socket(AF_INET6, SOCK_DGRAM, 0));
	struct ipv6_mreq r = { .ipv6mr_interface = if_nametoindex("lo") };
	uint64_t buf[(GROUP_FILTER_SIZE(2) + 7) / 8];
	struct group_filter *f = (void *)buf;
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 }, src = a;
	socklen_t len;

	inet_pton(AF_INET6, "ff15::77", &a.sin6_addr);
	inet_pton(AF_INET6, "::1", &src.sin6_addr);
	r.ipv6mr_multiaddr = a.sin6_addr;
	OK(setsockopt(fd, SOL_IPV6, IPV6_JOIN_GROUP, &r, sizeof r));
	memset(buf, 0, sizeof buf);
	f->gf_interface = r.ipv6mr_interface;
	f->gf_fmode = MCAST_EXCLUDE;
	f->gf_numsrc = 1;
	memcpy(&f->gf_group, &a, sizeof a);
	memcpy(&f->gf_slist[0], &src, sizeof src);
	OK(setsockopt(fd, SOL_IPV6, MCAST_MSFILTER, buf, GROUP_FILTER_SIZE(1)));
	f->gf_numsrc = 0;
	len = GROUP_FILTER_SIZE(0);
	OK(getsockopt(fd, SOL_IPV6, MCAST_MSFILTER, buf, &len));
	CHECK(f->gf_numsrc == 1 && f->gf_fmode == MCAST_EXCLUDE);
	f->gf_numsrc = 1;
	f->gf_fmode = MCAST_INCLUDE;
	OK(setsockopt(fd, SOL_IPV6, MCAST_MSFILTER, buf, GROUP_FILTER_SIZE(1)));
	f->gf_numsrc = 0;
	OK(setsockopt(fd, SOL_IPV6, MCAST_MSFILTER, buf, GROUP_FILTER_SIZE(0))); /* leaves */
	ERR(setsockopt(fd, SOL_IPV6, IPV6_LEAVE_GROUP, &r, sizeof r), EADDRNOTAVAIL);
}

/* Streams join nothing; the list of groups names what others have joined. */
TEST(shown)
{
	int tcp = OK(socket(AF_INET, SOCK_STREAM, 0)), tcp6 = OK(socket(AF_INET6, SOCK_STREAM, 0));
	struct ip_mreq r = { { htonl(GROUP) }, { htonl(ME) } };
	struct ipv6_mreq r6 = { .ipv6mr_interface = if_nametoindex("lo") };
	int fd = OK(socket(AF_INET6, SOCK_DGRAM, 0));
	char *text;

	inet_pton(AF_INET6, "ff15::78", &r6.ipv6mr_multiaddr);
	ERR(setsockopt(tcp, SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof r), EPROTO);
	ERR(setsockopt(tcp6, SOL_IPV6, IPV6_JOIN_GROUP, &r6, sizeof r6), EPROTO);
	setup();
	OK(plain(rx, IP_ADD_MEMBERSHIP));
	OK(setsockopt(fd, SOL_IPV6, IPV6_JOIN_GROUP, &r6, sizeof r6));
	text = get_file("/proc/net/igmp");
	CHECK(strstr(text, "\n1\tlo        : ") && strstr(text, "\t\t\t\t030201E8     1 0:00000000\t\t"));
	text = get_file("/proc/net/igmp6");
	CHECK(strstr(text, "1    lo              ff150000000000000000000000000078     1 "));
	CHECK(strstr(text, "1    lo              ff020000000000000000000000000001 "));
	OK(plain(rx, IP_DROP_MEMBERSHIP));
	CHECK(!strstr(get_file("/proc/net/igmp"), "030201E8"));
}
