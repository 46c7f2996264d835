/* The numbers of /proc/sys/net that can be changed, and who may ping. */
#include "net/inet/internal.h"

struct inet_sysctl inet_sysctl = {
	.port_low = 32768,
	.port_high = 60999,
	.unprivileged_port = 1024,
	.ping_low = 0, /* as container engines set it: echo needs no capability */
	.ping_high = INT32_MAX,
	.somaxconn = SOMAXCONN,
};
struct inet_stats inet_stats;

bool inet_may_ping(void)
{
	u32 low = atomic_load_relaxed(&inet_sysctl.ping_low), high = atomic_load_relaxed(&inet_sysctl.ping_high);
	const struct cred *c = current->cred;

	if (c->egid >= low && c->egid <= high)
		return true;
	for (u32 i = 0; i < c->ngroups; i++)
		if (c->groups[i] >= low && c->groups[i] <= high)
			return true;
	return false;
}
