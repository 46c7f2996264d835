/* Interfaces by ioctl(2) on any socket, netdevice(7). Nothing can be changed; saying again what is so is granted. */
#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "abi/linux/if.h"
#include "abi/linux/in.h"
#include "abi/linux/socket.h"
#include "mm/uaccess.h"
#include "net/route/route.h"
#include "proc/task.h"

static void put_ip(struct ifreq *r, u32 addr)
{
	struct sockaddr_in in = { .family = AF_INET, .addr = { addr } };

	memcpy(r->sockaddr, &in, sizeof(in));
}

static u32 attr_ip(const struct nlmsghdr *m, u16 type)
{
	return rt_attr_u32(m, type, 0);
}

static bool label_is(const struct nlmsghdr *addr, const char *label)
{
	u32 len;
	const char *p = rt_attr(addr, IFA_LABEL, 1, &len);

	return p && memchr(p, 0, len) && !strcmp(p, label);
}

/* SIOCGIFCONF: the interfaces that have an IPv4 address, one entry an address. */
static long list_interfaces(struct uptr arg)
{
	struct rt_snap *links, *addrs = NULL;
	struct ifconf c;
	u32 done = 0;
	long ret = 0;

	if (copy_in(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.len < 0)
		return -EINVAL;
	links = rt_snapshot(RT_LINK);
	if (!is_err(links))
		addrs = rt_snapshot(RT_ADDR);
	if (is_err(links) || is_err(addrs)) {
		rt_snap_put(links);
		return is_err(links) ? ptr_err(links) : ptr_err(addrs);
	}
	for (const struct nlmsghdr *m = rt_next(addrs, NULL); m && !ret; m = rt_next(addrs, m)) {
		const struct ifaddrmsg *h = rt_header(m);
		const struct nlmsghdr *link = rt_link_by_index(links, (s32)h->index);
		const char *name = link ? rt_link_name(link) : NULL;
		struct ifreq r = { 0 };
		u32 len;
		const char *label = rt_attr(m, IFA_LABEL, 1, &len);

		if (h->family != AF_INET || !name)
			continue;
		strlcpy(r.name, label && memchr(label, 0, len) ? label : name, sizeof(r.name));
		put_ip(&r, attr_ip(m, IFA_LOCAL));
		if (c.buf) {
			if ((u32)c.len - done < sizeof(r))
				break;
			if (copy_out(uptr_add(uptr(c.buf), done), &r, sizeof(r)))
				ret = -EFAULT;
		}
		done += (u32)sizeof(r);
	}
	rt_snap_put(links);
	rt_snap_put(addrs);
	c.len = (s32)done;
	return ret ? ret : copy_out(arg, &c, sizeof(c));
}

/* An attribute of the interface's first IPv4 address, or of the one with this label. */
static int get_address(u32 cmd, s32 index, const char *label, struct ifreq *r)
{
	struct rt_snap *addrs = rt_snapshot(RT_ADDR);
	const struct nlmsghdr *found = NULL;
	u32 ip = 0, bits;

	if (is_err(addrs))
		return (int)ptr_err(addrs);
	for (const struct nlmsghdr *m = rt_next(addrs, NULL); m; m = rt_next(addrs, m)) {
		const struct ifaddrmsg *h = rt_header(m);

		if (h->family != AF_INET || (s32)h->index != index)
			continue;
		if (!found || (label_is(m, label) && !label_is(found, label)))
			found = m;
	}
	if (found) {
		bits = ((const struct ifaddrmsg *)rt_header(found))->prefixlen;
		switch (cmd) {
		case SIOCGIFADDR:
			ip = attr_ip(found, IFA_LOCAL);
			break;
		case SIOCGIFDSTADDR:
			ip = attr_ip(found, IFA_ADDRESS);
			break;
		case SIOCGIFBRDADDR:
			ip = attr_ip(found, IFA_BROADCAST);
			break;
		default:
			ip = bits ? __builtin_bswap32(~0u << (32 - min(bits, 32u))) : 0;
		}
		put_ip(r, ip);
	}
	rt_snap_put(addrs);
	return found ? 0 : -EADDRNOTAVAIL;
}

static void get_hwaddr(const struct nlmsghdr *link, struct ifreq *r)
{
	const struct ifinfomsg *h = rt_header(link);
	u32 len = 0;
	const void *p = rt_attr(link, IFLA_ADDRESS, 1, &len);

	memset(r->data, 0, sizeof(r->data));
	memcpy(r->sockaddr, &h->type, sizeof(h->type));
	if (p)
		memcpy(r->sockaddr + 2, p, min(len, 14u));
}

static long set_flags(const struct ifinfomsg *have, const struct ifreq *r)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	return (((u16)r->flags ^ have->flags) & IFF_UP) ? -EOPNOTSUPP : 0;
}

static long one_interface(u32 cmd, const struct nlmsghdr *link, const char *asked, struct ifreq *r)
{
	const struct ifinfomsg *h = rt_header(link);
	const char *name = rt_link_name(link);

	switch (cmd) {
	case SIOCGIFNAME:
		if (!name)
			return -ENODEV;
		memset(r->name, 0, sizeof(r->name));
		strlcpy(r->name, name, sizeof(r->name));
		return 0;
	case SIOCGIFFLAGS:
		r->flags = (int16_t)(h->flags & 0xffff);
		return 0;
	case SIOCSIFFLAGS:
		return set_flags(h, r);
	case SIOCGIFINDEX:
		r->ivalue = h->index;
		return 0;
	case SIOCGIFMTU:
		r->ivalue = (s32)rt_attr_u32(link, IFLA_MTU, 0);
		return 0;
	case SIOCGIFMETRIC:
		r->ivalue = 0;
		return 0;
	case SIOCGIFTXQLEN:
		r->ivalue = (s32)rt_attr_u32(link, IFLA_TXQLEN, 0);
		return 0;
	case SIOCGIFHWADDR:
		get_hwaddr(link, r);
		return 0;
	case SIOCGIFMAP:
		memset(r->data, 0, sizeof(r->data));
		return 0;
	}
	return get_address(cmd, h->index, asked, r);
}

static bool is_get(u32 cmd)
{
	switch (cmd) {
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCSIFFLAGS:
	case SIOCGIFINDEX:
	case SIOCGIFMTU:
	case SIOCGIFMETRIC:
	case SIOCGIFTXQLEN:
	case SIOCGIFHWADDR:
	case SIOCGIFMAP:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
		return true;
	}
	return false;
}

long rt_ioctl(u32 cmd, u64 arg)
{
	const struct nlmsghdr *link;
	char asked[IFNAMSIZ], *colon;
	struct rt_snap *links;
	bool private;
	struct ifreq r;
	long ret = -ENODEV;

	if (cmd == SIOCGIFCONF)
		return list_interfaces(uptr(arg));
	if (cmd == SIOCADDRT || cmd == SIOCDELRT)
		return capable(CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	private = cmd >= SIOCDEVPRIVATE && cmd <= SIOCDEVPRIVATE + 15;
	if (!private && (cmd < SIOCDEVFIRST || cmd > SIOCDEVLAST))
		return -ENOTTY;
	if (copy_in(&r, uptr(arg), sizeof(r)))
		return -EFAULT;
	links = rt_snapshot(RT_LINK);
	if (is_err(links))
		return ptr_err(links);
	r.name[IFNAMSIZ - 1] = 0;
	strlcpy(asked, r.name, sizeof(asked));
	/* eth0:1 is another address of eth0. */
	colon = cmd == SIOCGIFNAME ? NULL : strchr(r.name, ':');
	if (colon)
		*colon = 0;
	link = cmd == SIOCGIFNAME ? rt_link_by_index(links, r.ivalue) : rt_link_by_name(links, r.name);
	if (link)
		ret = is_get(cmd) ? one_interface(cmd, link, asked, &r) : capable(CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	if (link && (private || cmd == SIOCETHTOOL))
		ret = -EOPNOTSUPP;
	if (colon)
		*colon = ':';
	rt_snap_put(links);
	return ret ? ret : copy_out(uptr(arg), &r, sizeof(r));
}
