/*
 * Membership of multicast groups with filters of sources, ip(7), ipv6(7) and RFC 3678. What a socket is a member of on
 * the loopback interface decides what it gets from inside; on other interfaces that is the outside's matter, which is
 * told of every change, and our list is what a new host socket gets to know.
 */
#include "net/inet/internal.h"

#define MEMBERS_MAX 20u /* net.ipv4.igmp_max_memberships */
#define SOURCES_MAX 64u /* net.ipv6.mld_max_msf */
#define SOURCES_MAX4 10u /* net.ipv4.igmp_max_msf */
#define FILTER_BYTES_MAX 131072u /* net.core.optmem_max */
#define STORAGE 128u /* struct sockaddr_storage */

struct inet_member {
	struct list_head node;
	struct inet_ip group;
	u32 ifindex; /* 0 = the outside's choice */
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
		if (inet_ip_eq(&m->group, group) && m->ifindex == ifindex)
			return m;
	return NULL;
}

static u32 max_sources(const struct inet_ip *group) { return inet_is4(group) ? SOURCES_MAX4 : SOURCES_MAX; }

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
	m = find_locked(s, group, LOOPBACK_IFINDEX);
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
	if (add && m->count == max_sources(from))
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

bool inet_member_at(struct inet_sock *s, u32 n, struct inet_ip *group, u32 *ifindex)
{
	struct inet_member *m;
	bool found = false;

	mutex_lock(&s->lock);
	list_for_each_entry(m, &s->members, node) {
		if (n--)
			continue;
		*group = m->group;
		*ifindex = m->ifindex;
		found = true;
		break;
	}
	mutex_unlock(&s->lock);
	return found;
}

/* ---- the outside ---- */

struct inet_ops *inet_mcast_outside(const struct inet_sock *s)
{
	for (u32 i = 1; i < inet_nr_transports && s->proto == INET_UDP; i++)
		if (inet_transports[i]->setopt)
			return inet_transports[i];
	return NULL;
}

static void storage_out(u8 *storage, const struct inet_ip *ip)
{
	if (inet_is4(ip)) {
		struct sockaddr_in a = { .family = AF_INET, .addr = { ip->w[3] } };

		memcpy(storage, &a, sizeof(a));
	} else {
		struct sockaddr_in6 a = { .family = AF_INET6 };

		memcpy(&a.addr, ip, sizeof(a.addr));
		memcpy(storage, &a, sizeof(a));
	}
}

static int tell(struct inet_sock *s, int name, const struct inet_ip *group, u32 ifindex, const struct inet_ip *from)
{
	bool plain = name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP;
	struct inet_ops *ops = inet_mcast_outside(s);
	struct group_source_req r;

	if (!ops)
		return -ENODEV;
	memset(&r, 0, sizeof(r));
	r.interface = ifindex;
	storage_out(r.group, group);
	if (!plain)
		storage_out(r.source, from);
	return ops->setopt(s, inet_is4(group) ? SOL_IP : SOL_IPV6, name, &r,
			   plain ? sizeof(struct group_req) : sizeof(r));
}

/* The n-th membership outside; false: there are not so many. */
static bool nth_outside(struct inet_sock *s, u32 n, struct inet_member *copy)
{
	struct inet_member *m;
	bool found = false;

	mutex_lock(&s->lock);
	list_for_each_entry(m, &s->members, node) {
		if (m->ifindex == LOOPBACK_IFINDEX || n--)
			continue;
		*copy = *m;
		found = true;
		break;
	}
	mutex_unlock(&s->lock);
	return found;
}

void inet_members_tell(struct inet_sock *s)
{
	struct inet_member *m;
	bool any;

	mutex_lock(&s->lock);
	any = !list_empty(&s->members);
	mutex_unlock(&s->lock);
	m = any ? kmalloc(sizeof(*m)) : NULL;
	for (u32 n = 0; m && nth_outside(s, n, m); n++) {
		if (!m->only)
			(void)tell(s, MCAST_JOIN_GROUP, &m->group, m->ifindex, NULL);
		for (u32 i = 0; i < m->count; i++)
			(void)tell(s, m->only ? MCAST_JOIN_SOURCE_GROUP : MCAST_BLOCK_SOURCE, &m->group, m->ifindex,
				   &m->sources[i]);
	}
	kfree(m);
}

/* Memberships change by the MCAST_* names of both families. */
static int note(struct inet_sock *s, int name, const struct inet_ip *group, u32 ifindex, const struct inet_ip *from)
{
	switch (name) {
	case MCAST_JOIN_GROUP:
		return join(s, group, ifindex, false);
	case MCAST_LEAVE_GROUP:
		return leave(s, group, ifindex);
	}
	return filter(s, group, ifindex, from, name == MCAST_JOIN_SOURCE_GROUP || name == MCAST_LEAVE_SOURCE_GROUP,
		      name == MCAST_JOIN_SOURCE_GROUP || name == MCAST_BLOCK_SOURCE);
}

static int change(struct inet_sock *s, int name, const struct inet_ip *group, u32 ifindex, const struct inet_ip *from)
{
	int ret;

	if (ifindex == LOOPBACK_IFINDEX)
		return note(s, name, group, ifindex, from);
	ret = tell(s, name, group, ifindex, from);
	if (!ret)
		(void)note(s, name, group, ifindex, from); /* only for a later host socket */
	return ret;
}

/* ---- requests ---- */

/* The interface of a request, by number or by an address of its own. 0: the outside finds one by its routes. */
static int pick4(const struct inet_sock *s, const struct ip_mreqn *r, u32 *ifindex)
{
	struct inet_ip addr = inet_ip4(r->address);
	struct inet_ops *ops = inet_mcast_outside(s);

	*ifindex = LOOPBACK_IFINDEX;
	if (r->ifindex == LOOPBACK_IFINDEX || (!r->ifindex && inet_loop4(&addr)))
		return 0;
	if (!ops)
		return -ENODEV; /* without a route for multicast, some interface has to be named */
	*ifindex = (u32)r->ifindex;
	if (!r->ifindex && r->address) {
		*ifindex = ops->ifindex ? ops->ifindex(&addr) : 0;
		return *ifindex ? 0 : -ENODEV;
	}
	return 0;
}

static int pick6(const struct inet_sock *s, u32 wanted, u32 *ifindex)
{
	*ifindex = inet_mcast_outside(s) ? wanted : LOOPBACK_IFINDEX;
	return inet_mcast_outside(s) || !wanted || wanted == LOOPBACK_IFINDEX ? 0 : -ENODEV;
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
	ret = pick4(s, &r, &ifindex);
	if (ret)
		return name == IP_DROP_MEMBERSHIP ? -EADDRNOTAVAIL : ret;
	return change(s, name == IP_ADD_MEMBERSHIP ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &group, ifindex, NULL);
}

static int set4_source(struct inet_sock *s, int name, struct uptr val, u32 len)
{
	static const int names[] = { MCAST_UNBLOCK_SOURCE, MCAST_BLOCK_SOURCE, MCAST_JOIN_SOURCE_GROUP,
				     MCAST_LEAVE_SOURCE_GROUP };
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
	ret = pick4(s, &where, &ifindex);
	return ret ? ret : change(s, names[name - IP_UNBLOCK_SOURCE], &group, ifindex, &from);
}

static int set6(struct inet_sock *s, int name, struct uptr val, u32 len)
{
	struct ipv6_mreq r;
	struct inet_ip group;
	u32 ifindex;
	int ret;

	if (inet_stream(s))
		return -EPROTO;
	if (len < sizeof(r))
		return -EINVAL;
	if (inet_stream(s))
		return -EPROTO;
	if (copy_in(&r, val, sizeof(r)))
		return -EFAULT;
	memcpy(group.b, r.multiaddr.addr, sizeof(group.b));
	if (!inet_mcast6(&group))
		return -EINVAL;
	ret = pick6(s, (u32)r.ifindex, &ifindex);
	if (ret)
		return ret;
	return change(s, name == IPV6_JOIN_GROUP ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &group, ifindex, NULL);
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

/* The interface of those requests, which have only the number. */
static int pick_any(struct inet_sock *s, int level, u32 wanted, u32 *ifindex)
{
	struct ip_mreqn r = { .ifindex = (s32)wanted };

	return level == SOL_IP ? pick4(s, &r, ifindex) : pick6(s, wanted, ifindex);
}

/* The options that serve both families. */
static int set_any(struct inet_sock *s, int level, int name, struct uptr val, u32 len)
{
	bool plain = name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP;
	u32 size = plain ? sizeof(struct group_req) : sizeof(struct group_source_req), ifindex;
	struct group_source_req r;
	struct inet_ip group, from = { 0 };
	int ret;

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
	ret = pick_any(s, level, r.interface, &ifindex);
	return ret ? ret : change(s, name, &group, ifindex, &from);
}

/* ---- whole filters ---- */

/* A request as one for either family; sources has room for SOURCES_MAX. */
struct whole {
	struct inet_ip group;
	u32 ifindex, mode, count;
	struct inet_ip sources[SOURCES_MAX];
};

/* What stands in front of the sources. size: how many bytes of it there are. */
static int whole_head(struct inet_sock *s, int level, int name, struct uptr val, u32 len, struct whole *w, u32 *size)
{
	struct ip_mreqn where = { 0 };
	struct ip_msfilter f;
	struct group_filter g;
	int ret;

	*size = name == IP_MSFILTER ? sizeof(f) : sizeof(g);
	if (len < *size)
		return -EINVAL;
	if (name == IP_MSFILTER) {
		if (copy_in(&f, val, sizeof(f)))
			return -EFAULT;
		w->group = inet_ip4(f.multiaddr);
		w->mode = f.mode;
		w->count = f.count;
		where.address = f.interface;
	} else {
		if (copy_in(&g, val, sizeof(g)))
			return -EFAULT;
		if (storage_in(level, g.group, &w->group))
			return -EADDRNOTAVAIL;
		w->mode = g.mode;
		w->count = g.count;
		where.ifindex = (s32)g.interface;
	}
	if (!inet_mcast(&w->group))
		return -EINVAL;
	if (level == SOL_IPV6)
		ret = pick6(s, (u32)where.ifindex, &w->ifindex);
	else
		ret = pick4(s, &where, &w->ifindex);
	return ret;
}

static int whole_sources(struct whole *w, int level, int name, struct uptr val, u32 at)
{
	u8 storage[STORAGE];
	u32 addr;
	int ret;

	for (u32 i = 0; i < w->count; i++) {
		if (name == IP_MSFILTER) {
			if (get_user_u32(uptr_add(val, at + i * sizeof(addr)), &addr))
				return -EFAULT;
			w->sources[i] = inet_ip4(addr);
			continue;
		}
		if (copy_in(storage, uptr_add(val, at + i * STORAGE), STORAGE))
			return -EFAULT;
		ret = storage_in(level, storage, &w->sources[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int whole_note(struct inet_sock *s, const struct whole *w)
{
	struct inet_member *m;

	mutex_lock(&s->lock);
	m = find_locked(s, &w->group, w->ifindex);
	if (m) {
		m->only = w->mode == MCAST_INCLUDE;
		m->filtered = w->count;
		m->count = w->count;
		memcpy(m->sources, w->sources, w->count * sizeof(w->sources[0]));
	}
	mutex_unlock(&s->lock);
	return m ? 0 : -EINVAL;
}

static int whole_tell(struct inet_sock *s, int level, const struct whole *w)
{
	u32 size = (u32)sizeof(struct group_filter) + w->count * STORAGE;
	struct inet_ops *ops = inet_mcast_outside(s);
	struct group_filter g;
	u8 *buf;
	int ret;

	if (!ops)
		return -ENODEV;
	buf = kzalloc(size);
	if (!buf)
		return -ENOBUFS;
	memset(&g, 0, sizeof(g));
	g.interface = w->ifindex;
	g.mode = w->mode;
	g.count = w->count;
	storage_out(g.group, &w->group);
	memcpy(buf, &g, sizeof(g));
	for (u32 i = 0; i < w->count; i++)
		storage_out(buf + sizeof(g) + i * STORAGE, &w->sources[i]);
	ret = ops->setopt(s, level, MCAST_MSFILTER, buf, size);
	kfree(buf);
	return ret;
}

static int whole_set(struct inet_sock *s, int level, int name, struct uptr val, u32 len, struct whole *w)
{
	u32 each = name == IP_MSFILTER ? 4 : STORAGE, size;
	int ret;

	if (len > FILTER_BYTES_MAX)
		return -ENOBUFS;
	ret = whole_head(s, level, name, val, len, w, &size);
	if (ret && ret != -ENODEV)
		return ret;
	if (w->count > (level == SOL_IP ? SOURCES_MAX4 : SOURCES_MAX))
		return -ENOBUFS;
	if (len < size + w->count * each || w->mode > MCAST_INCLUDE)
		return -EINVAL;
	if (ret)
		return ret;
	ret = whole_sources(w, level, name, val, size);
	if (ret)
		return ret;
	if (w->mode == MCAST_INCLUDE && !w->count)
		return change(s, MCAST_LEAVE_GROUP, &w->group, w->ifindex, NULL);
	if (w->ifindex == LOOPBACK_IFINDEX)
		return whole_note(s, w);
	ret = whole_tell(s, level, w);
	if (!ret)
		(void)whole_note(s, w);
	return ret;
}

static int set_whole(struct inet_sock *s, int level, int name, struct uptr val, u32 len)
{
	struct whole *w = kmalloc(sizeof(*w));
	int ret = w ? whole_set(s, level, name, val, len, w) : -ENOBUFS;

	kfree(w);
	return ret;
}

/* The filter of a membership into w, with as many sources as the program has room for; *all there are. */
static int whole_find(struct inet_sock *s, struct whole *w, u32 *all)
{
	struct inet_member *m;

	mutex_lock(&s->lock);
	m = find_locked(s, &w->group, w->ifindex);
	if (m) {
		w->mode = m->only ? MCAST_INCLUDE : MCAST_EXCLUDE;
		w->count = min(w->count, m->count);
		memcpy(w->sources, m->sources, w->count * sizeof(w->sources[0]));
		*all = m->count;
	}
	mutex_unlock(&s->lock);
	return m ? 0 : -EADDRNOTAVAIL;
}

static int whole_get(struct inet_sock *s, int level, int name, struct uptr val, u32 len, struct uptr ulen,
		     struct whole *w)
{
	u32 each = name == IP_MSFILTER ? 4 : STORAGE, size, all;
	u8 storage[STORAGE];
	u32 result[2];
	int ret = whole_head(s, level, name, val, len, w, &size);

	if (ret)
		return ret;
	w->count = min(w->count, (len - size) / each);
	ret = whole_find(s, w, &all);
	if (ret)
		return ret;
	for (u32 i = 0; i < w->count; i++) {
		memset(storage, 0, sizeof(storage));
		storage_out(storage, &w->sources[i]);
		if (copy_out(uptr_add(val, size + i * each),
			     name == IP_MSFILTER ? (u8 *)&w->sources[i].w[3] : storage, each))
			return -EFAULT;
	}
	/* Mode and number end the part in front. */
	result[0] = w->mode;
	result[1] = all;
	if (copy_out(uptr_add(val, size - sizeof(result)), result, sizeof(result)))
		return -EFAULT;
	return put_user_u32(ulen, size + w->count * each);
}

int inet_mcast_getopt(struct inet_sock *s, int level, int name, struct uptr val, u32 len, struct uptr ulen)
{
	struct whole *w = kmalloc(sizeof(*w));
	int ret = w ? whole_get(s, level, name, val, len, ulen, w) : -ENOBUFS;

	kfree(w);
	return ret;
}

bool inet_mcast_option(int level, int name)
{
	if ((level == SOL_IP || level == SOL_IPV6) && name >= MCAST_JOIN_GROUP && name <= MCAST_MSFILTER)
		return true;
	if (level == SOL_IPV6)
		return name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP;
	return level == SOL_IP && name >= IP_ADD_MEMBERSHIP && name <= IP_MSFILTER;
}

int inet_mcast_setopt(struct inet_sock *s, int level, int name, struct uptr val, u32 len)
{
	if (inet_mcast_whole(level, name))
		return set_whole(s, level, name, val, len);
	if (name >= MCAST_JOIN_GROUP)
		return set_any(s, level, name, val, len);
	if (level == SOL_IPV6)
		return set6(s, name, val, len);
	if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
		return set4(s, name, val, len);
	return set4_source(s, name, val, len);
}
