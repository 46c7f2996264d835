/* Sockets as files, and the table of families; see socket.h. */
#include "net/socket.h"

#include "abi/linux/errno.h"
#include "abi/linux/ioctl.h"
#include "fs/fasync.h"
#include "fs/poll.h"
#include "net/host/host.h"
#include "net/inet/inet.h"
#include "net/netlink/netlink.h"
#include "net/route/route.h"
#include "net/unix/unix.h"
#include "proc/task.h"

static const struct socket_family *families[AF_MAX]; /* set at boot */

void socket_family_register(const struct socket_family *f)
{
	families[f->family] = f;
}

void net_init(void)
{
	socket_family_register(&unix_family);
	inet_init();
	socket_family_register(&netlink_family);
	rt_show_init();
	hostnet_init();
}

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol)
{
	s->ops = ops;
	s->family = family;
	s->type = type;
	s->protocol = protocol;
	s->sndbuf = SOCK_BUF_DEFAULT;
	s->rcvbuf = SOCK_BUF_DEFAULT;
	s->rcvlowat = 1;
	s->peek_off = -1;
	s->rcvtimeo = KTIME_MAX;
	s->sndtimeo = KTIME_MAX;
}

struct socket *socket_create(int family, int type, int protocol)
{
	if (family < 0 || family >= AF_MAX)
		return err_ptr(-EAFNOSUPPORT);
	if (type < 0 || type >= SOCK_MAX)
		return err_ptr(-EINVAL);
	if (!families[family])
		return err_ptr(-EAFNOSUPPORT);
	return families[family]->create(type, protocol);
}

/* An empty message for read and write. */
static struct sock_msg plain_msg(struct file *f, struct uio *data)
{
	struct sock_msg m = { .data = data };

	if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
		m.flags |= MSG_DONTWAIT;
	return m;
}

static ssize_t socket_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct sock_msg m = plain_msg(f, to);
	struct socket *s = f->priv;

	if (!to->resid)
		return 0;
	return s->ops->recvmsg ? s->ops->recvmsg(s, &m) : -EOPNOTSUPP;
}

static ssize_t socket_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct sock_msg m = plain_msg(f, from);
	struct socket *s = f->priv;

	if (s->type == SOCK_SEQPACKET)
		m.flags |= MSG_EOR;
	return s->ops->sendmsg ? s->ops->sendmsg(s, &m) : -EOPNOTSUPP;
}

static u32 socket_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->priv;

	return s->ops->poll ? s->ops->poll(s, pt) : 0;
}

static long set_owner(struct file *f, struct uptr arg)
{
	u32 v;
	s32 who;

	if (get_user_u32(arg, &v))
		return -EFAULT;
	who = (s32)v;
	if (who == INT32_MIN)
		return -EINVAL;
	return fasync_set_owner(f, who < 0 ? F_OWNER_PGRP : F_OWNER_PID, (u32)(who < 0 ? -who : who));
}

static long get_owner(struct file *f, struct uptr arg)
{
	u32 nr, uid, euid;
	int type;

	fasync_get_owner(f, &type, &nr, &uid, &euid);
	return put_user_u32(arg, type == F_OWNER_PGRP ? -nr : nr);
}

static long socket_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct socket *s = f->priv;
	long ret = -ENOTTY;

	switch (cmd) {
	case FIOSETOWN:
	case SIOCSPGRP:
		return set_owner(f, uptr(arg));
	case FIOGETOWN:
	case SIOCGPGRP:
		return get_owner(f, uptr(arg));
	}
	if (s->ops->ioctl)
		ret = s->ops->ioctl(s, cmd, arg);
	return ret == -ENOTTY ? rt_ioctl(cmd, arg) : ret;
}

static void socket_release(struct file *f)
{
	struct socket *s = f->priv;

	s->ops->release(s);
}

static const struct file_ops socket_fops = {
	.name = "socket",
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

struct file *socket_file(struct socket *s, bool nonblock)
{
	struct file *f;

	f = file_alloc_anon("socket", &socket_fops, s, O_RDWR | (nonblock ? O_NONBLOCK : 0), S_IFSOCK | 0777);
	if (is_err(f)) {
		s->ops->release(s);
		return f;
	}
	s->ino = f->inode->ino;
	atomic_store(&s->file, f);
	return f;
}

struct socket *socket_of(struct file *f)
{
	return f->ops == &socket_fops && !(f->mode_flags & FMODE_PATH) ? f->priv : NULL;
}

struct file *socket_fd_get(int fd, struct socket **s)
{
	struct file *f = fd_get(fd);

	if (!f)
		return err_ptr(-EBADF);
	*s = socket_of(f);
	if (*s)
		return f;
	file_put(f);
	return err_ptr(-ENOTSOCK);
}
