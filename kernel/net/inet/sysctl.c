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

/* One number or, with second, a range. */
static const struct {
	const char *name;
	u32 *first, *second;
	u32 low, high;
} numbers[] = {
	{ "ip_local_port_range", &inet_sysctl.port_low, &inet_sysctl.port_high, 1, 65535 },
	{ "ip_unprivileged_port_start", &inet_sysctl.unprivileged_port, NULL, 0, 65535 },
	{ "ping_group_range", &inet_sysctl.ping_low, &inet_sysctl.ping_high, 0, INT32_MAX },
	{ "somaxconn", &inet_sysctl.somaxconn, NULL, 0, INT32_MAX },
	{ "bindv6only", &inet_sysctl.bindv6only, NULL, 0, 1 },
};

static int find(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(numbers[i].name, name))
			return (int)i;
	return -1;
}

int inet_sysctl_show(const char *name, char *buf, size_t size)
{
	int i = find(name);

	if (i < 0)
		return -ENOENT;
	if (numbers[i].second)
		return ksnprintf(buf, size, "%u\t%u\n", atomic_load(numbers[i].first), atomic_load(numbers[i].second));
	return ksnprintf(buf, size, "%u\n", atomic_load(numbers[i].first));
}

/* The number at *text, which is moved behind it. */
static int parse(char **text, u32 low, u32 high, u32 *out)
{
	char *p = *text, *end, last;
	u64 v;
	int ret;

	while (*p == ' ' || *p == '\t')
		p++;
	for (end = p; *end >= '0' && *end <= '9'; end++)
		;
	if (end == p)
		return -EINVAL;
	last = *end;
	*end = 0;
	ret = kstrtou64(p, 10, &v);
	*end = last;
	*text = end;
	if (ret || v < low || v > high)
		return -EINVAL;
	*out = (u32)v;
	return 0;
}

int inet_sysctl_write(const char *name, char *text)
{
	u32 first, second = 0;
	int i = find(name), ret;

	if (i < 0)
		return -ENOENT;
	ret = parse(&text, numbers[i].low, numbers[i].high, &first);
	if (!ret && numbers[i].second) {
		ret = parse(&text, numbers[i].low, numbers[i].high, &second);
		/* An empty range keeps everybody from pinging, but ports are needed. */
		if (!ret && first > second && numbers[i].first != &inet_sysctl.ping_low)
			ret = -EINVAL;
	}
	if (ret)
		return ret;
	atomic_store(numbers[i].first, first);
	if (numbers[i].second)
		atomic_store(numbers[i].second, second);
	return 0;
}

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
