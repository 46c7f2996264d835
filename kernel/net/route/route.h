/*
 * What the sandbox's network looks like: interfaces, addresses, routes, neighbours and rules.
 *
 * A table is a snapshot: a run of whole rtnetlink messages (struct nlmsghdr, family header, attributes), each checked
 * when the snapshot was made, so that readers need no more than the accessors below. Without a network there is the
 * loopback and nothing else, built once (lo.c). With one, a snapshot is the host's answer for the network namespace,
 * asked for anew each time (host/): who reads a table wants today's counters and neighbours. Everything that shows
 * the network is made from snapshots: netlink, SIOCGIF*, /proc/net, /sys/class/net.
 */
#ifndef LIMPET_NET_ROUTE_ROUTE_H
#define LIMPET_NET_ROUTE_ROUTE_H

#include "abi/linux/netlink.h"
#include "core/atomic.h"
#include "lib/string.h"

enum rt_kind { RT_LINK, RT_ADDR, RT_ROUTE, RT_NEIGH, RT_RULE, RT_KINDS };
#define RT_SNAP_MAX (16u << 20) /* bytes of one table */

struct rt_snap {
	struct ref ref;
	u32 len; /* bytes of data: whole, aligned messages */
	u8 data[] __aligned(8);
};

/* A reference to drop with rt_snap_put; err_ptr(-ENOMEM, ...). May block: no lock held. */
struct rt_snap *rt_snapshot(enum rt_kind kind);
void rt_snap_put(struct rt_snap *s); /* NULL and err_ptr are fine */

/* The message behind m, or the first for NULL; NULL at the end. */
const struct nlmsghdr *rt_next(const struct rt_snap *s, const struct nlmsghdr *m);

/* Size of the header of the family that messages of this type begin with; 0 = not one of ours. */
u32 rt_header_size(u16 type);
enum rt_kind rt_kind_of(u16 type); /* RT_KINDS = none */
/*
 * Is the message one of ours, its length at most avail, its header whole, and do its attributes end where they should?
 * Only such messages enter a snapshot.
 */
bool rt_message_ok(const struct nlmsghdr *m, u32 avail);

static inline const void *rt_header(const struct nlmsghdr *m) { return m + 1; }
/* The attribute's value of at least min_len bytes, or NULL; *len may be NULL. */
const void *rt_attr(const struct nlmsghdr *m, u16 type, u32 min_len, u32 *len);
/* The same in any run of attributes. */
const void *nla_find(const void *attrs, u32 size, u16 type, u32 min_len, u32 *len);
bool nla_run_ok(const void *attrs, u32 size); /* whole attributes up to the end */
static inline u32 rt_attr_u32(const struct nlmsghdr *m, u16 type, u32 otherwise)
{
	const void *p = rt_attr(m, type, 4, NULL);
	u32 v;

	if (!p)
		return otherwise;
	memcpy(&v, p, sizeof(v));
	return v;
}
/* The name of an interface, 0-terminated; NULL when the message has none. */
const char *rt_link_name(const struct nlmsghdr *link);
const struct nlmsghdr *rt_link_by_index(const struct rt_snap *links, s32 index);
const struct nlmsghdr *rt_link_by_name(const struct rt_snap *links, const char *name); /* alternative names too */
bool rt_prefix_equal(const u8 *a, const u8 *b, u32 bits);
u32 rt_route_table(const struct nlmsghdr *route);
void rt_link_stats(const struct nlmsghdr *link, struct rtnl_link_stats64 *out); /* zeros when it has none */

/*
 * The route to a destination (4 or 16 bytes): the longest prefix of table local, then main, then default; of equals
 * the smallest metric. oif 0 = any. NULL = unreachable.
 */
const struct nlmsghdr *rt_lookup(const struct rt_snap *routes, u8 family, const void *dst, s32 oif);

/* Messages while they are written, one after the other. */
struct rt_build {
	u8 *buf;
	u32 len, size;
	u32 msg; /* offset of the open message */
	bool failed; /* no memory: everything after it is ignored */
};
void *rt_build_begin(struct rt_build *b, u16 type, u32 header_size); /* the zeroed header, or NULL when failed */
void rt_build_attr(struct rt_build *b, u16 type, const void *data, u32 len);
u32 rt_build_nest(struct rt_build *b, u16 type); /* for rt_build_nest_end */
void rt_build_nest_end(struct rt_build *b, u32 at);
void rt_build_end(struct rt_build *b); /* sets the message's length */
void rt_build_raw(struct rt_build *b, const void *data, u32 len); /* whole messages */
struct rt_snap *rt_build_finish(struct rt_build *b); /* takes everything; err_ptr(-ENOMEM) */

/* lo.c: the tables of a sandbox without a network. */
struct rt_snap *rt_lo_snapshot(enum rt_kind kind);

/* ifioctl.c: SIOCGIF* and SIOCSIF* on any socket: -ENOTTY when cmd is none of these. */
long rt_ioctl(u32 cmd, u64 arg);

/* show.c: registers the files of /proc/net. */
void rt_show_init(void);

#endif
