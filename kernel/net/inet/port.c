/*
 * Who is bound and connected to what. Bound sockets are chained by protocol and local port; connections by both names;
 * listeners by port, apart from the many connections that share their port; ports in TIME_WAIT on their own.
 */
#include "net/inet/internal.h"

#include "gate/host.h"

#define PORT_HASH 1024u
#define CONN_HASH 8192u
#define LISTEN_HASH 256u
#define TW_HASH 256u
#define TW_MAX 32768u
#define TW_TIME (60 * NSEC_PER_SEC)

struct inet_tw {
	struct hlist_node node;
	struct list_head age;
	struct inet_name local, remote;
	s64 expires;
	u32 uid;
	bool reuse, reuseport, v6, v6only;
};

/* All under inet_table_lock. */
static struct hlist_head ports[INET_PROTOS][PORT_HASH];
static struct hlist_head conns[CONN_HASH];
static struct hlist_head listeners[LISTEN_HASH];
static struct hlist_head tws[TW_HASH];
static struct list_head tw_age = LIST_HEAD_INIT(tw_age);
static u32 tw_count;
static struct list_head all = LIST_HEAD_INIT(all);
static u64 seed; /* atomic */

static u64 random64(void)
{
	u64 v = atomic_load_relaxed(&seed);

	if (unlikely(!v))
		(void)host_getrandom(&v, sizeof(v), 0);
	v = v * 6364136223846793005ul + 1442695040888963407ul;
	atomic_store_relaxed(&seed, v);
	return v >> 33;
}

static struct hlist_head *port_head(u32 proto, u16 port) { return &ports[proto][port % PORT_HASH]; }

static struct hlist_head *conn_head(const struct inet_name *l, const struct inet_name *r)
{
	u64 v = l->ip.q[0] ^ l->ip.q[1] * 3 ^ r->ip.q[0] * 5 ^ r->ip.q[1] * 7;

	return &conns[hash_u64(v ^ (u64)l->port << 48 ^ (u64)r->port << 20) % CONN_HASH];
}

void inet_all_add(struct inet_sock *s)
{
	mutex_lock(&inet_table_lock);
	list_add_tail(&s->all_node, &all);
	mutex_unlock(&inet_table_lock);
}

void inet_all_del(struct inet_sock *s)
{
	mutex_lock(&inet_table_lock);
	list_del(&s->all_node);
	hlist_del(&s->port_node);
	hlist_del(&s->conn_node);
	mutex_unlock(&inet_table_lock);
}

void inet_for_each(bool (*fn)(void *ctx, struct inet_sock *s), void *ctx)
{
	struct inet_sock *s, *prev = NULL;
	struct list_head *at = &all;
	bool more = true;

	while (more) {
		mutex_lock(&inet_table_lock);
		/* The previous one is referenced, so it is still on the list. */
		for (at = prev ? prev->all_node.next : all.next; at != &all; at = at->next)
			if (ref_get_unless_zero(&list_entry(at, struct inet_sock, all_node)->ref))
				break;
		s = at == &all ? NULL : list_entry(at, struct inet_sock, all_node);
		mutex_unlock(&inet_table_lock);
		if (prev)
			inet_put(prev);
		prev = s;
		more = s && fn(ctx, s);
	}
	if (prev)
		inet_put(prev);
}

/* ---- TIME_WAIT ---- */

static void tw_free_locked(struct inet_tw *t)
{
	hlist_del(&t->node);
	list_del(&t->age);
	tw_count--;
	kfree(t);
}

static void tw_expire_locked(s64 now)
{
	while (!list_empty(&tw_age)) {
		struct inet_tw *t = list_first_entry(&tw_age, struct inet_tw, age);

		if (t->expires > now)
			break;
		tw_free_locked(t);
	}
}

static struct timer tw_timer;

static void tw_tick(struct timer *timer)
{
	s64 next = 0;

	mutex_lock(&inet_table_lock);
	tw_expire_locked(ktime_get());
	if (!list_empty(&tw_age))
		next = list_first_entry(&tw_age, struct inet_tw, age)->expires;
	mutex_unlock(&inet_table_lock);
	/* Without a timer they go at the next bind. */
	if (next && timer_set(timer, next + NSEC_PER_SEC))
		return;
}

void inet_timewait_add(const struct inet_sock *s)
{
	struct inet_tw *t = kzalloc(sizeof(*t));
	bool first;

	if (!t)
		return;
	t->local = s->local;
	t->remote = s->remote;
	t->uid = s->uid;
	t->reuse = sock_bit(&s->sock, SB_REUSEADDR);
	t->reuseport = sock_bit(&s->sock, SB_REUSEPORT);
	t->v6 = inet_v6(s);
	t->v6only = s->opt.v6only;
	t->expires = ktime_get() + TW_TIME;
	mutex_lock(&inet_table_lock);
	if (tw_count >= TW_MAX)
		tw_free_locked(list_first_entry(&tw_age, struct inet_tw, age));
	first = list_empty(&tw_age);
	hlist_add(&t->node, &tws[t->local.port % TW_HASH]);
	list_add_tail(&t->age, &tw_age);
	tw_count++;
	if (!tw_timer.func)
		timer_init(&tw_timer, tw_tick);
	mutex_unlock(&inet_table_lock);
	atomic_add(&inet_stats.tcp_timewaited, 1);
	if (first && timer_set(&tw_timer, ktime_get() + TW_TIME + NSEC_PER_SEC))
		return;
}

u32 inet_timewait_list(u32 skip, struct inet_tw_info *out, u32 max)
{
	s64 now = ktime_get();
	struct inet_tw *t;
	u32 n = 0;

	mutex_lock(&inet_table_lock);
	tw_expire_locked(now);
	list_for_each_entry(t, &tw_age, age) {
		if (skip) {
			skip--;
			continue;
		}
		if (n == max)
			break;
		out[n++] = (struct inet_tw_info){ t->local, t->remote, t->expires - now, t->v6 };
	}
	mutex_unlock(&inet_table_lock);
	return n;
}

u32 inet_timewait_count(void)
{
	u32 n;

	mutex_lock(&inet_table_lock);
	tw_expire_locked(ktime_get());
	n = tw_count;
	mutex_unlock(&inet_table_lock);
	return n;
}

/* ---- conflicts ---- */

/* Do two local addresses have a packet in common? Wildcards of the newer family cover the older one unless v6only. */
static bool overlap(const struct inet_ip *a, bool a_only6, const struct inet_ip *b, bool b_only6)
{
	if (inet_any6(a) && inet_any6(b))
		return true;
	if (inet_any6(a))
		return !(a_only6 && inet_is4(b));
	if (inet_any6(b))
		return !(b_only6 && inet_is4(a));
	if (inet_is4(a) != inet_is4(b))
		return false;
	return inet_any(a) || inet_any(b) || inet_ip_eq(a, b);
}

static bool shares(const struct inet_sock *s, bool reuse, bool reuseport, u32 uid, u32 state)
{
	bool s_reuse = sock_bit(&s->sock, SB_REUSEADDR);

	if (reuse && s_reuse && state != TCP_LISTEN)
		return true;
	return reuseport && sock_bit(&s->sock, SB_REUSEPORT) && (uid == s->uid || state == TCP_TIME_WAIT);
}

/* Bound to different interfaces. */
static bool apart(const struct inet_sock *s, const struct inet_sock *o)
{
	u32 a = atomic_load_relaxed(&s->opt.ifindex), b = atomic_load_relaxed(&o->opt.ifindex);

	return a && b && a != b;
}

/* Would s on (ip, port) be in somebody's way? alone: also who would share; a port that nobody named is nobody else's. */
static bool conflict_locked(struct inet_sock *s, const struct inet_ip *ip, u16 port, bool alone)
{
	bool only6 = s->opt.v6only;
	struct inet_sock *o;
	struct inet_tw *t;

	hlist_for_each_entry(o, port_head(s->proto, port), port_node) {
		if (o == s || o->local.port != port || !overlap(ip, only6, &o->local.ip, o->opt.v6only) || apart(s, o))
			continue;
		if (alone || !shares(s, sock_bit(&o->sock, SB_REUSEADDR), sock_bit(&o->sock, SB_REUSEPORT), o->uid,
				     atomic_load(&o->state)))
			return true;
	}
	if (s->proto != INET_TCP)
		return false;
	hlist_for_each_entry(t, &tws[port % TW_HASH], node) {
		if (t->local.port != port || !overlap(ip, only6, &t->local.ip, t->v6only))
			continue;
		if (!shares(s, t->reuse, t->reuseport, t->uid, TCP_TIME_WAIT))
			return true;
	}
	return false;
}

static bool range(u32 *low, u32 *count)
{
	u32 high = atomic_load_relaxed(&inet_sysctl.port_high);

	*low = atomic_load_relaxed(&inet_sysctl.port_low);
	*count = high >= *low ? high - *low + 1 : 0;
	return *count > 0;
}

/* Threads that race with one socket may find it in a chain still. */
static void chain_locked(struct hlist_node *n, struct hlist_head *h)
{
	hlist_del(n);
	hlist_add(n, h);
}

static void enter_locked(struct inet_sock *s, const struct inet_ip *ip, u16 port)
{
	s->local.ip = *ip;
	s->local.port = port;
	chain_locked(&s->port_node, port_head(s->proto, port));
}

int inet_port_bind(struct inet_sock *s, const struct inet_name *name)
{
	u32 low, count, start, i;
	int ret = -EADDRINUSE;

	mutex_lock(&inet_table_lock);
	tw_expire_locked(ktime_get());
	if (s->proto == INET_RAW) {
		s->local.ip = name->ip;
		ret = 0;
	} else if (name->port) {
		if (!conflict_locked(s, &name->ip, name->port, false)) {
			enter_locked(s, &name->ip, name->port);
			ret = 0;
		}
	} else if (range(&low, &count)) {
		start = (u32)(random64() % count);
		for (i = 0; i < count && ret; i++) {
			u16 port = (u16)(low + (start + i) % count);

			if (conflict_locked(s, &name->ip, port, true))
				continue;
			enter_locked(s, &name->ip, port);
			ret = 0;
		}
	}
	if (!ret)
		s->local.scope = name->scope;
	mutex_unlock(&inet_table_lock);
	return ret;
}

static struct inet_sock *connected_locked(const struct inet_name *l, const struct inet_name *r)
{
	struct inet_sock *o;

	hlist_for_each_entry(o, conn_head(l, r), conn_node)
		if (o->local.port == l->port && o->remote.port == r->port && inet_ip_eq(&o->local.ip, &l->ip) &&
		    inet_ip_eq(&o->remote.ip, &r->ip))
			return o;
	return NULL;
}

/* Is somebody bound to that port who did not get it by connect? */
static bool bound_locked(u32 proto, u16 port)
{
	struct inet_sock *o;

	hlist_for_each_entry(o, port_head(proto, port), port_node)
		if (o->local.port == port && !(o->bound & INET_BOUND_CONNECT))
			return true;
	return false;
}

int inet_port_connect(struct inet_sock *s)
{
	struct inet_name local = s->local;
	u32 low, count, start, i;
	int ret = -EADDRNOTAVAIL;

	mutex_lock(&inet_table_lock);
	if (local.port) {
		if (!connected_locked(&local, &s->remote))
			ret = 0;
	} else if (range(&low, &count)) {
		start = (u32)(random64() % count);
		for (i = 0; i < count && ret; i++) {
			local.port = (u16)(low + (start + i) % count);
			if (bound_locked(s->proto, local.port) || connected_locked(&local, &s->remote))
				continue;
			s->bound |= INET_BOUND_CONNECT;
			enter_locked(s, &local.ip, local.port);
			ret = 0;
		}
	}
	if (!ret)
		chain_locked(&s->conn_node, conn_head(&s->local, &s->remote));
	mutex_unlock(&inet_table_lock);
	return ret;
}

int inet_port_listen(struct inet_sock *s)
{
	int ret = 0;

	mutex_lock(&inet_table_lock);
	if (conflict_locked(s, &s->local.ip, s->local.port, false)) {
		ret = -EADDRINUSE;
	} else {
		atomic_store(&s->state, TCP_LISTEN);
		chain_locked(&s->conn_node, &listeners[s->local.port % LISTEN_HASH]);
	}
	mutex_unlock(&inet_table_lock);
	return ret;
}

void inet_port_child(struct inet_sock *s)
{
	mutex_lock(&inet_table_lock);
	chain_locked(&s->port_node, port_head(s->proto, s->local.port));
	chain_locked(&s->conn_node, conn_head(&s->local, &s->remote));
	mutex_unlock(&inet_table_lock);
}

void inet_port_raw(struct inet_sock *s)
{
	mutex_lock(&inet_table_lock);
	hlist_add(&s->port_node, port_head(INET_RAW, s->raw_proto));
	mutex_unlock(&inet_table_lock);
}

void inet_port_disconnect(struct inet_sock *s)
{
	mutex_lock(&inet_table_lock);
	hlist_del(&s->conn_node);
	mutex_unlock(&inet_table_lock);
}

void inet_port_names(struct inet_sock *s, const struct inet_ip *local, const struct inet_name *remote)
{
	mutex_lock(&inet_table_lock);
	s->local.ip = *local;
	s->remote = *remote;
	mutex_unlock(&inet_table_lock);
}

void inet_port_ended(struct inet_sock *s)
{
	mutex_lock(&inet_table_lock);
	hlist_del(&s->conn_node);
	if (!(s->bound & INET_BOUND_PORT))
		hlist_del(&s->port_node);
	mutex_unlock(&inet_table_lock);
}

void inet_port_release(struct inet_sock *s)
{
	mutex_lock(&inet_table_lock);
	hlist_del(&s->conn_node);
	if (s->proto != INET_RAW || atomic_load(&s->dead)) {
		hlist_del(&s->port_node);
		if (!atomic_load(&s->dead))
			s->local.port = 0;
	}
	mutex_unlock(&inet_table_lock);
}

/* ---- lookups ---- */

/* How well s fits a packet to dst; -1 = not at all. */
static int fit(const struct inet_sock *s, const struct inet_name *dst, const struct inet_name *src, bool connected)
{
	u32 device = atomic_load_relaxed(&s->opt.ifindex);
	int score = device != 0;

	if (device && device != LOOPBACK_IFINDEX)
		return -1; /* that is not where our packets come from */
	if (inet_is4(&dst->ip)) {
		if (inet_v6(s) && (s->opt.v6only || (!inet_any6(&s->local.ip) && !inet_is4(&s->local.ip))))
			return -1;
		score += !inet_v6(s);
	} else if (!inet_v6(s) || inet_is4(&s->local.ip)) {
		return -1;
	}
	if (!inet_any(&s->local.ip)) {
		if (!inet_ip_eq(&s->local.ip, &dst->ip))
			return -1;
		score += 4;
	}
	if (connected && s->remote.port) {
		if (s->remote.port != src->port || !inet_ip_eq(&s->remote.ip, &src->ip))
			return -1;
		score += 8;
	}
	return score;
}

static u32 pair_hash(const struct inet_name *a, const struct inet_name *b)
{
	return hash_u64(a->ip.q[1] ^ b->ip.q[1] * 3 ^ (u64)a->port << 16 ^ b->port);
}

struct inet_sock *inet_find_listener(const struct inet_name *dst, const struct inet_name *src)
{
	u32 hash = pair_hash(dst, src), group = 0;
	struct inet_sock *s, *best = NULL;
	int score, top = -1;

	mutex_lock(&inet_table_lock);
	hlist_for_each_entry(s, &listeners[dst->port % LISTEN_HASH], conn_node) {
		if (s->local.port != dst->port)
			continue;
		score = fit(s, dst, src, false);
		if (score < 0 || score < top || atomic_load(&s->dead))
			continue;
		if (score > top) {
			top = score;
			group = 1;
			best = s;
		} else if (sock_bit(&s->sock, SB_REUSEPORT)) {
			/* Each of n gets it with the chance of 1/n, the same one each time for the same pair. */
			group++;
			hash = hash * 0x9e3779b1u + 0x7f4a7c15u;
			if ((u64)hash * group >> 32 == 0)
				best = s;
		}
	}
	if (best && !ref_get_unless_zero(&best->ref))
		best = NULL;
	mutex_unlock(&inet_table_lock);
	return best;
}

struct inet_sock *inet_find_connected(const struct inet_name *local, const struct inet_name *remote)
{
	struct inet_sock *s;

	mutex_lock(&inet_table_lock);
	s = connected_locked(local, remote);
	if (s && !ref_get_unless_zero(&s->ref))
		s = NULL;
	mutex_unlock(&inet_table_lock);
	return s;
}

struct inet_sock *inet_find_dgram(u32 proto, const struct inet_name *dst, const struct inet_name *src)
{
	u32 hash = pair_hash(dst, src), group = 0;
	struct inet_sock *s, *best = NULL;
	int score, top = -1;

	mutex_lock(&inet_table_lock);
	hlist_for_each_entry(s, port_head(proto, dst->port), port_node) {
		if (s->local.port != dst->port || atomic_load(&s->dead))
			continue;
		score = fit(s, dst, src, true);
		if (score < 0 || score < top)
			continue;
		if (score > top) {
			top = score;
			group = 1;
			best = s;
		} else if (sock_bit(&s->sock, SB_REUSEPORT)) {
			group++;
			hash = hash * 0x9e3779b1u + 0x7f4a7c15u;
			if ((u64)hash * group >> 32 == 0)
				best = s;
		}
	}
	if (best && !ref_get_unless_zero(&best->ref))
		best = NULL;
	mutex_unlock(&inet_table_lock);
	return best;
}

/* Does a packet that goes to many reach s? */
static bool reaches(struct inet_sock *s, u32 proto, const struct inet_name *dst, const struct inet_name *src)
{
	struct inet_ip any = { 0 };

	if (atomic_load(&s->dead) || s->local.port != dst->port)
		return false;
	if (proto == INET_RAW)
		return inet_is4(&dst->ip) == !inet_v6(s) &&
		       (inet_any(&s->local.ip) || inet_ip_eq(&s->local.ip, &dst->ip)) &&
		       (inet_any(&s->remote.ip) || inet_ip_eq(&s->remote.ip, &src->ip));
	if (inet_ip_eq(&s->local.ip, &any) && inet_is4(&dst->ip) && s->opt.v6only)
		return false;
	return fit(s, dst, src, true) >= 0;
}

#define EACH_BATCH 16u

void inet_dgram_each(u32 proto, const struct inet_name *dst, const struct inet_name *src,
		     void (*fn)(void *ctx, struct inet_sock *s), void *ctx)
{
	struct inet_sock *batch[EACH_BATCH], *s;
	u32 done = 0, seen, n;

	do {
		seen = n = 0;
		mutex_lock(&inet_table_lock);
		hlist_for_each_entry(s, port_head(proto, dst->port), port_node) {
			if (!reaches(s, proto, dst, src) || seen++ < done || n == EACH_BATCH)
				continue;
			if (ref_get_unless_zero(&s->ref))
				batch[n++] = s;
		}
		mutex_unlock(&inet_table_lock);
		for (u32 i = 0; i < n; i++) {
			fn(ctx, batch[i]);
			inet_put(batch[i]);
		}
		done += EACH_BATCH;
	} while (seen > done);
}
