/* Options and ioctls that only unix sockets have. */
#include "net/unix/unix.h"

#include "abi/linux/ioctl.h"
#include "fs/event/event.h"

/* The peer's credentials, referenced; false = none. */
static bool peer_ids(struct unix_sock *u, const struct cred **cred, struct pid **pid)
{
	mutex_lock(&u->lock);
	*cred = u->peer_cred;
	*pid = u->peer_pid;
	if (*cred) {
		cred_get(*cred);
		pid_get(*pid);
	}
	mutex_unlock(&u->lock);
	return *cred != NULL;
}

static int get_peercred(struct unix_sock *u, void *val)
{
	struct ucred uc = { .pid = 0, .uid = ~0u, .gid = ~0u };
	const struct cred *cred;
	struct pid *pid;

	if (peer_ids(u, &cred, &pid)) {
		uc = (struct ucred){ (s32)pid_nr_seen(pid), cred->euid, cred->egid };
		cred_put(cred);
		pid_put(pid);
	}
	memcpy(val, &uc, sizeof(uc));
	return sizeof(uc);
}

int unix_getopt(struct socket *s, int level, int name, void *val, u32 len)
{
	struct unix_sock *u = unix_of(s);
	u32 mem[9] = { 0 };
	s32 v;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_ACCEPTCONN:
		v = atomic_load(&u->state) == UNIX_LISTEN;
		memcpy(val, &v, sizeof(v));
		return sizeof(v);
	case SO_PEERCRED:
		return get_peercred(u, val);
	case SO_MEMINFO:
		mem[1] = atomic_load(&s->rcvbuf);
		mem[2] = atomic_load(&u->wmem);
		mem[3] = atomic_load(&s->sndbuf);
		memcpy(val, mem, sizeof(mem));
		return sizeof(mem);
	}
	return -ENOPROTOOPT;
}

static int get_peergroups(const struct cred *cred, struct uptr val, u32 len, struct uptr ulen)
{
	u32 need = cred->ngroups * (u32)sizeof(u32);

	if (put_user_u32(ulen, need))
		return -EFAULT;
	if (len < need)
		return -ERANGE;
	return copy_out(val, cred->groups, need);
}

static int get_peerpidfd(struct pid *pid, struct uptr val, u32 len, struct uptr ulen)
{
	struct file *f;
	s32 fd;

	f = pidfd_create(pid, 0);
	if (is_err(f))
		return (int)ptr_err(f);
	fd = fd_alloc(0, true);
	if (fd < 0) {
		file_put(f);
		return fd;
	}
	len = min(len, (u32)sizeof(fd));
	if (copy_out(val, &fd, len) || put_user_u32(ulen, len)) {
		fd_cancel(fd);
		file_put(f);
		return -EFAULT;
	}
	fd_install(fd, f);
	return 0;
}

int unix_getopt_user(struct socket *s, int level, int name, struct uptr val, u32 len, struct uptr ulen)
{
	const struct cred *cred;
	struct pid *pid;
	int ret;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (!peer_ids(unix_of(s), &cred, &pid))
		return -ENODATA;
	if (name == SO_PEERGROUPS)
		ret = get_peergroups(cred, val, len, ulen);
	else
		ret = get_peerpidfd(pid, val, len, ulen);
	cred_put(cred);
	pid_put(pid);
	return ret;
}

void unix_limits_changed(struct socket *s, int name, s32 val)
{
	struct unix_sock *u = unix_of(s);

	if ((name == SO_SNDBUF || name == SO_RCVLOWAT) && unix_writable(u))
		wake_up_poll(&u->wait, POLLOUT | POLLWRNORM | POLLWRBAND);
}

static int inq(struct unix_sock *u, u32 *n)
{
	struct unix_msg *m;
	int ret = 0;

	mutex_lock(&u->lock);
	m = list_first_entry_or_null(&u->queue, struct unix_msg, node);
	if (u->state == UNIX_LISTEN)
		ret = -EINVAL;
	else if (unix_connected_type(u))
		*n = (u32)u->inq_bytes;
	else
		*n = m ? m->len : 0;
	mutex_unlock(&u->lock);
	return ret;
}

long unix_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct unix_sock *u = unix_of(s);
	u32 n;
	int ret;

	switch (cmd) {
	case SIOCINQ:
		ret = inq(u, &n);
		return ret ? ret : put_user_u32(uptr(arg), n);
	case SIOCOUTQ:
		return put_user_u32(uptr(arg), atomic_load(&u->wmem));
	}
	return -ENOTTY;
}
