/* Socket options of the TCP level, tcp(7). Those that only shape packets are kept and shown. */
#include "net/inet/internal.h"

static const char *const congestion[] = { "cubic", "reno" };
#define CA_NAME_MAX 16u

static int set_congestion(struct inet_sock *s, struct uptr val, u32 len)
{
	char name[CA_NAME_MAX] = { 0 };

	if (len < 1)
		return -EINVAL;
	if (copy_in(name, val, min(len, CA_NAME_MAX - 1)))
		return -EFAULT;
	for (u32 i = 0; i < ARRAY_SIZE(congestion); i++) {
		if (strcmp(congestion[i], name))
			continue;
		s->opt.congestion = (u8)i;
		return 0;
	}
	return -ENOENT;
}

static int set_number(u32 *field, s32 v, s32 low, s32 high)
{
	if (v < low || v > high)
		return -EINVAL;
	atomic_store(field, (u32)v);
	return 0;
}

int inet_tcp_setopt(struct inet_sock *s, int name, struct uptr val, u32 len)
{
	struct inet_options *o = &s->opt;
	u32 word;
	int ret = 0;
	s32 v;

	if (name == TCP_CONGESTION)
		return set_congestion(s, val, len);
	if (name == TCP_ULP)
		return -ENOENT;
	if (len < sizeof(word))
		return -EINVAL;
	if (get_user_u32(val, &word))
		return -EFAULT;
	v = (s32)word;
	switch (name) {
	case TCP_NODELAY:
		inet_set_flag(s, IF_NODELAY, v);
		break;
	case TCP_CORK:
		inet_set_flag(s, IF_CORK, v);
		break;
	case TCP_QUICKACK:
		inet_set_flag(s, IF_QUICKACK_OFF, !v);
		break;
	case TCP_MAXSEG:
		if (v && (v < 88 || v > 32767))
			return -EINVAL;
		atomic_store(&o->maxseg, (u32)v);
		break;
	case TCP_KEEPIDLE:
		ret = set_number(&o->keepidle, v, 1, 32767);
		break;
	case TCP_KEEPINTVL:
		ret = set_number(&o->keepintvl, v, 1, 32767);
		break;
	case TCP_KEEPCNT:
		ret = set_number(&o->keepcnt, v, 1, 127);
		break;
	case TCP_SYNCNT:
		ret = set_number(&o->syncnt, v, 1, 127);
		break;
	case TCP_USER_TIMEOUT:
		ret = set_number(&o->user_timeout, v, 0, INT32_MAX);
		break;
	case TCP_LINGER2:
		atomic_store(&o->linger2, v < 0 ? -1 : v > 120 ? 0 : v);
		break;
	case TCP_DEFER_ACCEPT:
		atomic_store(&o->defer_accept, max(v, 0));
		break;
	case TCP_WINDOW_CLAMP:
		if (!v && atomic_load(&s->state) != TCP_CLOSE)
			return -EINVAL;
		atomic_store(&o->window_clamp, (u32)v);
		break;
	case TCP_NOTSENT_LOWAT:
		atomic_store(&o->notsent_lowat, (u32)v);
		break;
	case TCP_FASTOPEN:
		if (v < 0 || (atomic_load(&s->state) != TCP_CLOSE && atomic_load(&s->state) != TCP_LISTEN))
			return -EINVAL;
		atomic_store(&o->fastopen, (u32)v);
		break;
	case TCP_FASTOPEN_CONNECT: /* connect returns at once anyway */
	case TCP_FASTOPEN_NO_COOKIE:
	case TCP_THIN_LINEAR_TIMEOUTS:
	case TCP_THIN_DUPACK:
		return v < 0 || v > 1 ? -EINVAL : 0;
	case TCP_SAVE_SYN:
		ret = set_number(&o->save_syn, v, 0, 2);
		break;
	case TCP_REPAIR:
		return -EPERM;
	default:
		return -ENOPROTOOPT;
	}
	if (!ret)
		inet_option_changed(s, SOL_TCP, name, v);
	return ret;
}

/* Seconds to defer, as the retransmissions of Linux would make them. */
static s32 defer_seconds(s32 v)
{
	s32 total = 0, step = 1;

	while (v > total) {
		total += step;
		step = min(step * 2, 120);
	}
	return total;
}

static int get_info(struct inet_sock *s, void *val, u32 len)
{
	struct tcp_info ti = { 0 };
	struct inet_ops *ops = atomic_load(&s->ops);

	ti.state = (u8)atomic_load(&s->state);
	ti.rto = 204000;
	ti.ato = 40000;
	ti.snd_mss = 32768;
	ti.rcv_mss = 536;
	ti.pmtu = 65535;
	ti.advmss = 65483;
	ti.rcv_ssthresh = 65483;
	ti.snd_ssthresh = 0x7fffffff;
	ti.snd_cwnd = 10;
	ti.reordering = 3;
	ti.rtt = 20;
	ti.rttvar = 10;
	ti.min_rtt = 5;
	ti.options = 7; /* timestamps, selective acknowledgements, window scale */
	ti.wscale = 0x77;
	ti.pacing_rate = ti.max_pacing_rate = ~0ul;
	if (ti.state == TCP_LISTEN) {
		ti.unacked = 0;
		ti.sacked = atomic_load(&s->backlog);
	}
	if (ops && ops->tcp_info)
		ops->tcp_info(s, &ti);
	memcpy(val, &ti, sizeof(ti));
	return (int)min(len, (u32)sizeof(ti));
}

int inet_tcp_getopt(struct inet_sock *s, int name, void *val, u32 len)
{
	const struct inet_options *o = &s->opt;
	char ca[CA_NAME_MAX] = { 0 };
	s32 v;

	switch (name) {
	case TCP_INFO:
		return get_info(s, val, len);
	case TCP_CONGESTION:
		strlcpy(ca, congestion[o->congestion], sizeof(ca));
		memcpy(val, ca, sizeof(ca));
		return sizeof(ca);
	case TCP_CC_INFO:
	case TCP_SAVED_SYN:
	case TCP_ULP:
		return 0;
	case TCP_NODELAY:
		v = inet_flag(s, IF_NODELAY);
		break;
	case TCP_CORK:
		v = inet_flag(s, IF_CORK);
		break;
	case TCP_QUICKACK:
		v = !inet_flag(s, IF_QUICKACK_OFF);
		break;
	case TCP_MAXSEG:
		v = atomic_load(&s->state) == TCP_ESTABLISHED ? 32768 : o->maxseg ? (s32)o->maxseg : 536;
		break;
	case TCP_KEEPIDLE:
		v = (s32)o->keepidle;
		break;
	case TCP_KEEPINTVL:
		v = (s32)o->keepintvl;
		break;
	case TCP_KEEPCNT:
		v = (s32)o->keepcnt;
		break;
	case TCP_SYNCNT:
		v = (s32)o->syncnt;
		break;
	case TCP_USER_TIMEOUT:
		v = (s32)o->user_timeout;
		break;
	case TCP_LINGER2:
		v = o->linger2;
		break;
	case TCP_DEFER_ACCEPT:
		v = defer_seconds(o->defer_accept);
		break;
	case TCP_WINDOW_CLAMP:
		v = (s32)o->window_clamp;
		break;
	case TCP_NOTSENT_LOWAT:
		v = (s32)o->notsent_lowat;
		break;
	case TCP_FASTOPEN:
		v = (s32)o->fastopen;
		break;
	case TCP_SAVE_SYN:
		v = (s32)o->save_syn;
		break;
	case TCP_FASTOPEN_CONNECT:
	case TCP_FASTOPEN_NO_COOKIE:
	case TCP_THIN_LINEAR_TIMEOUTS:
	case TCP_THIN_DUPACK:
	case TCP_INQ:
		v = 0;
		break;
	case TCP_REPAIR:
		return -EPERM;
	default:
		return -ENOPROTOOPT;
	}
	memcpy(val, &v, sizeof(v));
	return sizeof(v);
}
