/* The transports, and which of them serves a destination. */
#include "net/inet/inet.h"

struct inet_ops *inet_transports[INET_TRANSPORTS]; /* set at boot */
u32 inet_nr_transports;

void inet_register(struct inet_ops *ops)
{
	if (inet_nr_transports == INET_TRANSPORTS)
		return;
	ops->index = inet_nr_transports;
	inet_transports[inet_nr_transports++] = ops;
}

struct inet_ops *inet_route(struct inet_sock *s, const struct inet_name *dst, struct inet_ip *src)
{
	struct inet_ip unused;
	int ret;

	for (u32 i = inet_nr_transports; i-- > 0;) {
		if (i && s->proto == INET_UDPLITE)
			continue; /* nobody carries that outside */
		ret = inet_transports[i]->route(s, dst, src ? src : &unused);
		if (!ret)
			return inet_transports[i];
		if (ret != -ENETUNREACH)
			return err_ptr(ret);
	}
	return err_ptr(-ENETUNREACH);
}

bool inet_owned(const struct inet_ip *a)
{
	for (u32 i = 0; i < inet_nr_transports; i++)
		if (inet_transports[i]->owns(a))
			return true;
	return false;
}
