/* The addresses of the namespace; see host.h. */
#include "abi/linux/errno.h"
#include "net/host/host.h"

static struct mutex lock = MUTEX_INIT(LOCK_LEAF);
static struct rt_snap *known; /* under lock; a reference */
static u32 changes = 1; /* atomic */
static u32 known_at; /* changes when known was asked for; under lock */

void hostnet_addr_changed(void) { atomic_add(&changes, 1); }

/* Referenced or NULL. */
static struct rt_snap *addresses(void)
{
	u32 now = atomic_load(&changes);
	struct rt_snap *s, *old;

	mutex_lock(&lock);
	s = known_at == now ? known : NULL;
	if (s)
		ref_get(&s->ref);
	mutex_unlock(&lock);
	if (s)
		return s;
	s = hostnet_snapshot(RT_ADDR);
	if (is_err(s))
		return NULL;
	ref_get(&s->ref);
	mutex_lock(&lock);
	old = known;
	known = s;
	known_at = now;
	mutex_unlock(&lock);
	rt_snap_put(old);
	return s;
}

u32 hostnet_ifindex(const struct inet_ip *a)
{
	struct rt_snap *s;
	bool v4 = inet_is4(a);
	u32 found = 0;

	if (inet_loop4(a) || inet_loop6(a) || inet_any(a))
		return 0;
	s = addresses();
	if (!s)
		return 0;
	for (const struct nlmsghdr *m = rt_next(s, NULL); m && !found; m = rt_next(s, m)) {
		const struct ifaddrmsg *h = rt_header(m);
		const u8 *ip;

		if (h->family != (v4 ? AF_INET : AF_INET6))
			continue;
		ip = rt_attr(m, IFA_LOCAL, v4 ? 4 : 16, NULL);
		if (!ip)
			ip = rt_attr(m, IFA_ADDRESS, v4 ? 4 : 16, NULL);
		if (ip && !memcmp(ip, a->b + (v4 ? 12 : 0), v4 ? 4 : 16))
			found = h->index;
	}
	rt_snap_put(s);
	return found;
}

bool hostnet_owns(const struct inet_ip *a) { return hostnet_ifindex(a) != 0; }
