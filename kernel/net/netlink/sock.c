/* Netlink sockets; see netlink.h. */
#include "net/netlink/netlink.h"

#include "abi/linux/capability.h"
#include "abi/linux/in.h"
#include "core/alloc.h"
#include "fs/poll.h"
#include "lib/string.h"
#include "proc/task.h"

#define SEND_ROOM 32u /* of the send buffer, that no message may use */
#define PORT_FIRST 0xfffff000u /* chosen port ids count down from here */

static struct mutex table_lock = MUTEX_INIT(LOCK_SOCK);
static struct list_head all = LIST_HEAD_INIT(all); /* under table_lock */

static bool protocol_known(int protocol)
{
	return protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG || protocol == NETLINK_KOBJECT_UEVENT;
}

static u32 groups_of(int protocol)
{
	switch (protocol) {
	case NETLINK_ROUTE:
		return RTNLGRP_MAX;
	case NETLINK_SOCK_DIAG:
		return 4;
	}
	return 32;
}

/* Messages */

struct nl_msg *nl_msg_alloc(u32 size)
{
	struct nl_msg *m = kmalloc(sizeof(*m) + size);

	if (!m)
		return NULL;
	*m = (struct nl_msg){ .size = size };
	ref_init(&m->ref);
	return m;
}

void nl_msg_put(struct nl_msg *m)
{
	if (ref_put(&m->ref))
		kfree(m);
}

void nl_queue(struct nl_sock *s, struct nl_msg *m)
{
	m->truesize = (u32)sizeof(*m) + m->size;
	mutex_lock(&s->lock);
	list_add_tail(&m->node, &s->queue);
	s->rmem += m->truesize;
	mutex_unlock(&s->lock);
	wake_up_poll(&s->wait, POLLIN | POLLRDNORM);
}

/* Something does not fit: who reads is told, unless they know better. */
void nl_overrun(struct nl_sock *s)
{
	if (!(atomic_load_relaxed(&s->options) & NL_OPT_NO_ENOBUFS))
		atomic_store(&s->sock.err, ENOBUFS);
	wake_up_poll(&s->wait, POLLIN | POLLERR);
}

static bool in_group(const struct nl_sock *s, u32 group)
{
	return group && group <= NL_GROUP_WORDS * 32 &&
	       (atomic_load_relaxed(&s->groups[(group - 1) / 32]) >> ((group - 1) % 32) & 1);
}

/* table_lock held. */
static void deliver_locked(struct nl_sock *s, u32 group, const void *data, u32 len)
{
	struct nl_msg *m = nl_msg_alloc(len);
	bool full = true;

	if (m) {
		memcpy(m->data, data, len);
		m->len = len;
		m->group = group;
		m->truesize = (u32)sizeof(*m) + len;
		mutex_lock(&s->lock);
		full = s->rmem + m->truesize > atomic_load(&s->sock.rcvbuf);
		if (!full) {
			s->rmem += m->truesize;
			list_add_tail(&m->node, &s->queue);
		} else {
			s->drops++;
		}
		mutex_unlock(&s->lock);
	}
	if (!full) {
		wake_up_poll(&s->wait, POLLIN | POLLRDNORM);
		return;
	}
	nl_overrun(s);
	if (m)
		nl_msg_put(m);
}

void nl_broadcast(int protocol, u32 group, const void *data, u32 len)
{
	struct nl_sock *s;

	mutex_lock(&table_lock);
	list_for_each_entry(s, &all, all_node)
		if (s->sock.protocol == protocol && in_group(s, group))
			deliver_locked(s, group, data, len);
	mutex_unlock(&table_lock);
}

void nl_for_each(void (*f)(const struct nl_sock *s, void *arg), void *arg)
{
	struct nl_sock *s;

	mutex_lock(&table_lock);
	list_for_each_entry(s, &all, all_node)
		f(s, arg);
	mutex_unlock(&table_lock);
}

/* Names */

static bool taken_locked(int protocol, u32 portid)
{
	struct nl_sock *s;

	list_for_each_entry(s, &all, all_node)
		if (s->sock.protocol == protocol && s->portid == portid)
			return true;
	return false;
}

/* portid 0: the process's number, or one that nobody has. */
static int bind_port(struct nl_sock *s, u32 portid)
{
	static u32 next = PORT_FIRST; /* under table_lock */
	int ret = 0;

	mutex_lock(&table_lock);
	if (s->portid) {
		ret = portid && portid != s->portid ? -EINVAL : 0;
	} else if (portid) {
		if (taken_locked(s->sock.protocol, portid))
			ret = -EADDRINUSE;
		else
			atomic_store(&s->portid, portid);
	} else {
		portid = current->process->pid->nr;
		while (!portid || taken_locked(s->sock.protocol, portid))
			portid = next--;
		atomic_store(&s->portid, portid);
	}
	mutex_unlock(&table_lock);
	return ret;
}

static int check_addr(const struct sockaddr_nl *a, u32 len)
{
	if (len < sizeof(*a))
		return -EINVAL;
	return a->family == AF_NETLINK ? 0 : -EINVAL;
}

/* The protocols whose groups everybody may hear, all that there are here. */
static int nl_bind(struct socket *sock, const void *addr, u32 len)
{
	const struct sockaddr_nl *a = addr;
	struct nl_sock *s = nl_of(sock);
	u32 max = groups_of(sock->protocol), groups;
	int ret = check_addr(a, len);

	if (ret)
		return ret;
	groups = max < 32 ? a->groups & ((1u << max) - 1) : a->groups;
	ret = bind_port(s, a->pid);
	if (!ret)
		atomic_store(&s->groups[0], groups);
	return ret;
}

static int nl_connect(struct socket *sock, const void *addr, u32 len, u32 file_flags)
{
	const struct sockaddr_nl *a = addr;
	struct nl_sock *s = nl_of(sock);
	int ret;

	if (len < sizeof(a->family))
		return -EINVAL;
	if (a->family == AF_UNSPEC) {
		atomic_store(&s->dst_pid, 0);
		atomic_store(&s->dst_groups, 0);
		return 0;
	}
	ret = check_addr(a, len);
	if (ret)
		return ret;
	if ((a->pid || a->groups) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	ret = atomic_load(&s->portid) ? 0 : bind_port(s, 0);
	if (ret)
		return ret;
	atomic_store(&s->dst_pid, a->pid);
	atomic_store(&s->dst_groups, a->groups ? 1u << __builtin_ctz(a->groups) : 0);
	return 0;
}

static int nl_getname(struct socket *sock, void *addr, int peer)
{
	struct nl_sock *s = nl_of(sock);
	struct sockaddr_nl a = { .family = AF_NETLINK };

	a.pid = atomic_load(peer ? &s->dst_pid : &s->portid);
	a.groups = atomic_load(peer ? &s->dst_groups : &s->groups[0]);
	memcpy(addr, &a, sizeof(a));
	return sizeof(a);
}

/* Send and receive */

static ssize_t nl_sendmsg(struct socket *sock, struct sock_msg *m)
{
	struct nl_sock *s = nl_of(sock);
	u32 pid = atomic_load(&s->dst_pid), groups = atomic_load(&s->dst_groups);
	size_t len = m->data->resid;
	const struct sockaddr_nl *a = m->name;
	u8 *data;
	int ret;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!len)
		return -ENODATA;
	if (m->namelen) {
		ret = check_addr(a, m->namelen);
		if (ret)
			return ret;
		pid = a->pid;
		groups = a->groups;
	}
	if ((pid || groups) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	ret = atomic_load(&s->portid) ? 0 : bind_port(s, 0);
	if (ret)
		return ret;
	if (len > atomic_load(&sock->sndbuf) - SEND_ROOM)
		return -EMSGSIZE;
	if (pid || groups) /* from program to program: there is none that would listen */
		return -ECONNREFUSED;
	data = kmalloc(len);
	if (!data)
		return -ENOBUFS;
	if (uio_copy_from(m->data, data, len) == len)
		nl_serve(s, data, (u32)len);
	else
		ret = -EFAULT;
	kfree(data);
	return ret ? ret : (ssize_t)len;
}

/* The first message, referenced, off the queue unless peek; NULL = none. */
static struct nl_msg *take(struct nl_sock *s, bool peek)
{
	struct nl_msg *m;

	mutex_lock(&s->lock);
	m = list_first_entry_or_null(&s->queue, struct nl_msg, node);
	if (m && peek) {
		ref_get(&m->ref);
	} else if (m) {
		list_del(&m->node);
		s->rmem -= m->truesize;
		if (m->last)
			s->dumping = false;
	}
	mutex_unlock(&s->lock);
	return m;
}

static bool readable(struct nl_sock *s)
{
	bool some;

	mutex_lock(&s->lock);
	some = !list_empty(&s->queue);
	mutex_unlock(&s->lock);
	return some || atomic_load(&s->sock.err);
}

static ssize_t copy_message(struct nl_sock *s, struct sock_msg *m, struct nl_msg *msg)
{
	size_t n = min((size_t)msg->len, m->data->resid);
	const struct ucred kernel = { 0, 0, 0 };
	struct sockaddr_nl from = { .family = AF_NETLINK };

	if (uio_copy_to(m->data, msg->data, n) != n)
		return -EFAULT;
	if (n < msg->len)
		m->out_flags |= MSG_TRUNC;
	if (m->name) {
		from.groups = msg->group && msg->group <= 32 ? 1u << (msg->group - 1) : 0;
		memcpy(m->name, &from, sizeof(from));
		m->namelen = sizeof(from);
	}
	if (atomic_load_relaxed(&s->options) & NL_OPT_PKTINFO)
		(void)sock_cmsg_put(m, SOL_NETLINK, NETLINK_PKTINFO, &msg->group, sizeof(msg->group));
	if (atomic_load_relaxed(&s->sock.flags) & SOCK_F_PASSCRED)
		(void)sock_cmsg_put(m, SOL_SOCKET, SCM_CREDENTIALS, &kernel, sizeof(kernel));
	return m->flags & MSG_TRUNC ? msg->len : (ssize_t)n;
}

static ssize_t nl_recvmsg(struct socket *sock, struct sock_msg *m)
{
	struct nl_sock *s = nl_of(sock);
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&sock->rcvtimeo));
	struct nl_msg *msg;
	ssize_t ret;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	for (;;) {
		ret = socket_error(sock);
		if (ret)
			return ret;
		msg = take(s, m->flags & MSG_PEEK);
		if (msg)
			break;
		if (w.nonblock)
			return -EAGAIN;
		ret = sock_wait_event(&s->wait, readable(s), w.deadline, WAIT_EXCLUSIVE, POLLIN | POLLRDNORM);
		if (ret)
			return sock_wait_error(&w, (int)ret);
	}
	ret = copy_message(s, m, msg);
	nl_msg_put(msg);
	return ret;
}

static u32 nl_poll(struct socket *sock, struct poll_table *pt)
{
	struct nl_sock *s = nl_of(sock);
	u32 mask = POLLOUT | POLLWRNORM | POLLWRBAND;

	poll_wait(pt, &s->wait);
	mutex_lock(&s->lock);
	if (!list_empty(&s->queue))
		mask |= POLLIN | POLLRDNORM;
	mutex_unlock(&s->lock);
	return atomic_load(&sock->err) ? mask | POLLERR : mask;
}

/* Options */

static u32 option_bit(int name)
{
	switch (name) {
	case NETLINK_PKTINFO:
		return NL_OPT_PKTINFO;
	case NETLINK_BROADCAST_ERROR:
		return NL_OPT_BROADCAST_ERROR;
	case NETLINK_NO_ENOBUFS:
		return NL_OPT_NO_ENOBUFS;
	case NETLINK_CAP_ACK:
		return NL_OPT_CAP_ACK;
	case NETLINK_EXT_ACK:
		return NL_OPT_EXT_ACK;
	case NETLINK_GET_STRICT_CHK:
		return NL_OPT_STRICT;
	}
	return 0;
}

static int nl_setopt(struct socket *sock, int level, int name, struct uptr val, u32 len)
{
	struct nl_sock *s = nl_of(sock);
	u32 v = 0;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len >= sizeof(v) && get_user_u32(val, &v))
		return -EFAULT;
	if (option_bit(name)) {
		if (v)
			atomic_or(&s->options, option_bit(name));
		else
			atomic_and(&s->options, ~option_bit(name));
		return 0;
	}
	switch (name) {
	case NETLINK_ADD_MEMBERSHIP:
	case NETLINK_DROP_MEMBERSHIP:
		if (!v || v > groups_of(sock->protocol))
			return -EINVAL;
		if (name == NETLINK_ADD_MEMBERSHIP)
			atomic_or(&s->groups[(v - 1) / 32], 1u << ((v - 1) % 32));
		else
			atomic_and(&s->groups[(v - 1) / 32], ~(1u << ((v - 1) % 32)));
		return 0;
	case NETLINK_LISTEN_ALL_NSID:
		return capable(CAP_NET_BROADCAST) ? 0 : -EPERM;
	}
	return -ENOPROTOOPT;
}

static int nl_getopt(struct socket *sock, int level, int name, void *val, u32 len)
{
	struct nl_sock *s = nl_of(sock);
	u32 v;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (name == NETLINK_LIST_MEMBERSHIPS) {
		/* As many whole words as there is room for; the length answered is that of all of them. */
		u32 words[NL_GROUP_WORDS];

		for (u32 i = 0; i < NL_GROUP_WORDS; i++)
			words[i] = atomic_load(&s->groups[i]);
		memcpy(val, words, min(len & ~3u, (u32)sizeof(words)));
		return (int)((groups_of(sock->protocol) + 31) / 32 * 4);
	}
	if (!option_bit(name))
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	v = !!(atomic_load(&s->options) & option_bit(name));
	memcpy(val, &v, sizeof(v));
	return sizeof(v);
}

/* Life */

static void nl_release(struct socket *sock)
{
	struct nl_sock *s = nl_of(sock);
	struct nl_msg *m;

	mutex_lock(&table_lock);
	list_del(&s->all_node);
	mutex_unlock(&table_lock);
	while (!list_empty(&s->queue)) {
		m = list_first_entry(&s->queue, struct nl_msg, node);
		list_del(&m->node);
		nl_msg_put(m);
	}
	kfree(s);
}

static const struct socket_ops netlink_ops = {
	.release = nl_release,
	.bind = nl_bind,
	.connect = nl_connect,
	.getname = nl_getname,
	.poll = nl_poll,
	.sendmsg = nl_sendmsg,
	.recvmsg = nl_recvmsg,
	.setopt = nl_setopt,
	.getopt = nl_getopt,
};

static struct socket *nl_create(int type, int protocol)
{
	struct nl_sock *s;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return err_ptr(-ESOCKTNOSUPPORT);
	if (protocol < 0 || protocol >= NETLINK_PROTOCOLS || !protocol_known(protocol))
		return err_ptr(-EPROTONOSUPPORT);
	s = kzalloc(sizeof(*s));
	if (!s)
		return err_ptr(-ENOBUFS);
	socket_init(&s->sock, &netlink_ops, AF_NETLINK, type, protocol);
	mutex_init(&s->lock, LOCK_LEAF);
	list_init(&s->queue);
	wait_queue_init(&s->wait);
	mutex_lock(&table_lock);
	list_add_tail(&s->all_node, &all);
	mutex_unlock(&table_lock);
	return &s->sock;
}

const struct socket_family netlink_family = { AF_NETLINK, nl_create };
