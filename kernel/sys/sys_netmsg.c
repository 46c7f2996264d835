/* Decoding of the calls that send and receive messages on sockets. */
#include "abi/linux/fcntl.h"
#include "abi/linux/socket.h"
#include "core/alloc.h"
#include "core/time.h"
#include "fs/file.h"
#include "net/socket.h"
#include "proc/task.h"
#include "sys/sys_net.h"
#include "sys/syscall.h"

#define OPTMEM_MAX 131072u /* net.core.optmem_max: control data of one message */
#define FAST_IOV 8
#define FAST_CONTROL 128
#define RW_MAX 0x7ffff000ul

/* A msghdr fetched from the program, and what it points to. */
struct msg_in {
	struct user_msghdr h;
	struct uio uio;
	struct iovec fast[FAST_IOV];
	struct iovec *iov; /* kmalloc'ed or NULL */
	u8 addr[SOCKADDR_MAX] __aligned(8);
	u8 fast_control[FAST_CONTROL] __aligned(8);
	void *control; /* kmalloc'ed or NULL */
	struct sock_msg m;
};

static u32 file_msg_flags(struct file *f, u32 flags)
{
	return atomic_load_relaxed(&f->flags) & O_NONBLOCK ? flags | MSG_DONTWAIT : flags;
}

static ssize_t sock_send(struct file *f, struct socket *s, struct sock_msg *m)
{
	m->flags = file_msg_flags(f, m->flags);
	return s->ops->sendmsg ? s->ops->sendmsg(s, m) : -EOPNOTSUPP;
}

static ssize_t sock_recv(struct file *f, struct socket *s, struct sock_msg *m)
{
	m->flags = file_msg_flags(f, m->flags);
	return s->ops->recvmsg ? s->ops->recvmsg(s, m) : -EOPNOTSUPP;
}

SYSCALL6(sendto, int, fd, struct uptr, buf, u64, len, u32, flags, struct uptr, uaddr, int, addr_len)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct sock_msg m = { .flags = flags };
	struct socket *s;
	struct file *f;
	struct uio uio;
	ssize_t ret = 0;

	len = min(len, RW_MAX);
	if (!user_range_ok(buf, len))
		return -EFAULT;
	f = socket_fd_get(fd, &s);
	if (is_err(f))
		return ptr_err(f);
	uio_init_user(&uio, buf, len);
	m.data = &uio;
	if (!uptr_null(uaddr)) {
		ret = net_addr_in(addr, uaddr, addr_len);
		m.name = addr;
		m.namelen = (u32)addr_len;
	}
	if (!ret)
		ret = sock_send(f, s, &m);
	file_put(f);
	return ret;
}

SYSCALL6(recvfrom, int, fd, struct uptr, buf, u64, len, u32, flags, struct uptr, uaddr, struct uptr, addr_len)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct sock_msg m = { .flags = flags };
	struct socket *s;
	struct file *f;
	struct uio uio;
	ssize_t ret;
	int err;

	len = min(len, RW_MAX);
	if (!user_range_ok(buf, len))
		return -EFAULT;
	f = socket_fd_get(fd, &s);
	if (is_err(f))
		return ptr_err(f);
	uio_init_user(&uio, buf, len);
	m.data = &uio;
	m.name = uptr_null(uaddr) ? NULL : addr;
	ret = sock_recv(f, s, &m);
	if (ret >= 0 && m.name) {
		err = net_addr_out(addr, m.namelen, uaddr, addr_len);
		if (err)
			ret = err;
	}
	file_put(f);
	return ret;
}

/* Fetches header and iovec, once. On success msg_free. */
static int msg_fetch(struct msg_in *in, struct uptr umsg, u32 flags)
{
	int ret;

	in->iov = NULL;
	in->control = NULL;
	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	if (copy_in(&in->h, umsg, sizeof(in->h)))
		return -EFAULT;
	if (in->h.namelen < 0)
		return -EINVAL;
	if (!in->h.name)
		in->h.namelen = 0;
	in->h.namelen = min(in->h.namelen, SOCKADDR_MAX);
	if (in->h.iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	ret = uio_import(&in->uio, uptr(in->h.iov), in->h.iovlen, in->fast, FAST_IOV, &in->iov);
	if (ret)
		return ret;
	in->m = (struct sock_msg){ .data = &in->uio, .flags = flags };
	return 0;
}

static void msg_free(struct msg_in *in)
{
	kfree(in->iov);
	kfree(in->control);
}

static int fetch_control(struct msg_in *in)
{
	void *c = in->fast_control;

	if (!in->h.controllen)
		return 0;
	if (in->h.controllen > OPTMEM_MAX)
		return -ENOBUFS;
	if (in->h.controllen > FAST_CONTROL) {
		c = in->control = kmalloc(in->h.controllen);
		if (!c)
			return -ENOBUFS;
	}
	if (copy_in(c, uptr(in->h.control), in->h.controllen))
		return -EFAULT;
	in->m.control = c;
	in->m.control_len = in->h.controllen;
	return 0;
}

static ssize_t send_one(struct file *f, struct socket *s, struct msg_in *in, struct uptr umsg, u32 flags)
{
	ssize_t ret = msg_fetch(in, umsg, flags);

	if (ret)
		return ret;
	if (in->h.namelen) {
		ret = net_addr_in(in->addr, uptr(in->h.name), in->h.namelen);
		in->m.name = in->addr;
		in->m.namelen = (u32)in->h.namelen;
	}
	if (!ret)
		ret = fetch_control(in);
	if (!ret)
		ret = sock_send(f, s, &in->m);
	msg_free(in);
	return ret;
}

/* The header's fields that a receive call sets. */
static int msg_results(const struct msg_in *in, struct uptr umsg)
{
	u32 flags = in->m.out_flags | (in->m.flags & MSG_CMSG_CLOEXEC);

	if (in->m.name) {
		if (net_addr_out(in->m.name, in->m.namelen, uptr(in->h.name),
				 uptr_add(umsg, offsetof(struct user_msghdr, namelen))))
			return -EFAULT;
	}
	if (put_user_u32(uptr_add(umsg, offsetof(struct user_msghdr, flags)), flags))
		return -EFAULT;
	return put_user_u64(uptr_add(umsg, offsetof(struct user_msghdr, controllen)),
			    in->h.controllen - in->m.control_len);
}

static ssize_t recv_one(struct file *f, struct socket *s, struct msg_in *in, struct uptr umsg, u32 flags)
{
	ssize_t ret = msg_fetch(in, umsg, flags);
	int err;

	if (ret)
		return ret;
	in->m.user_control = uptr(in->h.control);
	in->m.control_len = in->h.controllen;
	in->m.name = in->h.name ? in->addr : NULL;
	if (in->h.controllen > INT32_MAX)
		ret = -ENOBUFS;
	else
		ret = sock_recv(f, s, &in->m);
	if (ret >= 0) {
		err = msg_results(in, umsg);
		if (err)
			ret = err;
	}
	msg_free(in);
	return ret;
}

SYSCALL3(sendmsg, int, fd, struct uptr, umsg, u32, flags)
{
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	struct msg_in in;
	ssize_t ret;

	if (is_err(f))
		return ptr_err(f);
	ret = send_one(f, s, &in, umsg, flags);
	file_put(f);
	return ret;
}

SYSCALL3(recvmsg, int, fd, struct uptr, umsg, u32, flags)
{
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	struct msg_in in;
	ssize_t ret;

	if (is_err(f))
		return ptr_err(f);
	ret = recv_one(f, s, &in, umsg, flags);
	file_put(f);
	return ret;
}

SYSCALL4(sendmmsg, int, fd, struct uptr, vec, u32, count, u32, flags)
{
	struct socket *s;
	struct file *f = socket_fd_get(fd, &s);
	struct msg_in in;
	ssize_t ret = 0;
	u32 done;

	if (is_err(f))
		return ptr_err(f);
	count = min(count, (u32)UIO_MAXIOV);
	for (done = 0; done < count; done++) {
		struct uptr at = uptr_add(vec, done * sizeof(struct user_mmsghdr));

		ret = send_one(f, s, &in, at, flags);
		if (ret < 0)
			break;
		ret = put_user_u32(uptr_add(at, offsetof(struct user_mmsghdr, len)), (u32)ret);
		if (ret)
			break;
		if (signal_pending_current()) {
			done++;
			break;
		}
	}
	file_put(f);
	return done ? (long)done : ret;
}

/* The loop of recvmmsg(2): messages received, or an error when there was none. */
static long recv_many(struct file *f, struct socket *s, struct uptr vec, u32 count, u32 flags, s64 deadline)
{
	struct msg_in in;
	ssize_t ret = socket_error(s);
	u32 done;

	if (ret)
		return ret;
	for (done = 0; done < count;) {
		struct uptr at = uptr_add(vec, done * sizeof(struct user_mmsghdr));

		ret = recv_one(f, s, &in, at, flags & ~MSG_WAITFORONE);
		if (ret >= 0)
			ret = put_user_u32(uptr_add(at, offsetof(struct user_mmsghdr, len)), (u32)ret);
		if (ret < 0)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline != KTIME_MAX && ktime_get() >= deadline)
			break;
	}
	if (!done)
		return ret;
	/* The error is for the next call. */
	if (ret < 0 && ret != -EAGAIN && ret != -EINTR && ret != -ERESTARTSYS && ret != -ERESTARTNOINTR)
		atomic_store(&s->err, (int)-ret);
	return (long)done;
}

SYSCALL5(recvmmsg, int, fd, struct uptr, vec, u32, count, u32, flags, struct uptr, timeout)
{
	s64 deadline = KTIME_MAX;
	struct timespec64 ts;
	struct socket *s;
	struct file *f;
	long ret;

	if (!uptr_null(timeout)) {
		if (copy_in(&ts, timeout, sizeof(ts)))
			return -EFAULT;
		if (!timespec64_valid(&ts))
			return -EINVAL;
		deadline = ktime_add_sat(ktime_get(), timespec64_to_ns(&ts));
	}
	f = socket_fd_get(fd, &s);
	if (is_err(f))
		return ptr_err(f);
	ret = recv_many(f, s, vec, count, flags, deadline);
	file_put(f);
	if (ret > 0 && !uptr_null(timeout)) {
		ts = ns_to_timespec64(max(deadline - ktime_get(), (s64)0));
		if (copy_out(timeout, &ts, sizeof(ts)))
			return -EFAULT;
	}
	return ret;
}
