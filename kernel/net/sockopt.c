/* Socket options of SOL_SOCKET, socket(7): those that are the same for every family. */
#include "net/socket.h"

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "abi/linux/in.h"
#include "fs/file.h"
#include "lib/string.h"
#include "proc/task.h"

#define SO_PRIORITY_FREE 6 /* highest that needs no capability */
#define LINGER_MAX (INT32_MAX / 1000)

/* Options that only turn a bit of socket.bits on or off. */
static const struct {
	u16 name;
	u8 bit;
} bit_options[] = {
	{ SO_DEBUG, SB_DEBUG }, { SO_REUSEADDR, SB_REUSEADDR }, { SO_DONTROUTE, SB_DONTROUTE },
	{ SO_BROADCAST, SB_BROADCAST }, { SO_KEEPALIVE, SB_KEEPALIVE }, { SO_OOBINLINE, SB_OOBINLINE },
	{ SO_NO_CHECK, SB_NO_CHECK }, { SO_REUSEPORT, SB_REUSEPORT }, { SO_TIMESTAMP_OLD, SB_TIMESTAMP },
	{ SO_TIMESTAMP_NEW, SB_TIMESTAMP }, { SO_TIMESTAMPNS_OLD, SB_TIMESTAMPNS },
	{ SO_TIMESTAMPNS_NEW, SB_TIMESTAMPNS }, { SO_RXQ_OVFL, SB_RXQ_OVFL }, { SO_NOFCS, SB_NOFCS },
	{ SO_SELECT_ERR_QUEUE, SB_SELECT_ERR_QUEUE }, { SO_ZEROCOPY, SB_ZEROCOPY }, { SO_LOCK_FILTER, SB_LOCK_FILTER },
};

static int bit_of(int name)
{
	for (u32 i = 0; i < ARRAY_SIZE(bit_options); i++)
		if (bit_options[i].name == name)
			return bit_options[i].bit;
	return -1;
}

static u32 flag_of(int name)
{
	switch (name) {
	case SO_PASSCRED:
		return SOCK_F_PASSCRED;
	case SO_PASSPIDFD:
		return SOCK_F_PASSPIDFD;
	case SO_PASSSEC:
		return SOCK_F_PASSSEC;
	}
	return 0;
}

static void set_mask(u32 *word, u32 mask, bool on)
{
	if (on)
		atomic_or(word, mask);
	else
		atomic_and(word, ~mask);
}

static void changed(struct socket *s, int name, s32 val)
{
	if (s->ops->changed)
		s->ops->changed(s, name, val);
}

static int set_bit_option(struct socket *s, int name, int bit, bool on)
{
	if (bit == SB_DEBUG && on && !capable(CAP_NET_ADMIN))
		return -EACCES;
	/* Linux 6.13 and later: for the internet families only. */
	if (bit == SB_REUSEPORT && on && s->family != AF_INET && s->family != AF_INET6)
		return -EOPNOTSUPP;
	/* There is nothing to be saved here, and nobody to tell when a page is free again. */
	if (bit == SB_ZEROCOPY && on)
		return -EOPNOTSUPP;
	if (bit == SB_LOCK_FILTER && !on && (atomic_load_relaxed(&s->bits) & (1u << bit)))
		return -EPERM;
	set_mask(&s->bits, 1u << bit, on);
	changed(s, name, on);
	return 0;
}

static void set_sndbuf(struct socket *s, u32 val)
{
	val = min(val, (u32)INT32_MAX / 2);
	atomic_store(&s->sndbuf, max(val * 2, SOCK_MIN_SNDBUF));
	changed(s, SO_SNDBUF, (s32)val);
}

static void set_rcvbuf(struct socket *s, u32 val)
{
	val = min(val, (u32)INT32_MAX / 2);
	atomic_store(&s->rcvbuf, max(val * 2, SOCK_MIN_RCVBUF));
	changed(s, SO_RCVBUF, (s32)val);
}

static int set_timeo(s64 *timeo, struct uptr val, u32 len)
{
	struct timeval64 tv;
	s64 ns;

	if (len < sizeof(tv))
		return -EINVAL;
	if (copy_in(&tv, val, sizeof(tv)))
		return -EFAULT;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0) {
		ns = 0;
	} else if (tv.tv_sec == 0 && tv.tv_usec == 0) {
		ns = KTIME_MAX;
	} else {
		struct timespec64 ts = { tv.tv_sec, tv.tv_usec * NSEC_PER_USEC };

		ns = timespec64_to_ns(&ts);
	}
	atomic_store(timeo, ns);
	return 0;
}

static int set_linger(struct socket *s, struct uptr val, u32 len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	if (copy_in(&l, val, sizeof(l)))
		return -EFAULT;
	if (l.onoff)
		atomic_store(&s->linger, (u32)l.linger > LINGER_MAX ? LINGER_MAX : l.linger);
	set_mask(&s->bits, 1u << SB_LINGER, l.onoff);
	changed(s, SO_LINGER, l.onoff != 0);
	return 0;
}

/* Those that may be peeked at from somewhere on. */
static bool has_peek_off(const struct socket *s)
{
	return s->family == AF_UNIX || ((s->family == AF_INET || s->family == AF_INET6) && s->type != SOCK_RAW);
}

/* Options with an int that are more than a bit. 1 = not one of these. */
static int set_int_option(struct socket *s, int name, s32 v)
{
	switch (name) {
	case SO_TYPE:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ERROR:
	case SO_SNDLOWAT:
	case SO_ACCEPTCONN:
		return -ENOPROTOOPT;
	case SO_SNDBUF:
		set_sndbuf(s, min((u32)v, SOCK_BUF_MAX));
		return 0;
	case SO_RCVBUF:
		set_rcvbuf(s, min((u32)v, SOCK_BUF_MAX));
		return 0;
	case SO_SNDBUFFORCE:
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		set_sndbuf(s, (u32)max(v, 0));
		return 0;
	case SO_RCVBUFFORCE:
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		set_rcvbuf(s, (u32)max(v, 0));
		return 0;
	case SO_PRIORITY:
		if ((v < 0 || v > SO_PRIORITY_FREE) && !capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		atomic_store(&s->priority, v);
		return 0;
	case SO_MARK:
		if (!capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		atomic_store(&s->mark, v);
		return 0;
	case SO_RCVLOWAT:
		atomic_store(&s->rcvlowat, v < 0 ? INT32_MAX : v ? v : 1);
		changed(s, SO_RCVLOWAT, v);
		return 0;
	case SO_PEEK_OFF:
		if (!has_peek_off(s))
			return -EOPNOTSUPP;
		atomic_store(&s->peek_off, v);
		changed(s, SO_PEEK_OFF, v);
		return 0;
	case SO_BSDCOMPAT:
	case SO_BUSY_POLL:
	case SO_INCOMING_CPU:
		return 0;
	case SO_DETACH_FILTER:
		return -ENOENT;
	}
	return 1;
}

int socket_setopt(struct socket *s, int level, int name, struct uptr val, int len)
{
	u32 v;
	int bit, ret;

	if (len < 0)
		return -EINVAL;
	if (level != SOL_SOCKET)
		return s->ops->setopt ? s->ops->setopt(s, level, name, val, (u32)len) : -EOPNOTSUPP;
	if (name == SO_BINDTODEVICE && s->ops->setopt)
		return s->ops->setopt(s, level, name, val, (u32)len); /* a name, of any length */
	if (len < (int)sizeof(v))
		return -EINVAL;
	if (get_user_u32(val, &v))
		return -EFAULT;
	switch (name) {
	case SO_LINGER:
		return set_linger(s, val, (u32)len);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeo(&s->rcvtimeo, val, (u32)len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeo(&s->sndtimeo, val, (u32)len);
	}
	bit = bit_of(name);
	if (bit >= 0)
		return set_bit_option(s, name, bit, v != 0);
	if (flag_of(name)) {
		if (s->family != AF_UNIX && !(s->family == AF_NETLINK && name == SO_PASSCRED))
			return -EOPNOTSUPP;
		set_mask(&s->flags, flag_of(name), v != 0);
		return 0;
	}
	ret = set_int_option(s, name, (s32)v);
	if (ret <= 0)
		return ret;
	return s->ops->setopt ? s->ops->setopt(s, level, name, val, (u32)len) : -ENOPROTOOPT;
}

u64 socket_cookie(struct socket *s)
{
	static u64 last; /* atomic */

	if (!atomic_load(&s->cookie)) {
		u64 fresh = atomic_add(&last, 1);

		(void)atomic_cas(&s->cookie, 0ul, fresh);
	}
	return atomic_load(&s->cookie);
}

/* False: not an option whose value is an int. */
static bool get_int_option(struct socket *s, int name, s32 *v)
{
	int bit = bit_of(name);

	if (bit >= 0) {
		*v = atomic_load_relaxed(&s->bits) >> bit & 1;
		return true;
	}
	if (flag_of(name)) {
		*v = (atomic_load_relaxed(&s->flags) & flag_of(name)) != 0;
		return true;
	}
	switch (name) {
	case SO_TYPE:
		*v = s->type;
		return true;
	case SO_PROTOCOL:
		*v = s->protocol;
		return true;
	case SO_DOMAIN:
		*v = s->family;
		return true;
	case SO_ERROR:
		*v = -socket_error(s);
		return true;
	case SO_SNDBUF:
		*v = (s32)atomic_load(&s->sndbuf);
		return true;
	case SO_RCVBUF:
		*v = (s32)atomic_load(&s->rcvbuf);
		return true;
	case SO_PRIORITY:
		*v = s->priority;
		return true;
	case SO_MARK:
		*v = s->mark;
		return true;
	case SO_RCVLOWAT:
		*v = s->rcvlowat;
		return true;
	case SO_SNDLOWAT:
		*v = 1;
		return true;
	case SO_PEEK_OFF:
		*v = atomic_load(&s->peek_off);
		return true;
	case SO_BSDCOMPAT:
	case SO_BUSY_POLL:
		*v = 0;
		return true;
	case SO_INCOMING_CPU:
		*v = -1;
		return true;
	}
	return false;
}

/* The value into val of SOCKOPT_MAX bytes; its length or -errno. len: what the program has room for. */
static int get_option(struct socket *s, int name, void *val, u32 len)
{
	struct linger l;
	struct timeval64 tv;
	u64 cookie;
	s64 timeo;
	s32 v;

	if (name == SO_PEEK_OFF && !has_peek_off(s))
		return -EOPNOTSUPP;
	if (get_int_option(s, name, &v)) {
		memcpy(val, &v, sizeof(v));
		return sizeof(v);
	}
	switch (name) {
	case SO_LINGER:
		l.onoff = atomic_load_relaxed(&s->bits) >> SB_LINGER & 1;
		l.linger = s->linger;
		memcpy(val, &l, sizeof(l));
		return sizeof(l);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		timeo = atomic_load(name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW ? &s->rcvtimeo : &s->sndtimeo);
		if (timeo == KTIME_MAX)
			timeo = 0;
		tv.tv_sec = timeo / NSEC_PER_SEC;
		tv.tv_usec = timeo % NSEC_PER_SEC / NSEC_PER_USEC;
		memcpy(val, &tv, sizeof(tv));
		return sizeof(tv);
	case SO_COOKIE:
		if (len < sizeof(cookie))
			return -EINVAL;
		cookie = socket_cookie(s);
		memcpy(val, &cookie, sizeof(cookie));
		return sizeof(cookie);
	}
	return s->ops->getopt ? s->ops->getopt(s, SOL_SOCKET, name, val, len) : -ENOPROTOOPT;
}

int socket_getopt(struct socket *s, int level, int name, struct uptr val, struct uptr ulen)
{
	u8 buf[SOCKOPT_MAX] __aligned(8);
	u32 ul, len;
	int ret;

	if (get_user_u32(ulen, &ul))
		return -EFAULT;
	if ((s32)ul < 0)
		return -EINVAL;
	len = ul;
	if ((level == SOL_IP && name == IP_MSFILTER) || ((level == SOL_IP || level == SOL_IPV6) && name == MCAST_MSFILTER))
		return s->ops->getopt_user ? s->ops->getopt_user(s, level, name, val, len, ulen) : -EOPNOTSUPP;
	if (level != SOL_SOCKET)
		ret = s->ops->getopt ? s->ops->getopt(s, level, name, buf, min(len, (u32)SOCKOPT_MAX)) : -EOPNOTSUPP;
	else if (name == SO_PEERNAME)
		ret = s->ops->getname ? s->ops->getname(s, buf, true) : -ENOTCONN;
	else if (name == SO_PEERGROUPS || name == SO_PEERPIDFD)
		return s->ops->getopt_user ? s->ops->getopt_user(s, level, name, val, len, ulen) : -ENODATA;
	else
		ret = get_option(s, name, buf, len);
	if (ret < 0)
		return ret;
	if (level == SOL_SOCKET && name == SO_PEERNAME) {
		if ((u32)ret < len)
			return -EINVAL;
	} else {
		len = min(len, (u32)ret);
	}
	if (copy_out(val, buf, len))
		return -EFAULT;
	return put_user_u32(ulen, len);
}
