/* Membership of multicast groups, ip(7) and ipv6(7), on the loopback interface. */
#include "net/inet/internal.h"

#define MEMBERS_MAX 20u /* net.ipv4.igmp_max_memberships */

struct inet_member {
	struct list_head node;
	struct inet_ip group;
	u32 ifindex;
};

bool inet_member_of(struct inet_sock *s, const struct inet_ip *group)
{
	enum inet_flag noall = inet_is4(group) ? IF_MCAST_NOALL : IF_MCAST_NOALL6;
	struct inet_member *m;
	bool found = false;

	mutex_lock(&s->lock);
	list_for_each_entry(m, &s->members, node)
		found |= inet_ip_eq(&m->group, group);
	mutex_unlock(&s->lock);
	return found || !inet_flag(s, noall);
}

static int join(struct inet_sock *s, const struct inet_ip *group, u32 ifindex)
{
	struct inet_member *m, *fresh = kzalloc(sizeof(*fresh));
	u32 count = 0;
	int ret = 0;

	if (!fresh)
		return -ENOBUFS;
	fresh->group = *group;
	fresh->ifindex = ifindex;
	mutex_lock(&s->lock);
	list_for_each_entry(m, &s->members, node) {
		count++;
		if (inet_ip_eq(&m->group, group) && m->ifindex == ifindex)
			ret = -EADDRINUSE;
	}
	if (!ret && count >= MEMBERS_MAX)
		ret = -ENOBUFS;
	if (!ret)
		list_add_tail(&fresh->node, &s->members);
	mutex_unlock(&s->lock);
	if (ret)
		kfree(fresh);
	return ret;
}

static int leave(struct inet_sock *s, const struct inet_ip *group, u32 ifindex)
{
	struct inet_member *m, *found = NULL;

	mutex_lock(&s->lock);
	list_for_each_entry(m, &s->members, node) {
		if (!inet_ip_eq(&m->group, group) || (ifindex && m->ifindex != ifindex))
			continue;
		found = m;
		list_del(&m->node);
		break;
	}
	mutex_unlock(&s->lock);
	if (!found)
		return -EADDRNOTAVAIL;
	kfree(found);
	return 0;
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

int inet_mcast_setopt(struct inet_sock *s, int level, int name, struct uptr val, u32 len)
{
	struct ip_mreqn r4 = { 0 };
	struct ipv6_mreq r6;
	struct inet_ip group;
	u32 ifindex;
	int ret;

	if (level == SOL_IP) {
		if (len < 8)
			return -EINVAL;
		if (copy_in(&r4, val, min(len, (u32)sizeof(r4))))
			return -EFAULT;
		group = inet_ip4(r4.multiaddr);
		if (!inet_mcast4(&group))
			return -EINVAL;
		ret = pick4(&r4, &ifindex);
		if (ret)
			return name == IP_DROP_MEMBERSHIP ? -EADDRNOTAVAIL : ret;
		return name == IP_ADD_MEMBERSHIP ? join(s, &group, ifindex) : leave(s, &group, ifindex);
	}
	if (len < sizeof(r6))
		return -EINVAL;
	if (copy_in(&r6, val, sizeof(r6)))
		return -EFAULT;
	memcpy(group.b, r6.multiaddr.addr, sizeof(group.b));
	if (!inet_mcast6(&group))
		return -EINVAL;
	if (r6.ifindex && r6.ifindex != LOOPBACK_IFINDEX)
		return -ENODEV;
	return name == IPV6_JOIN_GROUP ? join(s, &group, LOOPBACK_IFINDEX) : leave(s, &group, LOOPBACK_IFINDEX);
}
