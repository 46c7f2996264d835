/* Membership of multicast groups with filters of sources, ip(7), ipv6(7) and RFC 3678, on the loopback interface. */
#include "net/inet/internal.h"

#define MEMBERS_MAX 20u /* net.ipv4.igmp_max_memberships */
#define SOURCES_MAX 10u /* net.ipv4.igmp_max_msf */

struct inet_member {
	struct list_head node;
	struct inet_ip group;
	u32 ifindex;
	/* Of these sources only, or of all but these; the mode stays what it is once there was a source. */
	bool only;
	bool filtered; /* there was one */
	u32 count;
	struct inet_ip sources[SOURCES_MAX];
};

static struct inet_member *find_locked(struct inet_sock *s, const struct inet_ip *group, u32 ifindex)
{
	struct inet_member *m;

	list_for_each_entry(m, &s->members, node)
		if (inet_ip_eq(&m->group, group) && (!ifindex || m->ifindex == ifindex))
			return m;
	return NULL;
}

static u32 source_at(const struct inet_member *m, const struct inet_ip *from)
{
	u32 i = 0;

	while (i < m->count && !inet_ip_eq(&m->sources[i], from))
		i++;
	return i;
}

bool inet_member_of(struct inet_sock *s, const struct inet_ip *group, const struct inet_ip *from)
{
	bool wanted = !inet_flag(s, inet_is4(group) ? IF_MCAST_NOALL : IF_MCAST_NOALL6);
	struct inet_member *m;

	mutex_lock(&s->lock);
	m = find_locked(s, group, 0);
	if (m)
		wanted = (source_at(m, from) < m->count) == m->only;
	mutex_unlock(&s->lock);
	return wanted;
}

static int join(struct inet_sock *s, const struct inet_ip *group, u32 ifindex, bool only)
{
	struct inet_member *m, *fresh = kzalloc(sizeof(*fresh));
	u32 count = 0;
	int ret = 0;

	if (!fresh)
		return -ENOBUFS;
	fresh->group = *group;
	fresh->ifindex = ifindex;
	fresh->only = only;
	mutex_lock(&s->lock);
	list_for_each_entry(m, &s->members, node)
		count++;
	if (find_locked(s, group, ifindex))
		ret = -EADDRINUSE;
	else if (count >= MEMBERS_MAX)
		ret = -ENOBUFS;
	else
		list_add_tail(&fresh->node, &s->members);
	mutex_unlock(&s->lock);
	if (ret)
		kfree(fresh);
	return ret;
}

static int leave(struct inet_sock *s, const struct inet_ip *group, u32 ifindex)
{
	struct inet_member *m;

	mutex_lock(&s->lock);
	m = find_locked(s, group, ifindex);
	if (m)
		list_del(&m->node);
	mutex_unlock(&s->lock);
	if (!m)
		return -EADDRNOTAVAIL;
	kfree(m);
	return 0;
}

/* One source more or less in the filter of a mode. 1: the last one wanted has gone, and with it the membership. */
static int filter_locked(struct inet_member *m, const struct inet_ip *from, bool only, bool add)
{
	u32 i;

	if (!m || (m->filtered && m->only != only))
		return -EINVAL;
	m->only = only; /* as Linux, also when the source is refused */
	i = source_at(m, from);
	if (add ? i < m->count : i == m->count)
		return -EADDRNOTAVAIL;
	if (!add && m->count == 1 && only)
		return 1;
	if (add && m->count == SOURCES_MAX)
		return -ENOBUFS;
	m->filtered = true;
	if (add)
		m->sources[m->count++] = *from;
	else
		m->sources[i] = m->sources[--m->count];
	return 0;
}

static int filter(struct inet_sock *s, const struct inet_ip *group, u32 ifindex, const struct inet_ip *from, bool only,
		  bool add)
{
	int ret;

	if (only && add) {
		ret = join(s, group, ifindex, true);
		if (ret && ret != -EADDRINUSE)
			return ret;
	}
	mutex_lock(&s->lock);
	ret = filter_locked(find_locked(s, group, ifindex), from, only, add);
	mutex_unlock(&s->lock);
	if (ret == 1)
		return leave(s, group, ifindex);
	return ret;
}

void inet_members_free(struct inet_sock *s)
{
	struct inet_member *m, *n;
	struct list_head gone;

	list_init(&gone);
	mutex_lock(&s->lock);
	list_splice_tail_init(&s->members, &gone);
	mutex_unlock(&s->lock);
	list_for_each_entry_safe(m, n, &gone, node)
		kfree(m);
}

/* The interface of a request: by number or by an address of its own. */
static int pick4(const struct ip_mreqn *r, u32 *ifindex)
{
	struct inet_ip addr = inet_ip4(r->address);

	*ifindex = LOOPBACK_IFINDEX;
	if (r->ifindex)
		return r->ifindex == LOOPBACK_IFINDEX ? 0 : -ENODEV;
	/* Without a route for multicast, some interface has to be named. */
	return inet_loop4(&addr) ? 0 : -ENODEV;
}

static int set4(struct inet_sock *s, int name, struct uptr val, u32 len)
{
	struct ip_mreqn r = { 0 };
	struct inet_ip group;
	u32 ifindex;
	int ret;

	if (inet_stream(s))
		return -EPROTO;
	if (len < 8)
		return -EINVAL;
	if (copy_in(&r, val, min(len, (u32)sizeof(r))))
		return -EFAULT;
	group = inet_ip4(r.multiaddr);
	if (!inet_mcast4(&group))
		return -EINVAL;
	ret = pick4(&r, &ifindex);
	if (ret)
		return name == IP_DROP_MEMBERSHIP ? -EADDRNOTAVAIL : ret;
	return name == IP_ADD_MEMBERSHIP ? join(s, &group, ifindex, false) : leave(s, &group, ifindex);
}

static int set4_source(struct inet_sock *s, int name, struct uptr val, u32 len)
{
	struct ip_mreq_source r;
	struct ip_mreqn where = { 0 };
	struct inet_ip group, from;
	u32 ifindex;
	int ret;

	if (len != sizeof(r))
		return -EINVAL;
	if (copy_in(&r, val, sizeof(r)))
		return -EFAULT;
	group = inet_ip4(r.multiaddr);
	from = inet_ip4(r.sourceaddr);
	if (!inet_mcast4(&group))
		return -EINVAL;
	where.address = r.interface;
	ret = pick4(&where, &ifindex);
	if (ret)
		return ret;
	return filter(s, &group, ifindex, &from, name == IP_ADD_SOURCE_MEMBERSHIP || name == IP_DROP_SOURCE_MEMBERSHIP,
		      name == IP_ADD_SOURCE_MEMBERSHIP || name == IP_BLOCK_SOURCE);
}

static int set6(struct inet_sock *s, int name, struct uptr val, u32 len)
{
	struct ipv6_mreq r;
	struct inet_ip group;

	if (len < sizeof(r))
		return -EINVAL;
	if (inet_stream(s))
		return -EPROTO;
	if (copy_in(&r, val, sizeof(r)))
		return -EFAULT;
	memcpy(group.b, r.multiaddr.addr, sizeof(group.b));
	if (!inet_mcast6(&group))
		return -EINVAL;
	if (r.ifindex && r.ifindex != LOOPBACK_IFINDEX)
		return -ENODEV;
	return name == IPV6_JOIN_GROUP ? join(s, &group, LOOPBACK_IFINDEX, false) : leave(s, &group, LOOPBACK_IFINDEX);
}

/* An address of the level's family in a struct sockaddr_storage. */
static int storage_in(int level, const u8 *addr, struct inet_ip *ip)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memcpy(&v4, addr, sizeof(v4));
	memcpy(&v6, addr, sizeof(v6));
	if (v4.family != (level == SOL_IP ? AF_INET : AF_INET6))
		return -EADDRNOTAVAIL;
	if (level == SOL_IP)
		*ip = inet_ip4(v4.addr.addr);
	else
		memcpy(ip->b, v6.addr.addr, sizeof(ip->b));
	return 0;
}

/* The options that serve both families. */
static int set_any(struct inet_sock *s, int level, int name, struct uptr val, u32 len)
{
	bool plain = name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP;
	u32 size = plain ? sizeof(struct group_req) : sizeof(struct group_source_req);
	struct group_source_req r;
	struct inet_ip group, from = { 0 };

	if (len < size)
		return -EINVAL;
	if (copy_in(&r, val, size))
		return -EFAULT;
	if (storage_in(level, r.group, &group))
		return plain ? -EINVAL : -EADDRNOTAVAIL;
	if (!plain && storage_in(level, r.source, &from))
		return -EADDRNOTAVAIL;
	if (!(level == SOL_IP ? inet_mcast4(&group) : inet_mcast6(&group)))
		return -EINVAL;
	if (r.interface != LOOPBACK_IFINDEX && (r.interface || level == SOL_IP))
		return -ENODEV;
	switch (name) {
	case MCAST_JOIN_GROUP:
		return join(s, &group, LOOPBACK_IFINDEX, false);
	case MCAST_LEAVE_GROUP:
		return leave(s, &group, LOOPBACK_IFINDEX);
	}
	return filter(s, &group, LOOPBACK_IFINDEX, &from, name == MCAST_JOIN_SOURCE_GROUP || name == MCAST_LEAVE_SOURCE_GROUP,
		      name == MCAST_JOIN_SOURCE_GROUP || name == MCAST_BLOCK_SOURCE);
}

bool inet_mcast_option(int level, int name)
{
	if ((level == SOL_IP || level == SOL_IPV6) && name >= MCAST_JOIN_GROUP && name <= MCAST_LEAVE_SOURCE_GROUP)
		return true;
	if (level == SOL_IPV6)
		return name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP;
	return level == SOL_IP && ((name >= IP_ADD_MEMBERSHIP && name <= IP_DROP_SOURCE_MEMBERSHIP) ||
				   (name >= IP_UNBLOCK_SOURCE && name <= IP_BLOCK_SOURCE));
}

int inet_mcast_setopt(struct inet_sock *s, int level, int name, struct uptr val, u32 len)
{
	if (name >= MCAST_JOIN_GROUP && name <= MCAST_LEAVE_SOURCE_GROUP)
		return set_any(s, level, name, val, len);
	if (level == SOL_IPV6)
		return set6(s, name, val, len);
	if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
		return set4(s, name, val, len);
	return set4_source(s, name, val, len);
}
