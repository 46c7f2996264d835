/* Decoding of the socket calls but for sending and receiving, which are in sys_netmsg.c. */
#include "abi/linux/fcntl.h"
#include "abi/linux/socket.h"
#include "fs/file.h"
#include "net/socket.h"
#include "sys/sys_net.h"
#include "sys/syscall.h"

int net_addr_in(void *addr, struct uptr from, s32 len)
{
	if (len < 0 || len > SOCKADDR_MAX)
		return -EINVAL;
	return len ? copy_in(addr, from, (size_t)len) : 0;
}

int net_addr_out(const void *addr, u32 len, struct uptr to, struct uptr ulen)
{
	u32 room;

	if (get_user_u32(ulen, &room))
		return -EFAULT;
	if ((s32)room < 0)
		return -EINVAL;
	room = min(room, len);
	if (room && copy_out(to, addr, room))
		return -EFAULT;
	return put_user_u32(ulen, len);
}

/* The flags beside the type of socket(2) and friends. */
static bool type_flags_ok(int flags)
{
	return !(flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK));
}

SYSCALL3(socket, int, family, int, type, int, protocol)
{
	int flags = type & ~SOCK_TYPE_MASK;
	struct socket *s;

	if (!type_flags_ok(flags))
		return -EINVAL;
	s = socket_create(family, type & SOCK_TYPE_MASK, protocol);
	if (is_err(s))
		return ptr_err(s);
	return fd_install_new(socket_file(s, flags & SOCK_NONBLOCK), flags & SOCK_CLOEXEC);
}

/* Two joined sockets as files. */
static int make_pair(int family, int type, int protocol, bool nonblock, struct file *f[2])
{
	struct socket *s[2];
	int ret;

	s[0] = socket_create(family, type, protocol);
	if (is_err(s[0]))
		return (int)ptr_err(s[0]);
	s[1] = socket_create(family, type, protocol);
	if (is_err(s[1])) {
		s[0]->ops->release(s[0]);
		return (int)ptr_err(s[1]);
	}
	ret = s[0]->ops->pair ? s[0]->ops->pair(s[0], s[1]) : -EOPNOTSUPP;
	if (ret) {
		s[0]->ops->release(s[0]);
		s[1]->ops->release(s[1]);
		return ret;
	}
	f[0] = socket_file(s[0], nonblock);
	if (is_err(f[0])) {
		s[1]->ops->release(s[1]);
		return (int)ptr_err(f[0]);
	}
	f[1] = socket_file(s[1], nonblock);
	if (!is_err(f[1]))
		return 0;
	file_put(f[0]);
	return (int)ptr_err(f[1]);
}

SYSCALL4(socketpair, int, family, int, type, int, protocol, struct uptr, fds)
{
	int flags = type & ~SOCK_TYPE_MASK;
	struct file *f[2] = { NULL, NULL };
	s32 fd[2];
	int ret;

	if (!type_flags_ok(flags))
		return -EINVAL;
	fd[0] = fd_alloc(0, flags & SOCK_CLOEXEC);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = fd_alloc(0, flags & SOCK_CLOEXEC);
	if (fd[1] < 0) {
		fd_cancel(fd[0]);
		return fd[1];
	}
	ret = copy_out(fds, fd, sizeof(fd));
	if (!ret)
		ret = make_pair(family, type & SOCK_TYPE_MASK, protocol, flags & SOCK_NONBLOCK, f);
	if (ret) {
		fd_cancel(fd[0]);
		fd_cancel(fd[1]);
		return ret;
	}
	fd_install(fd[0], f[0]);
	fd_install(fd[1], f[1]);
	return 0;
}

SYSCALL3(bind, int, fd, struct uptr, uaddr, int, len)
{
	u8 addr[SOCKADDR_MAX] __aligned(8) = { 0 };
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	int ret;

	if (is_err(f))
		return ptr_err(f);
	ret = net_addr_in(addr, uaddr, len);
	if (!ret)
		ret = s->ops->bind ? s->ops->bind(s, addr, (u32)len) : -EOPNOTSUPP;
	file_put(f);
	return ret;
}

SYSCALL3(connect, int, fd, struct uptr, uaddr, int, len)
{
	u8 addr[SOCKADDR_MAX] __aligned(8) = { 0 };
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	int ret;

	if (is_err(f))
		return ptr_err(f);
	ret = net_addr_in(addr, uaddr, len);
	if (!ret && !s->ops->connect)
		ret = -EOPNOTSUPP;
	if (!ret)
		ret = s->ops->connect(s, addr, (u32)len, atomic_load_relaxed(&f->flags));
	file_put(f);
	return ret;
}

SYSCALL2(listen, int, fd, int, backlog)
{
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	int ret;

	if (is_err(f))
		return ptr_err(f);
	ret = s->ops->listen ? s->ops->listen(s, min((u32)backlog, (u32)SOMAXCONN)) : -EOPNOTSUPP;
	file_put(f);
	return ret;
}

/* The next connection as a file, and its peer's address where that is asked for. */
static struct file *accept_file(struct socket *s, u32 file_flags, bool nonblock, struct uptr uaddr, struct uptr ulen)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct socket *c;
	struct file *f;
	int len;

	if (!s->ops->accept)
		return err_ptr(-EOPNOTSUPP);
	c = s->ops->accept(s, file_flags);
	if (is_err(c))
		return (struct file *)c;
	f = socket_file(c, nonblock);
	if (is_err(f) || uptr_null(uaddr))
		return f;
	len = c->ops->getname(c, addr, SOCK_PEER_ACCEPTED);
	len = len < 0 ? -ECONNABORTED : net_addr_out(addr, (u32)len, uaddr, ulen);
	if (!len)
		return f;
	file_put(f);
	return err_ptr(len);
}

static int accept_common(int fd, struct uptr uaddr, struct uptr ulen, int flags)
{
	struct file *f, *nf;
	struct socket *s;
	int nfd;

	if (!type_flags_ok(flags))
		return -EINVAL;
	f = socket_fd_get(fd, &s);
	if (is_err(f))
		return (int)ptr_err(f);
	nfd = fd_alloc(0, flags & SOCK_CLOEXEC);
	if (nfd >= 0) {
		nf = accept_file(s, atomic_load_relaxed(&f->flags), flags & SOCK_NONBLOCK, uaddr, ulen);
		if (is_err(nf)) {
			fd_cancel(nfd);
			nfd = (int)ptr_err(nf);
		} else {
			fd_install(nfd, nf);
		}
	}
	file_put(f);
	return nfd;
}

SYSCALL3(accept, int, fd, struct uptr, addr, struct uptr, len)
{
	return accept_common(fd, addr, len, 0);
}

SYSCALL4(accept4, int, fd, struct uptr, addr, struct uptr, len, int, flags)
{
	return accept_common(fd, addr, len, flags);
}

static int getname_common(int fd, struct uptr uaddr, struct uptr ulen, bool peer)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	int ret;

	if (is_err(f))
		return (int)ptr_err(f);
	ret = s->ops->getname ? s->ops->getname(s, addr, peer) : -EOPNOTSUPP;
	if (ret >= 0)
		ret = net_addr_out(addr, (u32)ret, uaddr, ulen);
	file_put(f);
	return ret;
}

SYSCALL3(getsockname, int, fd, struct uptr, addr, struct uptr, len)
{
	return getname_common(fd, addr, len, false);
}

SYSCALL3(getpeername, int, fd, struct uptr, addr, struct uptr, len)
{
	return getname_common(fd, addr, len, true);
}

SYSCALL2(shutdown, int, fd, int, how)
{
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	int ret = -EINVAL;

	if (is_err(f))
		return ptr_err(f);
	if (how >= SHUT_RD && how <= SHUT_RDWR)
		ret = s->ops->shutdown ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
	file_put(f);
	return ret;
}

SYSCALL5(setsockopt, int, fd, int, level, int, name, struct uptr, val, int, len)
{
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	int ret;

	if (is_err(f))
		return ptr_err(f);
	ret = socket_setopt(s, level, name, val, len);
	file_put(f);
	return ret;
}

SYSCALL5(getsockopt, int, fd, int, level, int, name, struct uptr, val, struct uptr, len)
{
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	int ret;

	if (is_err(f))
		return ptr_err(f);
	ret = socket_getopt(s, level, name, val, len);
	file_put(f);
	return ret;
}
